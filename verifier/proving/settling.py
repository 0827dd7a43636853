"""Exact counts of many models: every input settled, each certificate verified by the checker."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future

from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.checking import Checkers
from ballproof.verifier.proving.pipeline import (
    Draft,
    NotApplicableError,
    NotProven,
    Outcome,
    confirm,
    count,
    draft,
)
from ballproof.verifier.strategies.base import Strategy


def settle(
    problems: Iterable[tuple[Problem, Strategy]],
    every: int,
    max_operations: int,
    progress: Progress,
) -> list[Outcome]:
    """Return what its strategy shows of each problem, in their order.

    `every` is their number. Checkers on every core work beside the prover.
    """
    outcomes: list[Outcome | Future[Outcome]] = []
    with Checkers(os.cpu_count() or 1) as checkers:

        def checked(drafted: Draft) -> Outcome:
            try:
                checker = checkers.of_this_thread()
                return confirm(count(drafted, checker), checker)
            except NotApplicableError as error:
                return NotProven(drafted.strategy.name, str(error))

        for problem, strategy in problems:
            try:
                drafted = draft(problem, strategy, max_operations, silent)
                outcomes.append(checkers.pool.submit(checked, drafted))
            except NotApplicableError as error:
                outcomes.append(NotProven(strategy.name, str(error)))
            progress(sum(_is_done(one) for one in outcomes), every)
        found = []
        for one in outcomes:
            found.append(one.result() if isinstance(one, Future) else one)
            progress(len(found), every)
    return found


def _is_done(outcome: Outcome | Future[Outcome]) -> bool:
    return not isinstance(outcome, Future) or outcome.done()
