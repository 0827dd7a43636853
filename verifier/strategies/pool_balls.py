"""The worst case (T3) of pools of queries (T8, T9) in balls, written apart from the prover's."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import NamedTuple

import flint
import numpy as np

from ballproof.interval.ball import exact, largest
from ballproof.verifier.counting.problem import Integers, Problem


class Pool(NamedTuple):
    """A pool of queries first..last of the maximum m; tokens below `far` share a cell.

    `threshold` stands for the direct path's gap where it is given, in the problem's unit of logits.
    """

    maximum: int
    first: int
    last: int
    far: int
    apart: bool
    rivals: tuple[int, ...]
    threshold: int | None = None

    @property
    def described(self) -> str:
        """Name the pool's worst case in print."""
        who = f"rival {self.rivals[0]}" if len(self.rivals) == 1 else f"{len(self.rivals)} rivals"
        at = "" if self.threshold is None else " at its threshold"
        return f"the worst case of {who}{at} over the queries {self.first}..{self.last}"


class Weights(NamedTuple):
    """Weights below and above for rows and cells, and the query's own, up to a common factor."""

    low: list[list[flint.arb]]
    high: list[list[flint.arb]]
    own: tuple[flint.arb, flint.arb]


class Extremes(NamedTuple):
    """Of one pool, for each rival: gaps of V per cell, of P per row, of D, and of V + P of q."""

    cells: list[list[int]]
    rows: list[list[int]]
    direct: list[int]
    own: list[int]


class PoolBalls:
    """Worst cases of one problem, in logits, with the largest weight of the pool at most 1."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.places = problem.shape.n_ctx - 1
        self.one = flint.arb(problem.one)
        # All rivals of a pool, asked for one after the other, share weights and extremes.
        self.weights = lru_cache(maxsize=8)(self._weights)
        self.extremes = lru_cache(maxsize=8)(self._extremes)
        self.cells = lru_cache(maxsize=4 * problem.shape.d_vocab)(self._cells)

    def worst(self, pool: Pool, bits: int) -> flint.arb:
        """Enclose the largest upper sum in the pool's classes, at the precision in force.

        `bits` names that precision. For several rivals the entries are the largest over them: as
        all rivals have the same weights, those of the largest gap (T4).
        """
        weights = self.weights(pool.maximum, *pool[1:5], bits)
        gaps, own = self._gaps(pool)
        rows = list(map(_entries, gaps, weights.low, weights.high))
        total = self._largest(rows, holds=pool.first == pool.maximum)
        return (total + own * weights.own[own > 0]) / self.one

    def _largest(self, rows: list[list[flint.arb]], *, holds: bool) -> flint.arb:
        """Return the largest sum of one entry a place; unless the query holds m, some place does.

        The cell of m is the last one.
        """
        if not rows:
            return exact(0)
        tops = [reduce(flint.arb.max, row) for row in rows]
        repeat = self.places // len(rows)
        if holds:
            return repeat * sum(tops, exact(0))
        if len(rows) == 1:
            return (repeat - 1) * tops[0] + rows[0][-1]
        before, after = _sums(tops), _sums(tops[::-1])[::-1]
        return largest(before[i] + row[-1] + after[i + 1] for i, row in enumerate(rows))

    def _gaps(self, pool: Pool) -> tuple[list[list[flint.arb]], int]:
        """Return F of T8 for rows and cells in balls, and for the query's own entry, exactly."""
        extremes = self.extremes(pool.maximum, pool.first, pool.last, pool.far, pool.apart)
        bases = [
            self.problem.eps + (extremes.direct[j] if pool.threshold is None else pool.threshold)
            for j in pool.rivals
        ]
        own = max(extremes.own[j] + base for j, base in zip(pool.rivals, bases, strict=True))
        if len(bases) == 1:
            (j,) = pool.rivals
            steps = [flint.arb(row + bases[0]) for row in extremes.rows[j]]
            cells = self.cells(pool.maximum, pool.far, j)
            return [[cell + step for cell in cells] for step in steps], own
        alone = [
            [[cell + row + base for cell in extremes.cells[j]] for row in extremes.rows[j]]
            for j, base in zip(pool.rivals, bases, strict=True)
        ]
        free = np.array(alone, dtype=object).max(axis=0).tolist()
        return [[flint.arb(gap) for gap in row] for row in free], own

    def _cells(self, m: int, far: int, j: int) -> list[flint.arb]:
        """Return the gaps of V of one rival per cell as exact balls."""
        return [flint.arb(cell) for cell in self.extremes(m, m, m, far, True).cells[j]]

    def _extremes(self, m: int, first: int, last: int, far: int, apart: bool) -> Extremes:
        problem = self.problem
        steps = problem.places - problem.places[:, [m]]
        rows = steps[:-1]
        if not apart and self.places:
            rows = rows.max(axis=0, keepdims=True)
        cells = problem.output[far : m + 1] - problem.output[far : m + 1, [m]]
        if far:
            below = problem.output[:far]
            cells = np.concatenate([(below.max(axis=0) - below[:, m].min())[None], cells])
        direct, output = (
            _most(table[first : last + 1], m) for table in (problem.direct, problem.output)
        )
        return Extremes(
            cells.T.tolist(), rows.T.tolist(), direct.tolist(), (output + steps[-1]).tolist()
        )

    def _weights(self, m: int, first: int, last: int, far: int, apart: bool, _bits: int) -> Weights:
        queries = np.arange(first, last + 1)
        score = self.problem.score[queries] - self.problem.score[queries, m][:, None]
        tokens = [(column.min(), column.max()) for column in score[:, far : m + 1].T]
        if far:
            tokens.insert(0, (score[:, :far].min(), score[:, :far].max()))
        own = score[np.arange(len(queries)), queries]
        tokens.append((own.min(), own.max()))
        steps = self.problem.positional_score[queries]
        steps = steps - steps[:, :1]
        places = [(column.min(), column.max()) for column in steps.T]
        if not apart and self.places:
            free = steps[:, :-1]
            places = [(free.min(), free.max()), places[-1]]
        *cells, own_token = self._exponentials(tokens)
        *rows, own_place = self._exponentials(places)
        low, high = ([[row[end] * cell[end] for cell in cells] for row in rows] for end in (0, 1))
        # One query has one weight.
        return Weights(
            low,
            low if first == last and far <= 1 and (apart or self.places <= 1) else high,
            (own_place[0] * own_token[0], own_place[1] * own_token[1]),
        )

    def _exponentials(self, spans: list[tuple[int, int]]) -> list[tuple[flint.arb, flint.arb]]:
        """Enclose exp of both ends of each span, relative to the largest end."""
        top = max(high for _, high in spans)
        root = flint.arb(self.problem.shape.d_head).sqrt()

        def exp(score: int) -> flint.arb:
            return (exact(int(score - top), self.problem.score_exponent) / root).exp()

        return [(exp(low), exp(high)) for low, high in spans]


def _most(rows: Integers, m: int) -> Integers:
    """Return the largest entry of each column less the least of column m."""
    if len(rows) == 1:
        single: Integers = rows[0] - rows[0, m]
        return single
    most: Integers = rows.max(axis=0) - rows[:, m].min()
    return most


def _entries(gaps: list[flint.arb], low: list[flint.arb], high: list[flint.arb]) -> list[flint.arb]:
    """Return the larger of both ends of the weight times each gap."""
    if low is high:
        return [gap * weight for gap, weight in zip(gaps, low, strict=True)]
    return [(gap * a).max(gap * b) for gap, a, b in zip(gaps, low, high, strict=True)]


def _sums(numbers: list[flint.arb]) -> list[flint.arb]:
    sums = [exact(0)]
    for number in numbers:
        sums.append(sums[-1] + number)
    return sums
