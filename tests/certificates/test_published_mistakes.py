"""Mistakes of published bounds on small networks: what each would certify, and what is true."""

import math
from dataclasses import replace

import numpy as np
from support.certify import encoded
from support.networks import Network, claim_of, inputs_of, one_layer, pair

from files.claims import Pins
from files.verdict import Rejected
from kernel import check


def right_inputs(network, task, total):
    """Return how many inputs are right, by a check that settles all of them."""
    try:
        check(network.bytes(), encoded(claim_of(network, task, (total, total), passes=2)), Pins())
    except Rejected as refusal:
        low, high = (refusal.established[f"correct_at_{end}"] for end in ("least", "most"))
        assert low == high
        return int(low)
    return total


def cyclic(n):
    task = {"rule": "product", "group": f"C{n}", "order": "lexicographic", "side": "x(y)"}
    return task | {"positions": [[0, n], [0, n]], "reads": [0, 1], "answers": [0, n]}


def lookup_network(logits):
    """Return a two-token network with these logits, (n, n, outputs): a neuron for each input."""
    n, outputs = len(logits), logits.shape[-1]
    first = np.repeat(np.eye(n), n, axis=1)
    second = np.tile(np.eye(n), n) - 1
    made = pair(0, v=n, m=n * n, outputs=outputs, biases=False)
    tensors = {"W_a": first, "W_b": second, "W_out": logits.reshape(n * n, outputs)}
    sizes = made.sizes | {"d_model": n * n}
    return Network({x: y.astype(np.float32) for x, y in tensors.items()}, made.parts, sizes)


def test_an_error_of_each_logit_moves_a_lead_twice():
    """`err < margin` certifies what needs `2 err < margin`."""
    n = 3
    a, b = np.indices((n, n))
    own = np.eye(n)[(a + b) % n]
    ideal, off = own, np.where(own > 0, -0.75, 0.75)
    network, task = lookup_network(ideal + off), cyclic(n)
    error, margin = np.abs(off).max(axis=-1), 1.0
    assert (error < margin).sum() == n * n
    assert not (2 * error < margin).any()
    assert right_inputs(network, task, n * n) == 0


def test_a_margin_at_one_input_is_no_margin_elsewhere():
    """Rows equal to within 1e-3 pass as an orbit, and the margin at (e, e) as that of all."""
    n, tolerance = 5, 1e-3
    a, b = np.indices((n, n))
    own = np.eye(n)[(a + b) % n]
    lead = np.where((a == 0) & (b == 0), 2.0**-11, -(2.0**-12))
    network, task = lookup_network(1 + own * lead[..., None]), cyclic(n)
    logits = np.array([[float(x) for x in network.logits(t)] for t in inputs_of(task)])
    turned = np.array(
        [np.roll(row, -((x + y) % n)) for row, (x, y) in zip(logits, inputs_of(task), strict=True)]
    )
    assert np.ptp(turned, axis=0).max() < tolerance
    margin_at_identity = turned[0, 0] - turned[0, 1:].max()
    assert margin_at_identity > 0
    assert right_inputs(network, task, n * n) == 1


def test_an_epsilon_in_a_denominator_is_no_upper_bound():
    """exp(u) / (exp(u) + exp(l) + 1e-12) says 1.15e-5 where the weight is 0.99999999."""
    upper = math.exp(-39) / (math.exp(-39) + math.exp(-60) + 1e-12)
    assert upper < 1.2e-5
    # Tokens 0 and 1 score -39 and -60 for the query 1; attention to token 0 writes 1 to rival 0.
    made = one_layer(0, v=2, k=2, d=4, heads=2, h=1, m=0, outputs=2, biases=False, positions=False)
    attention = "blocks.0.attn."
    tensors = {name: np.zeros_like(x) for name, x in made.tensors.items()}
    tensors["embed.W_E"][:] = [[-39, 1, 0, 0], [-60, 0, 1, 0]]
    tensors[attention + "W_Q"][0, 2, 0] = 1
    tensors[attention + "W_K"][0, 0, 0] = 1
    tensors[attention + "W_V"][0, 1, 0] = 1
    tensors[attention + "W_O"][0, 0, 3] = 1
    tensors["unembed.W_U"][3, 0] = 1
    tensors["unembed.W_U"][2, 1] = 0.5
    network = replace(made, tensors=tensors)
    task = {"rule": "max", "positions": [[0, 1], [1, 2]], "reads": [0, 1], "answers": [0, 2]}
    # The label 1 leads by 0.5 less the weight: with the false bound it is right.
    assert 0.5 - upper > 0
    lead = network.lead((0, 1), 1, range(2))
    assert lead < -0.4999
    assert right_inputs(network, task, 1) == 0
