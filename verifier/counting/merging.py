"""Which entries of a list are merged (T18): parts cut where that saves most, list by list.

Nothing here is exact, and nothing has to be: whatever is merged, T18 holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
LEVEL_BITS = 20
# No two levels of floats are so far apart.
FARTHEST = 2.0**32


def levels(numbers: NDArray[Any], units: Floats) -> Floats:
    """Return sign(x) log2(1 + |x|/u), linear between powers of 2, in units of 2**-20.

    `units` > 0 is one number for each column.
    """
    ratios = 1.0 + np.abs(numbers.astype(np.float64)) / units
    mantissas, exponents = np.frexp(ratios)
    size = np.floor((exponents - 2 + 2.0 * mantissas) * 2.0**LEVEL_BITS)
    return np.where(numbers < 0, -size, size)


@dataclass(frozen=True)
class Parts:
    """An order of all entries, in which each part is a range that begins at one of `starts`.

    `looked` are the lengths of the parts that a search, cut by cut, looks at.
    """

    order: Index
    starts: Index
    looked: Index


def parts(heights: Floats, ways: Floats, starts: Index, most: int) -> Parts:
    """Divide lists into at most `most` parts each, so that little is lost.

    `heights` (entries, axes) are levels, `ways` the weights of the entries; a list is a range that
    begins at one of `starts`. What merging a part to its top loses is, on one axis, the sum of
    w (top - height): of its axes the one with the largest is cut where ways times height saved is
    largest. Lists that are short enough keep each entry apart.
    """
    return _Cutting(heights, ways, starts, most).run()


class _Cutting:
    """Cuts the parts of many lists, round by round.

    Cutting one part at a time, the one that saves most, cuts those parts with the largest *worth*:
    what a part saves, or less where a part around it saves less. So each round looks at all parts
    that may still be among them.
    """

    def __init__(self, heights: Floats, ways: Floats, starts: Index, most: int) -> None:
        self.heights, self.ways, self.most = heights, ways, most
        self.order = np.arange(len(ways))
        ends = np.append(starts[1:], len(ways))
        long = ends - starts > most
        self.kept = [np.arange(a, b) for a, b in zip(starts[~long], ends[~long], strict=True)]
        self.roots = np.flatnonzero(long)
        # Of each part: first entry, past the last, what it saves, where it is cut, its list.
        self.first, self.past = starts[long], ends[long]
        self.list = np.arange(len(self.roots))
        self.worth, self.cut = np.zeros(0), np.zeros(0, dtype=np.int64)
        self.parent = np.full(len(self.roots), -1)

    def run(self) -> Parts:
        """Cut until no part is left that is worth it."""
        opened = np.zeros(len(self.first), dtype=bool)
        while len(self.worth) < len(self.first):
            self._look()
            chosen = self._chosen()
            fresh = np.flatnonzero(chosen & ~opened)
            opened[fresh] = True
            self._open(fresh)
            opened = np.append(opened, np.zeros(2 * len(fresh), dtype=bool))
        chosen = self._chosen()
        live = (self.parent < 0) | chosen[self.parent]
        leaves = np.sort(self.first[live & ~chosen])
        starts = np.sort(np.concatenate([leaves, *self.kept]).astype(np.int64))
        return Parts(self.order, starts, (self.past - self.first)[live])

    def _chosen(self) -> NDArray[np.bool_]:
        """Return which parts are cut: in each list those most worth it."""
        ranked = np.lexsort((-self.worth, self.list))
        of_list = self.list[ranked]
        rank = np.arange(len(ranked)) - np.searchsorted(of_list, of_list)
        chosen = np.zeros(len(ranked), dtype=bool)
        chosen[ranked] = (rank < self.most - 1) & (self.worth[ranked] > 0)
        return chosen

    def _open(self, fresh: Index) -> None:
        """Add both sides of some parts."""
        cuts = self.first[fresh] + self.cut[fresh]
        self.first = np.concatenate([self.first, self.first[fresh], cuts])
        self.past = np.concatenate([self.past, cuts, self.past[fresh]])
        self.list = np.concatenate([self.list, self.list[fresh], self.list[fresh]])
        self.parent = np.concatenate([self.parent, fresh, fresh])

    def _look(self) -> None:
        """Sort the entries of each new part, and find what a cut of it saves."""
        new = slice(len(self.worth), None)
        first, lengths = self.first[new], self.past[new] - self.first[new]
        heads = np.cumsum(lengths) - lengths
        number = np.repeat(np.arange(len(first)), lengths)
        places = np.arange(len(number)) + np.repeat(first - heads, lengths)
        entries = self.order[places]
        heights, ways = self.heights[entries], self.ways[entries]
        tops = np.maximum.reduceat(heights, heads, axis=0)
        weighted = np.add.reduceat(ways[:, None] * heights, heads, axis=0)
        losses = tops * np.add.reduceat(ways, heads)[:, None] - weighted
        axis = losses.argmax(axis=1)
        top = tops[np.arange(len(first)), axis]
        falls = top[number] - heights[np.arange(len(number)), axis[number]]
        # One key for both: whole numbers of fewer bits than a float has.
        ranked = np.argsort(number * FARTHEST + falls, kind="stable")
        self.order[places] = entries[ranked]
        ways, falls = ways[ranked], falls[ranked]
        run = np.cumsum(ways)
        left = run[heads + lengths - 1][number] - run + ways
        saved = left * falls
        best = np.maximum.reduceat(saved, heads)
        reached = np.flatnonzero(saved >= best[number])
        cuts = reached[np.searchsorted(number[reached], np.arange(len(first)))] - heads
        parents = self.parent[new]
        around = np.where(parents < 0, np.inf, self.worth[parents] if len(self.worth) else np.inf)
        self.worth = np.concatenate([self.worth, np.minimum(best, around)])
        self.cut = np.concatenate([self.cut, cuts])
