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
from counting.cells import Cells
from parts.attention import Span, exponentials, joint, on_one_unit, weighted
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
    """What all pools share: running extremes of S along rows, of V and D down columns.

    `score`, `output`, `direct` are pairs (lowest, highest) of tables, over the tokens up to each.
    `gaps` holds the gap rows of one label, `shared` the rows of cells that begin later.
    """

    def __init__(self, tables: Tables, bits: int, tally: Tally) -> None:
        self.tables, self.head, self.bits, self.tally = tables, tables.head, bits, tally
        v, answers = len(tables.direct), len(tables.direct[0])
        tally.charge(2 * v**2 + 4 * v * answers)
        ends = (min, max)
        self.score = [[list(accumulate(row, pick)) for row in self.head.score] for pick in ends]
        self.output = [_running(self.head.output, pick) for pick in ends]
        self.direct = [_running(tables.direct, pick) for pick in ends]
        self.gaps: dict[tuple[int, bool, int, bool], Rows] = {}
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

    def scores(self, query: int, cell: range, up: bool) -> int:
        """Return the largest (up) or smallest score of a query with a token of a cell."""
        if len(cell) == 1:
            return self.head.score[query][cell[0]]
        if cell.start == 0:
            return self.score[up][query][cell[-1]]
        self.tally.charge(len(cell))
        return (max if up else min)(self.head.score[query][cell.start : cell.stop])


def _running(rows: Rows, pick: Callable[[int, int], int]) -> Rows:
    """Return the running extremes of each column."""
    return list(accumulate(rows, lambda a, b: list(map(pick, a, b))))


class Pool:
    """The classes of one label for the queries of a range, over cells that are theirs.

    `label` is the label's column, and `token` the label itself. With `per_position` each free
    position has its own row, otherwise all share one that bounds each of them. `key` tells cells of
    one label apart.
    """

    def __init__(
        self,
        extremes: PrefixExtremes,
        label: int,
        queries: range,
        cells: Cells,
        key: int,
        *,
        token: int,
        per_position: bool,
    ) -> None:
        self.extremes, self.label, self.queries, self.token = extremes, label, queries, token
        self.cells, self.key, self.per_position = cells, key, per_position
        self.places, self.steps = len(cells.moves), cells.steps
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
        scores, extremes = self.extremes.head.score, self.extremes
        last = self.cells.tokens[-1][-1] if self.cells.tokens else None
        held = any(self.token in cell for cell in self.cells.tokens)
        reference = self.token if held else last
        ends: tuple[list[list[int]], list[list[int]]] = [], []
        for q in self.queries:
            row, tokens = scores[q], self.cells.tokens
            base = row[q if reference is None else reference]
            for side, up in zip(ends, (False, True), strict=True):
                found = [extremes.scores(q, cell, up) - base for cell in tokens]
                side.append([*found, row[q] - base])
        low, high = (zip(*side, strict=True) for side in ends)
        return [(min(a), max(b)) for a, b in zip(low, high, strict=True)]

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

    def table(self, rivals: list[int], *, up: bool, direct: int | None = None) -> Table:
        """Return entries >= (up) or <= every query's g of T1, `direct` standing for D[q,j]-D[q,m].

        Of several rivals it is the largest, so that a sum below 0 clears them all (T4).
        """
        extremes, m, pick = self.extremes, self.label, max if up else min
        place, output = extremes.head.positional_output[-1], extremes.head.output
        gaps = [self._gaps(j, up) for j in rivals]
        size = sum(map(len, gaps[0])) + 1
        extremes.tally.charge((2 * len(rivals) + 1) * size + 3 * len(rivals))
        stacks = []
        for j, gap in zip(rivals, gaps, strict=True):
            lift = self._column_gap(extremes.tables.direct, extremes.direct, j, up)
            lift = (lift if direct is None else direct) + extremes.tables.eps
            own = self._column_gap(output, extremes.output, j, up) + place[j] - place[m]
            stacks.append([[lift + x for x in row] for row in [*gap, [own]]])
        rows = []
        for stack, spans in zip(zip(*stacks, strict=True), self.weights, strict=True):
            largest = map(pick, *stack) if len(stack) > 1 else stack[0]
            rows.append([weighted(x, span, up) for x, span in zip(largest, spans, strict=True)])
        *rows, (own,) = rows
        return Table(own, rows, size)

    def _column_gap(self, table: Rows, running: list[Rows], rival: int, up: bool) -> int:
        """Return a bound of T[q,j] - T[q,m] over the pool's queries; exact for one query."""
        m, first, last = self.label, self.queries[0], self.queries[-1]
        if first == last:
            return table[first][rival] - table[first][m]
        if first == 0:
            return running[up][last][rival] - running[not up][last][m]
        self.extremes.tally.charge(2 * len(self.queries))
        pick, other = (max, min) if up else (min, max)
        rows = table[first : last + 1]
        return pick(row[rival] for row in rows) - other(row[m] for row in rows)

    def _gaps(self, rival: int, up: bool) -> Rows:
        """Return V[t,j]-V[t,m] + P[i,j]-P[i,m] for each row and cell, at worst within the cell.

        They do not depend on the query and are kept for the other pools of this label.
        """
        extremes, m = self.extremes, self.label
        key = (self.key, self.per_position, rival, up)
        if key not in extremes.gaps:
            steps = [row[rival] - row[m] for row in extremes.head.positional_output[:-1]]
            extremes.tally.charge(2 * len(steps))
            if steps and not self.per_position:
                steps = [max(steps) if up else min(steps)]
            tokens = self.cells.tokens
            ends = [[extremes.columns(cell, side) for cell in tokens] for side in (up, not up)]
            cells = [high[rival] - low[m] for high, low in zip(*ends, strict=True)]
            extremes.tally.charge(len(cells) * (1 + len(steps)))
            extremes.gaps[key] = [[cell + step for cell in cells] for step in steps]
        return extremes.gaps[key]

    def worst(self, table: Table) -> int:
        """Return the largest sum that an upper table reaches in these classes (T3), or one above.

        The sum of the largest entries of all positions is enough where it is negative. The fold
        along the acceptor is exact for the table.
        """
        self.extremes.tally.charge(table.size + 3 * len(table.rows))
        atoms = self.cells.atoms
        tops = self.spread([[max(row[x.start : x.stop]) for x in atoms] for row in table.rows])
        free = table.own + sum(map(max, tops))
        if free < 0 or len(atoms) == 1:
            return free
        # As many arcs as a fold of two states has are in what was charged.
        arcs = sum(len(row) for level in self.steps for row in level)
        self.extremes.tally.charge(max(arcs - 3 * self.places, 0))
        best = {self.cells.start: table.own}
        for top, moves in zip(tops, self.steps, strict=True):
            following: dict[int, int] = {}
            for state, value in best.items():
                for target, among in moves[state]:
                    entry = value + max(top[among.start : among.stop])
                    following[target] = max(entry, following.get(target, entry))
            best = following
        return best[0]

    def spread(self, rows: list[T]) -> list[T]:
        """Return what is known of each row for each free position."""
        return rows if self.per_position else rows * self.places
