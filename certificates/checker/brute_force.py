"""Brute force: every input is evaluated, all rivals at once, and nothing is skipped."""

from attention import Attention
from classes import inhabited_queries, require_walkable
from separable import GapRows, Table
from signs import Sequence, rival_wins
from tally import Tally
from transformer import PathTables


def count_wrong(tables: PathTables, precision: int, tally: Tally) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) sequences among all v**k.

    Theorem: T1 with upper and lower tables (T2). A sequence no rival reaches in the upper tables is
    right; one that a rival reaches in the lower tables is wrong; any other is settled exactly.
    """
    v = tables.shape.d_vocab
    if v == 1:
        return 0, 0  # No rival, and one input.
    require_walkable(tables.shape.n_ctx)
    attentions = [Attention(tables, query, precision, tally) for query in range(v)]
    certain = possible = 0
    for maximum in range(v):
        rows = GapRows(tables, maximum, precision, tally)
        for query in inhabited_queries(maximum, tables.shape.n_ctx):
            class_ = _Class(tables, rows, query, attentions[query], tally)
            class_.walk(())
            certain += class_.certain
            possible += class_.possible
    return certain, possible


class _Class:
    """The enumeration of one class (q, m), position by position."""

    def __init__(
        self,
        tables: PathTables,
        rows: GapRows,
        query: int,
        attention: Attention,
        tally: Tally,
    ) -> None:
        self.tables, self.tally, self.query = tables, tally, query
        self.maximum, self.lanes, self.precision = rows.maximum, rows.lanes, attention.bits
        self.sign_bits = rows.rivals << (self.lanes.width - 1)
        self.upper: Table = rows.upper(query, attention, tally)
        self.lower: Table = rows.lower(query, attention, tally)
        self.certain = self.possible = 0

    def walk(self, prefix: Sequence) -> None:
        """Evaluate every sequence of the class that starts with `prefix`."""
        left = len(self.upper) - 1 - len(prefix)
        if left > 1:
            for token in range(self.maximum + 1):
                self.walk((*prefix, token))
            return
        holds = self.query == self.maximum or self.maximum in prefix
        tokens = range(0 if holds else self.maximum, self.maximum + 1)
        base = self._total(self.upper, prefix) + self.lanes.offset
        signs, row = self.sign_bits, self.upper[len(prefix)]
        self.tally.charge(len(tokens) * self.lanes.count * (len(self.upper) + 1))
        if left == 0:
            wrong = [prefix] if base & signs else []
        else:
            wrong = [(*prefix, token) for token in tokens if (base + row[token]) & signs]
        for free in wrong:
            self._settle(free)

    def _total(self, table: Table, free: Sequence) -> int:
        return table[-1][self.query] + sum(table[i][t] for i, t in enumerate(free))

    def _settle(self, free: Sequence) -> None:
        """Decide one sequence that some rival may win."""
        lanes, allowed = self.lanes, self.sign_bits >> (self.lanes.width - 1)
        self.tally.charge(lanes.count * (len(self.upper) + 1))
        if lanes.signs(self._total(self.lower, free)) & allowed:
            verdicts: list[bool | None] = [True]
        else:
            rivals = lanes.indices(lanes.signs(self._total(self.upper, free)) & allowed)
            sequence = (*free, self.query)
            verdicts = [
                rival_wins(self.tables, sequence, rival, 2 * self.precision, self.tally)
                for rival in rivals
            ]
        self.certain += any(verdict is True for verdict in verdicts)
        self.possible += any(verdict is not False for verdict in verdicts)
