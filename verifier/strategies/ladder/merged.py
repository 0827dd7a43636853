"""T18: the merged walk, which counts what several rivals win together, by few atoms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.verifier.counting.merging import Floats, Index, levels, parts
from ballproof.verifier.strategies.ladder.cells import CellArc, Cells
from ballproof.verifier.strategies.ladder.pools import Tables

# Exact numbers of sequences: Python integers.
Ways = NDArray[Any]
SHARE_BITS = 60
# What stands for all that is merged, from below and from above.
EXTREMES = (np.minimum, np.maximum)
# A component that is out of reach is lifted to just below the number at which it would come back.
JUST_BELOW = -1


class Limits(NamedTuple):
    """How many atoms of a state, and how many entries of a move, are kept apart."""

    atoms: int
    cells: int


class Atoms(NamedTuple):
    """Vectors of sums (N, J), each for some sequences: how many, and their share of the class.

    `ways` is None in a search, which needs no exact count.
    """

    sums: Lanes
    shares: Floats
    ways: Ways | None

    def of(self, chosen: NDArray[Any]) -> Atoms:
        """Return some of the atoms."""
        ways = None if self.ways is None else self.ways[chosen]
        return Atoms(self.sums[chosen], self.shares[chosen], ways)

    def times(self, entries: Atoms) -> Atoms:
        """Return each atom extended by each entry."""
        sums = self.sums[:, None] + entries.sums[None]
        shares = np.multiply.outer(self.shares, entries.shares).ravel()
        ways = None
        if self.ways is not None and entries.ways is not None:
            ways = np.multiply.outer(self.ways, entries.ways).ravel()
        return Atoms(sums.reshape(-1, sums.shape[2]), shares, ways)


class MergedWalk:
    """Counts the sequences that some rival wins in these tables: at least (`up`), or at most (T18).

    `units` are positive sizes, one for each rival, above which its sums are told apart by their
    logarithms; `axes` are the rivals that decide what is merged. With `exact` the count is in
    integers; without it in floats, for a search. `operations` are those of the checker's walk, and
    `wins` is about how many of the sequences each rival wins, as counted.
    """

    def __init__(
        self, cells: Cells, tables: Tables, axes: Index, label: int, *, up: bool, exact: bool = True
    ) -> None:
        self.cells, self.tables, self.axes = cells, tables, axes
        self.up, self.exact = up, exact
        rows = tables.rows
        if cells.places:
            self.units = np.maximum(np.abs(rows[0, label].astype(np.float64)), 1.0)[axes]
        self.most = reach(cells, rows, np.max)
        self.least = reach(cells, rows, np.min)
        self.operations = 0

    def count(self, limits: Limits) -> int:
        """Return the count; in floats it is a whole number nearby."""
        cells, total = self.cells, sum(self.cells.sizes)
        self.limits, self.count_, self.share = limits, 0, 0.0
        self.shares = np.zeros(self.tables.rows.shape[2])
        self.operations = 6 * self.tables.rows.shape[2] * (cells.places * len(cells.sizes) + 1)
        one = np.array([1], dtype=object) if self.exact else None
        start = Atoms(self.tables.own[None], np.ones(1), one)
        atoms = {0: self._settled(start, 0, 0)}
        moves = self._moves(total)
        for level, arcs in enumerate(cells.arcs):
            found: dict[int, list[Atoms]] = {}
            for arc in arcs:
                before = atoms.get(arc.source)
                if arc.first == arc.past or before is None or not len(before.shares):
                    continue
                entries = moves[self._key(level, arc)]
                rivals, more = self.tables.rows.shape[2], len(self.axes)
                self.operations += rivals * (arc.past - arc.first)
                self.operations += (3 * rivals + more) * len(before.shares) * len(entries.shares)
                after = self._settled(before.times(entries), level + 1, arc.target)
                if len(after.shares):
                    found.setdefault(arc.target, []).append(after)
            lists = self._merged([_joined(found[state]) for state in found], limits.atoms)
            atoms = dict(zip(found, lists, strict=True))
        if self.exact:
            return self.count_
        size: int = total**cells.places
        return int(self.share * 2.0**SHARE_BITS) * size >> SHARE_BITS

    @property
    def wins(self) -> Floats:
        """Return about how many of the sequences that were counted each rival wins."""
        return self.shares * float(sum(self.cells.sizes) ** self.cells.places)

    def _settled(self, atoms: Atoms, level: int, state: int) -> Atoms:
        """Cash the atoms that win whatever follows, drop those that cannot, lift what is out."""
        most, least = self.most[level][state], self.least[level][state]
        if most is None or least is None:
            return atoms.of(np.zeros(0, dtype=np.int64))
        reached, sure = atoms.sums + most >= 0, atoms.sums + least >= 0
        cashed = np.asarray(sure.any(axis=1), dtype=bool)
        if cashed.any():
            completions = self.cells.completions[level][state]
            won = atoms.of(cashed)
            if won.ways is not None:
                self.count_ += int(won.ways.sum()) * completions
            part = _ratio(completions, sum(self.cells.sizes) ** (self.cells.places - level))
            self.share += float(won.shares.sum()) * part
            self.shares += won.shares @ sure[cashed].astype(np.float64) * part
        live = np.asarray(reached.any(axis=1), dtype=bool) & ~cashed
        sums = atoms.sums[live]
        if self.up:
            sums = np.where(reached[live], sums, JUST_BELOW - most)
        return atoms.of(live)._replace(sums=sums)

    def _key(self, level: int, arc: CellArc) -> tuple[int, int, int]:
        return level % max(len(self.tables.rows), 1), arc.first, arc.past

    def _moves(self, total: int) -> dict[tuple[int, int, int], Atoms]:
        """Return the entries of the cells of each arc at its level, merged."""
        keys = list(
            dict.fromkeys(
                self._key(level, arc)
                for level, arcs in enumerate(self.cells.arcs)
                for arc in arcs
                if arc.first < arc.past
            )
        )
        sizes = np.array(self.cells.sizes, dtype=object)
        shares = np.array([_ratio(size, total) for size in self.cells.sizes])
        lists = [
            Atoms(
                self.tables.rows[row, first:past],
                shares[first:past],
                sizes[first:past] if self.exact else None,
            )
            for row, first, past in keys
        ]
        return dict(zip(keys, self._merged(lists, self.limits.cells), strict=True))

    def _merged(self, lists: list[Atoms], most: int) -> list[Atoms]:
        """Return the same lists, each with at most so many entries."""
        if not any(len(entries.shares) > most for entries in lists):
            return lists
        every = _joined(lists)
        heights = levels(every.sums[:, self.axes], self.units)
        lengths = np.array([len(entries.shares) for entries in lists])
        first = np.cumsum(lengths) - lengths
        found = parts(heights if self.up else -heights, every.shares, first, most)
        axes, rivals = len(self.axes), every.sums.shape[1]
        looks = sum(2 * (axes + 1) * n + n * (n - 1).bit_length() for n in found.looked.tolist())
        long = int(lengths[lengths > most].sum())
        self.operations += looks + 3 * rivals * long
        sorted_ = every.of(found.order)
        sums = EXTREMES[self.up].reduceat(sorted_.sums, found.starts, axis=0)
        shares = np.add.reduceat(sorted_.shares, found.starts)
        ways = None if sorted_.ways is None else np.add.reduceat(sorted_.ways, found.starts)
        merged = Atoms(sums, shares, ways)
        ends = np.searchsorted(found.starts, first + lengths)
        begins = np.searchsorted(found.starts, first)
        return [merged.of(np.arange(a, b)) for a, b in zip(begins, ends, strict=True)]


def _joined(lists: list[Atoms]) -> Atoms:
    if len(lists) == 1:
        return lists[0]
    ways = [entries.ways for entries in lists if entries.ways is not None]
    return Atoms(
        np.concatenate([entries.sums for entries in lists]),
        np.concatenate([entries.shares for entries in lists]),
        np.concatenate(ways) if ways else None,
    )


Reach = list[list["Lanes | None"]]


def reach(cells: Cells, rows: Lanes, extreme: Callable[..., Lanes]) -> Reach:
    """Return the most (or least) that the positions from each level on add, from each state.

    None where no sequence leads on from a state (T3).
    """
    levels_: Reach = [[np.zeros(rows.shape[2], dtype=rows.dtype)]]
    known: dict[tuple[int, int, int], Lanes] = {}
    for level in reversed(range(cells.places)):
        row = level % len(rows)
        values: list[Lanes | None] = [None] * cells.states[level]
        for arc in cells.arcs[level]:
            after = levels_[-1][arc.target]
            if arc.first == arc.past or after is None:
                continue
            key = row, arc.first, arc.past
            if key not in known:
                known[key] = extreme(rows[row, arc.first : arc.past], axis=0)
            value, before = known[key] + after, values[arc.source]
            values[arc.source] = value if before is None else extreme([before, value], axis=0)
        levels_.append(values)
    return levels_[::-1]


def _ratio(a: int, b: int) -> float:
    return a / b if b else 0.0
