"""Blocks of inputs as trees of prefixes: nothing is lost or counted twice."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from support.deep_models import arrays_for, parts_of, weights_of

from ballproof.models.tasks import task_named
from ballproof.verifier.counting.deep import enumeration
from ballproof.verifier.counting.deep.ends import Leads, leads
from ballproof.verifier.counting.deep.enumeration import DeepEnumeration
from ballproof.verifier.counting.deep.prefixes import Prefixes
from ballproof.verifier.counting.deep.rounding import Uncertain
from ballproof.verifier.counting.deep.sampling import Nearest
from ballproof.verifier.counting.goal import silent

TASKS = ["max-of-3", "after-3-of-3[repeats]", "after-3-of-3", "max-of-3[positions=1..2,0..0,0..2]"]


def _enumeration(task: str, seed: int = 0) -> DeepEnumeration:
    parts = parts_of(2)
    weights = weights_of(parts, arrays_for(parts, np.random.default_rng(seed), 0.7))
    return DeepEnumeration(weights, task_named(task, weights.shape), Fraction(0))


def test_prefixes_are_all_there_and_lead_back() -> None:
    inputs = np.array([[0, 0, 1], [0, 1, 0], [0, 1, 1], [2, 1, 1]])
    tree = Prefixes.among(inputs)

    assert [len(rows) for rows in tree.rows] == [2, 3, 4]
    assert tree.count == 9
    for i in range(3):
        for j in range(i + 1):
            ends = inputs[tree.rows[i], : j + 1]
            starts = inputs[tree.rows[j], : j + 1]
            assert (starts[tree.ancestors(i, j)] == ends).all()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("block", [1, 1 << 10, 1 << 22])
def test_blocks_hold_every_input_with_a_label_once(
    task: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enumeration, "BLOCK", block)
    found = _enumeration(task)
    asked = found.task
    expected = [s for s in itertools.product(*asked.positions) if asked.label(s) is not None]

    blocks = list(found.blocks())

    tokens = found.inputs.named(np.concatenate([one.tokens for one in blocks]))
    assert list(map(tuple, tokens.tolist())) == expected
    assert blocks[-1].done == asked.product
    assert len(expected) == asked.total


@pytest.mark.parametrize("task", TASKS)
def test_the_size_of_blocks_changes_no_count(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _enumeration(task).count(silent)
    monkeypatch.setattr(enumeration, "BLOCK", 1)

    assert _enumeration(task).count(silent) == whole


def test_single_inputs_are_decided_as_the_count_does() -> None:
    found = _enumeration("max-of-3")
    inputs = np.array(list(itertools.product(range(3), repeat=3)))[::-1]
    settled = found.decided(inputs)

    wrong = found.count(silent)
    assert settled.wrong.sum() == wrong.certain == wrong.possible
    assert settled.right.sum() == 27 - wrong.certain


def test_leads_are_given_for_every_input_with_their_errors() -> None:
    found = _enumeration("after-3-of-3[repeats]")
    evaluated = list(found.leads())
    labelled = sum(len(one.inputs) for one in evaluated)

    assert labelled == found.task.total
    assert all((one.errors < 1e-6).all() and np.isfinite(one.leads).all() for one in evaluated)


def test_labels_that_are_no_answer_are_wrong() -> None:
    found = _enumeration("max-of-3[answers=0..1]")

    wrong = found.count(silent)

    # The label is token 2 for 27 - 8 inputs.
    assert wrong.certain >= 19


def test_ends_of_a_lead_are_those_of_the_strongest_rival() -> None:
    logits = Uncertain(np.array([[1.0, 3.0, 2.0]]), np.array([[0.25, 0.5, 0.125]]))
    found = leads(logits, np.array([1]))

    assert found.least[0] == pytest.approx(1 - 0.625, abs=1e-9)
    assert found.most[0] == pytest.approx(1 + 0.625, abs=1e-9)


@pytest.mark.parametrize("margin", [Fraction(0), Fraction(1, 3), Fraction(5)])
def test_a_lead_below_the_margin_is_wrong_and_one_above_is_right(margin: Fraction) -> None:
    near = float(margin)
    leads_ = near + np.array([-1e-12, 1e-12])
    settled = Leads(leads_, leads_).settled(margin)

    assert settled.wrong.tolist() == [True, False]
    assert settled.right.tolist() == [False, True]


def test_a_lead_that_is_the_margin_is_wrong() -> None:
    tie = Leads(np.array([5.0]), np.array([5.0])).settled(Fraction(5))

    assert tie.wrong[0] and not tie.right[0]


def test_a_margin_beyond_all_doubles_is_reached_by_none() -> None:
    most = np.array([np.finfo(np.float64).max])

    assert Leads(most, most).settled(Fraction(10) ** 400).wrong[0]


def test_what_is_not_known_decides_nothing() -> None:
    unknown = Leads(np.array([np.nan, -np.inf]), np.array([np.nan, np.inf]))
    settled = unknown.settled(Fraction(0))

    assert not settled.right.any() and not settled.wrong.any()


def test_the_nearest_are_kept_over_many_blocks() -> None:
    rng, nearest = np.random.default_rng(0), Nearest(5)
    numbers = rng.random(100)
    for start in range(0, 100, 7):
        part = slice(start, start + 7)
        nearest.take(numbers[part], np.arange(100)[part, None])

    assert nearest.inputs is not None
    assert nearest.inputs[:, 0].tolist() == np.argsort(numbers)[:5].tolist()
