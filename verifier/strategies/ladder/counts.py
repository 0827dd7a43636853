"""Counting rules for the tables of a class that list no inputs: grids (T6), moments (T5), T11."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import flint

from ballproof.interval.ball import precision, upper_end
from ballproof.verifier.strategies.ladder.cells import Cells
from ballproof.verifier.strategies.ladder.pools import Tables

STEPS = 1024
POWER_BITS = 80


def kept(cells: Cells, rare: set[int], most: int) -> int:
    """Return how many sequences hold at most `most` tokens of some cells (T11)."""

    def summed(level: int, chosen: list[int]) -> int:
        return sum(cells.sizes[cell] for cell in chosen)

    return int(_folded(cells, rare, most, summed, lambda a, b: a * b, 1, 0))


def given_up(cells: Cells, rare: set[int], most: int) -> int:
    """Return how many sequences hold more than `most` tokens of some cells (T11)."""
    if not rare:
        return 0
    return cells.size - (kept(cells, rare, most) if most else cells.without(rare).size)


@dataclass(frozen=True)
class Grid:
    """A table on a grid: how far each entry lies below the top of its level, and the budget.

    A sequence reaches 0 on the grid if its distances add up to at most `budget`; negative: none.
    `distances` has a row for each level; levels that are alike share the row.
    """

    distances: list[list[int]]
    budget: int


def on_grid(cells: Cells, tables: Tables, rate: int, *, up: bool) -> Grid:
    """Round a single rival's table to multiples of worst / rate, up or down (T6).

    `worst` is the sum of the largest entries that have an arc.
    """
    own = int(tables.own[0])
    rows = [[int(x) for x in row] for row in tables.rows[:, :, 0]]
    worst = own + sum(_tops(cells, rows))
    if worst < 0 or not cells.size:
        return Grid([], -1)
    worst = max(worst, 1)
    sign = -1 if up else 1
    grid = [[sign * (sign * x * rate // worst) for x in row] for row in rows]
    tops = _tops(cells, grid)
    budget = sign * (sign * own * rate // worst) + sum(tops)
    made: dict[tuple[int, int], list[int]] = {}
    for level, top in enumerate(tops):
        row = level % len(grid)
        made.setdefault((row, top), [top - x for x in grid[row]])
    return Grid([made[level % len(grid), top] for level, top in enumerate(tops)], budget)


def _tops(cells: Cells, rows: list[list[int]]) -> list[int]:
    """Return the largest entry that has an arc, at each level; nothing has any after `without`."""
    return [
        max((rows[level % len(rows)][cell] for cell in used), default=0)
        for level, used in enumerate(cells.used_lists)
    ]


def grid_count(cells: Cells, grid: Grid, rare: set[int], most: int) -> int:
    """Return how many sequences with at most `most` rare tokens reach 0 on the grid (T6, T11)."""
    if grid.budget < 0:
        return 0
    limit = grid.budget + 1

    def summed(level: int, chosen: list[int]) -> flint.fmpz_poly:
        coefficients: dict[int, int] = {}
        row = grid.distances[level]
        for cell in chosen:
            if row[cell] < limit:
                coefficients[row[cell]] = coefficients.get(row[cell], 0) + cells.sizes[cell]
        length = max(coefficients, default=-1) + 1
        return flint.fmpz_poly([coefficients.get(i, 0) for i in range(length)])

    def times(a: flint.fmpz_poly, b: flint.fmpz_poly) -> flint.fmpz_poly:
        return a.mul_low(b, limit)

    one, zero = flint.fmpz_poly([1]), flint.fmpz_poly([])
    total = _folded(cells, rare, most, _by_row(grid, summed), times, one, zero)
    return int(sum(total.coeffs()))


def moment_bound(cells: Cells, grid: Grid, rare: set[int], most: int) -> int:
    """Return a bound on `grid_count` by exponential moments, rounded up (T5, T11)."""
    if grid.budget < 0:
        return 0
    powers = _powers()

    def summed(level: int, chosen: list[int]) -> int:
        row = grid.distances[level]
        return sum(
            cells.sizes[cell] * ((powers[-row[cell] % STEPS] >> -(-row[cell] // STEPS)) + 1)
            for cell in chosen
        )

    def times(a: int, b: int) -> int:
        return a * b

    total = _folded(cells, rare, most, _by_row(grid, summed), times, 1, 0)
    total = total * powers[grid.budget % STEPS] << grid.budget // STEPS
    return int(total >> POWER_BITS * (cells.places + 1))


Summed = Callable[[int, list[int]], Any]


def _by_row(grid: Grid, summed: Summed) -> Summed:
    """Return the same sums, each found once for levels that share a row."""
    known: dict[tuple[int, tuple[int, ...]], Any] = {}

    def looked_up(level: int, chosen: list[int]) -> Any:
        key = id(grid.distances[level]), tuple(chosen)
        if key not in known:
            known[key] = summed(level, chosen)
        return known[key]

    return looked_up


def _folded(
    cells: Cells,
    rare: set[int],
    most: int,
    summed: Summed,
    times: Callable[[Any, Any], Any],
    one: Any,
    zero: Any,
) -> Any:
    """Return the sum over the sequences with at most `most` rare tokens (T5).

    A state is one of the acceptor with the number of rare tokens so far; `summed` adds up the
    entries of some cells at a level.
    """
    values: dict[int, list[Any]] = {0: [one]}
    for level, arcs in enumerate(cells.arcs):
        after: dict[int, list[Any]] = {}
        for arc in arcs:
            if arc.source not in values or arc.first == arc.past:
                continue
            chosen = range(arc.first, arc.past)
            factors = [summed(level, [cell for cell in chosen if cell not in rare])]
            if most and rare:
                factors.append(summed(level, [cell for cell in chosen if cell in rare]))
            before = values[arc.source]
            into = after.setdefault(arc.target, [])
            _add_product(into, before, factors, most, times, zero)
        values = after
    return sum(values.get(0, []), zero)


def _add_product(
    into: list[Any],
    before: Sequence[Any],
    factors: Sequence[Any],
    most: int,
    times: Callable[[Any, Any], Any],
    zero: Any,
) -> None:
    """Add a product of two polynomials in the number of rare tokens, cut after degree `most`."""
    for i, value in enumerate(before):
        for j, factor in enumerate(factors):
            if i + j <= most:
                into += [zero] * (i + j + 1 - len(into))
                into[i + j] = into[i + j] + times(value, factor)


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
