"""The exact sign of one sequence's margin against one rival, ties included (T1 and T7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import flint

from interval.ball import certainly_negative, certainly_nonnegative, exact, precision
from verifier.problem import Problem

FIRST_BITS = 128
LAST_BITS = 65_536


def rival_wins(problem: Problem, sequence: Sequence[int], rival: int) -> bool | None:
    """Return whether logits[rival] + eps >= logits[label]; None if LAST_BITS do not tell.

    T1: the sign of sum_i exp(s_i) f_i. Terms of equal exact score are added up exactly; by
    Lindemann-Weierstrass the sum is 0 only if each group is, and then the rival ties and wins.
    """
    groups = _groups(problem, sequence, rival)
    if all(gap >= 0 for gap in groups.values()):
        return True
    if all(gap <= 0 for gap in groups.values()):
        return False
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        with precision(bits):
            total = _weighted_sum(problem, groups)
        if certainly_negative(total):
            return False
        if certainly_nonnegative(total):
            return True
        bits *= 2
    return None


def wrong(problem: Problem, sequence: Sequence[int], rivals: Sequence[int]) -> bool | None:
    """Return whether one of `rivals` wins on the sequence; None if that cannot be decided."""
    verdicts = [rival_wins(problem, sequence, rival) for rival in rivals]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _groups(problem: Problem, sequence: Sequence[int], rival: int) -> dict[int, int]:
    """Return the non-zero sums of f_i by exact score."""
    query, label = sequence[-1], max(sequence)
    rows = problem.output[list(sequence)] + problem.places + problem.direct[query]
    scores = problem.score[query, list(sequence)] + problem.positional_score[query]
    groups: dict[int, int] = defaultdict(int)
    for score, gap in zip(scores, rows[:, rival] - rows[:, label] + problem.eps, strict=True):
        groups[int(score)] += int(gap)
    return {score: gap for score, gap in groups.items() if gap}


def _weighted_sum(problem: Problem, groups: dict[int, int]) -> flint.arb:
    """Enclose the sum over groups of exp(score - largest score) times its gap."""
    top, root = max(groups), flint.arb(problem.shape.d_head).sqrt()
    total = flint.arb(0)
    for score, gap in groups.items():
        weight = (exact(score - top, problem.score_exponent) / root).exp()
        total += weight * exact(gap)
    return total
