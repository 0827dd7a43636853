"""The worst case (T3) of pools of queries (T8, T9) in balls, written apart from the prover's."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import NamedTuple

import flint
import numpy as np

from ballproof.interval.ball import exact
from ballproof.models.tasks import Arc, folded
from ballproof.verifier.counting.problem import Integers, Problem


class Pool(NamedTuple):
    """A pool of queries first..last of a label, by its cells of tokens; rivals are columns.

    `threshold` stands for the direct path's gap where it is given, in the problem's unit of logits.
    """

    label: int
    first: int
    last: int
    cells: tuple[tuple[int, int], ...]
    per_position: bool
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
        self.one = flint.arb(problem.tables.one)
        # All rivals of a pool, asked for one after the other, share weights and extremes.
        self.weights = lru_cache(maxsize=8)(self._weights)
        self.extremes = lru_cache(maxsize=8)(self._extremes)
        self.cells = lru_cache(maxsize=4 * problem.shape.d_vocab)(self._cells)
        self.spans = lru_cache(maxsize=8)(self._spans)

    def worst(self, pool: Pool, bits: int) -> flint.arb:
        """Enclose the largest upper sum in the pool's classes, at the precision in force.

        `bits` names that precision. For several rivals the entries are the largest over them: as
        all rivals have the same weights, those of the largest gap (T4).
        """
        weights = self.weights(*pool[:5], bits)
        gaps, own = self._gaps(pool)
        rows = list(map(_entries, gaps, weights.low, weights.high))
        total = self._largest(rows, pool)
        return (total + own * weights.own[own > 0]) / self.one

    def _largest(self, rows: list[list[flint.arb]], pool: Pool) -> flint.arb:
        """Return the largest sum of one entry a position over the inputs of a class (T3)."""
        acceptor = self.problem.task.acceptors(pool.label)[pool.first]
        spans = self.spans(*pool[:4])
        known: dict[tuple[int, int, int], flint.arb] = {}

        def top(row: int, first: int, past: int) -> flint.arb:
            if (row, first, past) not in known:
                inside = (
                    entry
                    for (token, _), entry in zip(spans, rows[row], strict=True)
                    if first <= token < past
                )
                known[row, first, past] = reduce(flint.arb.max, inside)
            return known[row, first, past]

        def entry(level: int, arc: Arc, rest: flint.arb | None) -> flint.arb | None:
            row = level if len(rows) > 1 else 0
            return None if rest is None else top(row, arc.first, arc.past) + rest

        def larger(a: flint.arb | None, b: flint.arb | None) -> flint.arb | None:
            return b if a is None else a if b is None else a.max(b)

        found: flint.arb | None = folded(acceptor, exact(0), None, larger, entry)[0][0]
        if found is None:
            raise ValueError(f"The class of query {pool.first} and label {pool.label} is empty.")
        return found

    def _spans(
        self, label: int, first: int, _last: int, joined: tuple[tuple[int, int], ...]
    ) -> list[tuple[int, int]]:
        """Return all cells as ranges first..last of tokens: the joined ones, others alone."""
        kinds = self.problem.task.acceptors(label)[first].kinds
        inside = {token for a, b in joined for token in range(a, b + 1)}
        alone = [(t, t) for kind in kinds for t in kind if t not in inside]
        return sorted([*joined, *alone])

    def _gaps(self, pool: Pool) -> tuple[list[list[flint.arb]], int]:
        """Return F of T8 for rows and cells in balls, and for the query's own entry, exactly."""
        extremes = self.extremes(*pool[:5])
        bases = [
            self.problem.tables.eps
            + (extremes.direct[j] if pool.threshold is None else pool.threshold)
            for j in pool.rivals
        ]
        own = max(extremes.own[j] + base for j, base in zip(pool.rivals, bases, strict=True))
        if len(bases) == 1:
            (j,) = pool.rivals
            steps = [flint.arb(row + bases[0]) for row in extremes.rows[j]]
            cells = self.cells(*pool[:5], j)
            return [[cell + step for cell in cells] for step in steps], own
        alone = [
            [[cell + row + base for cell in extremes.cells[j]] for row in extremes.rows[j]]
            for j, base in zip(pool.rivals, bases, strict=True)
        ]
        free = np.array(alone, dtype=object).max(axis=0).tolist()
        return [[flint.arb(gap) for gap in row] for row in free], own

    def _cells(
        self,
        label: int,
        first: int,
        last: int,
        cells: tuple[tuple[int, int], ...],
        per_position: bool,
        j: int,
    ) -> list[flint.arb]:
        """Return the gaps of V of one rival per cell as exact balls."""
        found = self.extremes(label, first, last, cells, per_position)
        return [flint.arb(cell) for cell in found.cells[j]]

    def _extremes(
        self,
        label: int,
        first: int,
        last: int,
        cells: tuple[tuple[int, int], ...],
        per_position: bool,
    ) -> Extremes:
        problem, m = self.problem, label - self.problem.task.answers.start
        head = problem.head
        steps = head.positional_output - head.positional_output[:, [m]]
        rows = steps[:-1]
        if not per_position and self.places:
            rows = rows.max(axis=0, keepdims=True)
        gaps = [_most(head.output[a : b + 1], m) for a, b in self.spans(label, first, last, cells)]
        by_rival = np.array(gaps, dtype=object).reshape(len(gaps), len(problem.task.answers)).T
        direct, output = (
            _most(table[first : last + 1], m) for table in (problem.tables.direct, head.output)
        )
        return Extremes(
            by_rival.tolist(), rows.T.tolist(), direct.tolist(), (output + steps[-1]).tolist()
        )

    def _weights(
        self,
        label: int,
        first: int,
        last: int,
        cells: tuple[tuple[int, int], ...],
        per_position: bool,
        _bits: int,
    ) -> Weights:
        queries, spans = np.arange(first, last + 1), self.spans(label, first, last, cells)
        score = self.problem.head.score[queries]
        # Any token's weight may be divided by, query by query (T8); the certificate's rules take
        # the label's, where an input holds it.
        held = any(a <= label <= b for a, b in spans)
        reference = label if held else spans[-1][1] if spans else first
        score = score - score[:, [reference]]
        tokens = [(score[:, a : b + 1].min(), score[:, a : b + 1].max()) for a, b in spans]
        own = score[np.arange(len(queries)), queries]
        tokens.append((own.min(), own.max()))
        steps = self.problem.head.positional_score[queries]
        steps = steps - steps[:, :1]
        places = [(column.min(), column.max()) for column in steps.T]
        if not per_position and self.places:
            free = steps[:, :-1]
            places = [(free.min(), free.max()), places[-1]]
        *of_cells, own_token = self._exponentials(tokens)
        *rows, own_place = self._exponentials(places)
        low, high = (
            [[row[end] * cell[end] for cell in of_cells] for row in rows] for end in (0, 1)
        )
        # One query has one weight.
        return Weights(
            low,
            low if first == last and not cells and (per_position or self.places <= 1) else high,
            (own_place[0] * own_token[0], own_place[1] * own_token[1]),
        )

    def _exponentials(self, spans: list[tuple[int, int]]) -> list[tuple[flint.arb, flint.arb]]:
        """Enclose exp of both ends of each span, relative to the largest end."""
        top = max(high for _, high in spans)
        root = flint.arb(self.problem.head.d_head).sqrt()

        def exp(score: int) -> flint.arb:
            return (exact(int(score - top), self.problem.head.score_exponent) / root).exp()

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
