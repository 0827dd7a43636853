"""The inputs of a class as a graph by kinds of tokens, with folds over it (T13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks import Acceptor

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Level(NamedTuple):
    """The tokens of one free position that lead anywhere, told by their places, in kinds.

    Kind k are `tokens[starts[k]:starts[k + 1]]`: from each state they lead to `targets[:, k]`,
    the number of states of the next level where there is none.
    """

    tokens: Places
    starts: Places
    targets: Places

    def kinds(self) -> Iterator[tuple[int, Places]]:
        """Yield the kinds with their tokens."""
        for kind, (start, end) in enumerate(pairwise([*self.starts.tolist(), len(self.tokens)])):
            yield kind, self.tokens[start:end]


@dataclass(frozen=True, eq=False)
class Graph:
    """A class's inputs, `size` of them, over the states of its acceptor."""

    levels: tuple[Level, ...]
    states: tuple[int, ...]
    size: int

    def largest(self, entries: Sequence[Floats]) -> list[Floats]:
        """Return the largest sums of entries from each state of each level on: (S, H, C).

        `entries[i]` is (H, T, C) over the level's own tokens, in its order; -inf where no input is.
        """
        shape = entries[0].shape if entries else (1, 1, 1)
        values = [np.zeros((1, shape[0], shape[2]))]
        for level, each in zip(reversed(self.levels), reversed(entries), strict=True):
            tops = np.maximum.reduceat(each, level.starts, axis=1)
            values.insert(0, _best(np.swapaxes(tops, 0, 1), values[0], level.targets).max(axis=1))
        return values

    def picks(self, entries: Sequence[Floats]) -> list[Places]:
        """Return the tokens (H, C) of an input with the largest sum, by level, as in its order."""
        shape = entries[0].shape
        values = np.zeros((1, shape[0], shape[2]))
        chosen: list[tuple[Places, Places]] = []
        for level, each in zip(reversed(self.levels), reversed(entries), strict=True):
            found = _tops(level, each)
            tops = np.take_along_axis(each, np.swapaxes(found, 0, 1), axis=1)
            sums = _best(np.swapaxes(tops, 0, 1), values, level.targets)
            kinds = sums.argmax(axis=1)
            chosen.insert(0, (kinds, found))
            values = np.take_along_axis(sums, kinds[:, None], axis=1)[:, 0]
        return self._followed(chosen)

    def _followed(self, chosen: Sequence[tuple[Places, Places]]) -> list[Places]:
        heads, columns = np.indices(chosen[0][0].shape[1:])
        state, tokens = np.zeros_like(heads), []
        for level, (kinds, found) in zip(self.levels, chosen, strict=True):
            kind = kinds[state, heads, columns]
            tokens.append(found[kind, heads, columns])
            state = level.targets[state, kind]
        return tokens


def _best(tops: Floats, values: Floats, targets: Places) -> Floats:
    """Return (S, K, H, C): the largest entry of a kind and what follows it."""
    nothing = np.full((1, *values.shape[1:]), -np.inf)
    found: Floats = tops[None] + np.concatenate([values, nothing])[targets]
    return found


def _tops(level: Level, entries: Floats) -> Places:
    """Return the places (K, H, C) of each kind's largest entries."""
    found = np.empty((len(level.starts), entries.shape[0], entries.shape[2]), dtype=np.int64)
    for kind, (start, end) in enumerate(pairwise([*level.starts.tolist(), len(level.tokens)])):
        found[kind] = start if end == start + 1 else entries[:, start:end].argmax(axis=1) + start
    return found


def graph_of(acceptor: Acceptor, spans: Sequence[range]) -> Graph:
    """Return the graph of a class's inputs, whose free positions hold these tokens."""
    levels = []
    for i, span in enumerate(spans):
        targets = acceptor.targets(i, span.stop)[:, span.start :]
        levels.append(_level(targets, acceptor.states[i + 1]))
    return Graph(tuple(levels), acceptor.states, acceptor.size)


def _level(targets: Places, none: int) -> Level:
    targets = np.where(targets < 0, none, targets)
    kept = np.flatnonzero((targets != none).any(axis=0))
    columns, kinds = np.unique(targets[:, kept], axis=1, return_inverse=True)
    order = np.argsort(kinds.ravel(), kind="stable")
    starts = np.searchsorted(kinds.ravel()[order], np.arange(columns.shape[1]))
    return Level(kept[order], starts, columns)
