"""Length against bound for one model: every strategy, and the steerable ones at many lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ballproof.verifier.counting.goal import Goal, Progress, silent
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.pipeline import NotApplicableError, NotProven, Proven, prove_many
from ballproof.verifier.proving.shares import share
from ballproof.verifier.proving.steering import prove
from ballproof.verifier.strategies import STRATEGIES, of_the_study, steered_strategies
from ballproof.verifier.strategies.base import Strategy
from ballproof.verifier.strategies.obstacles import obstacle


@dataclass(frozen=True)
class Point:
    """One verified certificate: its strategy, length in operations, and counts."""

    strategy: str
    operations: int
    correct_at_least: int
    correct_at_most: int
    total: int

    @property
    def published(self) -> bool:
        """Whether the strategy is one of the study's."""
        return of_the_study(self.strategy)

    def fields(self, *, on_frontier: bool) -> dict[str, Any]:
        """Return the point for machines; counts are decimal strings."""
        return {
            "strategy": self.strategy,
            "operations": str(self.operations),
            "correct_at_least": str(self.correct_at_least),
            "correct_at_most": str(self.correct_at_most),
            "total": str(self.total),
            "bound": share(self.correct_at_least, self.total),
            "published": self.published,
            "on_frontier": on_frontier,
        }


def _point(proven: Proven) -> Point:
    claim, operations = proven.claim, proven.proof.operations
    counts = (claim.correct_at_least, claim.correct_at_most, claim.total)
    return Point(proven.proof.strategy, operations, *counts)


def measured_points(
    problem: Problem, budgets: int, max_operations: int, progress: Progress
) -> Iterator[Point]:
    """Yield a point for each certificate: all strategies that apply, the steerable ones often.

    Of each of those there are `budgets` lengths, and its longest.
    """
    fixed = [strategy for strategy in STRATEGIES if not strategy.steerable]
    steered = [one for one in steered_strategies() if obstacle(one, problem) is None]
    every, done = len(fixed) + len(steered) * (budgets + 1), len(fixed)

    def report(done: int, _: int) -> None:
        progress(done, every)

    for outcome in prove_many(problem, fixed, max_operations, report):
        if not isinstance(outcome, NotProven):
            yield _point(outcome)
    for strategy in steered:
        seen = list[Point]()
        for point in _lengths(problem, strategy, budgets, max_operations):
            done += 1
            progress(done, every)
            if point not in seen:
                yield point
            seen.append(point)


def _lengths(
    problem: Problem, strategy: Strategy, budgets: int, max_operations: int
) -> Iterator[Point]:
    """Yield the longest proof of a strategy, then others, their lengths in a geometric row."""

    def best(goal: Goal) -> Iterator[Point]:
        try:
            yield _point(prove(problem, strategy, max_operations, silent, goal))
        except NotApplicableError:
            return

    longest = list(best(Goal()))
    yield from longest
    shortest = strategy.least_operations(problem) * 1.01
    top = longest[0].operations if longest else max_operations
    for step in range(budgets):
        length = shortest * (top / shortest) ** ((step + 1) / (budgets + 1))
        yield from best(Goal(int(length)))


def unbeaten(points: Sequence[tuple[int | Fraction, int | Fraction]]) -> list[int]:
    """Return which (length, bound) no other beats in both, by length."""
    kept: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if not kept or points[i][1] > points[kept[-1]][1]:
            kept.append(i)
    return kept


def frontier(points: list[Point]) -> list[Point]:
    """Return the points that no other beats in both length and bound, by length."""
    return [points[i] for i in unbeaten([(p.operations, p.correct_at_least) for p in points])]
