"""Work on labels apart, in a process for each core where that pays."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from ballproof.models.architectures import Shape
from ballproof.models.weights import Weights
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.processes import end_with_parent, spawning

Item = TypeVar("Item")
Result = TypeVar("Result")
Prepare = Callable[[Problem, Any], None]


def spread(
    problem: Problem,
    prepare: Prepare,
    given: Any,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    pays: bool,
) -> Iterator[Result]:
    """Yield the work on each item, in order; `prepare(problem, given)` comes first in each process.

    All of it is done here where more processes do not pay, or this is one of them.
    """
    cores = os.cpu_count() or 1
    if not pays or cores < 2 or multiprocessing.parent_process() is not None:
        prepare(problem, given)
        yield from map(work, items)
        return
    # The weights stay here: what is looked at are the tables, which are found before.
    slim = replace(problem, weights=cast(Weights, _Sized(problem.shape)))
    vars(slim)["tables"] = problem.tables
    context = multiprocessing.get_context("spawn")
    started = (prepare, slim, given)
    with spawning(), ProcessPoolExecutor(cores, context, _start, started) as pool:
        yield from pool.map(work, items)


def _start(prepare: Prepare, problem: Problem, given: Any) -> None:
    """Set up a process, which ends with the one that it serves."""
    end_with_parent()
    prepare(problem, given)


@dataclass(frozen=True)
class _Sized:
    """What stands for the weights of a problem in another process."""

    shape: Shape
