"""The tables of T1 for one label m and every rival at once, rounded outward into lanes.

T1: rival j reaches the label m (logits[j] + eps >= logits[m]) iff
g_{k-1}(q) + sum over i < k-1 of g_i(t_i) >= 0, where g_i(t) = w_i(t) f_i(t).
T2: with upper tables in place of g, every sequence that is truly wrong is called wrong; with lower
tables, every sequence that is called wrong is truly wrong.
"""

from collections.abc import Callable
from typing import NamedTuple

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.branch import require_walkable
from counting.cells import Cells, cells_of
from files.claims import Claim, Counts
from parts.attention import Attention
from parts.tables import Tables
from tasks.acceptors import Acceptor, Class, acceptors

Table = list[list[int]]


class GapRows:
    """f_i(t) for one label m, all rivals in lanes, as sums of two rounded parts.

    Rows are those of `tokens`, which hold the queries too; `label` is the label's column.
    `direct[q]` is D[q,j]-D[q,m]+eps, `free[i][t]` is V[t,j]-V[t,m]+P[i,j]-P[i,m]. Both are pairs of
    vectors, the floors and the ceilings at a unit of 2**shift (in the unit of the path tables): an
    exact 0, as between two equal rivals, stays an exact 0.
    """

    def __init__(self, tables: Tables, label: int, tokens: range, bits: int, tally: Tally) -> None:
        head = tables.head
        answers, k, rows = len(tables.direct[0]), len(head.positional_output), len(tokens)
        tally.charge(answers * (2 * rows + 2 * k * rows + k))
        kept = slice(tokens.start, tokens.stop)
        direct = [_gaps(row, label, tables.eps) for row in tables.direct[kept]]
        output = [_gaps(row, label, 0) for row in head.output[kept]]
        places = [_gaps(row, label, 0) for row in head.positional_output]
        free = [[[x + y for x, y in zip(o, p, strict=True)] for o in output] for p in places]
        every = [*direct, *(row for rows in free for row in rows)]
        largest = max(abs(x) for row in every for x in row)
        self.tables, self.label, self.tokens, self.n_ctx = tables, label, tokens, k
        self.shift = max(largest.bit_length() - bits, 0)
        # |f| <= 2**(bits+1) + 2, a weight is at most 2**bits, k terms and a difference of sums.
        self.lanes = Lanes(answers, 2 * bits + 4 + (k + 1).bit_length())
        # The label's lane is no rival: its flag is never looked at.
        self.rivals = self.lanes.ones ^ (1 << (self.lanes.width * label))
        self.direct = [self._rounded(row) for row in direct]
        self.free = [[self._rounded(row) for row in rows] for rows in free]

    def _rounded(self, gaps: list[int]) -> tuple[int, int]:
        """Return the vectors of floors and of ceilings."""
        floors = self.lanes.pack(gap >> self.shift for gap in gaps)
        return floors, self.lanes.pack(-(-gap >> self.shift) for gap in gaps)

    def upper(self, attention: Attention, tally: Tally) -> Table:
        """Return a table >= g[i][t] for each position and token, in lanes."""
        return self._table(attention, tally, up=True)

    def lower(self, attention: Attention, tally: Tally) -> Table:
        """Return a table <= g[i][t] for each position and token, in lanes."""
        return self._table(attention, tally, up=False)

    def _table(self, attention: Attention, tally: Tally, *, up: bool) -> Table:
        lanes, direct = self.lanes, self.direct[attention.query - self.tokens.start]
        tally.charge(5 * lanes.count * self.n_ctx * len(self.tokens))
        weights = attention.weights(self.tokens, tally)
        table = []
        for row, spans in zip(self.free, weights, strict=True):
            entries = []
            for free, span in zip(row, spans, strict=True):
                # Up: w f <= high f where f > 0, <= low f elsewhere. Down: the other way round.
                gap, near, far = direct[up] + free[up], span[not up], span[up]
                entries.append(near * gap + (far - near) * lanes.positive(gap))
            table.append(entries)
        return table


class Rows(NamedTuple):
    """One class with all that its count needs: gaps, attention of its query, and its cells."""

    gaps: GapRows
    attention: Attention
    inputs: Class
    cells: Cells


ClassCount = Callable[[Rows, Tally], tuple[int, int]]


def count_by_class(tables: Tables, claim: Claim, tally: Tally, count: ClassCount) -> Counts:
    """Return how many inputs are right, at least and at most: the sums over all classes (T13).

    `count` returns (certainly wrong, possibly wrong) inputs of one class.
    """
    task, bits = claim.task, claim.precision
    require_walkable(len(task.positions))
    attentions = {q: Attention(tables.head, q, bits, tally) for q in task.positions[-1]}
    certain = possible = 0
    for acceptor in acceptors(task):
        if acceptor.label not in task.answers:
            certain += acceptor.size
            possible += acceptor.size
        elif len(task.answers) > 1:
            label, span = acceptor.label - task.answers.start, _span(acceptor)
            gaps = GapRows(tables, label, span, bits, tally)
            cells: dict[int, Cells] = {}
            for query, start in acceptor.starts.items():
                inputs = Class(query, start, acceptor)
                cells[start] = cells.get(start) or cells_of(inputs, [])
                low, high = count(Rows(gaps, attentions[query], inputs, cells[start]), tally)
                certain += low
                possible += high
    return claim.total - possible, claim.total - certain


def _span(acceptor: Acceptor) -> range:
    """Return a range around the tokens and queries of a label's inputs."""
    spans = [span for level in acceptor.levels for row in level for _, span in row]
    spans += [range(query, query + 1) for query in acceptor.starts]
    return range(min(x.start for x in spans), max(x.stop for x in spans))


def _gaps(row: list[int], label: int, eps: int) -> list[int]:
    own = row[label] - eps
    return [x - own for x in row]
