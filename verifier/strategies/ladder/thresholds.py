"""The largest thresholds that pools of a search may state. All of it is untrusted."""

from __future__ import annotations

import numpy as np

from ballproof.verifier.counting.problem import Integers
from ballproof.verifier.strategies.ladder.counts import STEPS
from ballproof.verifier.strategies.ladder.options import MAX_THRESHOLD
from ballproof.verifier.strategies.ladder.pools import Integer, LabelTables, PoolShape


def largest_thresholds(
    tables: LabelTables, shape: PoolShape, direct_gaps: Integers, rivals: Integer
) -> dict[int, int]:
    """Return for each rival the largest threshold in 1/1024 that its worst case allows (T9).

    `direct_gaps` are D[q,j] - D[q,m]; rivals whose gaps are all above theirs are left out.
    """
    one = tables.problem.tables.one
    gaps = direct_gaps[shape.first : shape.last + 1][:, rivals]
    low = [_clamped(-(-int(x) * STEPS // one) - 1) for x in gaps.min(axis=0)]
    high = [_clamped(-(-int(x) * STEPS // one) + 1) for x in gaps.max(axis=0)]
    start = np.array(low, dtype=object)
    lower, upper = start.copy(), np.array(high, dtype=object)
    for _ in range(max(int(max(upper - lower)).bit_length(), 1)):
        middle = (lower + upper + 1) // 2
        direct = [-(-(int(x) * one >> 10) >> tables.shift) for x in middle]
        # A step of 1/1024 may be more than a lane holds where all gaps are tiny.
        fits = np.array([x.bit_length() < tables.bits for x in direct])
        lanes = np.array([x if fit else 0 for x, fit in zip(direct, fits, strict=True)])
        found = tables.tables(shape, rivals, up=True, direct=lanes)
        cleared = fits & (tables.worst(found, shape) < 0)
        lower = np.where(cleared, middle, lower)
        upper = np.where(cleared, upper, middle - 1)
    return {int(j): int(x) for j, x, s in zip(rivals, lower, start, strict=True) if x > s}


def _clamped(threshold: int) -> int:
    """Return the threshold next to this one that a certificate can hold."""
    return max(-MAX_THRESHOLD, min(threshold, MAX_THRESHOLD))
