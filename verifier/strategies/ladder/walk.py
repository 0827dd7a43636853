"""T7 and T10 in int64 lanes: branch on prefixes of cells, a whole level at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.verifier.strategies.ladder.cells import Cells, Index
from ballproof.verifier.strategies.ladder.pools import Tables

BLOCK = 1 << 15
# Exact counts: int64 where all sequences of the class fit, Python integers otherwise.
Numbers = NDArray[Any]


@dataclass
class Walk:
    """T7 and T10: prefixes of cells, a whole level at a time; counts nodes as the kernel does.

    `certain` are sequences that some rival wins in the lower tables, `possible` those that some
    rival wins in the upper ones. `limit` stops a walk whose `operations` exceed it: what is left
    is then taken for possibly wrong.
    """

    cells: Cells
    low: Tables
    high: Tables
    limit: float = float("inf")
    certain: int = 0
    possible: int = 0
    operations: int = 0

    def run(self) -> Walk:
        """Count, and return self."""
        self.places = self.cells.places
        kind = np.int64 if self.cells.size.bit_length() < 62 else object
        self.sizes: Numbers = np.array(self.cells.sizes, dtype=kind)
        self.completions = [np.array(ways, dtype=object) for ways in self.cells.completions]
        self.least = self._suffix(self.low.rows, np.min)
        self.most = self._suffix(self.high.rows, np.max)
        self.targets = [self.cells.targets(level) for level in range(self.places)]
        one, start = np.array([1], dtype=kind), np.zeros(1, dtype=np.int64)
        self._level(self.low.own[None], self.high.own[None], one, start, 0)
        return self

    def _suffix(self, rows: Lanes, extreme: Callable[..., Lanes]) -> list[Lanes]:
        """Return what the positions i.. add at least or at most, for i = 0..n and each rival.

        The kernel looks at no state when it drops a prefix: an extreme of all cells around those
        with an arc. Fewer prefixes would do, but its operations are those of the ones it visits.
        """
        sums = [np.zeros(rows.shape[2], dtype=np.int64)]
        for level in reversed(range(self.places)):
            row, used = rows[level if len(rows) > 1 else 0], self.cells.used[level]
            sums.append(extreme(row[used[0] : used[-1] + 1], axis=0) + sums[-1])
        return sums[::-1]

    def _level(self, low: Lanes, high: Lanes, many: Numbers, states: Index, depth: int) -> None:
        """Count prefixes of equal length; rows are prefixes, columns rivals."""
        alive = high + self.most[depth] >= 0
        live = alive.any(axis=1)
        # A rival that cannot win any more leaves the prefix, and is not charged below it.
        self.operations += 6 * int((high > _DEAD).sum())
        low, high = np.where(alive, low, _DEAD), np.where(alive, high, _DEAD)
        low, high, many, states = low[live], high[live], many[live], states[live]
        lost = (low + self.least[depth] >= 0).any(axis=1)
        self._add(many[lost], states[lost], depth, certain=True)
        low, high, many, states = low[~lost], high[~lost], many[~lost], states[~lost]
        left = self.places - depth
        if not left or self.operations > self.limit:
            self._add(many, states, depth, certain=False)
            return
        cells = len(self.sizes)
        if left == 1:
            self.operations += int((high > _DEAD).sum()) * 2 * (cells.bit_length() + cells)
        block = max(BLOCK // cells, 1)
        for start in range(0, len(many), block):
            part = slice(start, start + block)
            self._expand(low[part], high[part], many[part], states[part], depth)

    def _expand(self, low: Lanes, high: Lanes, many: Numbers, states: Index, depth: int) -> None:
        row = depth if len(self.high.rows) > 1 else 0
        below = _extended(low, self.low.rows[row])
        above = _extended(high, self.high.rows[row])
        number = np.multiply.outer(many, self.sizes)
        targets = self.targets[depth][states]
        there = targets >= 0
        if depth + 1 == self.places:
            # The last place is counted by sets of cells, at no further cost.
            wrong = (below >= 0).any(axis=2) & there
            open_ = (above >= 0).any(axis=2) & there & ~wrong
            self.certain += _total(number[wrong])
            self.possible += _total(number[wrong]) + _total(number[open_])
            return
        self._level(below[there], above[there], number[there], targets[there], depth + 1)

    def _add(self, many: Numbers, states: Index, depth: int, *, certain: bool) -> None:
        count = sum(
            _total(many[states == state]) * int(self.completions[depth][state])
            for state in np.unique(states)
        )
        self.possible += count
        self.certain += count if certain else 0


_DEAD = np.iinfo(np.int64).min // 4


def _extended(sums: Lanes, row: Lanes) -> Lanes:
    """Add each cell's entry to each sum; a rival that has left stays out."""
    added = sums[:, None, :] + row[None]
    return np.where(sums[:, None, :] > _DEAD // 2, added, _DEAD)


def _total(numbers: Numbers) -> int:
    return int(numbers.sum()) if len(numbers) else 0
