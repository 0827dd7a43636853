"""The sign trap: a model that looks safe if the linear bound on phi has the wrong sign.

With x = a - a* negative, phi(a) <= phi(a*) + x max_j r_j does not hold. In this model of 16 tokens
and two positions it makes the class (q=3, m=15) look safe, whose one sequence is wrong.
"""

from fractions import Fraction
from math import inf
from random import Random

import pytest
from class_truth import Class, counted, require_true_classes, truth_of
from support.certify import mean_diff_sign
from support.witnesses import SUBCUBIC, constant_gaps, dyadic, plausible, wild

from strategies import subcubic

MODEL = mean_diff_sign()
TRAP, ALONE = Class(3, 15, 1, 1), Class(15, 15, 0, inf)
DIRECT = ("mean-query", "max-diff", "max-diff-exact")
MEAN_DIFF = [f"subcubic/{direct}/mean+diff/exact" for direct in DIRECT]
CHORD = [f"subcubic/{direct}/chord/exact" for direct in DIRECT]
ANCHORS = [Fraction(i, 8) for i in range(-2, 12)] + [Fraction(x) for x in (-(10**6), 10**6)]

each_strategy = pytest.mark.parametrize("strategy", SUBCUBIC)


def anchored(anchor):
    return {"gaps": constant_gaps(16, 2, 1), "a_star": [[dyadic(anchor)]] * 16}


def in_trap(found):
    return [x for x in found.classes if x[:3] == TRAP[:3]]


def test_the_trap_is_wrong_and_the_maximum_alone_is_right():
    truth = truth_of(MODEL)
    assert (truth.right, truth.total) == (31, 256)
    assert truth.size(TRAP) == 1 and not truth.all_right(TRAP)
    assert truth.size(ALONE) == 1 and truth.all_right(ALONE)


@each_strategy
def test_the_trap_is_never_counted(strategy):
    rng = Random(strategy)
    for maker in (wild, plausible):
        witness = maker(rng, strategy, MODEL)
        witness["gaps"] = constant_gaps(16, 2, 1)
        found = require_true_classes(MODEL, strategy, witness, precision=rng.choice([32, 64]))
        assert not in_trap(found)
        assert ALONE in found.classes


@pytest.mark.parametrize("strategy", MEAN_DIFF)
def test_no_anchor_counts_the_trap_and_the_best_counts_all_that_is_right(strategy):
    counts = []
    for anchor in ANCHORS:
        found = counted(MODEL, strategy, anchored(anchor))
        assert found.refusal == (1, "count") and not in_trap(found)
        counts.append(found.at_least)
    assert max(counts) == 31


@pytest.mark.parametrize("strategy", CHORD)
def test_no_chord_counts_the_trap(strategy):
    ends = [Fraction(i, 4) for i in range(-1, 6)]
    for low in ends:
        for high in (end for end in ends if end >= low):
            chord = [[[dyadic(low), dyadic(high)]]] * 16
            witness = {"gaps": constant_gaps(16, 2, 1), "chord": chord}
            found = counted(MODEL, strategy, witness)
            assert found.refusal == (1, "count") and not in_trap(found)


def test_the_trap_is_counted_by_the_wrong_sign(monkeypatch):
    class WrongSign(subcubic._Curves):
        def _above(self, m, a, anchors):
            ((s, phi),) = anchors
            return phi + (a - s) * self.slopes[m][0]

    monkeypatch.setattr(subcubic, "_Curves", WrongSign)
    for strategy in MEAN_DIFF:
        found = counted(MODEL, strategy, anchored(Fraction(1)))
        assert in_trap(found) == [TRAP]
        assert found.at_least == 32
