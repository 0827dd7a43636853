"""Floating-point estimates that choose a rule's parameters, for many rivals at once.

They prove nothing: a poor estimate costs accuracy or length, never soundness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.strategies.ladder.counts import STEPS, Box
from ballproof.verifier.strategies.ladder.pools import Tables

Floats = NDArray[np.float64]
LARGEST = 2.0**62
# Doublings of the weight between no excess and the largest sum.
DOUBLINGS = np.array([1, 2, 4, 6, 9, 13, 19, 28, 40, 60, 90, 130, 200, 400])


def _scaled(box: Box, tables: Tables) -> tuple[Floats, Floats, int, NDArray[np.bool_]]:
    """Return own entries (J,) and rows (rows, cells, J) in units of the largest sum.

    Beside them, how often each row stands for a place, and which rivals reach 0 at all.
    """
    own, rows = tables.own.astype(np.float64), tables.rows.astype(np.float64)
    repeat = box.places // max(len(rows), 1)
    worst = own + repeat * rows.max(axis=1).sum(axis=0)
    scale = np.maximum(worst, 1.0)
    return own / scale, rows / scale, repeat, worst >= 0


def best_moments(
    box: Box, tables: Tables, marked: list[int], most: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return for each rival the rate with the smallest moment bound, and that bound."""
    own, rows, repeat, reached = _scaled(box, tables)
    if not box.places:
        # The query is all there is.
        return np.full(len(own), STEPS), reached.astype(np.float64)
    sizes = np.array(box.sizes, dtype=np.float64)[:, None]
    tops = rows.max(axis=1)
    # (rates, rows, cells, J), relative to each row's top.
    powers = np.exp2(-DOUBLINGS[:, None, None, None] * (tops[:, None] - rows)) * sizes
    full = powers.sum(axis=2)
    shares = _share(box, powers / full[:, :, None], marked, most, repeat)
    logs = np.log2(shares) + repeat * np.log2(full).sum(axis=1)
    logs += DOUBLINGS[:, None] * (own + repeat * tops.sum(axis=0))
    best = logs.argmin(axis=0)
    bounds = np.exp2(np.minimum(logs.min(axis=0), 1000.0)) * reached
    return DOUBLINGS[best] * STEPS, bounds


def _share(box: Box, powers: Floats, marked: list[int], most: int, repeat: int) -> Floats:
    """Return for each rate and rival the part of the product that holds m, few of them marked.

    `powers` (rates, rows, cells, J) add up to 1 over the cells. What rounding loses is put back.
    """
    top, extra = powers[:, :, -1], powers[:, :, marked].sum(axis=2)
    below = powers[:, :, :-1].sum(axis=2) - extra
    total = np.zeros_like(top[:, 0])
    for sign, plain in ((1, below + top), (-1, below))[: 1 if box.holds else 2]:
        if most == 0:
            total += sign * np.prod(plain, axis=1) ** repeat
            continue
        series = [np.ones_like(total)] + [np.zeros_like(total)] * most
        for row in [row for row in range(powers.shape[1]) for _ in range(repeat)]:
            shifted = [np.zeros_like(total), *series[:-1]]
            pairs = zip(series, shifted, strict=True)
            series = [a * plain[:, row] + b * extra[:, row] for a, b in pairs]
        total += sign * sum(series)
    return np.maximum(total, 1e-15)


def grid_estimates(
    box: Box, tables: Tables, rate: int, marked: list[int], most: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return for each rival the budget of its grid and how many sequences it counts, nearly."""
    own, rows, repeat, reached = _scaled(box, tables)
    if not box.places:
        return _whole(np.ceil(own * rate)), reached.astype(np.float64)
    grid = np.ceil(rows * rate)
    tops = grid.max(axis=1)
    budgets = _whole(np.ceil(own * rate) + repeat * tops.sum(axis=0))
    limit = int(max(budgets.max(), 0)) + 1
    distances = np.minimum(tops[:, None] - grid, limit).astype(np.int64)
    sizes = np.array(box.sizes, dtype=np.float64) / sum(box.sizes)
    extra = np.isin(np.arange(len(sizes)), marked)
    top = np.arange(len(sizes)) == len(sizes) - 1
    inside = np.arange(limit)[None] <= budgets[:, None]
    total = np.zeros(len(own))
    for sign, plain in ((1, ~extra), (-1, ~extra & ~top))[: 1 if box.holds else 2]:
        ways = np.zeros((most + 1, len(own), limit))
        ways[0, :, 0] = 1
        for row in [row for row in distances for _ in range(repeat)]:
            kept = _spread(ways, row[plain], sizes[plain])
            if most:
                kept[1:] += _spread(ways[:-1], row[extra], sizes[extra])
            ways = kept
        total += sign * (ways.sum(axis=0) * inside).sum(axis=1)
    counts = np.maximum(total, 0.0) * float(sum(box.sizes)) ** box.places
    return budgets, counts * reached * (budgets >= 0)


def _whole(values: Floats) -> NDArray[np.int64]:
    """Return floats as integers; of a rival far from 0 the sign is all that matters."""
    return np.clip(values, -LARGEST, LARGEST).astype(np.int64)


def _spread(ways: Floats, distances: NDArray[np.int64], sizes: Floats) -> Floats:
    """Return the ways (.., J, limit) after one more place with these distances (cells, J)."""
    rivals, limit = ways.shape[-2:]
    if not len(distances):
        return np.zeros_like(ways)
    # One bin past the limit takes what is too far.
    index = distances + np.arange(rivals) * (limit + 1)
    weights = np.broadcast_to(sizes[:, None], index.shape).ravel()
    steps = np.bincount(index.ravel(), weights=weights, minlength=rivals * (limit + 1))
    steps = steps.reshape(rivals, limit + 1)[:, :limit]
    length = 2 ** (2 * limit - 1).bit_length()
    spectrum = np.fft.rfft(ways, length) * np.fft.rfft(steps, length)
    return np.maximum(np.fft.irfft(spectrum, length)[..., :limit], 0.0)
