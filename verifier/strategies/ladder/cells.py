"""The inputs of a class by cells: an acceptor whose arcs are ranges of cells, and its folds (T10).

A cell is a range of tokens with equal arcs. Cells are in the order of their tokens, and each arc is
a range of cells.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.models.tasks import Acceptor

Spans = tuple[tuple[int, int], ...]
Index = NDArray[np.int64]
# Below every sum of entries that fits its lane: the largest sum where there is no sequence.
NO_SUM = -(2**62)
# The same for entries that are Python integers.
WIDE_NO_SUM = -(2**1024)


@dataclass(frozen=True)
class CellArc:
    """The cells first..past-1 lead from a state of one level to a state of the next."""

    source: int
    target: int
    first: int
    past: int


@dataclass(frozen=True, eq=False)
class Cells:
    """The sequences of one class by cells: their sizes, and the arcs of each free position.

    State 0 of level 0 is the start, state 0 of the last level the end; `states` are their numbers.
    """

    sizes: tuple[int, ...]
    states: tuple[int, ...]
    arcs: tuple[tuple[CellArc, ...], ...]

    @property
    def places(self) -> int:
        """The number of free positions."""
        return len(self.arcs)

    @cached_property
    def completions(self) -> tuple[tuple[int, ...], ...]:
        """Number of sequences from each state of each level to the end."""
        sums = [0]
        for size in self.sizes:
            sums.append(sums[-1] + size)
        levels = [[1]]
        for level in reversed(range(self.places)):
            ways = [0] * self.states[level]
            for arc in self.arcs[level]:
                ways[arc.source] += (sums[arc.past] - sums[arc.first]) * levels[-1][arc.target]
            levels.append(ways)
        return tuple(map(tuple, reversed(levels)))

    @property
    def size(self) -> int:
        """How many sequences the class has."""
        return self.completions[0][0]

    @cached_property
    def used(self) -> tuple[Index, ...]:
        """The cells with an arc, at each level."""
        found = []
        for arcs in self.arcs:
            mask = np.zeros(len(self.sizes), dtype=bool)
            for arc in arcs:
                mask[arc.first : arc.past] = True
            found.append(np.flatnonzero(mask))
        return tuple(found)

    @cached_property
    def used_lists(self) -> tuple[list[int], ...]:
        """The cells with an arc, at each level, as Python integers."""
        return tuple(used.tolist() for used in self.used)

    def without(self, cells: AbstractSet[int]) -> Cells:
        """Return the sequences that hold no token of some cells."""
        if not cells:
            return self
        if frozenset(cells) not in self._without:
            self._without[frozenset(cells)] = self._made_without(cells)
        return self._without[frozenset(cells)]

    @cached_property
    def _without(self) -> dict[frozenset[int], Cells]:
        return {}

    def _made_without(self, cells: AbstractSet[int]) -> Cells:
        kept = [0]
        for cell in range(len(self.sizes)):
            kept.append(kept[-1] + (cell not in cells))
        arcs = tuple(
            tuple(CellArc(a.source, a.target, kept[a.first], kept[a.past]) for a in level)
            for level in self.arcs
        )
        sizes = tuple(size for cell, size in enumerate(self.sizes) if cell not in cells)
        return Cells(sizes, self.states, arcs)

    def targets(self, level: int) -> Index:
        """Return the state that each cell leads to from each state of a level, -1 for none.

        Shape (states of the level, cells).
        """
        table = np.full((self.states[level], len(self.sizes)), -1, dtype=np.int64)
        for arc in self.arcs[level]:
            table[arc.source, arc.first : arc.past] = arc.target
        return table

    @cached_property
    def folds(self) -> int:
        """How many arcs there are; 0 if all tokens have equal arcs, so that no fold is needed."""
        kinds = {(arc.first, arc.past) for arcs in self.arcs for arc in arcs}
        return sum(map(len, self.arcs)) if len(kinds) > 1 else 0

    def steps(self, rare: Collection[int], most: int) -> tuple[int, int]:
        """Return the branches and terms of a fold with at most `most` tokens of rare cells.

        A branch is what leads from a state, and a number of rare tokens, to another one, by rare
        cells or by others; its cells are the terms.
        """
        if (frozenset(rare), most) not in self._steps:
            self._steps[frozenset(rare), most] = self._counted_steps(rare, most)
        return self._steps[frozenset(rare), most]

    @cached_property
    def _steps(self) -> dict[tuple[frozenset[int], int], tuple[int, int]]:
        return {}

    def _counted_steps(self, rare: Collection[int], most: int) -> tuple[int, int]:
        reached, branches, terms = {(0, 0)}, 0, 0
        for arcs in self.arcs:
            found: dict[tuple[int, int, int], int] = {}
            for arc in arcs:
                few = sum(arc.first <= cell < arc.past for cell in rare)
                for kind, cells in enumerate((arc.past - arc.first - few, few)):
                    key = arc.source, arc.target, kind
                    found[key] = found.get(key, 0) + cells
            after: set[tuple[int, int]] = set()
            for (source, target, kind), cells in found.items():
                degrees = [e for state, e in reached if state == source and e + kind <= most]
                if cells:
                    branches, terms = branches + len(degrees), terms + cells * len(degrees)
                    after.update((target, e + kind) for e in degrees)
            reached = after
        return branches, terms

    @cached_property
    def _largest_sums(self) -> _LargestSums:
        return _LargestSums(self)

    def worst(self, own: Lanes, rows: Lanes) -> Lanes:
        """Return for each rival the largest sum of entries, the query's own included (T3).

        `rows` have the shape (rows, cells, J), one row for each position or one for all. Exact for
        these rows.
        """
        return self._largest_sums.of(rows) + own


class _LargestSums:
    """What the fold with (max, +) over the sequences of some cells needs, found once."""

    def __init__(self, cells: Cells) -> None:
        arcs = [arc for level in cells.arcs for arc in level if arc.first < arc.past]
        starts = sorted({end for arc in arcs for end in (arc.first, arc.past)})
        # The atoms: ranges of cells that no arc divides.
        self.starts = np.array([s for s in starts if s < len(cells.sizes)], dtype=np.int64)
        place = {start: index for index, start in enumerate(starts)}
        ranges = sorted({(place[arc.first], place[arc.past]) for arc in arcs})
        self.ranges = [slice(first, past) for first, past in ranges]
        number = {pair: index for index, pair in enumerate(ranges)}
        self.levels = []
        for level, states in zip(cells.arcs, cells.states, strict=False):
            real = [arc for arc in level if arc.first < arc.past]
            sources = [arc.source for arc in real]
            index = np.array([number[place[a.first], place[a.past]] for a in real], dtype=np.int64)
            targets = np.array([arc.target for arc in real], dtype=np.int64)
            heads = [i for i, s in enumerate(sources) if not i or sources[i - 1] != s]
            present = np.array([sources[i] for i in heads], dtype=np.int64)
            self.levels.append((states, index, targets, np.array(heads, dtype=np.int64), present))
        self.dead = any(len(level[-1]) < level[0] for level in self.levels)

    def of(self, rows: Lanes) -> Lanes:
        """Return the largest sum of the free positions' entries for each rival."""
        kind = rows.dtype
        none = NO_SUM if kind == np.int64 else WIDE_NO_SUM
        value = np.zeros((1, rows.shape[2]), dtype=kind)
        shared = self._of_ranges(rows[0]) if len(rows) == 1 else None
        for level in reversed(range(len(self.levels))):
            states, index, targets, heads, present = self.levels[level]
            of_ranges = self._of_ranges(rows[level]) if shared is None else shared
            if not len(index):
                value = np.full((states, rows.shape[2]), none, dtype=kind)
                continue
            sums = of_ranges[index] + value[targets]
            if len(index) > len(heads):
                sums = np.maximum.reduceat(sums, heads, axis=0)
            value = sums
            if len(present) < states:
                value = np.full((states, rows.shape[2]), none, dtype=kind)
                value[present] = sums
            if self.dead:
                # Beyond there is nothing to tell apart, and no lane may run over.
                value = np.maximum(value, none)
        return np.asarray(value[0])

    def _of_ranges(self, row: Lanes) -> Lanes:
        """Return the largest entry of each range (ranges, J)."""
        if not self.ranges:
            return row[:0]
        atoms = np.maximum.reduceat(row, self.starts, axis=0)
        parts = [
            atoms[part.start]
            if part.stop - part.start == 1
            else np.maximum.reduce(atoms[part], axis=0)
            for part in self.ranges
        ]
        return np.array(parts)


def spans_of(acceptor: Acceptor, joined: Spans) -> Spans:
    """Return all cells as ranges first..last: the `joined` ones, and every other token alone.

    Tokens without an arc are in no cell. Raises ValueError if the tokens of a joined cell have
    unequal arcs.
    """
    spans: list[tuple[int, int]] = []
    kinds = acceptor.kinds
    left = [
        (first, last)
        for first, last in joined
        if any(kind.start <= last and first < kind.stop for kind in kinds)
    ]
    for kind in kinds:
        token = kind.start
        while token < kind.stop:
            if left and left[0][0] == token and left[0][1] < kind.stop:
                spans.append(left.pop(0))
            else:
                spans.append((token, token))
            token = spans[-1][1] + 1
    if left:
        raise ValueError(f"The tokens {left[0][0]} to {left[0][1]} are no cell of this class.")
    return tuple(spans)


def label_cell(spans: Spans, label: int) -> int:
    """Return the cell that holds the label, the last one where none does."""
    found = (cell for cell, (first, last) in enumerate(spans) if first <= label <= last)
    return next(found, len(spans) - 1)


def cells_of(acceptor: Acceptor, spans: Spans) -> Cells:
    """Return the class of an acceptor by these cells."""
    starts = [first for first, _ in spans]
    arcs = tuple(
        tuple(
            CellArc(a.source, a.target, bisect_left(starts, a.first), bisect_left(starts, a.past))
            for a in level
        )
        for level in acceptor.arcs
    )
    return Cells(tuple(last - first + 1 for first, last in spans), acceptor.states, arcs)


def far_cells(acceptor: Acceptor, label: int, near: int | None) -> Spans:
    """Return cells that join what is more than `near` tokens from the label; None joins nothing."""
    if near is None:
        return ()
    pieces: Iterable[Sequence[int]] = (
        piece
        for kind in acceptor.kinds
        for piece in (
            range(kind.start, min(kind.stop, label - near)),
            range(max(kind.start, label + near + 1), kind.stop),
        )
    )
    return tuple((piece[0], piece[-1]) for piece in pieces if len(piece) > 1)
