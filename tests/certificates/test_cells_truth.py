"""`cells`: true for every witness, exact where coordinates miss nothing, refused outside of it."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.compact import every_neuron, spanned, wild_cells
from support.networks import claim_of, models, one_layer, pair, pairs
from support.table_counts import established, table, truth

from files.claims import Pins
from files.verdict import Rejected
from kernel import check
from strategies import cells

MODELS = models(st.integers(1, 4), st.integers(1, 4), [1e-12, 0.3, 1.0, 4.0])
PAIRS = pairs(st.integers(1, 6), st.just(1))
LEAVES = st.sampled_from([1, 2, 5, 4096])


def narrowed(network, first, single):
    """Return a task with the outputs from `first` on as answers, one position of one token."""
    outputs, k, v = (network.sizes[x] for x in ("d_vocab_out", "n_ctx", "d_vocab"))
    spans = [[0, v] for _ in range(k)]
    if single is not None:
        spans[single % k] = [v - 1, v]
    task = table(network, k, outputs, positions=spans)
    return task | {"answers": [min(first, outputs - 1), outputs]}


@settings(max_examples=250)
@given(
    MODELS | PAIRS,
    st.integers(0, 2**20),
    st.integers(1, 6),
    LEAVES,
    st.sampled_from(["0", "1/3"]),
    st.sampled_from([64, 128, 192]),
    st.sampled_from([0, 0, 1]),
    st.sampled_from([None, 0, 1, 2]),
)
def test_whatever_the_witness_the_counts_enclose_the_truth(
    network, seed, count, leaf, margin, precision, first, single
):
    task = narrowed(network, first, single)
    right, ties = truth(network, task, Fraction(margin))
    neurons, rng = network.sizes["d_mlp"], Random(seed)
    count = min(count, neurons)
    witness = wild_cells(rng, neurons, count)
    if rng.random() < 0.6:
        witness = spanned(seed, neurons, count, leaf)
    options = {"strategy": "cells", "margin": margin, "precision": precision}
    low, high = established(network, task, witness=witness, **options)
    assert low <= right and right + ties <= high


whole = st.builds(
    pair,
    st.integers(0, 2**20),
    m=st.integers(1, 6),
    inputs=st.sampled_from(["added", "sum", "concatenated"]),
    biases=st.booleans(),
    integers=st.just(True),
)


@settings(max_examples=120)
@given(whole, LEAVES, st.sampled_from([None, 0, 1]))
def test_whole_numbers_are_counted_exactly(network, leaf, single):
    """Intervals that touch 0 are common, leads are integers, and a margin is between them."""
    task = narrowed(network, 0, single)
    right, _ = truth(network, task, Fraction(1, 3))
    witness = every_neuron(network.sizes["d_mlp"], leaf)
    options = {"strategy": "cells", "margin": "1/3", "witness": witness}
    assert established(network, task, **options) == (right, right)


@pytest.mark.parametrize("at_a_time", [1, 3, 2**21])
def test_inputs_that_are_taken_apart_are_counted_alike(monkeypatch, at_a_time):
    network = one_layer(7, v=4, k=3, m=4, outputs=3)
    task = table(network, 3, 3)
    monkeypatch.setattr(cells, "KEPT", 8 * at_a_time)
    options = {"strategy": "cells", "witness": every_neuron(4, 3), "margin": "1/10"}
    right, ties = truth(network, task, Fraction(1, 10))
    assert established(network, task, **options) == (right, right + ties)


def test_the_range_of_a_row_is_charged_and_not_its_largest_entry():
    """One neuron of activation 3 votes +1 and -1; no coordinate tells of its two tokens."""
    # With one token the row were part of the base, which is exact.
    network = pair(0, v=2, m=1, outputs=2, inputs="added")
    network.tensors["W_a"][:], network.tensors["W_b"][:], network.tensors["b_in"][:] = 1, 1, 1
    network.tensors["W_out"][:] = [[-1, 1]]
    zero, task = {"exponent": 0, "rows": [[0]]}, table(network, 2, 2) | {"labels": [0] * 4}
    options = {"strategy": "cells", "witness": {"leaf": 1, "directions": zero, "coordinates": zero}}
    near = 2**-9
    expected = {6 + near: (4, 4), 6 - near: (0, 4), near - 6: (0, 4), -6 - near: (0, 0)}
    for bias, counts in expected.items():
        network.tensors["b_out"][:] = [bias, 0]
        assert established(network, task, **options) == counts


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_neurons_of_positions_with_one_token_are_exact(sign):
    """No coordinate, but no other token either: the base holds all of the neurons."""
    network = pair(3, v=1, m=3, outputs=2)
    lead = Fraction(network.lead((0, 0), 0, range(2)))
    zero = {"exponent": 0, "rows": [[0, 0, 0]]}
    witness = {"leaf": 1, "directions": zero, "coordinates": zero | {"rows": [[0]] * 3}}
    task = table(network, 2, 2) | {"labels": [0 if sign * lead > 0 else 1]}
    right, _ = truth(network, task)
    assert established(network, task, strategy="cells", witness=witness) == (right, right)


ROW, COLUMN = {"exponent": 0, "rows": [[1, 1, 1]]}, {"exponent": 0, "rows": [[1]] * 3}
GOOD = {"leaf": 4, "directions": ROW, "coordinates": COLUMN}
BAD_MATRICES = [
    None,
    [[1, 1, 1]],
    {"rows": [[1, 1, 1]]},
    ROW | {"note": 0},
    *(ROW | {"exponent": x} for x in (1101, -1101, True, "0")),
    *(ROW | {"rows": [[1, 1, x]]} for x in ("1", True, 2**31, -(2**31))),
    *(ROW | {"rows": x} for x in ([[1, 1]], [[1] * 4], [], [1, 1, 1], None, [[1] * 3] * 4)),
]


@pytest.mark.parametrize("network", [one_layer(0), pair(0, outputs=3)], ids=["heads", "pair"])
def test_a_witness_outside_its_domain_is_rejected(network):
    def refused(witness, precision=64):
        task = table(network, 2, 3)
        options = {"strategy": "cells", "witness": witness, "precision": precision}
        cert = claim_of(network, task, (0, len(task["labels"])), **options)
        with pytest.raises(Rejected) as refusal:
            check(network.bytes(), encoded(cert), Pins())
        assert refusal.value.reason == "witness"

    bad = [GOOD | {"directions": x} for x in BAD_MATRICES]
    bad += [GOOD | {"coordinates": x} for x in (*BAD_MATRICES, ROW, COLUMN | {"rows": [[1]] * 4})]
    bad += [GOOD | {"leaf": x} for x in (0, 4097, -1, True, "4", None)]
    bad += [{k: x for k, x in GOOD.items() if k != key} for key in GOOD]
    for witness in (*bad, GOOD | {"note": 1}, {}):
        refused(witness)
    for precision in (32, 96, 576, 1024):
        refused(GOOD, precision)
