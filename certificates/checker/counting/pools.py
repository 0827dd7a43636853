"""T8: tables of T1 that hold for every query of a range, with tokens in cells.

The queries of a pool start in one state of the label's acceptor: their classes have the same free
tokens. Weights are relative to one token at the first position, the last of the last cell: a
positive factor for each query, which no sign sees.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple, TypeVar

from arithmetic.matrices import Rows
from arithmetic.tally import Tally
from arithmetic.weights import Span, exponentials, joint, on_one_unit, weighted
from counting.cells import Cells
from parts.tables import Tables

T = TypeVar("T")


class Table(NamedTuple):
    """Entries of one rival or the largest of several: the query's own, and rows by cell.

    There is one row for each free position, or one for all of them. `size` counts the entries.
    """

    own: int
    rows: Rows
    size: int


class PrefixExtremes:
    """What all pools share: running extremes of V and D down columns.

    `output` and `direct` are pairs (lowest, highest) of tables, over the tokens up to each.
    `gaps` holds the gap rows of one label by cells, `shared` the rows of cells that begin later.
    """

    def __init__(self, tables: Tables, bits: int, tally: Tally) -> None:
        self.tables, self.head, self.bits, self.tally = tables, tables.head, bits, tally
        v, answers = len(tables.direct), len(tables.direct[0])
        # The first term stands for the extremes of S, which each pool looks up.
        tally.charge(2 * v**2 + 4 * v * answers)
        self.output = [_running(self.head.output, pick) for pick in (min, max)]
        self.direct = [_running(tables.direct, pick) for pick in (min, max)]
        self.gaps: dict[tuple[range, ...], dict[tuple[bool, int, bool], Rows]] = {}
        self.shared: dict[tuple[int, int, bool], list[int]] = {}

    def columns(self, cell: range, up: bool) -> list[int]:
        """Return a row with the largest (up) or smallest entry of V's columns over a cell."""
        if len(cell) == 1:
            return self.head.output[cell[0]]
        if cell.start == 0:
            return self.output[up][cell[-1]]
        key = cell.start, cell.stop, up
        if key not in self.shared:
            self.tally.charge(len(cell) * len(self.head.output[0]))
            rows = self.head.output[cell.start : cell.stop]
            self.shared[key] = list(map(max if up else min, *rows))
        return self.shared[key]


def _running(rows: Rows, pick: Callable[[int, int], int]) -> Rows:
    """Return the running extremes of each column."""
    return list(accumulate(rows, lambda a, b: list(map(pick, a, b))))


class Pool:
    """The classes of one label for the queries of a range, over cells that are theirs.

    With `per_position` each free position has its own row, otherwise all share one that bounds each
    of them. Labels and rivals are outputs, whose columns the tables have.
    """

    def __init__(
        self, extremes: PrefixExtremes, label: int, queries: range, cells: Cells, per_position: bool
    ) -> None:
        self.extremes, self.label, self.queries = extremes, label, queries
        self.cells, self.per_position, self.places = cells, per_position, len(cells.moves)
        # Pools of a label with the same cells share gap rows, whatever their queries.
        self.gaps = extremes.gaps.setdefault(tuple(cells.tokens), {})
        count, rows = len(cells.tokens), self.places if per_position else 1
        # Differences, the extremes over the queries, two exponentials an end, and products.
        extremes.tally.charge(3 * len(queries) * (count + 1 + self.places + 1))
        extremes.tally.charge(2 * (count + 1 + rows + 1) + 2 * (rows * count + 1))
        *tokens, own = self._spans(self._token_scores())
        *places, last = self._spans(self._place_scores())
        self.weights = [[joint(token, place) for token in tokens] for place in places]
        # The last row is the query's own.
        self.weights.append([joint(own, last)])

    def _token_scores(self) -> list[Span]:
        """Return for each cell, and for the query itself, the extremes of S[q,t] - S[q,u].

        u may be any token (T8). It is the label where that is a token of some cell, so that a label
        with much of the attention has narrow intervals; else the last token of the last cell, and
        without free positions the query.
        """
        score, tokens = self.extremes.head.score, self.cells.tokens
        later = sum(len(cell) for cell in tokens if len(cell) > 1 and cell.start)
        self.extremes.tally.charge(2 * len(self.queries) * later)
        held, rows = any(self.label in cell for cell in tokens), []
        for q in self.queries:
            base = score[q][self.label if held else tokens[-1][-1] if tokens else q]
            parts = [score[q][cell.start : cell.stop] for cell in (*tokens, range(q, q + 1))]
            rows.append([(min(part) - base, max(part) - base) for part in parts])
        return [(min(a for a, _ in x), max(b for _, b in x)) for x in zip(*rows, strict=True)]

    def _place_scores(self) -> list[Span]:
        """Return the extremes of R[q,i] - R[q,0], for each free position or all, and the last."""
        table = self.extremes.head.positional_score
        *free, last = zip(*([x - table[q][0] for x in table[q]] for q in self.queries), strict=True)
        if free and not self.per_position:
            free = [sum(free, ())]
        return [(min(column), max(column)) for column in (*free, last)]

    def _spans(self, scores: list[Span]) -> list[Span]:
        """Return integers around the weights, in the unit that gives the largest `bits` bits."""
        bits, head, tally = self.extremes.bits, self.extremes.head, self.extremes.tally
        ends = [end for span in scores for end in span]
        balls = exponentials(ends, head.score_exponent, head.d_head, bits + 8, tally)
        spans = on_one_unit(balls, bits)
        return [(low[0], high[1]) for low, high in zip(spans[::2], spans[1::2], strict=True)]

    def table(self, rivals: list[int], *, up: bool = True, direct: int | None = None) -> Table:
        """Return entries >= (up) or <= every query's g of T1, `direct` standing for D[q,j]-D[q,m].

        Of several rivals it is the largest, so that a sum below 0 clears them all (T4).
        """
        extremes, pick = self.extremes, max if up else min
        tables, head, first = extremes.tables, extremes.head, extremes.tables.answers.start
        m, place = self.label - first, head.positional_output[-1]
        gaps = [self._gaps(j - first, m, up) for j in rivals]
        size = sum(map(len, gaps[0])) + 1
        extremes.tally.charge((2 * len(rivals) + 1) * size + 3 * len(rivals))
        stacks = []
        for j, gap in zip((j - first for j in rivals), gaps, strict=True):
            lift = self._column_gap(tables.direct, extremes.direct, j, m, up)
            lift = (lift if direct is None else direct) + tables.eps
            own = self._column_gap(head.output, extremes.output, j, m, up) + place[j] - place[m]
            stacks.append([[lift + x for x in row] for row in [*gap, [own]]])
        rows = []
        for stack, spans in zip(zip(*stacks, strict=True), self.weights, strict=True):
            largest = map(pick, *stack) if len(stack) > 1 else stack[0]
            rows.append([weighted(x, span, up) for x, span in zip(largest, spans, strict=True)])
        *free, (own,) = rows
        return Table(own, free, size)

    def _column_gap(self, table: Rows, running: list[Rows], j: int, m: int, up: bool) -> int:
        """Return a bound of T[q,j] - T[q,m] over the pool's queries; exact for one query."""
        first, last = self.queries[0], self.queries[-1]
        if first == last:
            return table[first][j] - table[first][m]
        if first == 0:
            return running[up][last][j] - running[not up][last][m]
        self.extremes.tally.charge(2 * len(self.queries))
        pick, other = (max, min) if up else (min, max)
        rows = table[first : last + 1]
        return pick(row[j] for row in rows) - other(row[m] for row in rows)

    def _gaps(self, j: int, m: int, up: bool) -> Rows:
        """Return V[t,j]-V[t,m] + P[i,j]-P[i,m] for each row and cell, at worst within the cell.

        They do not depend on the query and are kept for the other pools of this label.
        """
        extremes, key = self.extremes, (self.per_position, j, up)
        if key not in self.gaps:
            steps = [row[j] - row[m] for row in extremes.head.positional_output[:-1]]
            extremes.tally.charge(2 * len(steps))
            if steps and not self.per_position:
                steps = [max(steps) if up else min(steps)]
            tokens = self.cells.tokens
            ends = [[extremes.columns(cell, side) for cell in tokens] for side in (up, not up)]
            cells = [high[j] - low[m] for high, low in zip(*ends, strict=True)]
            extremes.tally.charge(len(cells) * (1 + len(steps)))
            self.gaps[key] = [[cell + step for cell in cells] for step in steps]
        return self.gaps[key]

    def worst(self, table: Table) -> int:
        """Return the largest sum that an upper table reaches in these classes (T3), or one above.

        The sum of the largest entries of all positions is enough where it is negative. The fold
        along the acceptor is exact for the table.
        """
        cells, tally = self.cells, self.extremes.tally
        tally.charge(table.size + 3 * len(table.rows))
        tops = [[max(row[x.start : x.stop]) for x in cells.atoms] for row in table.rows]
        tops = self.spread(tops)
        free = table.own + sum(map(max, tops))
        if free < 0 or len(cells.atoms) == 1:
            return free
        # As many arcs as a fold of two states has are in what was charged.
        tally.charge(max(cells.arcs - 3 * self.places, 0))
        return cells.largest_sum(table.own, tops, max)

    @property
    def reference(self) -> int:
        """The cell with the label, or else the last one; 0 without any."""
        held = [c for c, cell in enumerate(self.cells.tokens) if self.label in cell]
        return (held or [max(len(self.cells.tokens) - 1, 0)])[0]

    def spread(self, rows: list[T]) -> list[T]:
        """Return what is known of each row for each free position."""
        return rows if self.per_position else rows * self.places
