"""The truth about a model: class by class where `exact` gives it, else the best two-sided bound."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ballproof.interval.fixed import Lanes, floor_lanes, lane_bits, require_headroom
from ballproof.verifier.audit.tightness.clock import Clock, OutOfTimeError
from ballproof.verifier.counting.attention import Attention
from ballproof.verifier.counting.branch import BranchAndCount, count_wrong
from ballproof.verifier.counting.classes import TabledClass
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Integers, Problem
from ballproof.verifier.counting.signs import wrong
from ballproof.verifier.counting.transitions import Transitions
from ballproof.verifier.counting.wrong_count import WrongCount
from ballproof.verifier.strategies import leading_strategy
from ballproof.verifier.strategies.base import EXHAUSTIVE_LIMIT, classes, count_classes

Class = tuple[int, int]
# By when, as a share of the time, the exact count must be there: the rest is for the causes.
EXACT_SHARE = 0.5


@dataclass(frozen=True)
class Truth:
    """How many inputs are right, at least and at most, and how that was found.

    `wrong` holds the count of each class (q, m) with any wrong input; None where only both ends
    are known.
    """

    least: int
    most: int
    method: str
    wrong: dict[Class, WrongCount] | None = field(default=None)

    @property
    def exact(self) -> bool:
        """Whether both ends agree."""
        return self.least == self.most


def exact_count(problem: Problem, clock: Clock) -> Truth | None:
    """Return the exact count, or None where there are too many inputs or there is no time."""
    if problem.total > EXHAUSTIVE_LIMIT:
        return None
    try:
        return exactly(problem, clock.phase(EXACT_SHARE))
    except OutOfTimeError:
        return None


def two_sided(problem: Problem, known: tuple[int, int], clock: Clock) -> Truth:
    """Return the best of a ladder's ends and of those that are `known`."""
    try:
        return _by_ladder(problem, known, clock.phase())
    except OutOfTimeError:
        return Truth(*known, "by the bounds at hand: there was no time for others")


def exactly(problem: Problem, progress: Progress) -> Truth:
    """Count the wrong inputs of every class, as `exact` does."""
    found: dict[Class, WrongCount] = {}

    def count_class(tabled: TabledClass) -> WrongCount:
        count = count_wrong(problem, tabled)
        if count.possible:
            found[tabled.class_.query, tabled.class_.label] = count
        return count

    if problem.shape.d_vocab == 1:
        return Truth(1, 1, "there is no rival", {})
    bounds = count_classes(problem, progress, count_class)
    return Truth(bounds.correct_at_least, bounds.correct_at_most, "counted exactly", found)


def _by_ladder(problem: Problem, known: tuple[int, int], progress: Progress) -> Truth:
    ladder = leading_strategy()
    bounds = ladder.bound(problem, ladder.search(problem, Goal(), progress), progress)
    return Truth(
        max(bounds.correct_at_least, known[0]),
        min(bounds.correct_at_most, known[1]),
        "by a ladder from both ends",
    )


def right_with_exact_positions(problem: Problem, progress: Progress) -> int:
    """Count the inputs on which no rival wins when the rivals alone are pessimised, as in `cubic`.

    The rivals' largest gap of the direct path and their largest gap of V + P are added up, whoever
    they belong to: one table of T4 above all rivals, in which each position has its own weight and
    its own row of P. Sums are rounded up. As in `cubic` the sequence (m, .., m, q) is settled
    exactly.
    """
    v = problem.shape.d_vocab
    attention = [Attention(problem.head, query) for query in range(v)]
    right = 0
    for m, queries in classes(v, progress):
        free, filled = _largest_gaps(problem, m), problem.task.acceptors(m)
        for query in queries:
            if query in filled:
                right += _right_in_class(problem, attention[query], query, m, free)
    return right


def _largest_gaps(problem: Problem, m: int) -> Integers:
    """Return (k, m+1): the largest over rivals of V[t,j] - V[t,m] + P[i,j] - P[i,m]."""
    head = problem.head
    output = head.output[: m + 1] - head.output[: m + 1, [m]]
    positional = head.positional_output - head.positional_output[:, [m]]
    gaps = output[None, :, :] + positional[:, None, :]
    largest: Integers = np.delete(gaps, m, axis=2).max(axis=2)
    return largest


def _right_in_class(
    problem: Problem, attention: Attention, query: int, m: int, free: Integers
) -> int:
    row = problem.tables.direct[query]
    gaps = free + int(np.delete(row, m).max() - row[m]) + problem.tables.eps
    places = problem.shape.n_ctx - 1
    bits = (lane_bits(places + 2) - 2) // 2
    _, ceilings = floor_lanes(gaps, max(int(abs(gaps).max()).bit_length() - bits, 0))
    # The free tokens 0..m at each position, then the query's own.
    lanes = np.append(ceilings[:-1], ceilings[-1, query])
    low, high = attention.lanes(range(m + 1), bits)
    upper: Lanes = lanes * np.where(lanes > 0, high, low)
    require_headroom(upper, places + 1)
    others = upper[:-1].reshape(places, m + 1)
    acceptor = problem.task.acceptors(m)[query]
    transitions = Transitions.of_tokens(acceptor, range(m + 1))
    tables, start = (others[:, :, None],) * 2, (upper[-1:],) * 2
    right = acceptor.size - BranchAndCount(transitions, tables, start).count().possible
    if upper[-1] + others[:, m].sum() < 0:
        return right
    return right + (wrong(problem, [m] * places + [query], _rivals(problem, m)) is False)


def _rivals(problem: Problem, m: int) -> list[int]:
    return [j for j in range(problem.shape.d_vocab) if j != m]
