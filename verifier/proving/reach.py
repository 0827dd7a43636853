"""Whether any proof can reach a bound that is asked for: said before a search for one begins."""

from __future__ import annotations

import time

from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.pipeline import NotApplicableError
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies import settling_strategy
from ballproof.verifier.strategies.obstacles import obstacle

# Counting every input comes before the search only where it takes seconds: it is not begun where it
# needs more operations than this for certain, and is given up after so many seconds.
MOST_OPERATIONS = 10**9
SECONDS = 10.0


class _OutOfTimeError(Exception):
    """The count takes longer than it may."""


def require_reachable(problem: Problem, goal: Goal, seconds: float = SECONDS) -> None:
    """Raise NotApplicableError where so many inputs are wrong that no proof can reach the goal.

    Says nothing where counting them takes longer than `seconds`. Sound: no strategy shows more
    inputs right, at the problem's margin, than there are, and the count's upper end is not below
    that number.
    """
    if goal.at_least is None:
        return
    strategy = settling_strategy(problem)
    if obstacle(strategy, problem):
        return
    if strategy.least_operations(problem) > MOST_OPERATIONS:
        return
    end = time.monotonic() + seconds

    def within_time(done: int, every: int) -> None:
        if time.monotonic() > end:
            raise _OutOfTimeError

    try:
        witness = strategy.search(problem, Goal(), within_time)
        bounds = strategy.bound(problem, witness, within_time)
    except _OutOfTimeError:
        return
    most, wanted = bounds.correct_at_most, goal.least_count(problem.total)
    if most < wanted:
        right = _right(bounds.correct_at_least, most)
        raise NotApplicableError(
            f"No proof reaches this bound: {wanted} of {problem.total} inputs have to be right, "
            f"and {right} ({share(most, problem.total)}{_how(problem)})."
        )


def _right(least: int, most: int) -> str:
    return f"exactly {most} are" if least == most else f"at most {most} are"


def _how(problem: Problem) -> str:
    """Return what right means where it is not just the largest logit."""
    if problem.semantics != "real":
        return f", in {problem.semantics} whatever the order of summation"
    return f", with margin {problem.claimed}" if problem.claimed else ""
