"""The worst case (T3) of pools of queries (T8, T9) in balls, written apart from the prover's."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import flint
import numpy as np

from interval.ball import exact, largest
from verifier.problem import Integers, Problem


class Pool(NamedTuple):
    """A pool of queries first..last of the maximum m; tokens below `far` share a cell.

    `star` stands for the direct path's gap where it is given, in the problem's unit of logits.
    """

    maximum: int
    first: int
    last: int
    far: int
    apart: bool
    rivals: tuple[int, ...]
    star: int | None = None


class Weights(NamedTuple):
    """Weights below and above for rows and cells, and the query's own, up to a common factor."""

    low: list[list[flint.arb]]
    high: list[list[flint.arb]]
    own: tuple[flint.arb, flint.arb]


class PoolBalls:
    """Worst cases of one problem, in logits, with the largest weight of the pool at most 1."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.places = problem.shape.n_ctx - 1
        # Weights are shared by all rivals of a pool, which are asked for one after the other.
        self.weights = lru_cache(maxsize=8)(self._weights)

    def worst(self, pool: Pool, bits: int) -> flint.arb:
        """Enclose the largest upper sum in the pool's classes, at the precision in force.

        `bits` names that precision. For several rivals the entries are the largest over them: as
        all rivals have the same weights, those of the largest gap (T4).
        """
        weights = self.weights(pool.maximum, *pool[1:5], bits)
        gaps, own = self._gaps(pool)
        rows = [
            [_entry(gap, *pair) for gap, pair in zip(row, zip(low, high, strict=True), strict=True)]
            for row, low, high in zip(gaps.tolist(), weights.low, weights.high, strict=True)
        ]
        total = self._largest(rows, holds=pool.first == pool.maximum)
        return (total + _entry(own, *weights.own)) / flint.arb(self.problem.one)

    def _largest(self, rows: list[list[flint.arb]], *, holds: bool) -> flint.arb:
        """Return the largest sum of one entry a place; unless the query holds m, some place does.

        The cell of m is the last one.
        """
        if not rows:
            return exact(0)
        tops = [largest(row) for row in rows]
        repeat = self.places // len(rows)
        if holds:
            return repeat * sum(tops, exact(0))
        if len(rows) == 1:
            return (repeat - 1) * tops[0] + rows[0][-1]
        before, after = _sums(tops), _sums(tops[::-1])[::-1]
        return largest(before[i] + row[-1] + after[i + 1] for i, row in enumerate(rows))

    def _gaps(self, pool: Pool) -> tuple[Integers, int]:
        """Return F of T8 for rows and cells, and for the query's own entry, exactly."""
        problem, rivals, m = self.problem, list(pool.rivals), pool.maximum
        steps = problem.places[:, rivals] - problem.places[:, [m]]
        base = problem.eps + (self._most(problem.direct, pool) if pool.star is None else pool.star)
        rows = steps[:-1]
        if not pool.apart and self.places:
            rows = rows.max(axis=0, keepdims=True)
        output = problem.output[pool.far : m + 1]
        cells = output[:, rivals] - output[:, [m]]
        if pool.far:
            far = problem.output[: pool.far]
            gap = far[:, rivals].max(axis=0) - far[:, m].min()
            cells = np.concatenate([gap[None], cells])
        free = (cells[None] + rows[:, None] + base).max(axis=2)
        own = (self._most(problem.output, pool) + steps[-1] + base).max()
        return free, int(own)

    def _most(self, table: Integers, pool: Pool) -> Integers:
        """Return the largest entry of each rival less the least of m, over the pool's queries."""
        rows = table[pool.first : pool.last + 1]
        if pool.first == pool.last:
            single: Integers = rows[0, list(pool.rivals)] - rows[0, pool.maximum]
            return single
        most: Integers = rows[:, list(pool.rivals)].max(axis=0) - rows[:, pool.maximum].min()
        return most

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
        return Weights(
            [[row[0] * cell[0] for cell in cells] for row in rows],
            [[row[1] * cell[1] for cell in cells] for row in rows],
            (own_place[0] * own_token[0], own_place[1] * own_token[1]),
        )

    def _exponentials(self, spans: list[tuple[int, int]]) -> list[tuple[flint.arb, flint.arb]]:
        """Enclose exp of both ends of each span, relative to the largest end."""
        top = max(high for _, high in spans)
        root = flint.arb(self.problem.shape.d_head).sqrt()

        def exp(score: int) -> flint.arb:
            return (exact(int(score - top), self.problem.score_exponent) / root).exp()

        return [(exp(low), exp(high)) for low, high in spans]


def _entry(gap: int, low: flint.arb, high: flint.arb) -> flint.arb:
    """Return the larger end of the weight times a gap > 0, else the smaller end times it."""
    return flint.arb(gap) * (high if gap > 0 else low)


def _sums(numbers: list[flint.arb]) -> list[flint.arb]:
    sums = [exact(0)]
    for number in numbers:
        sums.append(sums[-1] + number)
    return sums
