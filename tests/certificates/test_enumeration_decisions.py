"""What becomes of an input: passes, margins, ties, and what `enumerate` counts of them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from support.asked import a_table, answer
from support.certify import encoded
from support.networks import claim_of, inputs_of, one_layer, pair, right_and_open
from support.rules import definition

from counting.fixed_point import FixedPoint, Outputs
from explain import explanations
from files.claims import Pins
from strategies import enumeration


def decided(lead):
    """Return a pair whose only input has this lead of output 0 over output 1."""
    made = pair(0, v=1, m=1, outputs=2)
    lead = np.float64(lead)
    tensors = {"W_a": np.zeros((1, 1)), "W_b": np.zeros((1, 1)), "W_out": np.zeros((1, 2))}
    tensors |= {"b_in": np.zeros(1), "b_out": np.array([lead, 0.0])}
    sizes = {"d_vocab": 1, "n_ctx": 2, "d_model": 1, "d_mlp": 1, "d_vocab_out": 2}
    return replace(made, tensors=tensors, sizes=sizes)


@pytest.mark.parametrize("lead", [2.0**-40, 3.0, 2.0**70, 0.75 * 2.0**-300])
@pytest.mark.parametrize("nudge", [-1, 0, 1])
def test_a_lead_of_the_margin_is_wrong_and_one_of_a_hair_more_is_right(lead, nudge):
    """At any size of numbers, by exact integers: no pass tells them apart."""
    margin = Fraction(lead) * (1 - Fraction(nudge, 3**90))
    right = int(nudge > 0)
    task = a_table(decided(lead), [0])
    found = answer(decided(lead), task, (right, right), margin=str(margin), passes=1)
    assert found.theorem, found
    cert = claim_of(decided(lead), task, (right, right), margin=str(margin))
    (why,) = explanations(decided(lead).bytes(), encoded(cert), Pins(), [(0, 0)])
    assert (why.decided_by, why.excess) == ("exact integers", margin - Fraction(lead))
    other = (1 - right, 1 - right)
    assert answer(decided(lead), task, other, margin=str(margin)).reason == "count"


@pytest.mark.parametrize("share", ["0", "1/2", "2/3", "7/3"])
@pytest.mark.parametrize("normalised", [False, True])
def test_the_margin_is_that_of_the_logits_whatever_their_scale(share, normalised):
    """A share of softmax multiplies the program; the lead of an input is just at the margin."""
    network = one_layer(5, v=2, k=3, m=0, share=share, normalised=normalised)
    positions, answers = [[0, 1], [1, 2], [1, 2]], range(3)
    lead = network.lead((0, 1, 1), 1, answers)
    label = 1 if lead > 0 else next(x for x in (0, 2) if network.lead((0, 1, 1), x, answers) > 0)
    lead = network.lead((0, 1, 1), label, answers)
    near = lead if isinstance(lead, Fraction) else Fraction(float(lead.mid()))
    task = a_table(network, [label], positions=positions)
    for margin, right in ((near * Fraction(99, 100), 1), (near * Fraction(101, 100), 0)):
        found = answer(network, task, (right, right), margin=str(margin), passes=2)
        assert found.theorem, (margin, found)


@pytest.mark.parametrize(
    ("precision", "passes", "fits"),
    [
        *((64, 1, True), (64, 4, True), (128, 4, True), (192, 3, True), (256, 3, True)),
        *((1024, 1, True), (512, 2, True), (64, 5, False), (64, 0, False), (192, 4, False)),
        *((256, 4, False), (960, 2, False), (96, 1, False), (1000, 1, False), (32, 1, False)),
    ],
)
def test_passes_and_lanes_at_their_ends(precision, passes, fits):
    network = decided(1.0)
    task = a_table(network, [0])
    found = answer(network, task, (1, 1), precision=precision, passes=passes)
    assert found.refusal == ((0, None) if fits else (1, "witness"))


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_each_pass_counts_and_an_input_that_stays_open_counts_against_the_claim(passes):
    """Two outputs that are one: no pass tells them apart, and heads leave no exact integers."""
    network = one_layer(3, v=2, k=2, m=0, outputs=2)
    column = network.tensors["unembed.W_U"][:, :1]
    twins = {"unembed.W_U": np.hstack([column, column]), "unembed.b_U": np.zeros(2, np.float32)}
    network = replace(network, tensors=network.tensors | twins)
    task = a_table(network, [0, 1, 1, 0])
    found = answer(network, task, (0, 4), passes=passes)
    assert found.theorem
    assert answer(network, task, (0, 3), passes=passes).established["correct_at_most"] == 4
    assert answer(network, task, (1, 4), passes=passes).established["correct_at_least"] == 0
    cert = encoded(claim_of(network, task, (0, 4), passes=passes))
    by = {each.decided_by for each in explanations(network.bytes(), cert, Pins(), [(0, 0)])}
    assert by == {f"lanes of {64 << passes - 1} bits, which leave it open"}
    spent = found.theorem.tally
    if passes > 1:
        before = answer(network, task, (0, 4), passes=passes - 1).theorem.tally
        # Squared widths, for each of the four inputs, and the tables of the pass.
        heads, places, columns = 2, 2, 2
        each = 4 * heads * places + 2 * places * (heads + 1) * columns + columns
        factor = 2 ** (passes - 1)
        rows = 2 + heads * 4
        more = 4 * factor * rows * columns + 4 * each * factor**2 + 4 * heads * 2 * 3
        assert spent - before >= more
    short = answer(network, task, (0, 4), passes=passes, operations=spent - 1)
    assert short.reason == "budget"


def test_a_single_answer_takes_no_pass_and_no_operations_of_one():
    network = one_layer(3, v=2, k=2)
    task = a_table(network, [0, 1, 1, 2], answers=[1, 2])
    found = answer(network, task, (2, 2))
    assert found.theorem
    wide = answer(network, task, (2, 2), precision=1024).theorem
    assert wide.tally == found.theorem.tally


def test_numbers_too_far_from_one_are_declined_before_a_margin_is_shifted():
    network = decided(1.0)
    for bias in (2.0**-1000, 2.0**1000):
        tensors = {x: w if x == "b_out" else w + bias for x, w in network.tensors.items()}
        far = replace(network, tensors=tensors)
        assert answer(far, a_table(far, [0]), (0, 1)).theorem


def test_a_query_that_is_the_same_everywhere_changes_no_lead():
    """Its row is taken from the others' and added once: leads and counts stay what they are."""
    network = one_layer(11, v=3, k=3)
    labels = list(range(3)) * 9
    for query in range(3):
        positions = [[0, 3], [0, 3], [query, query + 1]]
        task = a_table(network, labels[:9], positions=positions)
        true = sum(
            bool(network.lead(x, label, range(3)) > 0)
            for x, label in zip(inputs_of(task), task["labels"], strict=True)
        )
        assert answer(network, task, (true, true)).theorem


@pytest.mark.parametrize("answers", [[0, 2], [1, 2], [1, 3], [0, 3]])
@pytest.mark.parametrize("network", [one_layer(4), one_layer(4, m=0), pair(4, outputs=3, v=3)])
def test_outputs_that_are_no_answers_do_not_compete(network, answers):
    """A bias lifts what is no answer above everything."""
    name = "unembed.b_U" if "unembed.b_U" in network.tensors else "b_out"
    lifted = [0.0 if x in range(*answers) else 100.0 for x in range(3)]
    lifted = {name: network.tensors[name] + np.array(lifted, np.float32)}
    network = replace(network, tensors=network.tensors | lifted)
    task = a_table(network, [0, 1, 2] * 3, answers=answers)
    true = right_and_open(network, task, definition)
    assert true[0] == true[1] and answer(network, task, true).theorem


def test_two_answers_count_as_much_of_the_first_pass_as_any():
    """Operations as docs/certificate.md has them: 3 neurons, 2 answers, 4 inputs."""
    network = pair(4, v=2, m=3, outputs=2)
    network = replace(network, tensors=network.tensors | {"b_out": np.array([9e9, 0.0])})
    theorem = answer(network, a_table(network, [0] * 4), (4, 4)).theorem
    tables = 4 * (4 * 3 + 3 * 2)
    assert theorem.tally == 2 * 3 + tables + 4 * (2 * 2 * 3 + 2 + 3 * (2 * 2 + 1))


def test_the_operations_of_a_query_do_not_depend_on_which_it_is():
    network = one_layer(12, v=4, k=2, m=0, heads=1, positions=False)
    spent = set()
    for query in range(4):
        task = a_table(network, [0], answers=[0, 2], positions=[[0, 1], [query, query + 1]])
        lifted = {"unembed.b_U": np.array([1e4, 0, 0], np.float32)}
        certain = replace(network, tensors=network.tensors | lifted)
        spent.add(answer(certain, task, (1, 1)).theorem.tally)
    assert len(spent) == 1


def test_ties_are_told_where_tokens_do_not_begin_at_zero():
    network = pair(7, integers=True, v=5)
    positions = [[1, 4], [2, 5]]
    task = a_table(network, [0, 1, 2, 3, 0, 1, 2, 3, 0], positions=positions)
    true = right_and_open(network, task, definition)
    leads = [
        network.lead(x, label, range(4))
        for x, label in zip(inputs_of(task), task["labels"], strict=True)
    ]
    assert leads.count(0) and answer(network, task, true).theorem


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("m", [0, 2])
def test_a_tie_at_the_margin_is_told_at_any_scale(m, normalised):
    """Multiples of a power of two beside a scale that the share of softmax brings along."""
    network, ties = one_layer(5, v=2, k=3, m=m, share="0", normalised=normalised, integers=True), 0
    tensors = {name: w * np.float32(2**40) for name, w in network.tensors.items()}
    network = replace(network, tensors=tensors)
    for label in range(3):
        task = a_table(network, [label], positions=[[0, 1], [1, 2], [1, 2]])
        lead = network.lead((0, 1, 1), label, range(3))
        if lead > 0:
            ties += 1
            for margin, right in ((lead, 0), (lead * (1 - Fraction(1, 2**90)), 1)):
                found = answer(network, task, (right, right), margin=str(margin))
                assert found.theorem, (margin, found)
    assert ties


class Told:
    """Stands in for a pass: it tells two outputs and an error."""

    def __init__(self, unit, values, error):
        self.unit, self.found = unit, Outputs(values, error)

    def cost(self):
        return 1

    def evaluate(self, tokens):
        return self.found


@pytest.mark.parametrize("unit", [-7, -1, 0, 1, 7])
@pytest.mark.parametrize("eighths", [0, 3, 8, 999])
@pytest.mark.parametrize("error", [0, 5])
def test_an_input_is_decided_beyond_the_error_and_not_at_it(monkeypatch, unit, eighths, error):
    """Right where lead - error is above the margin's floor, wrong where lead + error is not."""
    network = one_layer(1, v=1, k=1, outputs=2)
    task, margin = a_table(network, [0]), Fraction(eighths, 8)
    least = int(margin * Fraction(2) ** unit // 1)
    for lead in range(least - error - 2, least + error + 3):
        told = Told(unit, [lead + 10, 10], error)
        monkeypatch.setattr(enumeration, "FixedPoint", lambda *_, told=told: told)
        right, wrong = lead - error > least, lead + error <= least
        low, high = int(right), int(not wrong)
        assert answer(network, task, (low, high), margin=str(margin)).theorem
        if low < high:
            for beyond in ((1, 1), (0, 0)):
                assert answer(network, task, beyond, margin=str(margin)).reason == "count"


def test_an_input_that_no_pass_evaluates_is_explained_by_the_last(monkeypatch):
    network = one_layer(1, v=1, k=1, outputs=2)
    monkeypatch.setattr(FixedPoint, "evaluate", lambda *_: None)
    cert = encoded(claim_of(network, a_table(network, [0]), (0, 1), passes=3))
    (why,) = explanations(network.bytes(), cert, Pins(), [(0,)])
    assert why.decided_by == "lanes of 256 bits, which leave it open"
    assert not why.counted and why.excess == 0
