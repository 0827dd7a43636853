"""Brute force: every input is evaluated, all rivals at once, and nothing is skipped."""

from attention import Attention
from separable import GapRows, Table
from signs import Sequence, settled
from tally import Tally


def count_class(rows: GapRows, attention: Attention, tally: Tally) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) sequences of the class (attention.query, m).

    Theorem: T1 with upper and lower tables (T2). A sequence no rival reaches in the upper tables is
    right; one that a rival reaches in the lower tables is wrong; any other is settled exactly.
    """
    walk = _Enumeration(rows, attention, tally)
    walk.walk(())
    return walk.certain, walk.possible


class _Enumeration:
    """The enumeration of one class (q, m), position by position."""

    def __init__(self, rows: GapRows, attention: Attention, tally: Tally) -> None:
        self.tables, self.query, self.tally = attention.tables, attention.query, tally
        self.maximum, self.lanes, self.precision = rows.maximum, rows.lanes, attention.bits
        self.sign_bits = rows.rivals << (self.lanes.width - 1)
        self.upper: Table = rows.upper(attention, tally)
        self.lower: Table = rows.lower(attention, tally)
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
        wins = may_win = bool(lanes.signs(self._total(self.lower, free)) & allowed)
        if not wins:
            rivals = lanes.indices(lanes.signs(self._total(self.upper, free)) & allowed)
            sequence, bits = (*free, self.query), 2 * self.precision
            wins, may_win = settled(self.tables, sequence, rivals, bits, self.tally)
        self.certain += wins
        self.possible += may_win
