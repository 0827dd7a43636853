"""`enumerate` of layers in sequence: differences of outputs are within their bounds."""

from fractions import Fraction
from itertools import combinations, product
from unittest import mock

import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.layered import layered
from support.networks import BITS, claim_of, inputs_of
from support.table_counts import table, truth

from arithmetic.tally import Tally
from counting.network import Network
from counting.readers import readers_of
from counting.stages import Precision
from counting.tree import labelled
from counting.walks import walk_of
from explain import explanations
from files.claims import Pins
from files.verdict import Rejected
from kernel import check, read
from kernel import given as given_of
from strategies.layered_enumeration import Evaluator
from tasks.task import Task

WIDE, NARROW = Precision(128, 50, 64, 0), Precision(64, 24, 28, 0)
PRECISIONS = [WIDE, NARROW, Precision(128, 40, 64, 5), Precision(64, 20, 30, 3)]


def passes_of(*precisions):
    keys = ("width", "bits", "fine", "readout")
    return {"passes": [dict(zip(keys, x, strict=True)) for x in precisions]}


def cert_of(network, task, counts, *precisions, **options):
    options |= {"precision": precisions[0].width, "witness": passes_of(*precisions)}
    return encoded(claim_of(network, task, counts, **options))


def task_of(network, seed=0, **options):
    return table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"], seed, **options)


def walk(network, task, precision):
    cert = cert_of(network, task, (0, len(task["labels"])), precision)
    claim, model = read(network.bytes(), cert, Pins())
    tally = Tally(10**12)
    layers = given_of(model, claim, tally)
    return walk_of(
        Network(layers, readers_of(layers, tally), precision, tally), tally
    ), layers.scale


def ratios(network, task, precision, inputs=None):
    """Return the largest error of a difference over its bound, and the bounds, in logits."""
    evaluated, scale = walk(network, task, precision)
    unit = precision.unit + precision.fine - precision.readout
    worst, bounds = Fraction(0), []
    for tokens in inputs or inputs_of(task):
        found = evaluated.outputs(
            [t - s for t, (s, _) in zip(tokens, task["positions"], strict=True)]
        )
        if found is None:
            bounds.append(None)
            continue
        values, error = found
        logits = network.logits(tokens)
        with ctx.workprec(BITS):
            for i, j in combinations(range(len(values)), 2):
                off = abs(
                    (logits[i] - logits[j]) * scale * arb(2) ** unit - (values[i] - values[j])
                )
                assert off <= error, (tokens, float(off / error))
                worst = max(worst, float(off / error))
        bounds.append(Fraction(error, scale) / Fraction(2) ** unit)
    return worst, bounds


def established(network, task, *precisions, **options):
    """Return the counts that the check establishes."""
    total = len(task["labels"])
    try:
        check(
            network.bytes(), cert_of(network, task, (total, total), *precisions, **options), Pins()
        )
    except Rejected as refused:
        assert refused.reason == "count"
        return tuple(int(refused.established[f"correct_{x}"]) for x in ("at_least", "at_most"))
    return total, total


NETWORKS = st.builds(
    layered,
    st.integers(0, 2**20),
    layers=st.integers(1, 3),
    d=st.integers(1, 5),
    heads=st.integers(1, 2),
    d_head=st.integers(1, 3),
    m=st.integers(1, 5),
    v=st.integers(1, 3),
    n=st.integers(1, 3),
    outputs=st.integers(2, 3),
    activation=st.sampled_from([None, "relu", "gelu", "gelu-tanh", "silu"]),
    gated=st.booleans(),
    norm=st.sampled_from([None, "layer", "rms"]),
    eps=st.sampled_from(["1/100000", "0", "3", "1/1000000000000"]),
    final=st.booleans(),
    weighted=st.booleans(),
    mask=st.sampled_from(["causal", "none"]),
    share=st.sampled_from([None, "0", "1/2", "3/2"]),
    normalised=st.booleans(),
    position=st.sampled_from(["last", "sum", "mean", 0]),
    readouts=st.sampled_from([2, 3]),
    positions=st.booleans(),
    biases=st.booleans(),
    scale=st.sampled_from([1e-12, 0.1, 0.7, 2.0, 30.0]),
    integers=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(NETWORKS, st.sampled_from(PRECISIONS), st.booleans())
def test_the_error_of_every_difference_is_within_its_bound(network, precision, with_sums):
    # The first layer by running sums, where it can be, or like the others.
    with mock.patch("counting.network.MOST_LANES", 2**22 if with_sums else 0):
        ratios(network, task_of(network), precision)


@settings(max_examples=60, deadline=None)
@given(NETWORKS, st.sampled_from(["0", "1/3"]), st.booleans())
def test_counts_enclose_the_truth(network, margin, narrow):
    task = task_of(network)
    right, ties = truth(network, task, Fraction(margin))
    precisions = (NARROW, WIDE) if narrow else (WIDE,)
    low, high = established(network, task, *precisions, margin=margin)
    assert low <= right and right + ties <= high


ENDS = {
    "no variance": {"norm": "layer", "eps": "0", "weighted": False, "scale": 0.0},
    "a tiny variance": {"norm": "layer", "eps": "1/1000000000000000000", "scale": 1e-8},
    "a tiny mean square": {"norm": "rms", "eps": "0", "scale": 1e-10, "biases": False},
    "huge weights": {"scale": 1e4, "activation": "silu", "position": "sum"},
    "more than a lane": {"scale": 1e30, "position": "sum"},
    "all the same": {"scale": 0.0, "activation": "gelu", "position": "mean"},
    "integers": {"integers": True, "scale": 1.0, "position": "sum", "activation": "gelu-tanh"},
    "gates far out": {"scale": 8.0, "activation": "gelu", "gated": True, "position": "sum"},
}


@pytest.mark.parametrize("name", ENDS)
def test_counts_enclose_the_truth_at_the_ends_of_the_numbers(name):
    network = layered(7, layers=2, readouts=2, **ENDS[name])
    task = task_of(network)
    for precisions in ((WIDE,), (NARROW, WIDE), (NARROW, Precision(128, 30, 64, 0), WIDE)):
        low, high = established(network, task, *precisions)
        if ENDS[name].get("eps") == "0" and network.tensors["embed.W_E"].any() == 0:
            # Nothing is known where the function is not defined.
            assert (low, high) == (0, len(task["labels"]))
            continue
        right, ties = truth(network, task)
        assert low <= right and right + ties <= high


@pytest.mark.parametrize("norm", [None, "layer"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "gelu-tanh"])
def test_the_bound_falls_with_the_bits(activation, norm):
    network = layered(3, layers=3, norm=norm, activation=activation, scale=0.5, position="sum")
    task = task_of(network)
    coarse, fine = (
        max(ratios(network, task, Precision(128, bits, 64, 0), [(0, 1, 2)])[1]) for bits in (34, 50)
    )
    assert fine * 2 ** (16 - 3) < coarse


def test_a_claim_holds_at_any_read_position_and_with_fixed_tokens():
    for position, mask in ((0, "causal"), (1, "causal"), (1, "none"), ("last", "none")):
        network = layered(11, v=4, n=3, position=position, mask=mask, layers=2)
        task = task_of(network, positions=[[0, 3], [2, 3], [1, 4]])
        assert established(network, task, WIDE) == (truth(network, task)[0],) * 2


def test_what_a_pass_leaves_open_goes_to_the_next_alone(monkeypatch):
    network = layered(5, layers=2, position="sum", v=3, n=3)
    task = task_of(network)
    right, ties = truth(network, task)
    assert ties == 0
    coarse = Precision(64, 13, 16, 0)
    low, high = established(network, task, coarse)
    assert low < right < high
    seen = []
    decide = Evaluator.decide

    def record(evaluator, places, column):
        found = decide(evaluator, places, column)
        seen.append(found.width)
        return found

    monkeypatch.setattr(Evaluator, "decide", record)
    assert established(network, task, coarse, WIDE) == (right, right)
    assert {64, 128} == set(seen) and seen.count(128) == high - low


class NoneWhereRepeated:
    """The first token, where no token occurs twice."""

    def label(self, tokens):
        return tokens[0] if len(set(tokens)) == len(tokens) else None

    def possible(self, tokens):
        return len(set(tokens)) == len(tokens)


@pytest.mark.parametrize("first", [(), (0,), (2, 1)])
def test_inputs_without_a_label_are_skipped_with_their_subtree(first):
    spans, rule = (range(1, 4), range(4), range(2, 4)), NoneWhereRepeated()
    task = Task(rule, spans, (0, 1, 2), range(4))
    begun = tuple(span.start + place for span, place in zip(spans, first, strict=False))
    expected = [
        ([x - span.start for x, span in zip(tokens, spans, strict=True)], rule.label(tokens))
        for tokens in product(*spans)
        if tokens[: len(first)] == begun and rule.label(tokens) is not None
    ]
    assert [
        (list(places), label) for places, label in labelled(task, Tally(10**6), first)
    ] == expected
    task = task._replace(reads=(0, 2))
    assert sum(1 for _ in labelled(task, Tally(10**6), first)) == sum(
        tokens[0] != tokens[2] for tokens in product(*spans) if tokens[: len(first)] == begun
    )


PASS = {"width": 64, "bits": 24, "fine": 28, "readout": 0}


@pytest.mark.parametrize(
    "witness",
    [
        {},
        {"passes": []},
        {"passes": [PASS] * 5},
        {"passes": [PASS], "note": 1},
        {"passes": 1},
        {"passes": [[64, 24, 28, 0]]},
        {"passes": [PASS | {"width": 96}]},
        {"passes": [PASS | {"width": 128, "fine": 64, "bits": 50}]},
        {"passes": [PASS, PASS | {"width": 128}]},
        {"passes": [PASS, PASS | {"width": 128, "fine": 64, "bits": 61}]},
        {"passes": [PASS | {"bits": 10}]},
        {"passes": [PASS | {"bits": 30}]},
        {"passes": [PASS | {"bits": 29, "fine": 34}]},
        {"passes": [PASS | {"fine": 0}]},
        {"passes": [PASS | {"readout": 25}]},
        {"passes": [PASS | {"readout": -1}]},
        {"passes": [PASS | {"bits": 11, "readout": 12}]},
        {"passes": [PASS | {"bits": True}]},
        {"passes": [PASS | {"bits": "24"}]},
        {"passes": [PASS | {"more": 0}]},
        {"passes": [{"width": 64, "bits": 24, "fine": 28}]},
        {"passes": [PASS, PASS | {"width": 128, "fine": 64, "bits": 50}, PASS]},
    ],
)
def test_a_witness_outside_its_domain_is_refused(witness):
    network = layered(1, position="sum")
    cert = encoded(claim_of(network, task_of(network), (0, 27), witness=witness))
    with pytest.raises(Rejected) as caught:
        check(network.bytes(), cert, Pins())
    assert caught.value.reason == "witness"


@pytest.mark.parametrize("bits", [11, 20, 29])
@pytest.mark.parametrize("fine", [1, 12, 33])
@pytest.mark.parametrize("shift", [0, 11])
def test_any_precision_is_sound(bits, fine, shift):
    for network in (layered(2, position="sum"), layered(2, norm="rms", activation="gelu")):
        task = task_of(network)
        right, ties = truth(network, task)
        if fine + bits <= 22:
            continue
        low, high = established(network, task, Precision(64, bits, fine, shift))
        assert low <= right and right + ties <= high


def test_the_budget_is_met_before_the_work_is_done():
    network = layered(1, position="sum")
    cert = cert_of(network, task_of(network), (0, 27), WIDE, operations=10**4)
    with pytest.raises(Rejected) as caught:
        check(network.bytes(), cert, Pins())
    assert caught.value.reason == "budget"


def test_an_input_that_no_pass_has_room_for_is_left_open_by_the_last_lanes(monkeypatch):
    network = layered(4, v=3, n=2)
    task = task_of(network)
    cert = cert_of(network, task, (0, len(task["labels"])), WIDE)
    monkeypatch.setattr("counting.walks.Prefixes.outputs", lambda *_: None)
    (found,) = explanations(network.bytes(), cert, Pins(), [(0, 0)])
    assert (found.counted, found.decided_by) == (False, "lanes of 128 bits, which leave it open")
