"""T7 and T10 in int64 lanes: walk prefixes of cells, a whole level at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.verifier.strategies.ladder.counts import Box, Numbers
from ballproof.verifier.strategies.ladder.pools import Tables

BLOCK = 1 << 15


@dataclass
class Walk:
    """T7 and T10: prefixes of cells, a whole level at a time; counts nodes as the kernel does.

    `certain` are sequences that some rival wins in the lower tables, `possible` those that some
    rival wins in the upper ones. `limit` stops a walk whose `operations` exceed it: what is left
    is then taken for possibly wrong.
    """

    box: Box
    low: Tables
    high: Tables
    limit: float = float("inf")
    certain: int = 0
    possible: int = 0
    operations: int = 0

    def run(self) -> Walk:
        """Count, and return self."""
        self.low_rows, self.high_rows = self.box.rows(self.low), self.box.rows(self.high)
        self.least = _suffix(self.low_rows.min(axis=1))
        self.most = _suffix(self.high_rows.max(axis=1))
        kind = np.int64 if self.box.size.bit_length() < 62 else object
        self.sizes: Numbers = np.array(self.box.sizes, dtype=kind)
        one = np.array([1], dtype=kind)
        self._level(self.low.own[None], self.high.own[None], one, np.array([self.box.holds]), 0)
        return self

    def _level(
        self, low: Lanes, high: Lanes, many: Numbers, holds: NDArray[np.bool_], depth: int
    ) -> None:
        """Count prefixes of equal length; rows are prefixes, columns rivals."""
        alive = high + self.most[depth] >= 0
        live = alive.any(axis=1)
        # A rival that cannot win any more leaves the prefix, and is not charged below it.
        self.operations += 6 * int((high > _DEAD).sum())
        low, high = np.where(alive, low, _DEAD), np.where(alive, high, _DEAD)
        low, high, many, holds = low[live], high[live], many[live], holds[live]
        lost = (low + self.least[depth] >= 0).any(axis=1)
        self._add(many[lost], holds[lost], depth, certain=True)
        low, high, many, holds = low[~lost], high[~lost], many[~lost], holds[~lost]
        left = self.box.places - depth
        if not left or self.operations > self.limit:
            self._add(many, holds, depth, certain=False)
            return
        cells = len(self.sizes)
        if left == 1:
            self.operations += int((high > _DEAD).sum()) * 2 * (cells.bit_length() + cells)
        block = max(BLOCK // cells, 1)
        for start in range(0, len(many), block):
            part = slice(start, start + block)
            self._expand(low[part], high[part], many[part], holds[part], depth)

    def _expand(
        self,
        low: Lanes,
        high: Lanes,
        many: Numbers,
        holds: NDArray[np.bool_],
        depth: int,
    ) -> None:
        below = _extended(low, self.low_rows[depth])
        above = _extended(high, self.high_rows[depth])
        rivals = low.shape[1]
        number = np.multiply.outer(many, self.sizes)
        held = holds[:, None] | (np.arange(len(self.sizes)) == len(self.sizes) - 1)
        if depth + 1 == self.box.places:
            # The last place is counted by sets of cells, at no further cost.
            wrong = (below >= 0).any(axis=2) & held
            open_ = (above >= 0).any(axis=2) & held & ~wrong
            self.certain += _total(number[wrong])
            self.possible += _total(number[wrong]) + _total(number[open_])
            return
        self._level(
            below.reshape(-1, rivals),
            above.reshape(-1, rivals),
            number.reshape(-1),
            held.reshape(-1),
            depth + 1,
        )

    def _add(self, many: Numbers, holds: NDArray[np.bool_], depth: int, *, certain: bool) -> None:
        left = self.box.places - depth
        for held in (True, False):
            count = _total(many[holds == held]) * self.box.completions(left, held)
            self.possible += count
            self.certain += count if certain else 0


_DEAD = np.iinfo(np.int64).min // 4


def _extended(sums: Lanes, row: Lanes) -> Lanes:
    """Add each cell's entry to each sum; a rival that has left stays out."""
    added = sums[:, None, :] + row[None]
    return np.where(sums[:, None, :] > _DEAD // 2, added, _DEAD)


def _suffix(rows: Lanes) -> Lanes:
    """Return what the places i.. add in all, for i = 0..n."""
    zero = np.zeros((1, rows.shape[1]), dtype=np.int64)
    return np.concatenate([np.cumsum(rows[::-1], axis=0)[::-1], zero])


def _total(numbers: Numbers) -> int:
    return int(numbers.sum()) if len(numbers) else 0
