"""Counting rules for the tables of a class that list no inputs: grids (T6), moments (T5), T11."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import precision, upper_end
from ballproof.interval.fixed import Lanes
from ballproof.verifier.strategies.ladder.pools import Tables

STEPS = 1024
POWER_BITS = 80


# Exact counts: int64 where all sequences of the class fit, Python integers otherwise.
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Box:
    """The sequences of one class by cells: sizes with m's cell last, free places, and q = m."""

    sizes: tuple[int, ...]
    places: int
    holds: bool

    def completions(self, places: int, holds: bool, *, without: int = 0) -> int:
        """Return the fillings of some places that hold m somewhere, leaving out some tokens."""
        tokens = sum(self.sizes) - without
        return int(tokens**places - (0 if holds else (tokens - 1) ** places))

    @property
    def size(self) -> int:
        """How many sequences the class has."""
        return self.completions(self.places, self.holds)

    def without(self, cells: set[int]) -> Box:
        """Return the box of the sequences that hold no token of some cells (never m's)."""
        sizes = tuple(size for cell, size in enumerate(self.sizes) if cell not in cells)
        return Box(sizes, self.places, self.holds)

    def rows(self, tables: Tables) -> Lanes:
        """Return the tables' rows, one for each place."""
        shape = (self.places, *tables.rows.shape[1:])
        return np.broadcast_to(tables.rows, shape) if self.places else tables.rows[:0]


def given_up(box: Box, marked: int, most: int) -> int:
    """Return how many sequences hold more than `most` of `marked` tokens below m (T11)."""
    kept = 0
    for count in range(min(most, box.places) + 1):
        ways = box.completions(box.places - count, box.holds, without=marked)
        kept += comb(box.places, count) * marked**count * ways
    return box.size - kept


@dataclass(frozen=True)
class Grid:
    """A table on a grid: how far each entry lies below the top of its row, and the budget.

    A sequence reaches 0 on the grid if its distances add up to at most `budget`; negative: none.
    """

    distances: NDArray[np.object_]
    budget: int


def on_grid(box: Box, tables: Tables, rate: int, *, up: bool) -> Grid:
    """Round a single rival's table to multiples of worst / rate, up or down (T6).

    `worst` is the largest sum. Distances have the shape (rows, cells).
    """
    own, rows = int(tables.own[0]), tables.rows[:, :, 0].astype(object)
    repeat = box.places // max(len(rows), 1)
    worst = own + repeat * sum(int(row.max()) for row in rows)
    if worst < 0:
        return Grid(rows, -1)
    worst = max(worst, 1)
    if up:
        grid, start = -((-rows * rate) // worst), -((-own * rate) // worst)
    else:
        grid, start = (rows * rate) // worst, own * rate // worst
    tops = grid.max(axis=1, keepdims=True)
    return Grid(tops - grid, int(start + repeat * tops.sum()))


def grid_count(box: Box, grid: Grid, marked: set[int], most: int) -> int:
    """Return how many sequences with at most `most` marked tokens reach 0 on the grid (T6, T11)."""
    if grid.budget < 0:
        return 0
    limit = grid.budget + 1

    def summed(distances: list[int], sizes: list[int]) -> flint.fmpz_poly:
        coefficients = [0] * limit
        for distance, size in zip(distances, sizes, strict=True):
            if distance < limit:
                coefficients[distance] += size
        return flint.fmpz_poly(coefficients)

    def times(a: flint.fmpz_poly, b: flint.fmpz_poly) -> flint.fmpz_poly:
        return a.mul_low(b, limit)

    total = _first_maximum(box, grid.distances, marked, most, summed, times, flint.fmpz_poly([1]))
    return int(sum(total.coeffs()))


def moment_bound(box: Box, grid: Grid, marked: set[int], most: int) -> int:
    """Return a bound on `grid_count` by exponential moments, rounded up (T5, T11)."""
    if grid.budget < 0:
        return 0
    powers = _powers()

    def summed(distances: list[int], sizes: list[int]) -> int:
        pairs = zip(distances, sizes, strict=True)
        return sum(size * ((powers[-d % STEPS] >> -(-d // STEPS)) + 1) for d, size in pairs)

    def times(a: int, b: int) -> int:
        return a * b

    total = _first_maximum(box, grid.distances, marked, most, summed, times, 1)
    total = total * powers[grid.budget % STEPS] << grid.budget // STEPS
    return int(total >> POWER_BITS * (box.places + 1))


def _first_maximum(
    box: Box,
    distances: NDArray[np.object_],
    marked: set[int],
    most: int,
    summed: Any,
    times: Any,
    one: Any,
) -> Any:
    """Add up the boxes of the class: m for the first time at place p (T5's disjoint boxes).

    Each place has a polynomial in a marker, cut after degree `most`: its constant term stands for
    plain tokens and its linear one for marked tokens.
    """
    plain = [cell for cell in range(len(box.sizes) - 1) if cell not in marked]
    below, full, top = [], [], []
    for row in distances.tolist():

        def terms(cells: list[int], row: list[int] = row) -> Any:
            return summed([row[c] for c in cells], [box.sizes[c] for c in cells])

        last = len(row) - 1
        extra = [terms(sorted(marked))] if marked and most else []
        below.append([terms(plain), *extra])
        full.append([terms([*plain, last]), *extra])
        top.append([terms([last])])
    repeat = box.places // max(len(distances), 1)
    below, full, top = ([x for x in rows for _ in range(repeat)] for rows in (below, full, top))

    def product(a: list[Any], b: list[Any]) -> list[Any]:
        result: list[Any] = []
        for degree in range(min(len(a) + len(b) - 1, most + 1)):
            pairs = [times(a[i], b[degree - i]) for i in range(len(a)) if 0 <= degree - i < len(b)]
            result.append(sum(pairs[1:], pairs[0]))
        return result

    after = [[one]]
    for factor in reversed(full):
        after.append(product(after[-1], factor))
    if box.holds:
        return sum(after[-1][1:], after[-1][0])
    total, before = one - one, [one]
    for place in range(box.places):
        rest = after[box.places - 1 - place]
        total = sum(product(product(before, top[place]), rest), total)
        before = product(before, below[place])
    return total


@cache
def _powers() -> list[int]:
    """Return integers >= 2**(i/1024) in units of 2**-POWER_BITS, from enclosures."""
    with precision(POWER_BITS + 40):
        unit = flint.arb(2) ** POWER_BITS
        ends = [upper_end((flint.arb(2) ** (flint.arb(i) / STEPS)) * unit) for i in range(STEPS)]
    return [
        -(-mantissa >> -exponent) if exponent < 0 else mantissa << exponent
        for mantissa, exponent in ends
    ]
