"""Brute force: evaluate every input against every rival, in int64 lanes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np

from ballproof.interval.fixed import Lanes
from ballproof.models.layout import Shape
from ballproof.verifier.counting.branch import WrongCount
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.separable import ClassTables
from ballproof.verifier.counting.signs import wrong
from ballproof.verifier.strategies.base import (
    Bounds,
    Group,
    InAuto,
    Witness,
    count_classes,
    exhaustive_obstacle,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.exact_balls import ExactQuantities
from ballproof.verifier.strategies.faults import keys_added
from ballproof.verifier.strategies.relaxations import Case, Step, settles_everything

# Sums formed at once: as many as stay in a core's cache.
BLOCK = 1 << 17
Box = list[range]


class BruteForce:
    """Evaluate every one of the v^k inputs (T1 with upper and lower tables)."""

    name = "brute-force"
    complexity = "v^(k+1) k"
    summary = "every input, every rival: both ends, ties decided"
    precision = 32
    group = Group("brute-force", "every input", 0)
    family = "brute-force"
    of_study = True
    in_auto = InAuto.NEVER
    two_sided = True
    losses = None
    steerable = False

    def unexplained_dimension(self, shape: Shape) -> int:
        """Return v^(k+1): every logit of every input."""
        return int(shape.d_vocab ** (shape.n_ctx + 1))

    def obstacle(self, shape: Shape) -> str | None:
        """Return why v^k is too large to be enumerated, or None."""
        return exhaustive_obstacle(shape)

    def least_operations(self, shape: Shape) -> int:
        """Count k+1 operations per input and rival."""
        return int(shape.d_vocab**shape.n_ctx) * shape.d_vocab * (shape.n_ctx + 1)

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the empty witness: there is nothing to search."""
        return {}

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the wrong sequences class by class; both ends are the truth but for ties that
        even 65,536 bits leave open.
        """

        def count_class(tables: ClassTables) -> WrongCount:
            boxes = first_maximum_boxes(tables.query, tables.maximum, problem.shape.n_ctx - 1)
            return sum((_count_box(problem, tables, box) for box in boxes), WrongCount(0, 0))

        return count_classes(problem, progress, count_class)

    def quantities(self, problem: Problem, witness: Witness) -> ExactQuantities:
        """Return worst cases, and sums of sampled sequences."""
        return ExactQuantities(problem)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is empty."""
        return not witness

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return keys, of which there are none."""
        return keys_added()

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the truth, which is what the strategy shows."""
        yield from settles_everything(case)

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> None:
        """Return None: nothing is given up by a witness."""
        return


def first_maximum_boxes(query: int, maximum: int, places: int) -> Iterator[Box]:
    """Yield disjoint boxes of free tokens that make up the class (q, m).

    Where q < m, box p holds m first at position p: tokens < m before it, tokens <= m after it.
    """
    upto, below = range(maximum + 1), range(maximum)
    if query == maximum:
        yield [upto] * places
        return
    for first in range(places):
        yield [below] * first + [range(maximum, maximum + 1)] + [upto] * (places - first - 1)


def _count_box(
    problem: Problem, tables: ClassTables, box: Box, prefix: tuple[int, ...] = ()
) -> WrongCount:
    """Count the wrong sequences of a box, splitting off positions until a block is small."""
    size = len(tables.query_high)
    for tokens in box[len(prefix) :]:
        size *= len(tokens)
    if size == 0:
        return WrongCount(0, 0)
    if size > BLOCK and len(prefix) < len(box):
        result = WrongCount(0, 0)
        for token in box[len(prefix)]:
            result += _count_box(problem, tables, box, (*prefix, token))
        return result
    return _count_block(problem, tables, box, prefix)


def _count_block(
    problem: Problem, tables: ClassTables, box: Box, prefix: tuple[int, ...]
) -> WrongCount:
    rest = box[len(prefix) :]
    high = _sums(tables.high, tables.query_high, prefix, rest)
    # The sign bit of a bitwise "and" is set where every rival's sum is negative.
    reached = np.flatnonzero(np.bitwise_and.reduce(high, axis=0).reshape(-1) >= 0)
    certain = possible = 0
    for flat in reached.tolist():
        offsets = np.unravel_index(flat, high.shape[1:])
        free = (*prefix, *(tokens[int(i)] for tokens, i in zip(rest, offsets, strict=True)))
        verdict = _settle(problem, tables, free)
        certain += verdict is True
        possible += verdict is not False
    return WrongCount(certain, possible)


def _sums(table: Lanes, query: Lanes, prefix: tuple[int, ...], rest: Box) -> Lanes:
    """Return (v, *lengths of rest): the sums of T1 for every sequence of the block."""
    base = query + table[np.arange(len(prefix)), list(prefix)].sum(axis=0)
    total: Lanes = base.reshape(-1, *[1] * len(rest))
    # The last places first: the small sums are formed once and spread over the larger array.
    for axis in reversed(range(len(rest))):
        tokens = rest[axis]
        entries = table[len(prefix) + axis, tokens.start : tokens.stop].T
        lengths = [1] * len(rest)
        lengths[axis] = len(tokens)
        total = total + np.ascontiguousarray(entries).reshape(-1, *lengths)
    return total


def _settle(problem: Problem, tables: ClassTables, free: tuple[int, ...]) -> bool | None:
    """Decide one sequence that some rival may win: lower tables first, then exactly."""
    index = (np.arange(len(free)), list(free))
    if (tables.query_low + tables.low[index].sum(axis=0) >= 0).any():
        return True
    rivals = np.flatnonzero(tables.query_high + tables.high[index].sum(axis=0) >= 0)
    return wrong(problem, (*free, tables.query), rivals.tolist())
