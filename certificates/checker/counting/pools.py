"""T8: tables of T1 that hold for every query of a range, with tokens in cells.

The cells of 0..m are the far tokens 0..m-T-1 together (if there are any), and then each of
m-T..m alone. Weights are relative to token m at the first position: a positive factor for each
query, which no sign sees.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple, TypeVar

from arithmetic.matrices import Rows
from arithmetic.tally import Tally
from counting.classes import worst_case
from parts.attention import Span, exponentials, joint, on_one_unit, weighted
from parts.transformer import PathTables

T = TypeVar("T")


class Table(NamedTuple):
    """Entries of one rival or the largest of several: the query's own, and rows by cell.

    There is one row for each free position, or one for all of them. `size` counts the entries.
    """

    own: int
    rows: Rows
    size: int


class Terrain:
    """What all pools of a model share: running extremes of S along rows, of V and D down columns.

    `score`, `output`, `direct` are pairs (lowest, highest) of tables, over the tokens up to each.
    """

    def __init__(self, tables: PathTables, bits: int, tally: Tally) -> None:
        self.tables, self.bits, self.tally = tables, bits, tally
        tally.charge(6 * tables.shape.d_vocab**2)
        ends = (min, max)
        self.score = [[list(accumulate(row, pick)) for row in tables.score] for pick in ends]
        self.output = [_running(tables.output, pick) for pick in ends]
        self.direct = [_running(tables.direct, pick) for pick in ends]
        self.gaps: dict[tuple[int, int, bool, int, int], Rows] = {}


def _running(rows: Rows, pick: Callable[[int, int], int]) -> Rows:
    """Return the running extremes of each column."""
    return list(accumulate(rows, lambda a, b: list(map(pick, a, b))))


class Pool:
    """The classes (q, m) for q in `queries`, which holds q = m alone or not at all.

    `near` is T; with `apart` each free position has its own row, otherwise all share one that
    bounds each of them.
    """

    def __init__(self, terrain: Terrain, m: int, queries: range, near: int, *, apart: bool) -> None:
        self.terrain, self.maximum, self.queries, self.apart = terrain, m, queries, apart
        self.places = terrain.tables.shape.n_ctx - 1
        self.far, self.holds = m - near, m in queries
        self.sizes = [self.far] * (self.far > 0) + [1] * (near + 1)
        cells, rows = len(self.sizes), self.places if apart else 1
        # Differences, the extremes over the queries, two exponentials an end, and products.
        terrain.tally.charge(3 * len(queries) * (cells + 1 + self.places + 1))
        terrain.tally.charge(2 * (cells + 1 + rows + 1) + 2 * (rows * cells + 1))
        *tokens, own = self._spans(self._token_scores())
        *places, last = self._spans(self._place_scores())
        self.weights = [[joint(token, place) for token in tokens] for place in places]
        # The last row is the query's own.
        self.weights.append([joint(own, last)])

    def _cells(self, running: list[T], table: list[T]) -> list[T]:
        """Return the far cell's entry of running extremes, if there is one, and the near ones."""
        return running[: self.far][-1:] + table[self.far : self.maximum + 1]

    def _token_scores(self) -> list[Span]:
        """Return for each cell, and for the query itself, the extremes of S[q,t] - S[q,m]."""
        table, sides = self.terrain.tables.score, []
        for running in self.terrain.score:
            rows = [[*self._cells(running[q], table[q]), table[q][q]] for q in self.queries]
            # The entry before the query's own is that of m, whose cell is the last.
            sides.append(list(zip(*([x - row[-2] for x in row] for row in rows), strict=True)))
        return [(min(low), max(high)) for low, high in zip(*sides, strict=True)]

    def _place_scores(self) -> list[Span]:
        """Return the extremes of R[q,i] - R[q,0], for each free position or all, and the last."""
        table = self.terrain.tables.positional_score
        *free, last = zip(*([x - table[q][0] for x in table[q]] for q in self.queries), strict=True)
        if free and not self.apart:
            free = [sum(free, ())]
        return [(min(column), max(column)) for column in (*free, last)]

    def _spans(self, scores: list[Span]) -> list[Span]:
        """Return integers around the weights, in the unit that gives the largest `bits` bits."""
        bits, tables, tally = self.terrain.bits, self.terrain.tables, self.terrain.tally
        ends = [end for span in scores for end in span]
        balls = exponentials(ends, tables.score_exponent, tables.shape.d_head, bits + 8, tally)
        spans = on_one_unit(balls, bits)
        return [(low[0], high[1]) for low, high in zip(spans[::2], spans[1::2], strict=True)]

    def table(self, rivals: list[int], *, up: bool, direct: int | None = None) -> Table:
        """Return entries >= (up) or <= every query's g of T1, `direct` standing for D[q,j]-D[q,m].

        Of several rivals it is the largest, so that a sum below 0 clears them all (T4).
        """
        terrain, m, pick = self.terrain, self.maximum, max if up else min
        place, output = terrain.tables.positional_output[-1], terrain.tables.output
        gaps = [self._gaps(j, up) for j in rivals]
        size = sum(map(len, gaps[0])) + 1
        terrain.tally.charge((2 * len(rivals) + 1) * size + 3 * len(rivals))
        stacks = []
        for j, gap in zip(rivals, gaps, strict=True):
            lift = self._column_gap(terrain.tables.direct, terrain.direct, j, up)
            lift = (lift if direct is None else direct) + terrain.tables.eps
            own = self._column_gap(output, terrain.output, j, up) + place[j] - place[m]
            stacks.append([[lift + x for x in row] for row in [*gap, [own]]])
        rows = []
        for stack, spans in zip(zip(*stacks, strict=True), self.weights, strict=True):
            largest = map(pick, *stack) if len(stack) > 1 else stack[0]
            rows.append([weighted(x, span, up) for x, span in zip(largest, spans, strict=True)])
        *rows, (own,) = rows
        return Table(own, rows, size)

    def _column_gap(self, table: Rows, running: list[Rows], rival: int, up: bool) -> int:
        """Return a bound of T[q,j] - T[q,m] over the pool's queries; exact for one query."""
        m, first, last = self.maximum, self.queries[0], self.queries[-1]
        if first == last:
            return table[first][rival] - table[first][m]
        if first == 0:
            return running[up][last][rival] - running[not up][last][m]
        self.terrain.tally.charge(2 * len(self.queries))
        pick, other = (max, min) if up else (min, max)
        rows = table[first : last + 1]
        return pick(row[rival] for row in rows) - other(row[m] for row in rows)

    def _gaps(self, rival: int, up: bool) -> Rows:
        """Return V[t,j]-V[t,m] + P[i,j]-P[i,m] for each row and cell, at worst within the cell.

        They do not depend on the query and are kept for the other pools of this maximum.
        """
        terrain, m = self.terrain, self.maximum
        key = (m, self.far, self.apart, rival, up)
        if key not in terrain.gaps:
            steps = [row[rival] - row[m] for row in terrain.tables.positional_output[:-1]]
            terrain.tally.charge(2 * len(steps))
            if steps and not self.apart:
                steps = [max(steps) if up else min(steps)]
            sides = [self._cells(terrain.output[x], terrain.tables.output) for x in (up, not up)]
            cells = [high[rival] - low[m] for high, low in zip(*sides, strict=True)]
            terrain.tally.charge(len(cells) * (1 + len(steps)))
            terrain.gaps[key] = [[cell + step for cell in cells] for step in steps]
        return terrain.gaps[key]

    def worst(self, table: Table) -> int:
        """Return the largest sum that an upper table reaches in these classes (T3)."""
        self.terrain.tally.charge(table.size + 3 * len(table.rows))
        held = [] if self.holds else self.spread([row[-1] for row in table.rows])
        return worst_case(table.own, self.spread([max(row) for row in table.rows]), held)

    def spread(self, rows: list[T]) -> list[T]:
        """Return what is known of each row for each free position."""
        return rows if self.apart else rows * self.places
