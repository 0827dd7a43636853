"""Weights of attention as integers on either side of exponentials."""

from __future__ import annotations

import flint
import numpy as np

from ballproof.interval.ball import exact, lower_end, precision, upper_end
from ballproof.interval.fixed import Lanes
from ballproof.verifier.counting.tables import IntegerHead

WORKING_BITS = 64
# Weights of pools in which the label has little of the attention: Python integers.
WIDE_BITS = 192


def enclosed_exponentials(
    head: IntegerHead, low: list[int], high: list[int], bits: int, kind: type
) -> tuple[Lanes, Lanes]:
    """Enclose exp of the scores, relative to the largest, in units of 2**-bits."""
    top = max(high)
    with precision(WORKING_BITS + (bits if kind is object else 0)):
        root = flint.arb(head.d_head).sqrt()
        unit = exact(1, bits)
        balls = {
            x: (exact(int(x - top), head.score_exponent) / root).exp() * unit for x in {*low, *high}
        }
    floors = [_floor(balls[x], up=False) for x in low]
    ceilings = [max(_floor(balls[x], up=True), 1) for x in high]
    return np.array(floors, dtype=kind), np.array(ceilings, dtype=kind)


def _floor(ball: flint.arb, *, up: bool) -> int:
    """Return the floor of the lower end, or the ceiling of the upper end."""
    mantissa, exponent = upper_end(ball) if up else lower_end(ball)
    sign = -1 if up else 1
    mantissa *= sign
    if exponent >= 0:
        return sign * (mantissa << exponent)
    # However small the number, no more bits than it has can be shifted out.
    return sign * (mantissa >> min(-exponent, mantissa.bit_length() + 1))
