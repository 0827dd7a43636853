"""T7, branch and count: walk prefixes of free tokens, and count whole subtrees once decided.

For a prefix and rival j let U_j (L_j) be the sum of T1 so far plus the largest (smallest) that the
upper (lower) tables still allow. All U_j < 0: every completion is right. Some L_j >= 0: every
completion is wrong. Otherwise branch; a single sequence that stays between is settled exactly.
"""

from bisect import bisect_left
from itertools import accumulate

from attention import Attention
from classes import completions
from signs import Sequence, settled
from tally import Tally

Live = list[tuple["Rival", int, int]]


class Undecided(Exception):
    """Some sequence needs more bits than these tables have."""


class Rival:
    """The tables of one rival in one class: what is below and above g[i][t], and their extremes."""

    def __init__(self, index: int, low: list[list[int]], high: list[list[int]], query: int) -> None:
        self.index = index
        self.start = (low[-1][query], high[-1][query])
        self.low, self.high = low[:-1], high[:-1]
        # What positions i.. can add at least and at most; 0 after the last.
        self.least = _suffix_sums([min(row) for row in self.low])
        self.most = _suffix_sums([max(row) for row in self.high])
        if self.low:
            self.last_low, self.last_high = _Ranked(self.low[-1]), _Ranked(self.high[-1])


class _Ranked:
    """The entries of one position in ascending order, with the token set of each upper part."""

    def __init__(self, row: list[int]) -> None:
        order = sorted(range(len(row)), key=row.__getitem__)
        self.entries = [row[token] for token in order]
        bits = [1 << token for token in reversed(order)]
        self.sets = [0, *accumulate(bits, int.__or__)][::-1]

    def at_least(self, bound: int) -> int:
        """Return the set of tokens (bit t for token t) whose entry is >= bound."""
        return self.sets[bisect_left(self.entries, bound)]


def _suffix_sums(values: list[int]) -> list[int]:
    return [0, *accumulate(reversed(values))][::-1]


class BranchAndCount:
    """Counts the wrong sequences of one class (q, m) that some of `rivals` wins."""

    def __init__(
        self, attention: Attention, maximum: int, rivals: list[Rival], tally: Tally, *, settle: bool
    ) -> None:
        self.tables, self.query, self.maximum = attention.tables, attention.query, maximum
        self.rivals, self.tally, self.settle = rivals, tally, settle
        self.precision = attention.bits
        self.places = self.tables.shape.n_ctx - 1
        self.certain = self.possible = 0

    def count(self) -> tuple[int, int]:
        """Return (certainly wrong, possibly wrong); raise `Undecided` unless `settle` is set."""
        self._walk((), [(rival, *rival.start) for rival in self.rivals])
        return self.certain, self.possible

    def _walk(self, prefix: Sequence, live: Live) -> None:
        depth = len(prefix)
        self.tally.charge(6 * len(live))
        live = [entry for entry in live if entry[2] + entry[0].most[depth] >= 0]
        if not live:
            return
        holds = self.query == self.maximum or self.maximum in prefix
        if any(low + rival.least[depth] >= 0 for rival, low, _ in live):
            wrong = completions(self.places - depth, self.maximum, holds)
            self.certain += wrong
            self.possible += wrong
        elif depth == self.places:
            self._decide(prefix, live)
        elif depth == self.places - 1:
            self._last_place(prefix, live, holds)
        else:
            for token in range(self.maximum + 1):
                extended = [
                    (rival, low + rival.low[depth][token], high + rival.high[depth][token])
                    for rival, low, high in live
                ]
                self._walk((*prefix, token), extended)

    def _last_place(self, prefix: Sequence, live: Live, holds: bool) -> None:
        """Count over the last free position by set: which tokens does some rival win with."""
        tokens = self.maximum + 1
        self.tally.charge(len(live) * 2 * (tokens.bit_length() + tokens))
        certain = possible = 0
        for rival, low, high in live:
            possible |= rival.last_high.at_least(-high)
            certain |= rival.last_low.at_least(-low)
        allowed = (1 << tokens) - 1 if holds else 1 << self.maximum
        undecided = possible & ~certain & allowed
        wrong = (certain & allowed).bit_count()
        self.certain += wrong
        self.possible += wrong
        for token in range(undecided.bit_length()):
            if undecided >> token & 1:
                self._decide((*prefix, token), live)

    def _decide(self, free: Sequence, live: Live) -> None:
        if not self.settle:
            raise Undecided
        rivals = [rival.index for rival, _, _ in live]
        sequence, bits = (*free, self.query), 2 * self.precision
        wins, may_win = settled(self.tables, sequence, rivals, bits, self.tally)
        self.certain += wins
        self.possible += may_win
