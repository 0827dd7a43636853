"""Searches for people who want no knobs: they try strategies, certificates name the winner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.checking import CheckerProcess
from ballproof.verifier.proving.pipeline import (
    NotApplicableError,
    Proven,
    confirm,
    count,
    draft,
)
from ballproof.verifier.proving.reach import require_reachable
from ballproof.verifier.proving.steering import steered
from ballproof.verifier.strategies import STRATEGIES, leading_strategy
from ballproof.verifier.strategies.base import InAuto, Strategy
from ballproof.verifier.strategies.obstacles import has_tables, obstacle
from ballproof.verifier.strategies.preference import preference

# Below this share the study's strategies may do better than a ladder of the same length.
LADDER_SUFFICES = 0.95


@dataclass(frozen=True)
class Search:
    """A named search: `auto`, or `auto` within some length."""

    name: str
    summary: str
    max_operations: int | None = None

    def limited(self, goal: Goal) -> Goal:
        """Return the goal with the search's own limit of operations."""
        limits = [x for x in (goal.max_operations, self.max_operations) if x is not None]
        return replace(goal, max_operations=min(limits, default=None))


SEARCHES = (
    Search("auto", "the best of all strategies for --max-operations or --at-least"),
    Search("compact", "auto within 1.9 million operations, the study's shortest", 1_900_000),
    Search("balanced", "auto within 3.8 million operations", 3_800_000),
    Search("tight", "auto with no limit on the length"),
)


def search_named(name: str) -> Search | None:
    """Return the search of this name, if there is one."""
    return next((search for search in SEARCHES if search.name == name), None)


def run_search(
    problem: Problem, search: Search, goal: Goal, max_operations: int, progress: Progress
) -> Proven:
    """Return the best certificate that any strategy gives for the goal.

    Best is the higher bound, or the shorter proof where a bound is asked for; of equals the other
    decides. Raises NotApplicableError where no strategy meets the goal, at once where so many
    inputs are wrong that none can.
    """
    goal, preferred = search.limited(goal), preference(problem)
    require_reachable(problem, goal)
    found: list[Proven] = []
    reasons: list[str] = []
    for strategy in _candidates(problem, goal, found):
        try:
            found.append(_tried(problem, strategy, goal, max_operations, progress, found))
        except (NotApplicableError, _NoBetterError) as error:
            reasons.append(str(error))
    if not found:
        why = reasons[0] if reasons else "Each takes more operations than that."
        raise NotApplicableError(f"{search.name}: no strategy meets the goal. {why}")
    best = max(found, key=lambda proven: _merit(proven, goal))
    if preferred is None or best.note is not None:
        return best
    return replace(best, note=f"{search.name} begins with {preferred.strategy}: {preferred.why}")


class _NoBetterError(Exception):
    """The prover's own count shows that a certificate would not be the best."""


def _merit(proven: Proven, goal: Goal) -> tuple[int, int, int]:
    """Return what the best certificate has most of."""
    claim, length = proven.claim, -proven.proof.operations
    if goal.at_least is not None:
        return length, claim.correct_at_least, -claim.correct_at_most
    return claim.correct_at_least, -claim.correct_at_most, length


def _candidates(problem: Problem, goal: Goal, found: list[Proven]) -> Iterator[Strategy]:
    """Yield the strategies that can win; `found` grows meanwhile.

    The ladder comes first. Where it is exact, nothing is better. Brute force counts what `exact`
    counts, at greater length, and `moment` and `grid` are ladders with fewer rules. Without tables
    of one head there is enumeration, and what is shorter and shows less.
    """
    if not has_tables(problem):
        yield from _without_tables(problem, goal, found)
        return
    yield leading_strategy()
    claim = found[0].claim if found else None
    if claim and goal.at_least is None and claim.correct_at_least == claim.correct_at_most:
        return
    enough = claim is not None and claim.correct_at_least >= LADDER_SUFFICES * claim.total
    for strategy in STRATEGIES:
        if strategy.in_auto not in (InAuto.ALWAYS, InAuto.WHERE_MUCH_IS_OPEN):
            continue
        short = strategy.least_operations(problem) <= (goal.max_operations or 10**11)
        if short and not obstacle(strategy, problem):
            if enough and strategy.in_auto is InAuto.WHERE_MUCH_IS_OPEN:
                continue
            yield strategy


def _without_tables(problem: Problem, goal: Goal, found: list[Proven]) -> Iterator[Strategy]:
    """Yield the strategies of models without tables; what settles every input comes first.

    Where several heads or an MLP leave a choice, the strategy that is preferred comes before it.
    """
    most, preferred = goal.max_operations, preference(problem)
    first = None if preferred is None else preferred.strategy
    serving = [
        one
        for one in STRATEGIES
        if one.in_auto is InAuto.WITHOUT_TABLES
        or (one.in_auto is InAuto.ALWAYS and one.name == first)
    ]
    for strategy in sorted(serving, key=lambda one: (one.name != first, one.steerable)):
        claim = found[0].claim if found else None
        if claim and goal.at_least is None and claim.correct_at_least == claim.correct_at_most:
            return
        if obstacle(strategy, problem) or strategy.least_operations(problem) <= (most or inf):
            yield strategy


def _tried(
    problem: Problem,
    strategy: Strategy,
    goal: Goal,
    max_operations: int,
    progress: Progress,
    found: list[Proven],
) -> Proven:
    if strategy.steerable:
        return steered(problem, strategy, max_operations, progress, goal)
    drafted = draft(problem, strategy, max_operations, progress)
    best = max((proven.claim.correct_at_least for proven in found), default=-1)
    wanted = goal.least_count(problem.total) if goal.at_least is not None else best
    if drafted.claim.correct_at_least < wanted:
        raise _NoBetterError(f"{strategy.name} counts {drafted.claim.correct_at_least} only.")
    with CheckerProcess() as checker:
        counted = count(drafted, checker)
        if goal.max_operations is not None and counted.proof.operations > goal.max_operations:
            raise _NoBetterError(f"{strategy.name} takes {counted.proof.operations} operations.")
        return confirm(counted, checker)
