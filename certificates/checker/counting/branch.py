"""T7, branch and count: walk prefixes of free tokens, and count whole subtrees once decided.

The class is given by an acceptor over cells: a prefix carries its state, whose completions count.
For a prefix and rival j let U_j (L_j) be the sum of T1 so far plus the largest (smallest) that the
upper (lower) tables still allow. All U_j < 0: every completion is right. Some L_j >= 0: every
completion is wrong. Otherwise branch. Tokens may share a cell and its entries: a prefix of cells
stands for all its tokens at once, so that the union over rivals is one on tuples of cells (T10).
"""

from bisect import bisect_left
from itertools import accumulate

from arithmetic.tally import Tally
from counting.cells import Cells
from files.verdict import decline_unless

MAX_WALK = 500
Rows = list[list[int]]
Live = list[tuple["Rival", int, int]]
Prefix = tuple[int, ...]


def require_walkable(n_ctx: int) -> None:
    """Decline to enumerate more positions than a walk can nest; no budget could pay for it."""
    decline_unless(n_ctx <= MAX_WALK, "limit", f"this strategy walks at most {MAX_WALK} positions.")


class Rival:
    """The tables of one rival in one class: what is below and above g[i][cell], and extremes.

    `start` is the query's own term, below and above; `low` and `high` are rows by free position.
    """

    def __init__(
        self, index: int, start: tuple[int, int], low: Rows, high: Rows, present: list[range]
    ) -> None:
        self.index, self.start, self.low, self.high = index, start, low, high
        # What positions i.. can add at least and at most; 0 after the last.
        ends = [row[x.start : x.stop] for row, x in zip(low, present, strict=True)]
        self.least = _suffix_sums(list(map(min, ends)))
        ends = [row[x.start : x.stop] for row, x in zip(high, present, strict=True)]
        self.most = _suffix_sums(list(map(max, ends)))
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
    """Counts the inputs of one class that some of `rivals` wins, certainly and possibly."""

    def __init__(self, cells: Cells, rivals: list[Rival], tally: Tally) -> None:
        self.cells, self.rivals, self.tally = cells, rivals, tally
        self.sizes, self.places = cells.sizes, len(cells.moves)
        self.shared = [cell for cell, size in enumerate(self.sizes) if size > 1]
        last = cells.moves[-1] if cells.moves else []
        # The cells that end an input of the class, by the state before the last free position.
        self.ends = [sum((1 << x.stop) - (1 << x.start) for _, x in row) for row in last]
        self.certain = self.possible = 0

    def count(self) -> tuple[int, int]:
        """Return (certainly wrong, possibly wrong)."""
        live = [(rival, *rival.start) for rival in self.rivals]
        self._walk((), self.cells.start, 1, live)
        return self.certain, self.possible

    def _walk(self, prefix: Prefix, state: int, many: int, live: Live) -> None:
        depth = len(prefix)
        self.tally.charge(6 * len(live) + depth // 32)
        live = [entry for entry in live if entry[2] + entry[0].most[depth] >= 0]
        if not live:
            return
        if any(low + rival.least[depth] >= 0 for rival, low, _ in live):
            wrong = many * self.cells.left[depth][state]
            self.certain += wrong
            self.possible += wrong
        elif depth == self.places:
            self._decide(prefix, many, live)
        elif depth == self.places - 1:
            self._last_place(prefix, state, many, live)
        else:
            for target, cells in self.cells.moves[depth][state]:
                for cell in cells:
                    extended = [
                        (rival, low + rival.low[depth][cell], high + rival.high[depth][cell])
                        for rival, low, high in live
                    ]
                    self._walk((*prefix, cell), target, many * self.sizes[cell], extended)

    def _last_place(self, prefix: Prefix, state: int, many: int, live: Live) -> None:
        """Count over the last free position by set: which cells does some rival win with."""
        cells = len(self.sizes)
        self.tally.charge(len(live) * 2 * (cells.bit_length() + cells))
        certain = possible = 0
        for rival, low, high in live:
            possible |= rival.last_high.at_least(-high)
            certain |= rival.last_low.at_least(-low)
        allowed = self.ends[state]
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
        """Take inputs that the tables leave open for possibly wrong."""
        self.possible += many
