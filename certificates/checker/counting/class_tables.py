"""The tables of one class of several heads and neurons (T14, T15).

For a label m, a rival j and a query q let d = D[q,j] - D[q,m] + eps with D the query's look-up. On
the class T15 puts above the lead of j over m, times a positive constant,

    d_j + sum_h N_{h,j} / Z_h,    N_{h,j} = sum_i w_{h,i}(t_i) F_{h,i}(t_i)[j],

F the gaps of the columns of answers plus sigma_{j,l} times those of each neuron l. The intervals of
pre-activations that sigma needs are sums over h of intervals of N / Z for one neuron's columns,
which the witness gives: N - high Z <= 0 and low Z - N <= 0, each the largest sum of an upper table
(T3). T14: with thresholds lambda_h that add up to -d_j, rival j wins only if for some summand

    sum_i w_{h,i} (F_{h,i}[j] - lambda_{h,j}) >= 0,

so that it wins nowhere in the class if the largest of each is negative. The last summand's
threshold is what the others leave of -d_j, in the very integers of the tables.
"""

from typing import NamedTuple

from arithmetic.lanes import Lanes
from counting.cells import Cells
from counting.lead_tables import LeadTables
from counting.summands import Columns, Upper, Weights, upper
from files.witness import demand
from strategies.split_witness import Numbers, Said
from tasks.acceptors import Class


class Known(NamedTuple):
    """What the witness says of a class, in the tables' units.

    `thresholds` are lanes by summand; `low` and `high` are ends by summand and neuron.
    """

    thresholds: list[int]
    low: Numbers
    high: Numbers


class ClassTables:
    """The tables of a class: `query` counts from the first of its position, `column` the label's.

    Cells hold one token each.
    """

    def __init__(
        self, tables: LeadTables, weights: Weights, group: Class, cells: Cells, column: int
    ) -> None:
        self.shared, self.group, self.cells, self.column = tables, group, cells, column
        self.query = group.query - tables.summands.program.positions[-1].start
        self.tally, summands = tables.tally, tables.summands
        self.count = len(summands.tables)
        spans = [weights.of_class(h, cells, self.tally) for h in range(summands.softmax)]
        self.weights = [*spans, *[None] * (self.count - summands.softmax)]
        self.held = [self._held(table) for table in summands.tables]

    def _held(self, table: list[list[Columns]]) -> list[list[Columns]]:
        """Return the rows of columns of the cells present, by position."""
        spans = self.shared.summands.program.positions
        return [
            [rows[self.cells.tokens[cell][0] - span.start] for cell in present]
            for rows, span, present in zip(table, spans, self.cells.present, strict=False)
        ]

    def known(self, said: Said, unit: int) -> Known:
        """Return what the witness says, in units of 2**unit; ends are verified."""
        shared, neurons = self.shared, self.shared.summands.program.neurons
        unit -= shared.summands.unit
        ends = self.count if neurons else 0
        _require_sizes(said.thresholds, self.count - 1, shared.leads.count, "thresholds")
        _require_sizes(said.low, ends, neurons, "low")
        _require_sizes(said.high, ends, neurons, "high")
        self.tally.charge(2 * shared.leads.count * self.count)
        rows = [_shifted(row, unit + shared.scale, shared.limit) for row in said.thresholds]
        low = [_shifted(row, unit, shared.end) for row in said.low]
        # Rounded up, as the negative of what is rounded down.
        negative = [_shifted([-x for x in row], unit, shared.end) for row in said.high]
        high = [[-x for x in row] for row in negative]
        known = Known([shared.leads.pack(row) for row in rows], low, high)
        if shared.neurons:
            self._verify(known, shared.neurons)
        return known

    def _verify(self, known: Known, lanes: Lanes) -> None:
        """Refuse ends that an input of the class exceeds, for some summand and neuron (T3, T15)."""
        shared = self.shared
        for h, ends in enumerate(zip(known.low, known.high, strict=True)):
            rows = [[shared.floors[id(row)] for row in place] for place in self.held[h]]
            own = shared.floors[id(shared.summands.own[h][self.query])]
            self.tally.charge(4 * lanes.count)
            low, high = map(lanes.pack, ends)
            where = self.cells, self.weights[h]
            top = upper(*where, rows, own, high, lanes, self.tally)
            negative = [[-x for x in row] for row in rows]
            bottom = upper(*where, negative, -own, -low, lanes, self.tally)
            for table in (top, bottom):
                holds = lanes.signs(-table.worst) == lanes.ones
                words = f"q={self.group.query} m={self.group.acceptor.label}"
                demand(holds, f"a pre-activation of {words} is not between its ends.")

    def uppers(self, known: Known) -> tuple[list[Upper], int]:
        """Return the upper tables of the summands, and flags of the rivals that may win (T14)."""
        lanes, summands = self.shared.leads, self.shared.summands
        sigmas, offset = self.shared.lines(self.query, self.column, known.low, known.high)

        def gap(row: Columns) -> int:
            return self.shared.gap(row, self.column, sigmas)

        eps = summands.eps << self.shared.scale
        direct = gap(summands.direct[self.query]) + eps * lanes.ones + offset
        levels = [*known.thresholds, -direct - sum(known.thresholds)]
        tables, flags = list[Upper](), 0
        for h, level in enumerate(levels):
            count = 1 + sum(map(len, self.held[h]))
            self.tally.charge(2 * lanes.count * count * (1 + len(sigmas)))
            rows = [[gap(row) for row in place] for place in self.held[h]]
            own = gap(summands.own[h][self.query])
            where = self.cells, self.weights[h]
            tables.append(upper(*where, rows, own, level, lanes, self.tally))
            flags |= lanes.signs(tables[-1].worst)
        # The label's lane is no rival.
        return tables, flags & (lanes.ones ^ 1 << lanes.width * self.column)


def _shifted(row: list[int], shift: int, limit: int) -> list[int]:
    """Return floor(x 2**shift) of each number, of size `limit` at most."""
    room = limit.bit_length()
    fits = all(x.bit_length() + shift <= room for x in row if x)
    demand(fits, "a threshold or an end is too large.")
    found = [x << shift for x in row] if shift >= 0 else [x >> -shift for x in row]
    demand(all(abs(x) <= limit for x in found), "a threshold or an end is too large.")
    return found


def _require_sizes(rows: Numbers, count: int, length: int, what: str) -> None:
    fits = len(rows) == count and all(len(row) == length for row in rows)
    demand(fits, f"{what}: {count} lists of {length} are expected.")
