"""Balls as outward-rounded int64 lanes, after which sums and comparisons are exact.

A lane is an integer in units of some power of two. Every conversion rounds down or up as its name
says, and every range is checked before an int64 kernel runs: what does not fit is refused, because
numpy would wrap without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import lower_end, upper_end

Lanes = NDArray[np.int64]
LANE_BITS = 62
# Smaller exponents are raised to this one: the lower end becomes 0, the upper end grows.
LOWEST_EXPONENT = -(2**40)


class RangeError(ValueError):
    """Numbers do not fit their int64 lanes."""


def lane_bits(terms: int) -> int:
    """Return how many bits a value may have so that a sum of `terms` of them fits a lane."""
    return LANE_BITS - terms.bit_length()


def require_headroom(lanes: Lanes, terms: int) -> None:
    """Raise RangeError unless sums of `terms` such values fit: value bits + log2(terms) <= 62."""
    largest = max((abs(int(lanes.max())), abs(int(lanes.min()))), default=0) if lanes.size else 0
    if largest.bit_length() > lane_bits(terms):
        raise RangeError(
            f"values of {largest.bit_length()} bits, where a sum of {terms} terms "
            f"leaves {lane_bits(terms)}"
        )


def floor_lanes(values: NDArray[np.object_], shift: int) -> tuple[Lanes, Lanes]:
    """Return floor(x / 2**shift) and ceil(x / 2**shift) of exact Python integers, shift >= 0.

    Raises RangeError if one does not fit 62 bits.
    """
    floors = values >> shift
    ceilings = -((-values) >> shift)
    return _to_lanes(floors), _to_lanes(ceilings)


def _to_lanes(values: NDArray[np.object_]) -> Lanes:
    try:
        lanes = values.astype(np.int64)
    except OverflowError:
        raise RangeError("an integer does not fit an int64 lane") from None
    require_headroom(lanes, 1)
    return lanes


@dataclass(frozen=True)
class PositiveLanes:
    """Positive numbers in [low, high] * 2**exponent, entry by entry; low >= 0 and high >= 1.

    Mantissas have at most `bits` bits each, so products of two are formed by `times` without
    overflow as long as their bits add up to 62 or less.
    """

    low: Lanes
    high: Lanes
    exponent: Lanes
    bits: int

    @classmethod
    def from_balls(cls, balls: Iterable[flint.arb], bits: int) -> PositiveLanes:
        """Enclose balls of positive numbers with mantissas of `bits` bits, rounded outward."""
        triples = [_positive(ball, bits) for ball in balls]
        low, high, exponent = (
            np.array(part, dtype=np.int64) for part in zip(*triples, strict=True)
        )
        return cls(low, high, exponent, bits)

    def times(self, other: PositiveLanes) -> PositiveLanes:
        """Return all products self[a] * other[b] as an (a, b) array; exact on mantissas."""
        if self.bits + other.bits > LANE_BITS:
            raise RangeError(f"a product of {self.bits} and {other.bits} bits does not fit a lane")
        return PositiveLanes(
            np.multiply.outer(self.low, other.low),
            np.multiply.outer(self.high, other.high),
            np.add.outer(self.exponent, other.exponent),
            self.bits + other.bits,
        )

    def top(self) -> Lanes:
        """Return for each entry an exponent t with high * 2**exponent < 2**t, within one bit."""
        # frexp of a float64 within 1 ulp of the integer: exact or one too large, never too small.
        return np.frexp(self.high.astype(np.float64))[1] + self.exponent

    def at_unit(self, unit: int) -> tuple[Lanes, Lanes]:
        """Return (floor low, ceil high) in units of 2**unit; the upper end is at least 1.

        Raises RangeError if an entry would have more than 62 bits.
        """
        shift = self.exponent - unit
        if int((self.top() - unit).max(initial=0)) > LANE_BITS:
            raise RangeError("a weight does not fit its lane at this unit")
        # A mantissa has at most 62 bits, so shifting right by 63 leaves 0 (or 1, rounded up).
        right = np.clip(-shift, 0, 63)
        left = np.clip(shift, 0, 63)
        return (self.low << left) >> right, -((-(self.high << left)) >> right)


def _positive(ball: flint.arb, bits: int) -> tuple[int, int, int]:
    """Return (low, high, exponent) around a positive number, high having at most `bits` bits."""
    high, exponent = upper_end(ball)
    low, low_exponent = lower_end(ball)
    if high <= 0:
        raise ValueError("the ball of a positive number has no positive upper end")
    surplus = high.bit_length() - bits
    high, exponent = _shifted(-high, surplus), exponent + surplus
    # The ceiling may carry into one bit more: 2**bits, halved exactly.
    high = -high
    if high.bit_length() > bits:
        high, exponent = high >> 1, exponent + 1
    if exponent < LOWEST_EXPONENT:
        return 0, high, LOWEST_EXPONENT
    gap = exponent - low_exponent
    floor = 0 if low <= 0 or gap > low.bit_length() else _shifted(low, gap)
    return floor, high, exponent


def _shifted(value: int, right: int) -> int:
    """Return floor(value / 2**right), for negative `right` too."""
    return value >> right if right >= 0 else value << -right
