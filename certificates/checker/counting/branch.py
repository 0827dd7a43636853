"""T7, branch and count: walk prefixes of free tokens, and count whole subtrees once decided.

For a prefix and rival j let U_j (L_j) be the sum of T1 so far plus the largest (smallest) that the
upper (lower) tables still allow. All U_j < 0: every completion is right. Some L_j >= 0: every
completion is wrong. Otherwise branch. Tokens may share a cell and its entries: a prefix of cells
stands for all its tokens at once, so that the union over rivals is one on tuples of cells (T10).
"""

from bisect import bisect_left
from itertools import accumulate

from arithmetic.tally import Tally
from counting.classes import completions

Live = list[tuple["Rival", int, int]]
Prefix = tuple[int, ...]


class Rival:
    """The tables of one rival in one class: what is below and above g[i][cell], and extremes.

    The last row is the query's; `query` is its entry there.
    """

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
    """The entries of one position in ascending order, with the cell set of each upper part."""

    def __init__(self, row: list[int]) -> None:
        order = sorted(range(len(row)), key=row.__getitem__)
        self.entries = [row[cell] for cell in order]
        bits = [1 << cell for cell in reversed(order)]
        self.sets = [0, *accumulate(bits, int.__or__)][::-1]

    def at_least(self, bound: int) -> int:
        """Return the set of cells (bit c for cell c) whose entry is >= bound."""
        return self.sets[bisect_left(self.entries, bound)]


def _suffix_sums(values: list[int]) -> list[int]:
    return [0, *accumulate(reversed(values))][::-1]


class BranchAndCount:
    """Counts the wrong sequences of one class (q, m) that some of `rivals` wins.

    `sizes[c]` tokens are in cell c; the last cell is m alone. `holds` says whether q = m.
    """

    def __init__(
        self, sizes: list[int], places: int, rivals: list[Rival], tally: Tally, *, holds: bool
    ) -> None:
        self.sizes, self.places, self.rivals, self.tally = sizes, places, rivals, tally
        self.holds, self.maximum = holds, sum(sizes) - 1
        self.shared = [cell for cell, size in enumerate(sizes) if size > 1]
        self.certain = self.possible = 0

    def count(self) -> tuple[int, int]:
        """Return (certainly wrong, possibly wrong)."""
        self._walk((), 1, [(rival, *rival.start) for rival in self.rivals])
        return self.certain, self.possible

    def _walk(self, prefix: Prefix, many: int, live: Live) -> None:
        depth = len(prefix)
        self.tally.charge(6 * len(live) + depth // 32)
        live = [entry for entry in live if entry[2] + entry[0].most[depth] >= 0]
        if not live:
            return
        holds = self.holds or len(self.sizes) - 1 in prefix
        if any(low + rival.least[depth] >= 0 for rival, low, _ in live):
            wrong = many * completions(self.places - depth, self.maximum, holds)
            self.certain += wrong
            self.possible += wrong
        elif depth == self.places:
            self._decide(prefix, many, live)
        elif depth == self.places - 1:
            self._last_place(prefix, many, live, holds)
        else:
            for cell, size in enumerate(self.sizes):
                extended = [
                    (rival, low + rival.low[depth][cell], high + rival.high[depth][cell])
                    for rival, low, high in live
                ]
                self._walk((*prefix, cell), many * size, extended)

    def _last_place(self, prefix: Prefix, many: int, live: Live, holds: bool) -> None:
        """Count over the last free position by set: which cells does some rival win with."""
        cells = len(self.sizes)
        self.tally.charge(len(live) * 2 * (cells.bit_length() + cells))
        certain = possible = 0
        for rival, low, high in live:
            possible |= rival.last_high.at_least(-high)
            certain |= rival.last_low.at_least(-low)
        allowed = (1 << cells) - 1 if holds else 1 << (cells - 1)
        undecided = possible & ~certain & allowed
        wrong = many * self._tokens(certain & allowed)
        self.certain += wrong
        self.possible += wrong
        for cell in range(undecided.bit_length()):
            if undecided >> cell & 1:
                self._decide((*prefix, cell), many * self.sizes[cell], live)

    def _tokens(self, cells: int) -> int:
        """Return how many tokens are in a set of cells."""
        return cells.bit_count() + sum(self.sizes[c] - 1 for c in self.shared if cells >> c & 1)

    def _decide(self, prefix: Prefix, many: int, live: Live) -> None:
        """Take sequences that the tables leave open for possibly wrong."""
        self.possible += many
