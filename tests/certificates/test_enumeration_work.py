"""The tally of `enumerate` is that of docs/certificate.md, computed here from sizes alone."""

import numpy as np
import pytest
from support.certify import encoded
from support.networks import claim_of, one_layer, pair

from files.claims import Pins
from kernel import check


def task_of(network, positions, outputs, label):
    k = len(positions)
    labels = [label] * int(np.prod([past - first for first, past in positions]))
    fields = {"rule": "table", "labels": labels, "positions": positions}
    return fields | {"reads": list(range(k)), "answers": [0, outputs]}


def layer(n_in, n_out):
    return n_in * (2 * n_out + 1)


def passed(rows, columns, layers, heads, k, width, inputs, outputs):
    """Return what one pass over all inputs counts, its exponentials left out."""
    s = width // 64
    each = 4 * heads * k + 2 * k * (heads + 1) * columns + outputs
    each += sum(layer(*sizes) for sizes in layers)
    tables = 4 * s * (rows * columns + sum(a * b for a, b in layers))
    return tables + inputs * s * s * each


def certain(network, positions, outputs):
    """Return the tally of a claim whose inputs are all decided in the first pass."""
    biased = dict(network.tensors)
    name = "unembed.b_U" if "unembed.b_U" in biased else "b_out"
    biased[name] = biased[name] + np.eye(outputs, dtype=np.float32)[0] * 2**20
    network = type(network)(biased, network.parts, network.sizes)
    task = task_of(network, positions, outputs, 0)
    total = len(task["labels"])
    return check(network.bytes(), encoded(claim_of(network, task, (total, total))), Pins()).tally


@pytest.mark.parametrize("m", [0, 3])
@pytest.mark.parametrize("share", [None, "0", "1/2"])
@pytest.mark.parametrize("fixed", [False, True])
def test_a_model_of_one_layer(m, share, fixed):
    v, k, d, h, heads, a = 4, 3, 5, 2, 2, 3
    network = one_layer(1, v=v, k=k, d=d, h=h, heads=heads, m=m, outputs=a, share=share)
    positions = [[0, 3], [1, 4], [3, 4] if fixed else [0, 4]]
    sizes = [past - first for first, past in positions]
    c, tokens, queries = m + a, sum(sizes), sizes[-1]
    constant = a * (2 * d - 1) + a + (c * (2 * d - 1) + c if m else 0)
    tally = v * d + v * c * (2 * d - 1) + 2 * v * c + constant + 4 * heads * tokens * c
    per_head = h * c * (2 * d - 1) + (v + k) * (h * (2 * d - 1) + c * (2 * h - 1))
    tally += heads * (per_head + c * (2 * h - 1) + 2 * c) + c
    soft = heads if share != "0" else 0
    scores = queries * d + queries * h * (2 * d - 1) + queries * h + queries * d * (2 * h - 1)
    tally += soft * (scores + queries * (v + k) * (2 * d - 1))
    tally += m * a * (2 * d - 1) if m else 0
    looked_up = queries if share is None else tokens
    rows = looked_up + soft * (tokens - (queries if fixed else 0))
    layers = [(m, a)] if m else []
    tally += passed(rows, c, layers, soft, k, 64, int(np.prod(sizes)), a)
    tally += 4 * soft * queries * (tokens - queries + 1)
    assert certain(network, positions, a) == tally


@pytest.mark.parametrize("inputs", ["added", "sum", "concatenated"])
@pytest.mark.parametrize("hidden", [1, 3])
def test_a_two_token_network(inputs, hidden):
    v, d, m, a = 4, 3, 5, 3
    network = pair(1, v=v, d=d, m=m, outputs=a, inputs=inputs, layers=hidden)
    positions = [[0, 4], [1, 3]]
    tally = v * m + (2 * v * m * (2 * d - 1) if inputs != "added" else 0)
    layers = [(m, m)] * (hidden - 1) + [(m, a)]
    tally += passed(4 + 2, m, layers, 0, 2, 64, 8, a)
    assert certain(network, positions, a) == tally
