"""The summands of a program of one layer: softmax heads and a uniform share, in upper tables.

With N_h = sum_i w_{h,i}(t_i) T_{h,i}[t_i] and Z_h = sum_i w_{h,i}(t_i) > 0 for each head, the
columns of a program are L[q] + sum_h N_h / Z_h (M1): pre-activations, then what answers have beside
them. Look-ups at free positions are one more summand, N = sum_i L_i[t_i] with Z = 1.

Columns are put on a common unit, 2**unit, in which the largest has `bits` bits. An answer's are
rounded up for a rival and down for the label; a neuron's are rounded down, so that a pre-activation
exceeds what these tables say by less than one unit for the query and for each summand.

Weights of a query are integers around exp(score), in the unit that gives the largest of a class
`bits` bits: those of one class may be 1e-30 of the largest of the query. For low <= w <= high,
w x <= low x + (high - low) max(x, 0).
"""

from functools import reduce
from itertools import chain
from typing import NamedTuple

from arithmetic.balls import Ball, at_unit, product
from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from arithmetic.weights import Span, exponentials, top_bits
from counting.cells import Cells
from counting.inputs import margin_at
from files.claims import Claim
from parts.program import Program, ProgramHead

# Spare bits of the balls around factors of weights.
GUARD = 8


class Columns(NamedTuple):
    """A row of columns in the tables' unit: neurons floored, answers floored and rounded up."""

    neurons: list[int]
    answers: list[int]
    rivals: list[int]


Table = list[list[Columns]]


class Summands:
    """Columns by summand, free position and token, and those of each query.

    Tokens are counted from the first of their position. `direct[q]` is the query's look-up, and
    `own[h][q]` what its own position adds to a summand. `top` bounds the size of all columns.
    """

    def __init__(self, program: Program, claim: Claim, bits: int, tally: Tally) -> None:
        self.program, self.bits = program, bits
        *free, last = program.lookups
        heads = [x for head in program.heads for x in head.values]
        rows = [row for table in (*program.lookups, *heads) for row in table or ()]
        tally.charge(6 * len(rows) * len(rows[0]))
        least = margin_at(claim, program.scale, -program.exponent) + 1
        largest = max(abs(least), *(max(map(abs, row)) for row in rows))
        self.shift = max(largest.bit_length() - bits, 0)
        self.unit, self.top = program.exponent + self.shift, (largest >> self.shift) + 1
        # The margin, rounded up.
        self.eps = margin_at(claim, program.scale, -self.unit) + 1
        zero, queries = [0] * len(rows[0]), len(program.positions[-1])
        self.direct = [self._columns(row) for row in last or [zero] * queries]
        self.tables = [self._table(head.values[:-1], zero) for head in program.heads]
        own = [head.values[-1] or [zero] * queries for head in program.heads]
        self.softmax = len(self.tables)
        if any(free):
            self.tables.append(self._table(free, zero))
            own.append([zero] * queries)
        self.own = [[self._columns(row) for row in rows] for rows in own]

    def _table(self, rows: list[list[list[int]] | None], zero: list[int]) -> Table:
        spans = self.program.positions
        return [
            [self._columns(row) for row in x or [zero] * len(span)]
            for x, span in zip(rows, spans, strict=False)
        ]

    def _columns(self, row: list[int]) -> Columns:
        neurons, answers = row[: self.program.neurons], row[self.program.neurons :]
        floors = [x >> self.shift for x in answers]
        rivals = [-(-x >> self.shift) for x in answers]
        return Columns([x >> self.shift for x in neurons], floors, rivals)

    @property
    def every(self) -> list[Columns]:
        """All rows of columns."""
        tables = (row for table in self.tables for rows in table for row in rows)
        return [*self.direct, *chain(*self.own), *tables]


class Weights:
    """The weights w_{h,i}(t) of one query: exp of exact scores, as balls by head and position.

    The last position holds the query itself.
    """

    def __init__(self, summands: Summands, query: int, tally: Tally) -> None:
        self.bits, self.positions = summands.bits, summands.program.positions
        self.heads = [self._balls(head, query, tally) for head in summands.program.heads]

    def _balls(self, head: ProgramHead, query: int, tally: Tally) -> list[list[Ball]]:
        """Return the products of the factors exp(S[q,t] - S*) and exp(R[q,i] - R*)."""
        unit, bits = (head.score_exponent, head.d_head), self.bits + GUARD
        spans = [*self.positions]
        spans[-1] = range(spans[-1][query], spans[-1][query] + 1)
        tally.charge(2 * (len(head.score[query]) + len(spans)) + sum(map(len, spans)))
        tokens = exponentials(head.score[query], *unit, bits, tally)
        places = exponentials(head.positional_score[query], *unit, bits, tally)
        pairs = zip(spans, places, strict=True)
        return [[product(tokens[t], place) for t in span] for span, place in pairs]

    def of_class(self, head: int, cells: Cells, tally: Tally) -> list[list[Span]]:
        """Return integers around the weights of a class's tokens by position; the query's is last.

        Cells hold one token each.
        """
        balls, spans = self.heads[head], self.positions
        held = [
            [row[cells.tokens[cell][0] - span.start] for cell in present]
            for row, span, present in zip(balls, spans, cells.present, strict=False)
        ]
        held.append(balls[-1])
        tally.charge(2 * sum(map(len, held)))
        unit = top_bits([ball for row in held for ball in row]) - self.bits
        return [[at_unit(ball, unit) for ball in row] for row in held]


class Upper(NamedTuple):
    """Upper tables of a summand on a class: the query's own entry, and the others by position.

    Entries are those of the cells that are present. `most[i][s]` is the largest sum from position i
    on, in state s.
    """

    own: int
    entries: list[list[int]]
    most: list[dict[int, int]]
    start: int

    @property
    def worst(self) -> int:
        """The largest sum over the class, in lanes."""
        return self.own + self.most[0][self.start]


def upper(
    cells: Cells,
    weights: list[list[Span]] | None,
    rows: list[list[int]],
    own: int,
    level: int,
    lanes: Lanes,
    tally: Tally,
) -> Upper:
    """Return tables whose sums are at least N - level Z, in lanes, for a summand on a class.

    `rows[i]` are the lanes of the cells present at position i, `own` those of the query itself.
    Without weights Z is 1.
    """
    tally.charge(lanes.count * (5 * sum(map(len, cells.present)) + 3 * steps(cells) + 5))
    if weights is None:
        return Upper(own - level, rows, completions(cells, rows, lanes), cells.start)

    def weighted(x: int, weight: Span) -> int:
        return weight[0] * x + (weight[1] - weight[0]) * lanes.positive(x)

    *free, (query,) = weights
    entries = [
        [weighted(x - level, weight) for x, weight in zip(row, spans, strict=True)]
        for row, spans in zip(rows, free, strict=True)
    ]
    most = completions(cells, entries, lanes)
    return Upper(weighted(own - level, query), entries, most, cells.start)


def completions(cells: Cells, entries: list[list[int]], lanes: Lanes) -> list[dict[int, int]]:
    """Return the largest sum that completes a prefix, by its length and state, in lanes (T3).

    `entries[i]` are those of the cells present at position i; sums and their differences fit a
    lane. The inputs are all paths of the moves, so that the fold with maximum and + is exact.
    """
    found = [{0: 0}]
    for row, moves, present in reversed([*zip(entries, cells.moves, cells.present, strict=True)]):
        tops: dict[tuple[int, int], int] = {}
        for span in (span for arcs in moves for _, span in arcs):
            if (span.start, span.stop) not in tops:
                held = row[span.start - present.start : span.stop - present.start]
                tops[span.start, span.stop] = reduce(lanes.maximum, held)
        level = {}
        for state, arcs in enumerate(moves):
            sums = [tops[span.start, span.stop] + found[-1][target] for target, span in arcs]
            if sums:
                level[state] = reduce(lanes.maximum, sums)
        found.append(level)
    return found[::-1]


def steps(cells: Cells) -> int:
    """Return how many cells there are over all moves."""
    return sum(len(span) for level in cells.moves for arcs in level for _, span in arcs)
