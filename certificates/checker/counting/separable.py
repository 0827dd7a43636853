"""The tables of T1 for one maximum m and every rival at once, rounded outward into lanes.

T1: rival j reaches the label m (logits[j] + eps >= logits[m]) iff
g_{k-1}(q) + sum over i < k-1 of g_i(t_i) >= 0, where g_i(t) = w_i(t) f_i(t).
T2: with upper tables in place of g, every sequence that is truly wrong is called wrong; with lower
tables, every sequence that is called wrong is truly wrong.
"""

from collections.abc import Callable

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.classes import inhabited_queries, require_walkable
from files.claims import Claim, Counts
from files.witness import demand_empty
from parts.attention import Attention
from parts.transformer import Model, PathTables, path_tables

Table = list[list[int]]


class GapRows:
    """f_i(t) for one maximum m, all rivals in lanes, as sums of two rounded parts.

    `direct[q]` is D[q,j]-D[q,m]+eps, `free[i][t]` is V[t,j]-V[t,m]+P[i,j]-P[i,m]. Both are pairs of
    vectors, the floors and the ceilings at a unit of 2**shift (in the unit of the path tables): an
    exact 0, as between two equal rivals, stays an exact 0.
    """

    def __init__(self, tables: PathTables, maximum: int, bits: int, tally: Tally) -> None:
        v, k = tables.shape.d_vocab, tables.shape.n_ctx
        tally.charge(v * (2 * (maximum + 1) + 2 * k * (maximum + 1) + k))
        direct = [_gaps(row, maximum, tables.eps) for row in tables.direct[: maximum + 1]]
        output = [_gaps(row, maximum, 0) for row in tables.output[: maximum + 1]]
        places = [_gaps(row, maximum, 0) for row in tables.positional_output]
        free = [[[x + y for x, y in zip(o, p, strict=True)] for o in output] for p in places]
        every = [*direct, *(row for rows in free for row in rows)]
        largest = max(abs(x) for row in every for x in row)
        self.maximum, self.n_ctx = maximum, k
        self.shift = max(largest.bit_length() - bits, 0)
        # |f| <= 2**(bits+1) + 2, a weight is at most 2**bits, k terms and a difference of sums.
        self.lanes = Lanes(v, 2 * bits + 4 + (k + 1).bit_length())
        # Lane m is no rival: its flag is never looked at.
        self.rivals = self.lanes.ones ^ (1 << (self.lanes.width * maximum))
        self.direct = [self._rounded(row) for row in direct]
        self.free = [[self._rounded(row) for row in rows] for rows in free]

    def _rounded(self, gaps: list[int]) -> tuple[int, int]:
        """Return the vectors of floors and of ceilings."""
        floors = self.lanes.pack(gap >> self.shift for gap in gaps)
        return floors, self.lanes.pack(-(-gap >> self.shift) for gap in gaps)

    def upper(self, attention: Attention, tally: Tally) -> Table:
        """Return a table >= g[i][t] for each position and token 0..m, in lanes."""
        return self._table(attention, tally, up=True)

    def lower(self, attention: Attention, tally: Tally) -> Table:
        """Return a table <= g[i][t] for each position and token 0..m, in lanes."""
        return self._table(attention, tally, up=False)

    def _table(self, attention: Attention, tally: Tally, *, up: bool) -> Table:
        lanes, direct = self.lanes, self.direct[attention.query]
        tally.charge(5 * lanes.count * self.n_ctx * (self.maximum + 1))
        weights = attention.weights(self.maximum, tally)
        table = []
        for row, spans in zip(self.free, weights, strict=True):
            entries = []
            for free, span in zip(row, spans, strict=True):
                # Up: w f <= high f where f > 0, <= low f elsewhere. Down: the other way round.
                gap, near, far = direct[up] + free[up], span[not up], span[up]
                entries.append(near * gap + (far - near) * lanes.positive(gap))
            table.append(entries)
        return table


ClassCount = Callable[[GapRows, Attention, Tally], tuple[int, int]]


def count_by_class(model: Model, claim: Claim, tally: Tally, count: ClassCount) -> Counts:
    """Return how many sequences are right, at least and at most, for a count of each class."""
    demand_empty(claim.witness, claim.strategy)
    tables = path_tables(model, claim.margin, tally)
    if model.shape.d_vocab == 1:
        return 1, 1  # One token has no rival, and one sequence, which is right.
    certain, possible = count_wrong(tables, claim.precision, tally, count)
    return claim.total - possible, claim.total - certain


def count_wrong(tables: PathTables, bits: int, tally: Tally, count: ClassCount) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) sequences: the sums over all classes (q, m)."""
    v, k = tables.shape.d_vocab, tables.shape.n_ctx
    require_walkable(k)
    attentions = [Attention(tables, query, bits, tally) for query in range(v)]
    certain = possible = 0
    for maximum in range(v):
        rows = GapRows(tables, maximum, bits, tally)
        for query in inhabited_queries(maximum, k):
            low, high = count(rows, attentions[query], tally)
            certain += low
            possible += high
    return certain, possible


def _gaps(row: list[int], maximum: int, eps: int) -> list[int]:
    own = row[maximum] - eps
    return [x - own for x in row]
