"""Counting rules for the tables of a class: walks over tuples of cells, grids, and moments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from interval.ball import precision, upper_end
from interval.fixed import Lanes
from verifier.ladder.pools import Tables

STEPS = 1024
POWER_BITS = 80
BLOCK = 1 << 15


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


@dataclass
class Walk:
    """T7 and T10: prefixes of cells, a whole level at a time; counts nodes as the kernel does.

    `certain` are sequences that some rival wins in the lower tables, `possible` those that some
    rival wins in the upper ones. `limit` stops a walk whose `operations` exceed it: what is left
    is then taken for possibly wrong.
    """

    box: Box
    low: Tables
    high: Tables
    limit: float = float("inf")
    certain: int = 0
    possible: int = 0
    operations: int = 0

    def run(self) -> Walk:
        """Count, and return self."""
        self.low_rows, self.high_rows = self.box.rows(self.low), self.box.rows(self.high)
        self.least = _suffix(self.low_rows.min(axis=1))
        self.most = _suffix(self.high_rows.max(axis=1))
        kind = np.int64 if self.box.size.bit_length() < 62 else object
        self.sizes: Numbers = np.array(self.box.sizes, dtype=kind)
        one = np.array([1], dtype=kind)
        self._level(self.low.own[None], self.high.own[None], one, np.array([self.box.holds]), 0)
        return self

    def _level(
        self, low: Lanes, high: Lanes, many: Numbers, holds: NDArray[np.bool_], depth: int
    ) -> None:
        """Count prefixes of equal length; rows are prefixes, columns rivals."""
        alive = high + self.most[depth] >= 0
        live = alive.any(axis=1)
        # A rival that cannot win any more leaves the prefix, and is not charged below it.
        self.operations += 6 * int((high > _DEAD).sum())
        low, high = np.where(alive, low, _DEAD), np.where(alive, high, _DEAD)
        low, high, many, holds = low[live], high[live], many[live], holds[live]
        lost = (low + self.least[depth] >= 0).any(axis=1)
        self._add(many[lost], holds[lost], depth, certain=True)
        low, high, many, holds = low[~lost], high[~lost], many[~lost], holds[~lost]
        left = self.box.places - depth
        if not left or self.operations > self.limit:
            self._add(many, holds, depth, certain=False)
            return
        cells = len(self.sizes)
        if left == 1:
            self.operations += int((high > _DEAD).sum()) * 2 * (cells.bit_length() + cells)
        block = max(BLOCK // cells, 1)
        for start in range(0, len(many), block):
            part = slice(start, start + block)
            self._expand(low[part], high[part], many[part], holds[part], depth)

    def _expand(
        self,
        low: Lanes,
        high: Lanes,
        many: Numbers,
        holds: NDArray[np.bool_],
        depth: int,
    ) -> None:
        below = _extended(low, self.low_rows[depth])
        above = _extended(high, self.high_rows[depth])
        rivals = low.shape[1]
        number = np.multiply.outer(many, self.sizes)
        held = holds[:, None] | (np.arange(len(self.sizes)) == len(self.sizes) - 1)
        if depth + 1 == self.box.places:
            # The last place is counted by sets of cells, at no further cost.
            wrong = (below >= 0).any(axis=2) & held
            open_ = (above >= 0).any(axis=2) & held & ~wrong
            self.certain += _total(number[wrong])
            self.possible += _total(number[wrong]) + _total(number[open_])
            return
        self._level(
            below.reshape(-1, rivals),
            above.reshape(-1, rivals),
            number.reshape(-1),
            held.reshape(-1),
            depth + 1,
        )

    def _add(self, many: Numbers, holds: NDArray[np.bool_], depth: int, *, certain: bool) -> None:
        left = self.box.places - depth
        for held in (True, False):
            count = _total(many[holds == held]) * self.box.completions(left, held)
            self.possible += count
            self.certain += count if certain else 0


_DEAD = np.iinfo(np.int64).min // 4


def _extended(sums: Lanes, row: Lanes) -> Lanes:
    """Add each cell's entry to each sum; a rival that has left stays out."""
    added = sums[:, None, :] + row[None]
    return np.where(sums[:, None, :] > _DEAD // 2, added, _DEAD)


def _suffix(rows: Lanes) -> Lanes:
    """Return what the places i.. add in all, for i = 0..n."""
    zero = np.zeros((1, rows.shape[1]), dtype=np.int64)
    return np.concatenate([np.cumsum(rows[::-1], axis=0)[::-1], zero])


def _total(numbers: Numbers) -> int:
    return int(numbers.sum()) if len(numbers) else 0


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
