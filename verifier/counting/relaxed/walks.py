"""Walks over the prefixes of a region: the inputs at whose end some rival still lives (T7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.counting.relaxed.graphs import Graph, Places
from ballproof.verifier.counting.relaxed.summands import Floats

Mask = NDArray[np.bool_]
# Numbers of one array operation.
BLOCK = 1 << 21


class Walk:
    """A walk with tables of entries: `free[i]` (H, T, L) over the graph's tokens, `own` (H, L).

    Column l lives at a prefix while, for some summand, the sum so far and the largest completion
    are not below 0. NaN lives.
    """

    def __init__(self, graph: Graph, free: Sequence[Floats], own: Floats) -> None:
        self.graph, self.free, self.own = graph, free, own
        completions = graph.largest(free)
        # By state, then summand and column.
        self.completions = completions if free else [np.zeros((1, *own.shape))]

    @property
    def largest(self) -> Floats:
        """The largest sum of each summand and column, (H, L)."""
        found: Floats = self.completions[0][0] + self.own
        return found

    def alive(self) -> Mask:
        """Return (L,): whether a column lives at all."""
        alive: Mask = np.logical_not(np.all(self.largest < 0, axis=0))
        return alive

    def counts(self) -> NDArray[np.int64]:
        """Return (L,): at how many inputs a column lives."""
        found = np.zeros(self.own.shape[1], dtype=np.int64)
        for _, lives in self._ends():
            found += lives.sum(axis=0)
        return found

    def left(self) -> int:
        """Return at how many inputs any column lives."""
        return sum(len(tokens) for tokens, _ in self._ends())

    def inputs(self) -> Places:
        """Return the inputs (N, n) at which any column lives, by places in the positions."""
        kept = [tokens for tokens, _ in self._ends()]
        levels = len(self.graph.levels)
        return np.concatenate([np.empty((0, levels), dtype=np.int64), *kept])

    def _ends(self) -> Iterator[tuple[Places, Mask]]:
        if self.alive().any():
            start = np.empty((1, 0), dtype=np.int64)
            yield from self._below(0, 0, start, self.own[None])

    def _below(
        self, level: int, state: int, tokens: Places, sums: Floats
    ) -> Iterator[tuple[Places, Mask]]:
        """Yield what lives below prefixes (P, level) of one state with sums (P, H, L)."""
        if level == len(self.graph.levels):
            yield tokens, np.logical_not(np.all(sums < 0, axis=1))
            return
        kinds, row = self.graph.levels[level], self.graph.levels[level].targets[state]
        none, place = self.graph.states[level + 1], 0
        by_target: dict[int, list[Places]] = {}
        for kind, each in kinds.kinds():
            by_target.setdefault(int(row[kind]), []).append(np.arange(place, place + len(each)))
            place += len(each)
        for target, parts in by_target.items():
            if target != none:
                yield from self._onward(level, target, np.concatenate(parts), tokens, sums)

    def _onward(
        self, level: int, target: int, columns: Places, tokens: Places, sums: Floats
    ) -> Iterator[tuple[Places, Mask]]:
        added = np.swapaxes(self.free[level][:, columns], 0, 1)
        rest = self.completions[level + 1][target]
        rows = max(BLOCK // max(added.size, 1), 1)
        for start in range(0, len(tokens), rows):
            part = sums[start : start + rows, None] + added
            lives = ~(part + rest < 0).all(axis=2)
            before, token = np.nonzero(lives.any(axis=2))
            if len(before):
                named = self.graph.levels[level].tokens[columns[token]]
                longer = np.column_stack([tokens[start + before], named])
                yield from self._below(level + 1, target, longer, part[before, token])
