"""Powers of two with exponents that are no integers: tables, and the scale that leads to base 2.

A table holds 2**-(j 2**-(11 l)), j = 0 .. 2047, for 11 bits of an exponent's fraction.
"""

from functools import cache
from math import isqrt

from arithmetic.balls import ln2

BITS = 11
# Guard bits of a table; and the bits of a scale, which is off by less than 2**-200 of itself.
GUARD, SCALE_BITS = 64, 240


@cache
def root_tables(bits: int, tables: int) -> list[list[int]]:
    """Return tables of floors in units of 2**-bits: each entry is low by less than 1 + 2**-50.

    The first entry of each is 2**bits exactly. Proof. Let w = bits + 64. The roots r_0 = 2**(w-1),
    r_{k+1} = isqrt(r_k 2**w) are low by e_k, with e_0 = 0 and e_{k+1} <= 3/4 e_k + 1 (the slope of
    the square root at 2**(w-1) - 4 and above), so that e_k < 4. An entry is a product of at most 11
    of them, each product floored: errors of factors that are at most 1 add up, with one unit for
    each floor, so that it is low by less than 11 * 5 < 2**6 units of 2**-w; and then it is floored
    to 2**-bits.
    """
    width = bits + GUARD
    roots, root = [], 1 << width - 1
    for _ in range(BITS * tables):
        root = isqrt(root << width)
        roots.append(root)
    made = []
    for level in range(tables):
        # Bit 10 of the index, the highest, is the first of the level's eleven.
        entries = [1 << width]
        for root in reversed(roots[BITS * level : BITS * (level + 1)]):
            entries += [entry * root >> width for entry in entries]
        made.append([entry >> GUARD for entry in entries])
    return made


@cache
def base_two(square: int) -> int:
    """Return 2**240 / (ln 2 sqrt(square)), off by less than 2**-200 of itself, for square < 2**60.

    Proof. With w = 320 and L = floor bound of ln 2 at 2**-w, the quotient under the root is within
    2**-300 of itself, its floor and the root's are each off by one, and the root is above 2**209.
    """
    low, _ = ln2(320)
    return isqrt((1 << 2 * (320 + SCALE_BITS)) // (low * low * square))
