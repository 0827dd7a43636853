"""The exact sign of one sequence's margin against one rival, ties included (T1 and T7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import flint

from ballproof.interval.ball import certainly_negative, certainly_positive, exact, precision
from ballproof.verifier.counting.problem import Problem

FIRST_BITS = 128
LAST_BITS = 65_536
# An exact score and an exact gap.
Term = tuple[int, int]


def rival_wins(problem: Problem, sequence: Sequence[int], rival: int) -> bool | None:
    """Return whether logits[rival] + eps >= logits[label]; None if LAST_BITS do not tell.

    T1: the sign of sum_i exp(s_i) f_i.
    """
    sign = sign_of_sum(problem, _terms(problem, sequence, rival))
    return None if sign is None else sign >= 0


def sign_of_sum(problem: Problem, terms: Iterable[Term]) -> int | None:
    """Return the sign of the sum of exp(score / sqrt(d_head)) gap; None if LAST_BITS do not tell.

    Terms are (score, gap), scores in the problem's unit. Those of equal exact score are added up
    exactly; by Lindemann-Weierstrass the sum is 0 only if each group is.
    """
    groups: dict[int, int] = defaultdict(int)
    for score, gap in terms:
        groups[score] += gap
    groups = {score: gap for score, gap in groups.items() if gap}
    if not groups:
        return 0
    if len({gap > 0 for gap in groups.values()}) == 1:
        return 1 if max(groups.values()) > 0 else -1
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        with precision(bits):
            total = _weighted_sum(problem, groups)
        if certainly_negative(total):
            return -1
        if certainly_positive(total):
            return 1
        bits *= 2
    return None


def wrong(problem: Problem, sequence: Sequence[int], rivals: Sequence[int]) -> bool | None:
    """Return whether one of `rivals` wins on the sequence; None if that cannot be decided.

    Rivals are columns of the problem's tables. A sequence whose label is no answer is wrong.
    """
    if problem.label_column(sequence) is None:
        return True
    verdicts = [rival_wins(problem, sequence, rival) for rival in rivals]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _terms(problem: Problem, sequence: Sequence[int], rival: int) -> Iterator[Term]:
    """Yield the exact score and f_i of each position."""
    query, label = sequence[-1], problem.label_column(sequence)
    head, tokens = problem.head, list(sequence)
    rows = head.output[tokens] + head.positional_output + problem.tables.direct[query]
    scores = head.score[query, tokens] + head.positional_score[query]
    for score, gap in zip(
        scores, rows[:, rival] - rows[:, label] + problem.tables.eps, strict=True
    ):
        yield int(score), int(gap)


def _weighted_sum(problem: Problem, groups: dict[int, int]) -> flint.arb:
    """Enclose the sum over groups of exp(score - largest score) times its gap."""
    top, root = max(groups), flint.arb(problem.head.d_head).sqrt()
    total = flint.arb(0)
    for score, gap in groups.items():
        weight = (exact(score - top, problem.head.score_exponent) / root).exp()
        total += weight * exact(gap)
    return total
