"""Attention of doubles with a radius: scores, softmax and mixture (T16, R5 and R6)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ballproof.verifier.counting.deep.functions import EXP_ERROR, exponential
from ballproof.verifier.counting.deep.rounding import TINY, UNIT, Floats, Uncertain, rounded_up


class Sources(NamedTuple):
    """What is attended to: keys and values (J, N, H, h) of J positions, and bounds over them.

    The bounds are (N, H): the largest sum of absolute values of a key, the largest absolute value
    of a value, and radii that hold for every number of a key and of a value.
    """

    keys: Floats
    values: Floats
    key_sum: Floats
    key_radius: Floats
    value_size: Floats
    value_radius: Floats


@dataclass(frozen=True)
class Attention:
    """Weights share * softmax + (1 - share), the second term divided by J where `normalised`.

    Theorem. A score is off by e = (r_q |k|_1 + r_k |q|_1 + h r_q r_k) / sqrt(h) and what rounding
    adds, the largest over the positions. If all scores move by at most e, a mixture of values moves
    by at most min(e, 2) max |v|: by the mean value theorem e (max v - min v) / 2, since its
    derivative along a direction u with |u| <= 1 is a covariance; and never by more than
    max v - min v. Weights that are a relative d off move it by at most d max |v|, and values that
    are r_v off by r_v times the sum of the weights. []
    """

    heads: int
    share: Fraction = Fraction(1)
    normalised: bool = False

    def __call__(self, query: Uncertain, sources: Sources) -> Uncertain:
        """Return what the heads mix, side by side (N, H h), for queries (N, H h)."""
        count, rows, _, width = sources.keys.shape
        q = query.middle.reshape(rows, self.heads, width)
        radius = query.radius.reshape(q.shape).max(axis=-1)
        weights = self._weights(q, sources.keys)
        mixed = np.einsum("jnh,jnhd->nhd", weights, sources.values)
        off = self._off(q, radius, sources, count)
        spread = np.repeat(off, width, axis=-1)
        return Uncertain(mixed.reshape(rows, -1), rounded_up(spread))

    def _weights(self, q: Floats, keys: Floats) -> Floats:
        """Return the weights (J, N, H), as doubles give them."""
        scores = np.einsum("nhd,jnhd->jnh", q, keys) / np.sqrt(q.shape[-1])
        powers = exponential(scores - scores.max(axis=0))
        weights: Floats = powers / powers.sum(axis=0)
        if self.share == 1:
            return weights
        uniform = (1 - self.share) / (len(keys) if self.normalised else 1)
        return float(self.share) * weights + float(uniform)

    def _off(self, q: Floats, radius: Floats, sources: Sources, count: int) -> Floats:
        """Return what a mixture is off by, for each row and head (N, H)."""
        h = q.shape[-1]
        sizes = np.abs(q)
        total, largest = sizes.sum(axis=-1), sizes.max(axis=-1)
        moved = radius * sources.key_sum + sources.key_radius * (total + h * radius)
        # The product of h terms, the root, the quotient, and the difference to the largest score.
        moved += (h + 10) * UNIT * largest * sources.key_sum
        e = rounded_up(moved / np.sqrt(h))
        known = np.isfinite(e)
        # Above the sum of the weights' absolute values.
        parts = 1.0 + float(abs(1 - self.share) * (1 if self.normalised else count) + self.share)
        rounding = (2 * EXP_ERROR + (2 * count + 12) * UNIT) * parts
        moves = float(self.share) * np.minimum(e, 2) + rounding + TINY
        off = moves * sources.value_size + sources.value_radius * parts + TINY
        return np.where(known, off, np.inf)
