"""Compact strategies: true for every witness, as tight as their theorems, refused else."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.compact import EMPTY, dyadic, every_neuron, fitted, spanned, weight_of, wild
from support.networks import claim_of, models, one_layer, pair, pairs
from support.table_counts import established, table, truth

from explain import explanations
from files.claims import Pins
from files.verdict import Declined, Rejected
from kernel import check

MODELS = models(st.integers(1, 5), st.integers(1, 4), [1e-12, 0.3, 1.0, 4.0])
PAIRS = pairs(st.integers(1, 6), st.just(1))


def narrowed(network, first):
    """Return a task with the outputs from `first` on as answers, if there are any."""
    outputs = network.sizes["d_vocab_out"]
    task = table(network, network.sizes["n_ctx"], outputs)
    return task | {"answers": [min(first, outputs - 1), outputs]}


@settings(max_examples=200)
@given(
    MODELS | PAIRS,
    st.integers(0, 2**20),
    st.integers(0, 4),
    st.sampled_from(["0", "1/3"]),
    st.sampled_from([64, 128, 192]),
    st.sampled_from([0, 0, 1]),
)
def test_whatever_the_witness_of_a_remainder_the_counts_enclose_the_truth(
    network, seed, rank, margin, precision, first
):
    task = narrowed(network, first)
    right, ties = truth(network, task, Fraction(margin))
    answers, rng = range(*task["answers"]), Random(seed)
    witness = fitted(network, answers, rank)
    if rng.random() < 0.6:
        witness |= wild(rng, network.sizes["d_mlp"], len(answers), rank)
        chosen = {key: witness[key] for key in ("kappa", "mu")}
        witness = witness if rng.random() < 0.5 else fitted(network, answers, rank) | chosen
    options = {"strategy": "remainder", "margin": margin, "precision": precision}
    low, high = established(network, task, witness=witness, **options)
    assert low <= right and right + ties <= high


@settings(max_examples=150)
@given(
    MODELS | PAIRS,
    st.sampled_from(["0", "1/10", "1/2", "1"]),
    st.sampled_from(["0", "1/3"]),
    st.sampled_from([64, 128]),
    st.sampled_from([0, 0, 1]),
)
def test_whatever_the_share_the_counts_enclose_the_truth(network, share, margin, width, first):
    task = narrowed(network, first)
    right, ties = truth(network, task, Fraction(margin))
    options = {"strategy": "one-sided", "margin": margin, "precision": width}
    low, high = established(network, task, witness={"share": share}, **options)
    assert low <= right and right + ties <= high
    if share != "0" and task["answers"][1] - task["answers"][0] > 1:
        assert high == sum(label in range(*task["answers"]) for label in task["labels"])


whole = st.builds(
    pair,
    st.integers(0, 2**20),
    m=st.integers(1, 6),
    inputs=st.sampled_from(["added", "sum", "concatenated"]),
    biases=st.booleans(),
    integers=st.just(True),
)


@settings(max_examples=60)
@given(whole, st.booleans())
def test_both_count_exactly_where_nothing_is_left_out(network, plain):
    """The leads are integers, and a margin between them leaves no doubt."""
    task = table(network, 2, 4)
    right, _ = truth(network, task, Fraction(1, 3))
    options = {"margin": "1/3", "strategy": "one-sided", "witness": {"share": "0"}}
    assert established(network, task, **options) == (right, right)
    neurons = network.sizes["d_mlp"]
    # U V = W exactly, so that the rest is nothing whatever kappa is.
    u = dyadic(weight_of(network), 0)
    v = dyadic(np.eye(4), 0)
    row = dyadic([[0.75] * neurons], -2)
    witness = {"kappa": row, "mu": dyadic([[0] * neurons], 0) if plain else row, "u": u, "v": v}
    options |= {"strategy": "remainder", "witness": witness}
    assert established(network, task, **options) == (right, right)


def test_the_range_of_a_row_counts_and_not_its_largest_entry():
    """One neuron of activation 3 votes +1 and -1: a bias of 6 is what its label needs."""
    network = pair(0, v=1, m=1, outputs=2, inputs="added")
    network.tensors["W_a"][:], network.tensors["W_b"][:], network.tensors["b_in"][:] = 1, 1, 1
    network.tensors["W_out"][:] = [[-1, 1]]
    witness = {"kappa": dyadic([[0]]), "mu": dyadic([[0]]), "u": EMPTY, "v": EMPTY}
    options = {"strategy": "remainder", "witness": witness}
    task = table(network, 2, 2) | {"labels": [0]}
    near = 2**-9
    # Above the margin for certain, not for certain, and below it for certain.
    expected = {6 + near: (1, 1), 6 - near: (0, 1), near - 6: (0, 1), -6 - near: (0, 0)}
    for bias, counts in expected.items():
        network.tensors["b_out"][:] = [bias, 0]
        right, _ = truth(network, task)
        assert (established(network, task, **options), right) == (counts, counts[0])


def biased():
    """Return a network whose neuron gives output 0 a lead of 1/2, and whose bias gives 1 to 1."""
    network = pair(0, v=1, m=1, outputs=2, inputs="added")
    values = {"W_a": 1, "W_b": 0, "b_in": 0, "W_out": [[0.5, 0]], "b_out": [0, 1]}
    return replace(
        network, tensors={x: np.full_like(t, values[x]) for x, t in network.tensors.items()}
    )


def skipped():
    """Return a network whose neuron gives output 0 a lead of 1/4, and whose residual -3/4."""
    network = one_layer(0, v=1, k=1, d=1, heads=1, m=1, outputs=2, share="0", normalised=True)
    values = {"W_E": 1, "W_in": 1, "W_out": 0.25, "W_U": [[1, 0]], "b_U": [0, 1.75]}
    return replace(
        network,
        tensors={
            name: np.full_like(t, values.get(name.split(".")[-1], 0))
            for name, t in network.tensors.items()
        },
    )


@pytest.mark.parametrize("network", [biased(), skipped()], ids=["bias", "beside"])
def test_what_does_not_pass_the_neurons_counts_one_sided_too(network):
    task = table(network, network.sizes["n_ctx"], 2) | {"labels": [0]}
    assert truth(network, task) == (0, 0)
    for share, high in (("0", 0), ("1", 1)):
        options = {"strategy": "one-sided", "witness": {"share": share}}
        assert established(network, task, **options) == (0, high)


def test_only_the_neurons_that_a_share_takes_are_counted():
    network = pair(3, m=6, outputs=4)
    task = table(network, 2, 4)

    def tally(share):
        options = {"strategy": "one-sided", "witness": {"share": share}}
        return check(network.bytes(), encoded(claim_of(network, task, (0, 16), **options)), Pins())

    found = [tally(share).tally for share in ("0", "1/4", "1")]
    assert found[0] > found[1] > found[2]
    # The strongest neuron of each input remains.
    assert found[2] - found[0] <= -2 * 4


@pytest.mark.parametrize("strategy", ["remainder", "cells", "one-sided"])
def test_the_budget_is_the_count_of_the_work(strategy):
    network = one_layer(1, m=4)
    task = table(network, 2, 3)
    witnesses = {"remainder": fitted(network, range(3), 2), "one-sided": {"share": "1/3"}}
    witness = (witnesses | {"cells": spanned(0, 4, 2)})[strategy]
    counts = (0, len(task["labels"]))

    def checked(operations):
        options = {"strategy": strategy, "witness": witness, "operations": operations}
        return check(network.bytes(), encoded(claim_of(network, task, counts, **options)), Pins())

    spent = checked(10**9).tally
    assert checked(spent).operations == spent
    with pytest.raises(Rejected) as refusal:
        checked(spent - 1)
    assert refusal.value.reason == "budget"


@pytest.mark.parametrize("strategy", ["remainder", "cells", "one-sided"])
def test_no_explanation_is_given_of_one_input(strategy):
    """Declined, and no error: the counts of these strategies have no parts to tell."""
    network = pair(0, outputs=3)
    witnesses = {"remainder": GOOD, "one-sided": {"share": "0"}, "cells": every_neuron(3)}
    witness = witnesses[strategy]
    cert = claim_of(network, table(network, 2, 3), (0, 16), strategy=strategy, witness=witness)
    assert check(network.bytes(), encoded(cert), Pins()).total == 16
    with pytest.raises(Declined) as refusal:
        explanations(network.bytes(), encoded(cert), Pins(), [(0, 1)])
    assert refusal.value.reason == "unsupported" and strategy in refusal.value.sentence


ROW = {"exponent": 0, "rows": [[1, 1, 1]]}
COLUMN = {"exponent": 0, "rows": [[1]] * 3}
GOOD = {"kappa": ROW, "mu": ROW, "u": COLUMN, "v": ROW}
# Networks of three neurons and three outputs.
BAD_MATRICES = [
    None,
    [],
    [[1, 1, 1]],
    {"rows": [[1, 1, 1]]},
    ROW | {"note": 0},
    ROW | {"exponent": 1101},
    ROW | {"exponent": -1101},
    ROW | {"exponent": True},
    ROW | {"exponent": "0"},
    ROW | {"rows": [[1, 1]]},
    ROW | {"rows": [[1, 1, 1, 1]]},
    ROW | {"rows": [[1, 1, "1"]]},
    ROW | {"rows": [[1, 1, True]]},
    ROW | {"rows": [[1, 1, 2**31]]},
    ROW | {"rows": [[1, 1, -(2**31)]]},
    ROW | {"rows": [1, 1, 1]},
    ROW | {"rows": None},
]


@pytest.mark.parametrize("network", [one_layer(0), pair(0, outputs=3)], ids=["heads", "pair"])
def test_a_witness_outside_its_domain_is_rejected(network):
    def refused(strategy, witness, precision=64):
        task = table(network, 2, 3)
        options = {"strategy": strategy, "witness": witness, "precision": precision}
        cert = claim_of(network, task, (0, len(task["labels"])), **options)
        with pytest.raises(Rejected) as refusal:
            check(network.bytes(), encoded(cert), Pins())
        assert refusal.value.reason == "witness"

    bad = [GOOD | {key: x} for key in ("kappa", "mu", "v") for x in BAD_MATRICES]
    bad += [GOOD | {key: ROW | {"rows": [[1] * 3] * 2}} for key in ("kappa", "mu", "v")]
    bad += [GOOD | {"u": x} for x in (*BAD_MATRICES, ROW, EMPTY)]
    bad += [GOOD | {"v": EMPTY}, GOOD | {"u": EMPTY | {"rows": [[]] * 3}, "v": EMPTY}]
    bad += [GOOD | {"u": COLUMN | {"rows": [[1] * 257] * 3}, "v": ROW | {"rows": [[1] * 3] * 257}}]
    bad += [{k: x for k, x in GOOD.items() if k != key} for key in GOOD]
    for witness in (*bad, GOOD | {"note": 1}, {}):
        refused("remainder", witness)
    shares = ["-1", "-1/2", "3/2", "2", "0.5", "1/1", "2/4", "", " 1", "1/0", 1, 0, None, [], True]
    for witness in ({"share": x} for x in (*shares, "1/" + "3" * 300)):
        refused("one-sided", witness)
    for witness in ({}, {"share": "0", "note": 1}, {"passes": 1}):
        refused("one-sided", witness)
    for precision in (32, 96, 1000):
        refused("remainder", GOOD, precision)
        refused("one-sided", {"share": "0"}, precision)


@pytest.mark.parametrize(
    ("network", "layers"),
    [(pair(0, outputs=3, layers=2), 2), (one_layer(0, m=0), 0), (one_layer(0, m=0, heads=1), 0)],
    ids=["two layers", "no neurons", "one head"],
)
@pytest.mark.parametrize("strategy", ["remainder", "cells", "one-sided"])
def test_another_number_of_layers_than_one_is_declined(network, layers, strategy):
    task = table(network, 2, 3)
    witness = {"remainder": GOOD, "cells": every_neuron(3)}.get(strategy, {"share": "0"})
    cert = claim_of(network, task, (0, 9), strategy=strategy, witness=witness)
    with pytest.raises(Declined) as refusal:
        cert["claim"]["total"] = cert["claim"]["correct_at_most"] = str(len(task["labels"]))
        check(network.bytes(), encoded(cert), Pins())
    assert refusal.value.reason == "unsupported"
    assert refusal.value.sentence == f"{strategy} needs one layer of neurons, not {layers}."
