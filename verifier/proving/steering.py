"""Prove to a goal: ask a strategy that can be steered again until its certificate meets it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.checking import CheckerProcess
from ballproof.verifier.proving.pipeline import (
    Counted,
    NotApplicableError,
    Proven,
    confirm,
    count,
    draft,
    require_applicable,
)
from ballproof.verifier.proving.reach import require_reachable
from ballproof.verifier.strategies.base import Strategy

# How often a steerable strategy is asked again; its own estimates are close.
ATTEMPTS = 6


def prove(
    problem: Problem,
    strategy: Strategy,
    max_operations: int,
    progress: Progress,
    goal: Goal = Goal(),  # noqa: B008 immutable
) -> Proven:
    """Prove with one strategy and have the checker verify the certificate.

    The claim is the smaller of the prover's and the checker's counts, the budget the checker's own
    tally. A steerable strategy is asked again, for a little less or more, while its certificate
    misses the goal. Raises NotApplicableError where the strategy cannot serve this model or meet
    the goal, at once where no proof can, and CheckFailedError where prover and checker contradict
    each other.
    """
    require_applicable(problem, strategy, max_operations)
    require_reachable(problem, goal)
    return steered(problem, strategy, max_operations, progress, goal)


def steered(
    problem: Problem,
    strategy: Strategy,
    max_operations: int,
    progress: Progress,
    goal: Goal,
) -> Proven:
    """Prove as `prove` does, a goal that may be out of reach."""
    wanted = goal
    with CheckerProcess() as checker:
        for _ in range(ATTEMPTS if strategy.steerable else 1):
            # The tally is known after the check: what the goal allows is compared then.
            counted = count(draft(problem, strategy, max_operations, progress, wanted), checker)
            missed = _missed(goal, counted)
            if missed is None:
                return confirm(counted, checker)
            wanted = _corrected(goal, wanted, counted)
    raise NotApplicableError(f"{strategy.name} does not reach the goal. {missed}")


def _missed(goal: Goal, counted: Counted) -> str | None:
    """Return how a certificate misses the goal, or None if it meets it."""
    claim, operations = counted.claim, counted.proof.operations
    least = goal.least_count(claim.total)
    if goal.max_operations is not None and operations > goal.max_operations:
        return f"It needs {operations} operations, and {goal.max_operations} are allowed."
    if claim.correct_at_least < least:
        return f"It proves {claim.correct_at_least} of {claim.total}, and {least} are wanted."
    return None


def _corrected(goal: Goal, wanted: Goal, counted: Counted) -> Goal:
    """Return what to ask for next: shorter by what was too long, or more by what was lacking."""
    claim = counted.claim
    if goal.at_least is not None:
        lacking = goal.least_count(claim.total) - claim.correct_at_least
        more = (wanted.at_least or Fraction(0)) + Fraction(max(lacking, 0) * 9, 8 * claim.total)
        return replace(wanted, at_least=min(more, Fraction(1)))
    excess, allowed = (
        counted.proof.operations - (goal.max_operations or 0),
        wanted.max_operations or 0,
    )
    # Choices come in steps: what is asked for must change by more than the smallest of them.
    return replace(wanted, max_operations=max(allowed - max(excess * 9 // 8, allowed // 200), 0))
