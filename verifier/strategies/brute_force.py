"""Brute force: evaluate every input against every rival, in int64 lanes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.models.architectures import Shape
from ballproof.verifier.counting.branch import settled
from ballproof.verifier.counting.classes import TabledClass
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.transitions import Transitions
from ballproof.verifier.counting.wrong_count import NOTHING, WrongCount
from ballproof.verifier.strategies.base import Group, InAuto
from ballproof.verifier.strategies.without_witness import SettlesEverything

# Sums formed at once: as many as stay in a core's cache.
BLOCK = 1 << 17
# Columns of the tables for each position that is left: all sequences of a box are in the class.
Box = tuple[NDArray[np.int64], ...]


class BruteForce(SettlesEverything):
    """Evaluate every input (T1 with upper and lower tables), v^k of them for most tasks."""

    name = "brute-force"
    complexity = "v^(k+1) k"
    summary = "every input, every rival: both ends, ties decided"
    precision = 32
    group = Group("brute-force", "every input", 0)
    family = "brute-force"
    of_study = True
    in_auto = InAuto.NEVER

    def unexplained_dimension(self, shape: Shape) -> int:
        """Return v^(k+1): every logit of every input."""
        return int(shape.d_vocab ** (shape.n_ctx + 1))

    def least_operations(self, problem: Problem) -> int:
        """Count k+1 operations per input and answer, for max."""
        if not problem.is_max_of_all:
            return 0
        return problem.total * problem.answers * (problem.shape.n_ctx + 1)

    def count_class(self, problem: Problem, tabled: TabledClass) -> WrongCount:
        """Return how many inputs of a class are wrong."""
        boxes = boxes_of(tabled.transitions)
        return sum((_count_box(problem, tabled, box) for box in boxes), NOTHING)


def boxes_of(transitions: Transitions, level: int = 0, state: int = 0) -> Iterator[Box]:
    """Yield disjoint boxes of columns that make up all completions from a state of a level."""
    if level == transitions.levels:
        yield ()
        return
    targets = transitions.targets[level][state]
    # All columns that lead to one state go on together.
    for target in np.unique(targets[targets >= 0]).tolist():
        columns = np.flatnonzero(targets == target)
        for rest in boxes_of(transitions, level + 1, target):
            yield (columns, *rest)


def _count_box(
    problem: Problem, tabled: TabledClass, box: Box, prefix: tuple[int, ...] = ()
) -> WrongCount:
    """Count the wrong sequences of a box, splitting off positions until a block is small."""
    lanes = math.prod(map(len, box)) * len(tabled.tables.query_high)
    if lanes <= BLOCK or not box:
        return _count_block(problem, tabled, box, prefix)
    longer = ((*prefix, column) for column in box[0].tolist())
    return sum((_count_box(problem, tabled, box[1:], each) for each in longer), NOTHING)


def _count_block(
    problem: Problem, tabled: TabledClass, box: Box, prefix: tuple[int, ...]
) -> WrongCount:
    tables = tabled.tables
    high = _sums(tables.high, tables.query_high, prefix, box)
    # The sign bit of a bitwise "and" is set where every rival's sum is negative.
    reached = np.argwhere(np.bitwise_and.reduce(high, axis=0) >= 0)
    if not len(reached):
        return NOTHING
    free = np.empty((len(reached), len(tables.low)), dtype=np.int64)
    free[:, : len(prefix)] = prefix
    for place, columns in enumerate(box):
        free[:, len(prefix) + place] = columns[reached[:, place]]
    lost = (_each(tables.low, tables.query_low, free) >= 0).any(axis=1)
    query = np.full((len(reached), 1), tables.query)
    sequences = np.hstack([free + tables.tokens.start, query])
    count = int(lost.sum())
    return WrongCount(count, count) + settled(problem, tabled, sequences[~lost])


def _sums(table: Lanes, query: Lanes, prefix: tuple[int, ...], box: Box) -> Lanes:
    """Return (a, *lengths of the box): the sums of T1 for every sequence of the box."""
    base = query + table[np.arange(len(prefix)), list(prefix)].sum(axis=0)
    total: Lanes = base.reshape(-1, *[1] * len(box))
    # The last places first: the small sums are formed once and spread over the larger array.
    for axis in reversed(range(len(box))):
        entries = table[len(prefix) + axis, box[axis]].T
        lengths = [1] * len(box)
        lengths[axis] = len(box[axis])
        total = total + np.ascontiguousarray(entries).reshape(-1, *lengths)
    return total


def _each(table: Lanes, query: Lanes, free: NDArray[np.int64]) -> Lanes:
    """Return (N, a): the sums of T1 of these sequences, given by column (N, n)."""
    sums: Lanes = query + np.zeros((len(free), 1), dtype=np.int64)
    for place, columns in enumerate(free.T):
        sums += table[place, columns]
    return sums
