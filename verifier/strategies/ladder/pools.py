"""T8 in int64 lanes: tables that hold for every query of a pool, by cells of tokens.

Rows are the free positions, or one row that stands for all of them. Rivals are columns of the path
tables: places among the task's answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes, floor_lanes, lane_bits, require_headroom
from ballproof.verifier.counting.problem import Integers, Problem
from ballproof.verifier.strategies.ladder.cells import Cells, Spans, cells_of, spans_of
from ballproof.verifier.strategies.ladder.exponentials import (
    WIDE_BITS,
    enclosed_exponentials,
    far_below,
)

Integer = NDArray[np.int64]
Sides = tuple[Integers, Integers]


@dataclass(frozen=True)
class PoolShape:
    """Which pool of a label: queries first..last with equal acceptors, and the joined cells.

    `cells` are the ranges first..last of more than one token that share a cell. Entries are Python
    integers if it is `wide`, lanes if not.
    """

    first: int
    last: int
    cells: Spans
    per_position: bool
    wide: bool = False

    @property
    def one_query(self) -> bool:
        """Whether the pool holds a single query."""
        return self.first == self.last

    @property
    def queries(self) -> int:
        """How many queries the pool holds."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Tables:
    """Entries on one side of g for some rivals: `own` (J,), `rows` (rows, cells, J)."""

    own: Lanes
    rows: Lanes

    def of(self, index: Integer) -> Tables:
        """Return the tables of some of the rivals."""
        return Tables(self.own[index], self.rows[:, :, index])

    def without(self, cells: set[int]) -> Tables:
        """Return the tables without some cells."""
        kept = [cell for cell in range(self.rows.shape[1]) if cell not in cells]
        return Tables(self.own, self.rows[:, kept])

    def largest_so_far(self) -> Tables:
        """Return tables of which each is at least those of its rival and of all before it."""
        rows = np.maximum.accumulate(self.rows, axis=2)
        return Tables(np.maximum.accumulate(self.own), rows)

    def largest(self) -> Tables:
        """Return one table that is at least each rival's: it counts their union."""
        return Tables(self.own.max(keepdims=True), self.rows.max(axis=2, keepdims=True))


class PrefixExtremes:
    """What all labels share: extremes of V and D over ranges of tokens, of S along its rows.

    Ranges from the first token on, or up to the last one, are looked up.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        head, direct = problem.head, problem.tables.direct
        self.places: Integers = head.positional_score - head.positional_score[:, :1]
        columns = np.ascontiguousarray(head.score.T)
        self.tables = {"output": head.output, "direct": direct, "score": columns}
        self._ends = {name: _running(table) for name, table in self.tables.items()}

    def over(self, name: str, first: int, last: int) -> Sides:
        """Return (smallest, largest) over the tokens first..last, for each column of a table.

        The table `score` stands with its tokens as rows, so that its columns are queries.
        """
        table, ends = self.tables[name], self._ends[name]
        if first == 0:
            return ends[0][last], ends[1][last]
        if last == len(table) - 1:
            return ends[2][first], ends[3][first]
        part = table[first : last + 1]
        return part.min(axis=0), part.max(axis=0)


def _running(table: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    back = table[::-1]
    return (
        np.minimum.accumulate(table, axis=0),
        np.maximum.accumulate(table, axis=0),
        np.minimum.accumulate(back, axis=0)[::-1],
        np.maximum.accumulate(back, axis=0)[::-1],
    )


class LabelTables:
    """The tables of one label: gaps in one unit, so that sums of entries fit int64.

    `acceptors` are those of the label's classes by query; a query without one has an empty class.
    """

    def __init__(self, prefixes: PrefixExtremes, label: int) -> None:
        problem = prefixes.problem
        self.prefixes, self.problem, self.label = prefixes, problem, label
        self.acceptors = problem.task.acceptors(label)
        self.column = label - problem.task.answers.start
        self.places = problem.shape.n_ctx - 1
        self.bits = (lane_bits(problem.shape.n_ctx + 2) - 3) // 2
        own = slice(self.column, self.column + 1)
        tables, head = problem.tables, problem.head
        steps = head.positional_output - head.positional_output[:, own]
        self.first, past = self._span()
        output = head.output[self.first : past] - head.output[self.first : past, own]
        spread = [abs(steps).max(), abs(tables.eps)]
        for table in (head.output, tables.direct):
            part = table[self.first : past]
            spread.append(part.max() - part.min())
        # A gap is a sum of three rounded parts and eps.
        self.shift = max(int(sum(spread)).bit_length() + 1 - self.bits, 0)
        self.steps = floor_lanes(steps, self.shift)
        self.output = floor_lanes(output, self.shift)
        self._spans: dict[tuple[int, Spans], Spans] = {}
        self._cells: dict[tuple[int, Spans], Cells] = {}
        self._gaps_of: dict[tuple[int, Spans, bool], Lanes] = {}
        self._weights: dict[PoolShape, tuple[Lanes, Lanes, Lanes]] = {}

    def _span(self) -> tuple[int, int]:
        """Return the smallest range of tokens that holds all queries and free tokens."""
        kinds = {kind for acceptor in self.acceptors.values() for kind in acceptor.kinds}
        ends = [*self.acceptors, *(kind.start for kind in kinds), *(k.stop - 1 for k in kinds)]
        return min(ends), max(ends) + 1

    @cached_property
    def rivals(self) -> Integer:
        """The columns of all other answers."""
        return np.array([j for j in range(len(self.problem.task.answers)) if j != self.column])

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """The longest ranges of queries with equal acceptors."""
        found: list[tuple[int, int]] = []
        for query, acceptor in sorted(self.acceptors.items()):
            if found and found[-1][1] == query - 1 and self.acceptors[query - 1] == acceptor:
                found[-1] = found[-1][0], query
            else:
                found.append((query, query))
        return found

    def size(self, query: int) -> int:
        """Return how many inputs the class of a query has."""
        return self.acceptors[query].size if query in self.acceptors else 0

    def spans(self, shape: PoolShape) -> Spans:
        """Return all cells of a pool as ranges first..last of tokens."""
        key = id(self.acceptors[shape.first]), shape.cells
        if key not in self._spans:
            self._spans[key] = spans_of(self.acceptors[shape.first], shape.cells)
        return self._spans[key]

    def cells(self, shape: PoolShape) -> Cells:
        """Return each class of a pool by cells: they are all alike."""
        key = id(self.acceptors[shape.first]), shape.cells
        if key not in self._cells:
            self._cells[key] = cells_of(self.acceptors[shape.first], self.spans(shape))
        return self._cells[key]

    def _gaps(self, shape: PoolShape, rivals: Integer, up: bool) -> Lanes:
        """Return V[t,j]-V[t,m] + P[i,j]-P[i,m] for rows, cells and rivals, at worst in a cell."""
        steps = self.steps[up][: self.places, rivals]
        if not shape.per_position and self.places:
            steps = (steps.max if up else steps.min)(axis=0, keepdims=True)
        return self._cell_gaps(shape, up)[None, :, rivals] + steps[:, None]

    def _cell_gaps(self, shape: PoolShape, up: bool) -> Lanes:
        """Return V[t,j]-V[t,m] for cells and all columns, at worst in a cell."""
        key = id(self.acceptors[shape.first]), shape.cells, up
        if key not in self._gaps_of:
            spans = self.spans(shape)
            starts = np.array([first - self.first for first, _ in spans], dtype=np.int64)
            gaps = self.output[up][starts]
            for index, (first, last) in enumerate(spans):
                if first < last:
                    sides = self.prefixes.over("output", first, last)
                    gap = sides[up] - sides[1 - up][self.column]
                    gaps[index] = floor_lanes(gap, self.shift)[up]
            self._gaps_of[key] = gaps
        return self._gaps_of[key]

    def direct(self, shape: PoolShape, up: bool, table: str = "direct") -> Lanes:
        """Return a bound of T[q,j] - T[q,m] over the pool's queries, for all columns."""
        if shape.one_query:
            row = self.prefixes.tables[table][shape.first]
            gap = row - row[self.column]
        else:
            sides = self.prefixes.over(table, shape.first, shape.last)
            gap = sides[up] - sides[1 - up][self.column]
        return floor_lanes(gap, self.shift)[up]

    def tables(
        self, shape: PoolShape, rivals: Integer, *, up: bool, direct: Lanes | None = None
    ) -> Tables:
        """Return entries >= g (up) or <= g for each query of the pool; `direct` replaces D's gap.

        T8, and T9 where `direct` is given: entries do not decrease in it.
        """
        low, high, own = self.weights(shape)
        if direct is None:
            direct = self.direct(shape, up)[rivals]
        eps = floor_lanes(np.array([self.problem.tables.eps], dtype=object), self.shift)[up]
        base = direct + eps
        gaps = self._gaps(shape, rivals, up) + base
        last = self.direct(shape, up, "output")[rivals] + self.steps[up][-1][rivals] + base
        rows = _weighted(gaps, low[:, :, None], high[:, :, None], up)
        tables = Tables(_weighted(last, own[:1], own[1:], up), rows)
        if not shape.wide:
            require_headroom(rows, self.places + 2)
            require_headroom(tables.own, self.places + 2)
        return tables

    def weights(self, shape: PoolShape) -> tuple[Lanes, Lanes, Lanes]:
        """Return weights (rows, cells) below and above, and the query's own (low, high)."""
        if shape not in self._weights:
            self._weights[shape] = self._enclosed_weights(shape)
        return self._weights[shape]

    def is_wide(self, query: int) -> bool:
        """Return whether lanes are too short for a query's weights."""
        kinds = self.acceptors[query].kinds if query in self.acceptors else ()
        return far_below(self.problem.head, self.label, query, kinds)

    def reference(self, shape: PoolShape) -> int:
        """Return the token whose weight is divided by, query by query: any is sound (T8).

        The label's, where some input holds it; else the last one. Where the label has much of the
        attention this keeps the intervals of a pool short.
        """
        spans = self.spans(shape)
        if any(first <= self.label <= last for first, last in spans):
            return self.label
        return spans[-1][1] if spans else shape.first

    def _enclosed_weights(self, shape: PoolShape) -> tuple[Lanes, Lanes, Lanes]:
        queries = np.arange(shape.first, shape.last + 1)
        score, spans = self.problem.head.score, self.spans(shape)
        reference = score[queries, self.reference(shape)]
        starts = np.array([first for first, _ in spans], dtype=np.int64)
        single = score[queries[:, None], starts] - reference[:, None]
        low, high = list(single.min(axis=0)), list(single.max(axis=0))
        for index, (first, last) in enumerate(spans):
            if first < last:
                ends = self.prefixes.over("score", first, last)
                low[index] = (ends[0][queries] - reference).min()
                high[index] = (ends[1][queries] - reference).max()
        own = score[queries, queries] - reference
        bits, kind = (WIDE_BITS, object) if shape.wide else (self.bits, np.int64)
        tokens = enclosed_exponentials(
            self.problem.head, [*low, own.min()], [*high, own.max()], bits, kind
        )
        rows = self.prefixes.places[queries]
        low, high = list(rows.min(axis=0)), list(rows.max(axis=0))
        if not shape.per_position and self.places:
            low, high = [min(low[:-1]), low[-1]], [max(high[:-1]), high[-1]]
        places = enclosed_exponentials(self.problem.head, low, high, bits, kind)
        lows = np.multiply.outer(places[0][:-1], tokens[0][:-1]) >> bits
        highs = -(-np.multiply.outer(places[1][:-1], tokens[1][:-1]) >> bits)
        # Products of the query's own weights, rounded likewise.
        own_low = places[0][-1] * tokens[0][-1] >> bits
        own_high = -(-(places[1][-1] * tokens[1][-1]) >> bits)
        return lows, highs, np.array([own_low, own_high], dtype=kind)

    def worst(self, tables: Tables, shape: PoolShape) -> Lanes:
        """Return for each rival the largest sum in the pool's classes (T3); `tables` are upper."""
        return self.cells(shape).worst(tables.own, tables.rows)


def _weighted(gaps: Lanes, low: Lanes, high: Lanes, up: bool) -> Lanes:
    return gaps * np.where((gaps > 0) == up, high, low)
