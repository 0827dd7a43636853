"""Floating-point estimates that choose a rule's parameters, for many rivals at once.

They prove nothing: a poor estimate costs accuracy or length, never soundness.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.strategies.ladder.cells import CellArc, Cells
from ballproof.verifier.strategies.ladder.counts import POWER_BITS, STEPS
from ballproof.verifier.strategies.ladder.pools import Tables

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]
LARGEST = 2.0**62
# Doublings of the weight between no excess and the largest sum.
DOUBLINGS = np.array([1, 2, 4, 6, 9, 13, 19, 28, 40, 60, 90, 130, 200, 400])


class _Scaled:
    """Entries in units of the largest sum: own (J,), rows (kinds, cells, J), tops (kinds, J).

    Levels that share a row and the cells with an arc are of one kind: `kind_of`. What has no arc at
    a level is -inf there.
    """

    def __init__(self, cells: Cells, tables: Tables) -> None:
        rows = tables.rows.astype(np.float64)
        number = max(len(rows), 1)
        if all(len(used) == len(cells.sizes) for used in cells.used):
            self.kind_of = [level % number for level in range(cells.places)]
        else:
            keys = [(level % number, used.tobytes()) for level, used in enumerate(cells.used)]
            kinds = list(dict.fromkeys(keys))
            self.kind_of = [kinds.index(key) for key in keys]
            chosen = [cells.used[keys.index(key)] for key in kinds]
            stack = np.full((len(kinds), *rows.shape[1:]), -np.inf)
            for index, (row, _) in enumerate(kinds):
                stack[index, chosen[index]] = rows[row, chosen[index]]
            rows = stack
        tops = rows.max(axis=1) if cells.places else np.zeros((0, rows.shape[2]))
        own = tables.own.astype(np.float64)
        worst = own + tops[self.kind_of].sum(axis=0)
        scale = np.maximum(worst, 1.0)
        self.own, self.rows, self.tops = own / scale, rows / scale, tops / scale
        self.reached = worst >= 0


def best_moments(
    cells: Cells, tables: Tables, rare: list[int], most: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return for each rival the rate with the smallest moment bound, and that bound."""
    if not cells.size:
        return np.full(len(tables.own), STEPS), np.zeros(len(tables.own))
    scaled = _Scaled(cells, tables)
    if not cells.places:
        # The query is all there is.
        return np.full(len(scaled.own), STEPS), scaled.reached.astype(np.float64)
    sizes = np.array(cells.sizes, dtype=np.float64)[:, None]
    # (rates, kinds, cells, J), relative to each level's top.
    below = scaled.tops[:, None] - scaled.rows
    # The integers of a moment are rounded up by a unit.
    powers = (np.exp2(-DOUBLINGS[:, None, None, None] * below) + 2.0**-POWER_BITS) * sizes
    full = powers.sum(axis=2)
    shares = _share(cells, powers, full, scaled.kind_of, rare, most)
    logs = np.log2(np.maximum(shares, 1e-300)) + np.log2(full)[:, scaled.kind_of].sum(axis=1)
    logs += DOUBLINGS[:, None] * (scaled.own + scaled.tops[scaled.kind_of].sum(axis=0))
    best = logs.argmin(axis=0)
    bounds = np.exp2(np.minimum(logs.min(axis=0), 1000.0)) * scaled.reached
    return DOUBLINGS[best] * STEPS, bounds


def _share(
    cells: Cells, powers: Floats, full: Floats, kind_of: list[int], rare: list[int], most: int
) -> Floats:
    """Return for each rate and rival the part of the product that the class has, few of it rare.

    `powers` (rates, kinds, cells, J) add up to `full` over the cells.
    """
    extra = np.isin(np.arange(len(cells.sizes)), rare)
    sums: dict[tuple[int, int, bool], Floats | None] = {}

    def summed(arc: CellArc, *, few: bool = False) -> Floats | None:
        """Return the part of an arc's cells, rare or not, at all kinds; None is all of it."""
        key = arc.first, arc.past, few
        if key not in sums:
            part, odd = powers[:, :, arc.first : arc.past], extra[arc.first : arc.past]
            if not few and part.shape[2] == powers.shape[2] and not rare:
                sums[key] = None
            else:
                chosen = part[:, :, odd == few] if odd.any() or few else part
                sums[key] = chosen.sum(axis=2) / full
        return sums[key]

    # By state and number of rare tokens; None is 1.
    values: dict[int, dict[int, Floats | None]] = {0: {0: None}}
    for kind, arcs in zip(kind_of, cells.arcs, strict=True):
        after: dict[int, dict[int, Floats | None]] = {}
        for arc in arcs:
            if arc.source not in values or arc.first == arc.past:
                continue
            into = after.setdefault(arc.target, {})
            for few in (False, True) if most and rare else (False,):
                part = summed(arc, few=few)
                step = None if part is None else part[:, kind]
                for degree, value in values[arc.source].items():
                    if degree + few <= most:
                        _add(into, degree + few, _product(value, step))
        values = after
    one = np.ones(full[:, 0].shape)
    found = values.get(0, {}).values()
    return sum((one if x is None else x for x in found), 0 * one)


def _product(a: Floats | None, b: Floats | None) -> Floats | None:
    return b if a is None else a if b is None else a * b


def _add(into: dict[int, Floats | None], degree: int, value: Floats | None) -> None:
    if degree in into:
        before, one = into[degree], np.ones(())
        into[degree] = (one if before is None else before) + (one if value is None else value)
    else:
        into[degree] = value


def grid_estimates(
    cells: Cells, tables: Tables, rate: int, rare: list[int], most: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return for each rival the budget of its grid and how many sequences it counts, nearly."""
    if not cells.size:
        return np.full(len(tables.own), -1), np.zeros(len(tables.own))
    scaled = _Scaled(cells, tables)
    if not cells.places:
        return _whole(np.ceil(scaled.own * rate)), scaled.reached.astype(np.float64)
    grid = np.ceil(scaled.rows * rate)
    tops = grid.max(axis=1)
    budgets = _whole(np.ceil(scaled.own * rate) + tops[scaled.kind_of].sum(axis=0))
    limit = int(max(budgets.max(), 0)) + 1
    distances = np.minimum(tops[:, None] - grid, limit).astype(np.int64)
    spectra = _Spectra(cells, distances, rare, limit)
    values = spectra.distributions(cells, scaled.kind_of, most)
    inside = np.arange(limit)[None] <= budgets[:, None]
    total = np.zeros(len(scaled.own))
    for value in values:
        total += (value * inside).sum(axis=1)
    counts = np.maximum(total, 0.0) * float(sum(cells.sizes)) ** cells.places
    return budgets, counts * scaled.reached * (budgets >= 0)


class _Spectra:
    """Adds positions to distributions of distances (J, limit), by Fourier transforms."""

    def __init__(
        self, cells: Cells, distances: NDArray[np.int64], rare: list[int], limit: int
    ) -> None:
        self.limit, self.length = limit, 2 ** (2 * limit - 1).bit_length()
        self.sizes = np.array(cells.sizes, dtype=np.float64) / sum(cells.sizes)
        self.extra = np.isin(np.arange(len(self.sizes)), rare)
        self.distances = distances
        arcs = [arc for level in cells.arcs for arc in level]
        # Arcs are unions of ranges that no arc divides, and so are their transforms.
        self.ends = sorted({end for arc in arcs for end in (arc.first, arc.past)})
        self.known: dict[tuple[int, int, bool], Spectrum | None] = {}

    def distributions(self, cells: Cells, kind_of: list[int], most: int) -> list[Floats]:
        """Return the distributions over all sequences by number of rare tokens."""
        one = np.ones((self.distances.shape[2], self.length // 2 + 1), dtype=np.complex128)
        sources: dict[int, list[Spectrum]] = {0: [one]}
        for level, (kind, arcs) in enumerate(zip(kind_of, cells.arcs, strict=True)):
            # One position reaches no farther than the limit.
            if level > 1:
                sources = {
                    state: [np.fft.rfft(self._cut(way), self.length) for way in ways]
                    for state, ways in sources.items()
                }
            sources = self._spread(kind, arcs, sources, most)
        return [self._cut(way) for way in sources.get(0, [])]

    def _cut(self, way: Spectrum) -> Floats:
        """Return what lies within the limit."""
        return np.asarray(np.maximum(np.fft.irfft(way, self.length)[:, : self.limit], 0))

    def _spread(
        self, kind: int, arcs: tuple[CellArc, ...], sources: dict[int, list[Spectrum]], most: int
    ) -> dict[int, list[Spectrum]]:
        """Return the transforms by state and number of rare tokens after one more position."""
        after: dict[int, list[Spectrum]] = {}
        for arc in arcs:
            for rare in (False, True) if most else (False,):
                steps = self._steps(kind, arc, rare=rare)
                if steps is None:
                    continue
                into = after.setdefault(arc.target, [])
                for degree, way in enumerate(sources.get(arc.source, [])):
                    if degree + rare < len(into):
                        into[degree + rare] += way * steps
                    elif degree + rare <= most:
                        into += [np.zeros_like(way) for _ in range(degree + rare - len(into))]
                        into.append(way * steps)
        return after

    def _steps(self, kind: int, arc: CellArc, *, rare: bool) -> Spectrum | None:
        """Return the transform of the distances of an arc's cells, rare or not; None of none."""
        ends = self.ends[bisect_left(self.ends, arc.first) : bisect_right(self.ends, arc.past)]
        parts = [self._part(kind, first, past, rare=rare) for first, past in pairwise(ends)]
        found = [part for part in parts if part is not None]
        return found[0] if len(found) == 1 else sum(found[1:], found[0]) if found else None

    def _part(self, kind: int, first: int, past: int, *, rare: bool) -> Spectrum | None:
        """Return the transform of the distances of some cells, rare or not; None of none."""
        if (kind, first, rare) not in self.known:
            chosen = np.arange(first, past)
            chosen = chosen[self.extra[chosen] == rare]
            found = self._transformed(kind, chosen) if len(chosen) else None
            self.known[kind, first, rare] = found
        return self.known[kind, first, rare]

    def _transformed(self, kind: int, chosen: NDArray[np.int64]) -> Spectrum:
        distances, limit = self.distances[kind, chosen], self.limit
        rivals = distances.shape[1]
        # One bin past the limit takes what is too far.
        index = distances + np.arange(rivals) * (limit + 1)
        weights = np.broadcast_to(self.sizes[chosen][:, None], index.shape).ravel()
        steps = np.bincount(index.ravel(), weights=weights, minlength=rivals * (limit + 1))
        steps = steps.reshape(rivals, limit + 1)[:, :limit]
        return np.asarray(np.fft.rfft(steps, self.length))


def _whole(values: Floats) -> NDArray[np.int64]:
    """Return floats as integers; of a rival far from 0 the sign is all that matters."""
    return np.clip(values, -LARGEST, LARGEST).astype(np.int64)
