"""What python-flint's balls lack, and doors that close their traps.

An `arb` is an enclosure: a midpoint and a radius. Its builtin comparisons are certain ones (False
where the balls overlap), its `bool` is always True, its `max` with a NaN is a NaN, and `float`
rounds to nearest, not outward. Code that bounds something therefore comes here: ends are exact
rationals, NaN and infinities are refused, and the precision is only ever set by `precision`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cmp_to_key

import flint


class NotFiniteError(ValueError):
    """A ball that should enclose a number is a NaN or infinite."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Compute with `bits` bits inside the block. The setting is one for all threads of a process.

    Balls made outside keep their own width; every operation inside rounds outward to `bits`.
    """
    with flint.ctx.workprec(bits):
        yield


def require_finite(ball: flint.arb) -> flint.arb:
    """Return the ball; raise NotFiniteError for a NaN or an infinite end."""
    if not ball.is_finite():
        raise NotFiniteError("an enclosure is not finite, more bits or smaller weights are needed")
    return ball


def exact(mantissa: int, exponent: int = 0) -> flint.arb:
    """Return the ball of radius 0 around mantissa * 2**exponent, whatever the precision."""
    return flint.arb((mantissa, exponent))


def lower_end(ball: flint.arb) -> tuple[int, int]:
    """Return (mantissa, exponent) of a dyadic number at or below every number of the ball."""
    mantissa, exponent = require_finite(ball).lower().man_exp()
    return int(mantissa), int(exponent)


def upper_end(ball: flint.arb) -> tuple[int, int]:
    """Return (mantissa, exponent) of a dyadic number at or above every number of the ball."""
    mantissa, exponent = require_finite(ball).upper().man_exp()
    return int(mantissa), int(exponent)


def lower_number(ball: flint.arb) -> flint.arb:
    """Return the ball of radius 0 around `lower_end`, without a way through Python integers."""
    return require_finite(ball).lower()


def upper_number(ball: flint.arb) -> flint.arb:
    """Return the ball of radius 0 around `upper_end`, without a way through Python integers."""
    return require_finite(ball).upper()


def certainly_negative(ball: flint.arb) -> bool:
    """Return whether every number of the ball is < 0; False for a NaN."""
    return bool(ball < 0)


def certainly_positive(ball: flint.arb) -> bool:
    """Return whether every number of the ball is > 0; False for a NaN."""
    return bool(ball > 0)


def certainly_nonnegative(ball: flint.arb) -> bool:
    """Return whether every number of the ball is >= 0; False for a NaN."""
    return bool(ball >= 0)


def ascending(ends: Iterable[tuple[int, int]]) -> list[flint.arb]:
    """Return dyadic numbers (mantissa, exponent) as exact balls in ascending order.

    Balls of radius 0 never overlap, so their comparison is exact at any precision.
    """

    def order(a: flint.arb, b: flint.arb) -> int:
        return int(a > b) - int(a < b)

    return sorted((exact(*end) for end in ends), key=cmp_to_key(order))


def elementwise_product(a: flint.arb_mat, b: flint.arb_mat) -> flint.arb_mat:
    """Return the products of entries at the same place (`*` is the matrix product)."""
    if (a.nrows(), a.ncols()) != (b.nrows(), b.ncols()):
        raise ValueError("matrices of different shapes have no elementwise product")
    products = [x * y for x, y in zip(a.entries(), b.entries(), strict=True)]
    return flint.arb_mat(a.nrows(), a.ncols(), products)


def running_largest(balls: Iterable[flint.arb]) -> list[flint.arb]:
    """Return for each place a ball that holds the largest of the enclosed numbers up to there."""
    results: list[flint.arb] = []
    for ball in balls:
        require_finite(ball)
        results.append(results[-1].max(ball) if results else ball)
    return results


def largest(balls: Iterable[flint.arb]) -> flint.arb:
    """Return a ball that holds the largest of the enclosed numbers."""
    results = running_largest(balls)
    if not results:
        raise ValueError("no ball has no largest")
    return results[-1]


def upper_ball(ball: flint.arb) -> flint.arb:
    """Return the exact ball at the upper end, or 0 if that is below: a bound for what is >= 0."""
    end = upper_number(ball)
    return end if end > 0 else exact(0)
