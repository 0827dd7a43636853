"""Taylor coefficients of gelu(x) = x Phi(x) about knots (R7).

gelu' = Phi + x phi, and gelu^(k) = p_k phi for k >= 2 with p_2 = 2 - x**2, p_{k+1} = p_k' - x p_k.
"""

from functools import cache
from math import factorial, isqrt

from arithmetic.balls import exp_over_root
from arithmetic.constants import pi

# Knots 0, 2**-8, .., 10; the order of the polynomials by the width of lanes.
STEP, KNOTS = 8, 10 << 8
ORDERS = {64: 3, 128: 7}
BITS, TERMS = 160, 240


@cache
def taylor_rows(unit: int, order: int) -> list[list[int]]:
    """Return gelu^(k)(x) / k! at each knot, k = order .. 0, off by less than a unit of 2**-unit.

    Proof. Phi - 1/2 = phi x h, h = 1 + x**2/3 (1 + x**2/5 (..)), cut after 240 terms: for x <= 10
    the rest is less than 2**-160 of the sum, and each floor of Horner's rule less than 2**-160 of a
    value that is at least 1. So h is off by less than 2**-152 of itself, phi by 4 units of 2**-160;
    x and the polynomials are exact, and |p_k| / k! < 2**20. What is rounded last is half a unit.
    """
    polynomials = _polynomials(order)
    rows = []
    for knot in range(KNOTS + 1):
        phi = _density(knot)
        above = (phi * _series(knot) * knot >> BITS + STEP) + (1 << BITS - 1)
        # x, phi and Phi in units of 2**-BITS
        found = [above * knot >> STEP, above + (phi * knot >> STEP)]
        found += [
            phi * _at(polynomials[k], knot) // (factorial(k) << STEP * k)
            for k in range(2, order + 1)
        ]
        half = 1 << BITS - unit - 1
        rows.append([x + half >> BITS - unit for x in reversed(found)])
    return rows


def _polynomials(order: int) -> dict[int, list[int]]:
    """Return the coefficients of p_k, lowest first."""
    found = {2: [2, 0, -1]}
    for k in range(2, order):
        product = [0, *(-c for c in found[k])]
        for i, c in enumerate(found[k][1:]):
            product[i] += (i + 1) * c
        found[k + 1] = product
    return found


def _at(polynomial: list[int], knot: int) -> int:
    """Return 2**(8k) p(knot 2**-8), exactly, for a polynomial of degree k."""
    degree, total = len(polynomial) - 1, 0
    for power, c in enumerate(polynomial):
        total += c * knot**power << STEP * (degree - power)
    return total


def _density(knot: int) -> int:
    """Return phi(x) = exp(-x**2 / 2) / sqrt(2 pi) in units of 2**-BITS, off by less than 4."""
    low, _, exponent = exp_over_root(-knot * knot, -2 * STEP - 1, 1, BITS + 40)
    root = isqrt(pi(2 * BITS) << 2 * BITS + 1)  # sqrt(2 pi) at 2**-(2 BITS)
    return (low << exponent + 3 * BITS) // root


def _series(knot: int) -> int:
    """Return h in units of 2**-BITS: floors of Horner's rule, from the last of the terms."""
    square, total = knot * knot, 1 << BITS
    for n in range(TERMS, 0, -1):
        total = (1 << BITS) + total * square // (2 * n + 1 << 2 * STEP)
    return total
