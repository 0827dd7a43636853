"""Activations of rounded vectors (R7): values with what rounding changed, and how steep they are.

gelu(x) = x Phi(x); gelu-tanh and silu are x / (1 + exp(-u(x))) with u = x for silu, and with
u = 2 sqrt(2/pi) (x + 0.044715 x**3). Entries are in units of 2**-F, radii in the fine unit
2**-(F+G).
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import isqrt

from arithmetic.balls import ln2
from arithmetic.constants import pi
from arithmetic.powers import root_tables
from counting.gelu import KNOTS, ORDERS, STEP, taylor_rows

# |act'| is at most n / 1000 (docs/theorems.md, R7).
STEEPEST = {"relu": 1000, "gelu": 1129, "gelu-tanh": 1129, "silu": 1100}
# By the width of lanes: bits of a power, and tables of 11 bits of its exponent.
POWERS = {64: (44, 3), 128: (64, 5)}
# Bits of the constants of u.
CONSTANT = 80
Values = Callable[[Sequence[int]], tuple[list[int], int]]


def values_of(name: str, unit: int, width: int) -> Values:
    """Return the function that gives act(x) of entries, and how many units it may be off."""
    if name == "relu":
        return lambda x: ([v if v > 0 else 0 for v in x], 0)
    if name == "gelu":
        return _gelu(unit, width)
    return _sigmoid(unit, width, *_constants(name))


def radius(name: str, rho: int) -> int:
    """Return how far act moves for an entry that is off by rho."""
    return rho if name == "relu" else (rho * STEEPEST[name] + 999) // 1000


def _gelu(unit: int, width: int) -> Values:
    """Taylor polynomials about knots; beyond them x for x > 0. Off by less than 4 units.

    Proof. gelu(-x) = gelu(x) - x. Coefficients are off by less than a unit, and the k-th counts
    2**(-9k) of that; so do the floors of Horner's rule, the last in full: below 2.02. The
    remainder is below 2**-39 (order 3, F <= 29) or 2**-81 (order 7, F <= 60), less than a unit;
    beyond the knots x Phi(-x) <= 10 Phi(-10) < 2**-73.
    """
    rows = taylor_rows(unit, ORDERS[width])
    shift, end = unit - STEP, KNOTS << unit - STEP
    half, short = 1 << shift >> 1, width == 64

    def values(x: Sequence[int]) -> tuple[list[int], int]:
        made = []
        for v in x:
            a = v if v > 0 else -v
            if a >= end:
                made.append(v if v > 0 else 0)
                continue
            i = a + half >> shift
            r = a - (i << shift)
            # Horner's rule, without a loop: here most of the time goes.
            if short:
                c3, c2, c1, c0 = rows[i]
                y = (((c3 * r >> unit) + c2) * r >> unit) + c1
            else:
                c7, c6, c5, c4, c3, c2, c1, c0 = rows[i]
                y = (((c7 * r >> unit) + c6) * r >> unit) + c5
                y = (((y * r >> unit) + c4) * r >> unit) + c3
                y = (((y * r >> unit) + c2) * r >> unit) + c1
            y = (y * r >> unit) + c0
            made.append(y if v > 0 else y - a)
        return made, 4

    return values


@cache
def _constants(name: str) -> tuple[int, int]:
    """Return c1, c3 of u log2(e) = c1 x + c3 x**3 in units of 2**-80, off by less than 4 units."""
    low, _ = ln2(CONSTANT + 40)
    log2e = (1 << 2 * CONSTANT + 40) // low
    if name == "silu":
        return log2e, 0
    # 2 sqrt(2/pi) = sqrt(8/pi), and 0.044715 = 8943/200000.
    root = isqrt((8 << 3 * CONSTANT + 40) // (pi(CONSTANT + 40)))
    linear = root * log2e >> CONSTANT
    return linear, linear * 8943 // 200000


def _sigmoid(unit: int, width: int, linear: int, cubic: int) -> Values:
    """|x| / (1 + 2**-a) for x > 0 and -|x| 2**-a / (1 + 2**-a) else, a = |x| (c1 + c3 x**2).

    Off by what `docs/theorems.md` (R7) says: |x| for each unit of 2**-a, the exponent's floor, the
    constants, and the quotient's floor.
    """
    bits, count = POWERS[width]
    tables = root_tables(bits, count)
    fraction = 11 * count
    one, shift = 1 << bits, CONSTANT + 3 * unit - fraction
    level = [fraction - 11 * (i + 1) for i in range(count)]
    first, *others = list(zip(tables, level, strict=True))
    straight = linear << 2 * unit

    def values(x: Sequence[int]) -> tuple[list[int], int]:
        made = []
        for v in x:
            a = v if v > 0 else -v
            e = a * (straight + cubic * v * v) >> shift
            p = first[0][e >> first[1] & 2047]
            for table, low in others:
                p = p * table[e >> low & 2047] >> bits
            p >>= e >> fraction
            y = a * p // (one + p)
            made.append(a - y if v > 0 else -y)
        top = max(max(x), -min(x))
        return made, (top * 2 * count >> bits) + (1 << unit >> fraction) + 4

    return values
