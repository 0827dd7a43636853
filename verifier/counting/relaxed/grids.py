"""T6 in floats: how many inputs of a graph may have a sum at or above 0, column by column."""

from __future__ import annotations

import numpy as np

from ballproof.verifier.counting.relaxed.graphs import Level
from ballproof.verifier.counting.relaxed.summands import FAINT, Floats
from ballproof.verifier.counting.relaxed.walks import Walk

# Floats lose less than this of all inputs that are counted.
LOST = 2.0**-32


def at_least_zero(walk: Walk, summand: int, rate: int) -> Floats:
    """Return (L,) at least the number of inputs with a sum of this summand's entries >= 0.

    Theorem (T6): with W the largest sum and I = ceil(rate x / W) a sum >= 0 stays one. An input
    has one where the distances of its entries from the largest ones add up to at most B, the sum of
    the largest I and the query's own. Polynomials in z^distance, with the powers above B left out,
    count them; they are multiplied by Fourier transforms, whose rounding LOST pays for.
    """
    levels, graph = walk.graph.levels, walk.graph
    own = walk.own[summand]
    tops = [each[summand].max(axis=0) for each in walk.free]
    whole = own + sum(tops)
    alive = ~(whole < FAINT)
    # Sums as small as that are not divided by.
    found = np.where((whole >= 0) & ~alive, float(graph.size), 0.0)
    if not alive.any():
        return found
    scale = rate / whole[alive]
    scaled = [np.ceil(each[summand][:, alive] * scale) for each in walk.free]
    most = [each.max(axis=0) for each in scaled]
    budget = np.ceil(own[alive] * scale) + sum(most)
    far = int(min(budget.max(), rate + len(levels) + 1))
    ways = np.zeros((1, alive.sum(), far + 1))
    ways[0, :, 0] = 1
    for i, level in enumerate(levels):
        distances = np.minimum(most[i] - scaled[i], far + 1).astype(np.int64)
        ways = _onward(level, graph.states[i + 1], ways, _histograms(level, distances, far))
    within = np.arange(far + 1) <= budget[:, None]
    counts = (ways[0] * within).sum(axis=1) + LOST * graph.size
    found[alive] = np.where(np.isfinite(counts), np.minimum(counts, graph.size), graph.size)
    return found


def _histograms(level: Level, distances: np.ndarray, far: int) -> Floats:
    """Return (K, L, far+1): of each kind how many tokens are at a distance."""
    tokens, columns = distances.shape
    kinds = np.zeros(tokens, dtype=np.int64)
    kinds[level.starts[1:]] = 1
    place = (np.cumsum(kinds)[:, None] * columns + np.arange(columns)) * (far + 2) + distances
    size = len(level.starts) * columns * (far + 2)
    counted = np.bincount(place.ravel(), minlength=size).astype(np.float64)
    return counted.reshape(len(level.starts), columns, far + 2)[..., :-1]


def _onward(level: Level, states: int, ways: Floats, kinds: Floats) -> Floats:
    """Return the polynomials after one position more, by state (S, L, far+1)."""
    far = ways.shape[2]
    length = _length(2 * far - 1)
    before, steps = np.fft.rfft(ways, length), np.fft.rfft(kinds, length)
    after = np.zeros((states, *before.shape[1:]), dtype=before.dtype)
    for state, row in enumerate(level.targets.tolist()):
        for kind, target in enumerate(row):
            if target != states:
                after[target] += before[state] * steps[kind]
    found: Floats = np.maximum(np.fft.irfft(after, length)[..., :far], 0.0)
    return found


def _length(least: int) -> int:
    """Return a length of at least this that transforms are quick at."""
    power = 1 << (least - 1).bit_length()
    return min(
        each for each in (power, power * 3 // 4, power * 9 // 16, power * 5 // 8) if each >= least
    )
