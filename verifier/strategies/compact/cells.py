"""`cells`: rows of neurons through a few directions, inputs in cells where most are linear (M4)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache
from math import ceil, inf
from random import Random

import numpy as np

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.interval.fixed import RangeError
from ballproof.verifier.counting.fixed_point import LANES, FixedPoint
from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.one_pass import sampled
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.program import columns_of
from ballproof.verifier.counting.projection import Cells, Directions, Projection
from ballproof.verifier.strategies.base import Witness
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    WitnessChanges,
)
from ballproof.verifier.strategies.compact.balls import CellsQuantities
from ballproof.verifier.strategies.compact.boxes import Leaves, Places, leaves_of
from ballproof.verifier.strategies.compact.changes import add_matrix_changes
from ballproof.verifier.strategies.compact.choices import Choices
from ballproof.verifier.strategies.compact.costs import cells_operations
from ballproof.verifier.strategies.compact.domain import (
    CELLS,
    MOST_DIRECTIONS,
    MOST_LEAF,
)
from ballproof.verifier.strategies.compact.fits import directions
from ballproof.verifier.strategies.compact.matrices import Floats, Scaled, read, written
from ballproof.verifier.strategies.faults import object_faults
from ballproof.verifier.strategies.relaxations import Relaxation

# Inputs that numbers of directions are tried on, and that sizes of cells are.
SAMPLE, SEED, CELL_SAMPLE = 4096, 15, 1 << 15
# Bits of the numbers in a witness.
BITS = 20
NO_LEAVES: tuple[object, ...] = (0, -1, MOST_LEAF + 1, "16", None, [], True)
# Smaller cells are not looked at where these take so many times the fewest operations.
WORSE = 1.2


class CellsKind:
    """Witnesses of a few directions, what makes coordinates of a row, and the size of cells."""

    name, most_bits = "cells", 512
    complexity = "inputs times (H k (K + a) + o a), o neurons not linear on a cell"
    summary = "neurons in few directions, linear on cells of inputs but for a few of them"
    relaxed = Relaxation("directions", "what rows have beyond the directions is charged row by row")

    def search(self, problem: Problem, goal: Goal) -> Witness:
        """Take the leading directions, as many as the goal asks for."""
        try:
            return _search(problem).witness(goal)
        except RangeError:
            return self.of_one_answer(problem)

    def of_one_answer(self, problem: Problem) -> Witness:
        """Return one direction of zeros."""
        m = problem.program.neurons
        return {
            "leaf": 1,
            "directions": written(np.zeros((1, m))),
            "coordinates": written(np.zeros((m, 1))),
        }

    def least_operations(self, problem: Problem) -> int:
        """Count a single direction on which no neuron bends."""
        return cells_operations(problem, 1, Leaves(MOST_LEAF, 0, 0, 0, 0, 0))

    def step(self, problem: Problem, witness: Witness) -> Cells:
        """Return M4 for this witness."""
        return Cells(Projection(problem.program, given(problem, witness)))

    def quantities(self, problem: Problem, witness: Witness) -> CellsQuantities:
        """Return what decides for every rival on sampled inputs."""
        return CellsQuantities(problem, Projection(problem.program, given(problem, witness)))

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness has a size and two matrices."""
        return set(witness) == set(CELLS)

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return matrices and sizes outside of their domain, and others."""
        outside = list(object_faults(WITNESS_PATH, witness))
        leaf = (*WITNESS_PATH, "leaf")
        outside += [Change(leaf, number, OUTSIDE) for number in NO_LEAVES]
        inside = [Change(leaf, n, COMPUTED) for n in (1, MOST_LEAF) if n != witness["leaf"]]
        changes = WitnessChanges(outside, inside)
        for key in ("directions", "coordinates"):
            add_matrix_changes(changes, problem, key, witness[key], rng)
        return changes


def given(problem: Problem, witness: Witness) -> Directions:
    """Return the matrices of a witness."""
    m, many = problem.program.neurons, len(witness["directions"]["rows"])
    made = read(witness["directions"], many, m), read(witness["coordinates"], m, many)
    return Directions(*made)


@lru_cache(maxsize=1)
def _search(problem: Problem) -> _Search:
    """Return what is known of a problem's directions: one goal often follows another."""
    return _Search(problem)


class _Search:
    """The leading directions of a model's rows: of each number of them the best size of cells."""

    def __init__(self, problem: Problem) -> None:
        self.problem, program = problem, problem.program
        self.tokens, self.own, self.weight = sampled(problem, SAMPLE, SEED)
        ranges = Scaled.of(_ranges(program.layers[-1][0])).floats[0]
        self.rows = Scaled.of(_rows(problem))
        found = directions(self.rows.floats, ranges, MOST_DIRECTIONS)
        self.directions, self.coordinates = found
        self._place(Projection(program, self._given(len(self.directions))))
        self.leaves = cache(self._leaves)
        self.choices = Choices(len(self.directions), self._operations, self._right)

    def witness(self, goal: Goal) -> Witness:
        """Return the witness with as many directions as the goal asks for."""
        many = self.choices.chosen(self.problem, goal) + 1
        return {"leaf": min(self.leaves(many).size, MOST_LEAF), **self._written(many)}

    def _written(self, many: int) -> Witness:
        return {
            "directions": written(self.directions[:many], bits=BITS),
            "coordinates": written(self.coordinates[:, :many], bits=BITS),
        }

    def _given(self, many: int) -> Directions:
        return given(self.problem, self._written(many))

    def _place(self, projection: Projection) -> None:
        """Make the points of inputs, in all directions, and the neurons' base."""
        fixed = FixedPoint(projection.coordinates, LANES)
        tokens = sampled(self.problem, CELL_SAMPLE, SEED)[0]
        sums = fixed.sums(tokens)[0].astype(np.float64)
        # Points and base in the unit of the rows.
        self.points = np.ldexp(sums, -fixed.unit - self.rows.exponent)
        self.base = _base(self.problem, self.rows.exponent)
        last = tokens[:, -1]
        self.groups: Sequence[Places] = [np.flatnonzero(last == x) for x in np.unique(last)]

    def _leaves(self, many: int) -> Leaves:
        """Return the cells that take the fewest operations."""
        part = max(Fraction(self.problem.task.product, max(len(self.points), 1)), Fraction(1))
        points, rows = self.points[:, :many], self.directions[:many]
        best, least = Leaves(1, 0, 0, 0, 0, 0), inf
        for each in leaves_of(self.groups, points, self.base, rows):
            # Of a sample, as many cells, each of more inputs.
            size, opened = (ceil(x * part) for x in (each.size, each.opened))
            leaves = each._replace(size=size, opened=opened)
            found = cells_operations(self.problem, many, leaves)
            if found < least:
                best, least = leaves, found
            if found > WORSE * least:
                break
        return best

    def _operations(self, place: int) -> int:
        return cells_operations(self.problem, place + 1, self.leaves(place + 1))

    def _right(self, place: int) -> Fraction:
        """Return the part of sampled inputs that so many directions show right."""
        try:
            step = Cells(Projection(self.problem.program, self._given(place + 1)))
        except RangeError:
            return Fraction(0)
        found = step.settle(self.tokens, self.own, self.problem.margin)
        return int(found.right.sum()) * self.weight


def _ranges(weights: DyadicMatrix) -> DyadicMatrix:
    """Return by how much the entries of each row differ at most, as a row (1, m)."""
    ranges = [max(row) - min(row) for row in weights.tolist()]
    return DyadicMatrix.from_ints([ranges], weights.exponent)


def _rows(problem: Problem) -> DyadicMatrix:
    """Return the rows of neurons that are not the base (R, m), those of heads by their share."""
    program = problem.program
    pairs = zip(program.lookups, program.positions, strict=True)
    looked_up = [part for part, allowed in pairs if part is not None and len(allowed) > 1]
    # A head's weights add up to 1: its rows count with the mean of them.
    mixed = [part for head in program.heads for part in head.values if part is not None]
    share = max(len(program.positions) - 1, 1).bit_length()
    mixed = [DyadicMatrix(part.mantissa, part.exponent - share) for part in mixed]
    parts = [columns_of(part, range(program.neurons)) for part in (*looked_up, *mixed)]
    if not parts:
        return DyadicMatrix.zeros(1, program.neurons)
    least = min(part.exponent for part in parts)
    rows = [[x << part.exponent - least for x in row] for part in parts for row in part.tolist()]
    return DyadicMatrix.from_ints(rows, least)


def _base(problem: Problem, exponent: int) -> Floats:
    """Return the look-ups of positions with one token (m,), in units of 2^exponent."""
    program = problem.program
    base = np.zeros(program.neurons)
    for part, allowed in zip(program.lookups, program.positions, strict=True):
        if part is not None and len(allowed) == 1:
            row = columns_of(part, range(program.neurons))
            base += DyadicMatrix(row.mantissa, row.exponent - exponent).to_float()[0]
    return base
