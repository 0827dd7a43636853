"""`enumerate`: counts equal a literal evaluation, and the bound of the error holds at its worst."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.networks import BITS, claim_of, inputs_of, models, one_layer, pair, pairs
from support.table_counts import established, table, truth

from arithmetic.tally import Tally
from counting.fixed_point import FixedPoint
from explain import explanations
from files.claims import Pins
from files.verdict import Declined, Rejected
from kernel import check, read
from kernel import given as given_of


def fixed_point(network, task, width=64):
    cert = claim_of(network, task, (0, len(task["labels"])))
    claim, model = read(network.bytes(), encoded(cert), Pins())
    program = given_of(model, claim, Tally(10**9))
    return program, FixedPoint(program, width, Tally(10**9))


MODELS = models(st.integers(0, 4), st.integers(1, 3), [1e-12, 0.1, 1.0, 4.0, 30.0])
PAIRS = pairs(st.integers(1, 4), st.integers(1, 3))


@settings(max_examples=150)
@given(MODELS | PAIRS, st.sampled_from(["0", "1/3"]), st.integers(1, 3))
def test_counts_enclose_the_truth_and_meet_it_without_exponentials(network, margin, passes):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    right, ties = truth(network, task, Fraction(margin))
    low, high = established(network, task, margin=margin, passes=passes)
    assert low <= right and right + ties <= high
    if network.rational:
        assert (low, high) == (right, right)


@settings(max_examples=100)
@given(MODELS | PAIRS, st.sampled_from([64, 128, 192, 256]))
def test_the_error_of_every_difference_is_within_its_bound(network, width):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    program, fixed = fixed_point(network, task, width)
    unit = Fraction(2) ** -fixed.unit
    for tokens in inputs_of(task):
        found, logits = fixed.evaluate(tokens), network.logits(tokens)
        if found is None:
            continue
        for i in range(len(logits)):
            for j in range(i):
                with ctx.workprec(BITS):
                    off = program.scale * (logits[i] - logits[j]) - _as(
                        (found.values[i] - found.values[j]) * unit, logits[0]
                    )
                    assert abs(off) <= _as(found.error * unit, logits[0])


def _as(value, like):
    return value if isinstance(like, Fraction) else arb(value.numerator) / value.denominator


@settings(max_examples=40)
@given(MODELS | PAIRS, st.integers(1, 2))
def test_the_explanations_count_as_many_inputs_as_the_certificate(network, passes):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    low, high = established(network, task, passes=passes)
    cert = encoded(claim_of(network, task, (low, high), passes=passes))
    inputs = list(inputs_of(task))
    found = explanations(network.bytes(), cert, Pins(), inputs)
    assert sum(each.counted for each in found) == low
    for each in found:
        assert each.excess is None or each.rival is None
        if each.counted and each.excess is not None:
            assert each.excess < 0


def test_an_explanation_is_of_the_input_that_is_named():
    """Tokens and answers do not start at 0."""
    network = one_layer(6, v=4, k=2, outputs=4)
    task = table(network, 2, 4, positions=[[1, 3], [2, 4]]) | {"answers": [1, 4]}
    low, high = established(network, task)
    cert = encoded(claim_of(network, task, (low, high)))
    inputs = list(inputs_of(task))
    for each, tokens, label in zip(
        explanations(network.bytes(), cert, Pins(), inputs), inputs, task["labels"], strict=True
    ):
        right = label >= 1 and bool(network.lead(tokens, label, range(1, 4)) > 0)
        assert each.sequence == tokens and each.counted == right


def test_an_explanation_says_which_pass_decides_and_by_how_much():
    network = pair(3, integers=True)
    task = table(network, 2, 4)
    low, high = established(network, task)
    cert = encoded(claim_of(network, task, (low, high)))
    inputs = list(inputs_of(task))
    decided_by = set()
    for each, tokens, label in zip(
        explanations(network.bytes(), cert, Pins(), inputs), inputs, task["labels"], strict=True
    ):
        decided_by.add(each.decided_by)
        lead = network.lead(tokens, label, range(4))
        assert -each.excess <= lead
        if each.decided_by == "exact integers":
            assert -each.excess == lead
    assert decided_by == {"lanes of 64 bits", "exact integers"}


OUTSIDE = [{}, {"passes": 0}, {"passes": 5}, {"passes": True}, {"passes": 1, "more": 1}]


@pytest.mark.parametrize("witness", OUTSIDE)
def test_a_witness_that_is_no_number_of_passes_is_rejected(witness):
    network = pair(1)
    cert = claim_of(network, table(network, 2, 4), (0, 16))
    cert["proof"]["witness"] = witness
    with pytest.raises(Rejected) as refused:
        check(network.bytes(), encoded(cert), Pins())
    assert refused.value.reason == "witness"


@pytest.mark.parametrize(("precision", "passes"), [(65, 1), (32, 1), (96, 1), (512, 3), (1024, 2)])
def test_lanes_of_other_widths_are_rejected(precision, passes):
    network = pair(1)
    cert = claim_of(network, table(network, 2, 4), (0, 16), precision=precision, passes=passes)
    with pytest.raises(Rejected) as refused:
        check(network.bytes(), encoded(cert), Pins())
    assert refused.value.reason == "witness"


def test_float32_is_declined_and_every_strategy_with_tables():
    network = one_layer(1)
    task = table(network, 2, 3)
    cert = claim_of(network, task, (0, 9))
    cert["claim"]["semantics"] = "float32"
    with pytest.raises(Declined, match=r"float32 is not served for embed,positions,attention\(2-h"):
        check(network.bytes(), encoded(cert), Pins())
    for strategy in ("brute-force", "cubic", "ladder"):
        cert = claim_of(network, task, (0, 9), strategy=strategy)
        with pytest.raises(Declined, match=f"{strategy} needs tables of one head"):
            check(network.bytes(), encoded(cert), Pins())


def test_metadata_that_state_other_parts_are_declined():
    network = one_layer(1, share="1/2")
    task = table(network, 2, 3)
    cert = encoded(claim_of(network, task, (0, 9)))
    text = json.dumps(network.parts, separators=(",", ":"))
    stated = replace(network, metadata={"parts": text})
    assert check(stated.bytes(), cert, Pins()).total == 9
    for other in (text.replace("1/2", "1/3"), "", text.replace(",", ", ", 1)):
        with pytest.raises(Declined, match="the file's metadata state other parts"):
            check(replace(network, metadata={"parts": other}).bytes(), cert, Pins())


def test_the_budget_is_counted_by_shape_and_refused_before_the_work():
    network = one_layer(1)
    task = table(network, 2, 3)
    cert = claim_of(network, task, (0, 9))
    spent = check(network.bytes(), encoded(cert), Pins()).tally
    cert["proof"]["operations"] = str(spent)
    assert check(network.bytes(), encoded(cert), Pins()).operations == spent
    cert["proof"]["operations"] = str(spent - 1)
    with pytest.raises(Rejected, match="needs more than"):
        check(network.bytes(), encoded(cert), Pins())


@pytest.mark.parametrize("answers", [[0, 1], [1, 3], [2, 3]])
def test_a_label_that_is_no_answer_is_wrong_and_a_single_answer_has_no_rival(answers):
    network = pair(5, outputs=3)
    task = table(network, 2, 3) | {"answers": answers}
    span = range(*answers)
    expected = 0
    for label, tokens in zip(task["labels"], inputs_of(task), strict=True):
        lead = network.lead(tokens, label, span) if label in span else None
        expected += label in span and (lead is None or lead > 0)
    assert established(network, task) == (expected, expected)


def test_a_mask_that_hides_a_position_is_declined():
    network = one_layer(1)
    task = table(network, 2, 3)
    cert = encoded(claim_of(network, task, (0, 9)))
    for row, fine in (([1, 1], True), ([0, 1], False)):
        mask = np.array([[1, 0], row], dtype=bool)
        masked = replace(network, tensors=network.tensors | {"blocks.0.attn.mask": mask})
        if fine:
            assert check(masked.bytes(), cert, Pins()).total == 9
        else:
            with pytest.raises(Declined, match="mask hides"):
                check(masked.bytes(), cert, Pins())


@pytest.mark.parametrize("network", [one_layer(2), pair(2, inputs="sum", layers=2)])
def test_a_tensor_that_is_missing_unknown_or_of_another_shape_is_declined(network):
    k, outputs = network.sizes["n_ctx"], network.sizes["d_vocab_out"]
    task = table(network, k, outputs)
    for name, tensor in network.tensors.items():
        biases = name.split(".")[-1].startswith("b_") or name.startswith("b_")
        changes = [{name: np.vstack([tensor, tensor])}, {name: tensor[..., :0]}]
        changes += [] if biases else [{name: None}]
        for change in [*changes, {"extra": tensor}]:
            tensors = {x: y for x, y in (network.tensors | change).items() if y is not None}
            changed = replace(network, tensors=tensors)
            with pytest.raises((Declined, Rejected)):
                check(changed.bytes(), encoded(claim_of(changed, task, (0, 1))), Pins())


def test_inputs_of_small_weights_alone_are_decided():
    """The token with the largest score, 40 nats above the others, need not be in an input."""
    network = one_layer(4, v=3, k=3, heads=1, biases=False, outputs=3, m=2)
    tensors = dict(network.tensors)
    attention = "blocks.0.attn."
    tensors["embed.W_E"] = np.eye(3, dtype=np.float32)
    tensors["pos_embed.W_pos"] = np.zeros((3, 3), dtype=np.float32)
    tensors[attention + "W_Q"] = np.full((1, 3, 2), 4, dtype=np.float32)
    tensors[attention + "W_K"] = np.array([[[10, 10], [-1, 1], [0, 0.1]]], dtype=np.float32)
    network = replace(network, tensors=tensors)
    task = table(network, 3, 3)
    right, ties = truth(network, task)
    assert ties == 0
    assert established(network, task) == (right, right)
