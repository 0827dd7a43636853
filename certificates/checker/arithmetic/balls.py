"""Enclosures in Python integers: rounding, ln 2, and exp with a proven error bound.

A `Ball` (lo, hi, e) stands for every real number in [lo * 2**e, hi * 2**e].
"""

from functools import cache, lru_cache
from math import isqrt

from files.verdict import Declined, decline_unless

Ball = tuple[int, int, int]
MAX_BITS = 2**16


def trimmed(ball: Ball, bits: int) -> Ball:
    """Return a ball with mantissas of about `bits` bits that holds `ball` (rounded outward)."""
    low, high, exponent = ball
    surplus = high.bit_length() - bits
    if surplus <= 0:
        return ball
    return low >> surplus, -(-high >> surplus), exponent + surplus


def product(a: Ball, b: Ball) -> Ball:
    """Return the exact product of two balls of non-negative numbers."""
    return a[0] * b[0], a[1] * b[1], a[2] + b[2]


def at_unit(ball: Ball, unit: int) -> tuple[int, int]:
    """Return (floor lo, ceil hi) of a ball of positive numbers in units of 2**unit.

    However small the ball, its upper end is at least one unit.
    """
    low, high, exponent = ball
    shift = exponent - unit
    if shift >= 0:
        if shift > MAX_BITS:
            raise Declined("limit", f"a number needs more than {MAX_BITS} bits.")
        return low << shift, high << shift
    if -shift > high.bit_length():
        return 0, 1
    return low >> -shift, -(-high >> -shift)


@cache
def ln2(bits: int) -> tuple[int, int]:
    """Return floor and ceiling bounds of ln 2 in units of 2**-bits.

    ln 2 = sum over i of 2 / ((2i+1) 3**(2i+1)). Each of the n terms is floored (a floor of a floor
    is one floor) and loses less than one unit; those that follow add up to less than 9/8 units.
    """
    power = (2 << bits) // 3
    total = terms = 0
    while power:
        total += power // (2 * terms + 1)
        power //= 9
        terms += 1
    return total, total + terms + 2


def quotient_by_root(numerator: int, exponent: int, square: int, unit: int) -> int:
    """Return floor(x / 2**unit) for x = numerator * 2**exponent / sqrt(square), in integers."""
    shift = 2 * (exponent - unit)
    squared = numerator * numerator
    scaled = squared << shift if shift >= 0 else squared
    divisor = square if shift >= 0 else square << -shift
    root = isqrt(scaled // divisor)
    if numerator >= 0:
        return root
    return -root if root * root * divisor == scaled else -root - 1


def argument_bits(numerator: int, exponent: int, square: int) -> int:
    """Return at least 1, and at least the bits of numerator * 2**exponent / sqrt(square)."""
    return max(numerator.bit_length() + exponent - square.bit_length() // 2 + 2, 1)


@lru_cache(2**12)  # Rivals and sequences share their scores.
def exp_over_root(numerator: int, exponent: int, square: int, bits: int) -> Ball:
    """Return a ball around exp(numerator * 2**exponent / sqrt(square)), tight to about `bits` bits.

    The argument x is enclosed to 2**-g by an integer square root and reduced to r = x - k ln 2
    in an interval [R, R + w] 2**-g inside [0, 1); exp(r) is summed by `_exp_reduced`.
    Then exp(x) = exp(r) 2**k. Raises `Declined` where x has more than MAX_BITS bits.
    """
    size = argument_bits(numerator, exponent, square)
    decline_unless(size <= MAX_BITS, "limit", f"a score needs more than {MAX_BITS} bits.")
    # Guard bits for the reduction; rounded up so that few different ln 2 are computed.
    g = (bits + size + 24 + 63) // 64 * 64
    x = quotient_by_root(numerator, exponent, square, -g)
    low, high = ln2(g)
    k = x // high
    # Only when the ball of k ln 2 reaches above x: one step down restores r >= 0.
    k -= x < max(k * low, k * high)
    ends = (k * low, k * high)
    r, width = x - max(ends), 1 + max(ends) - min(ends)
    return trimmed((*_exp_reduced(r, width, g), k - g), bits)


def _exp_reduced(r: int, width: int, g: int) -> tuple[int, int]:
    """Return (lo, hi) with lo <= 2**g exp(t) <= hi for every t in [r, r + width] 2**-g in [0, 1).

    Terms T_i = floor(T_{i-1} r / (i 2**g)) lie below the true ones by e_i <= e_{i-1}/i + 1 <= 2.
    After the first T_n = 0 the true term is at most 2 units, so with r < 2**g all that follow add
    at most 4 more. Hence the true sum lies in [S, S + 2n + 6]. The width adds the factor
    exp(w) <= 1 + 2w for w = width 2**-g <= 1.
    """
    term = total = 1 << g
    n = 0
    while term:
        n += 1
        term = (term * r >> g) // n
        total += term
    high = total + 2 * n + 6
    return total, high + ((2 * width * high) >> g) + 1
