"""Weights of attention as integers on either side of exponentials."""

from __future__ import annotations

from collections.abc import Sequence

import flint
import numpy as np

from ballproof.interval.ball import exact, lower_end, precision, upper_end
from ballproof.interval.fixed import Lanes
from ballproof.verifier.counting.tables import IntegerHead

WORKING_BITS = 64
# Weights of pools in which the label has little of the attention: Python integers.
WIDE_BITS = 192
# In nats: so far above the label's score some other token's has to be.
WIDE_SPAN = 9


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


def far_below(head: IntegerHead, label: int, query: int, kinds: Sequence[range]) -> bool:
    """Return whether the label's weight is rounded much where the largest one fills a lane.

    So it is if the label, among tokens of these kinds, scores far below another one.
    """
    if not any(label in kind for kind in kinds):
        return False
    score = head.score[query]
    above = int(max(max(score[kind.start : kind.stop]) for kind in kinds) - score[label])
    most, shift = WIDE_SPAN**2 * head.d_head, 2 * head.score_exponent
    return above > 0 and (above**2 << max(shift, 0)) > (most << max(-shift, 0))
