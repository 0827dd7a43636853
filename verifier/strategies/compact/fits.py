"""Floats that witnesses are made of: fits of neurons, low rank of their weights, directions.

Nothing here is trusted. Both fits of `remainder` are in least absolute values, since that is how
the bound charges what is left; each step is one of least squares, weighted by what the last left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 8
# Weights stay below the inverse of this part of the typical size.
LEAST = 1e-3
# What is left of a weight, of a size up to 1, is rounding below this.
SMALLEST = 1e-12
# The part of the largest range of weights that each neuron counts with, at least.
LEAST_RANGE = 1e-2


def linear_fit(pre: Floats) -> tuple[Floats, Floats]:
    """Return the slope kappa and the intercept mu (m,) of ReLU against inputs pre (N, m)."""
    active = np.maximum(pre, 0)
    weights = np.ones_like(pre)
    least = LEAST * np.abs(active).mean(axis=0) + np.finfo(float).tiny
    for _ in range(STEPS):
        total = weights.sum(axis=0)
        middle, height = (weights * pre).sum(axis=0) / total, (weights * active).sum(axis=0) / total
        apart = pre - middle
        spread = (weights * apart * apart).sum(axis=0)
        slope = (weights * apart * (active - height)).sum(axis=0)
        kappa = np.divide(slope, spread, out=np.zeros_like(slope), where=spread > 0)
        mu = height - kappa * middle
        weights = least / np.maximum(np.abs(active - mu - kappa * pre), least)
    return kappa, mu


def low_rank(weights: Floats, sizes: Floats, rank: int) -> tuple[Floats, Floats]:
    """Return U (m, r) and V (r, a) whose product is near to weights (m, a), rows centred.

    Weights are of sizes up to 1.

    What is to be small is the sum over neurons of their `sizes` (m,) times the range of what is
    left of their row. A constant added to a row is left out, since no lead sees it.
    """
    centred = weights - weights.mean(axis=1, keepdims=True)
    factors, parts = np.ones(len(sizes)), sizes / (sizes.max() or 1)
    right = np.zeros((0, weights.shape[1]))
    for _ in range(STEPS if rank else 0):
        scaled = centred * factors[:, None]
        # Eigenvectors of the small square are its right singular vectors.
        right = np.linalg.eigh(scaled.T @ scaled)[1][:, ::-1][:, :rank].T
        left = centred - centred @ right.T @ right
        ranges = left.max(axis=1) - left.min(axis=1)
        factors = np.sqrt(parts / np.maximum(ranges, LEAST * ranges.max() + SMALLEST))
        factors /= factors.max() or 1
    return centred @ right.T, right


def directions(rows: Floats, ranges: Floats, most: int) -> tuple[Floats, Floats]:
    """Return directions (K, m) and coordinates (m, K) of rows (R, m), K up to `most`.

    rows @ coordinates @ directions is near to rows, neuron n counting with its range (m,), and so
    is what the first few columns and rows make. Both have entries of sizes near to 1.
    """
    largest = float(ranges.max(initial=0))
    scales = (
        np.maximum(ranges, LEAST_RANGE * largest) / largest if largest else np.ones(len(ranges))
    )
    # Eigenvectors of the small square are its right singular vectors.
    scaled = rows * scales
    right = np.linalg.eigh(scaled.T @ scaled)[1][:, ::-1][:, :most].T
    return right / scales, (right * scales).T
