"""Which bits suffice: the passes of a witness, by magnitudes and estimated radii of a sample."""

from __future__ import annotations

from math import ceil, floor, log2
from typing import NamedTuple

import numpy as np

from ballproof.verifier.counting.deep.estimate import (
    WEIGHT_BITS,
    Bits,
    Estimate,
    Estimated,
)
from ballproof.verifier.counting.deep.prefixes import Places
from ballproof.verifier.counting.deep.rounding import Floats

NARROW, WIDE = 64, 128
# What the format allows. Scores have at least the bits of an exponential's argument, by width.
LEAST_BITS, MOST_BITS, MOST_READOUT = {NARROW: 11, WIDE: 28}, 60, 24
# Fine and coarse bits together have at least those of a softmax weight.
LEAST_SUM = 31
# The fine bits of wide lanes, the most of narrow ones together with F, and the least worth trying.
WIDE_FINE, NARROW_SUM, LEAST_FINE = 64, 62, 6
# Spare bits of a lane, for inputs outside of the sample, and for bounds by the checker's own tests.
SPARE = 1.5
# Radii outside of the sample may be larger, and the estimate may be low.
SLACK = 2.0
# How much longer a pass takes in wide lanes, of many models in the middle.
WIDE_COST = 1.8


class Sample(NamedTuple):
    """Inputs (N, n) in order, the nearest to the margin among them.

    `distances` are those of many leads from the margin, `prefixes` how many there are for an input.
    """

    inputs: Places
    distances: Floats
    prefixes: float


class Chosen(NamedTuple):
    """The passes, and the radius of a lead that is estimated for the last."""

    passes: tuple[Bits, ...]
    radius: float


def choose(estimate: Estimate, sample: Sample) -> Chosen:
    """Return the passes that leave as little open as can be, with the fewest operations.

    Lanes of 64 bits come first where they leave so few inputs open that these, evaluated again
    with all their prefixes in lanes of 128, cost less than narrow lanes save.
    """
    needed = estimate.of(Bits(WIDE, 50, WIDE_FINE, 0))
    wide = _wide(needed)
    radius = _largest(estimate.of(wide))
    narrow = _narrow(estimate, needed)
    # Radii grow by thousands in a norm: measured, narrow lanes then leave most inputs open.
    normed = any(layer.before or layer.between for layer in estimate.model.layers[1:])
    if narrow is None or normed:
        return Chosen((wide,), radius)
    reach = SLACK * _typical(estimate.of(narrow))
    left = float(np.mean(sample.distances <= reach)) if len(sample.distances) else 0.0
    again = left if not estimate.model.causal else _again(left, sample.prefixes)
    return Chosen((narrow, wide) if 1 + again * WIDE_COST < WIDE_COST else (wide,), radius)


def _again(left: float, prefixes: float) -> float:
    """Return the part of all prefixes that inputs anywhere, this part of all, begin with.

    Each prefix goes on in b ways, so that there are b/(b-1) for an input.
    """
    branches = min(prefixes / max(prefixes - 1, 1e-9), 1e6)
    below = branches ** np.arange(30)
    reached = -np.expm1(below * np.log1p(-min(left, 1 - 1e-12)))
    return float((reached / below).sum() / (1 / below).sum())


def _largest(estimated: Estimated) -> float:
    return float(np.max(estimated.radius, initial=0.0))


def _typical(estimated: Estimated) -> float:
    """Return the radius in the middle: larger ones come with larger numbers, and larger leads."""
    ordered = np.sort(estimated.radius)
    return float(ordered[len(ordered) // 2]) if len(ordered) else 0.0


def _wide(needed: Estimated) -> Bits:
    bits = _most_bits(needed, WIDE)
    bits = min(bits, floor(WIDE - 1 - SPARE - log2(needed.sums)) - WIDE_FINE)
    bits = min(max(bits, LEAST_BITS[WIDE]), MOST_BITS)
    return Bits(WIDE, bits, WIDE_FINE, _readout(needed, WIDE, bits + WIDE_FINE))


def _narrow(estimate: Estimate, needed: Estimated) -> Bits | None:
    """Return the split of 64 bits with the smallest radius, None where there is none at all."""
    total = min(NARROW_SUM, floor(NARROW - 1 - SPARE - log2(needed.sums)))
    most = min(_most_bits(needed, NARROW), 29, total - LEAST_FINE)
    if total < LEAST_SUM:
        return None
    found = []
    for bits in range(max(LEAST_BITS[NARROW], total // 2 - 9), most + 1):
        fine = total - bits
        tried = Bits(NARROW, bits, fine, _readout(needed, NARROW, bits + fine))
        found.append((_typical(estimate.of(tried)), tried))
    best = min(found, default=None)
    return best[1] if best is not None and np.isfinite(best[0]) else None


def _most_bits(needed: Estimated, width: int) -> int:
    """Return the most bits of a vector with which scores and values fit their lanes."""
    scores = (width - 2 - SPARE - max(log2(needed.scores), 0)) / 2
    values = width - 2 - SPARE - WEIGHT_BITS[width] - log2(needed.values)
    return floor(min(scores, values))


def _readout(needed: Estimated, width: int, fine: int) -> int:
    """Return by how many bits the readout has to be coarser for its sums to fit their lanes."""
    lacking = ceil(fine + log2(needed.readout) - (width - 1 - SPARE))
    return min(max(lacking, 0), MOST_READOUT)
