"""Numbers of a claims file, read without rounding, and enclosures printed outward."""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

import flint

from ballproof.interval.ball import exact, lower_end, upper_end

NUMBER = re.compile(r"-?[0-9]{1,1000}(\.[0-9]{1,1000})?([eE][+-]?[0-9]{1,4})?")
RATIO = re.compile(r"-?[0-9]{1,1000}/0*[1-9][0-9]{0,999}")
DIGITS = 20
# Printed ends nearer to 0 than 2**LOWEST_POWER are moved outward, to 0 or to that power.
LOWEST_POWER = -16_384
THRESHOLD_BITS = 128


class DecimalText(str):
    """A JSON number with a point or an exponent, as it is written."""

    __slots__ = ()


def rational(value: object) -> Fraction | None:
    """Return the exact value of a JSON number or of a string such as "-0.5" or "n/d".

    None if it is no such number: a point needs digits on both sides, an exponent has four digits.
    """
    if type(value) is int:
        return Fraction(value)
    if isinstance(value, str) and (NUMBER.fullmatch(value) or RATIO.fullmatch(value)):
        return Fraction(value)
    return None


def rounded_down(ball: flint.arb) -> Fraction:
    """Return a number at or below all of the ball, with at most THRESHOLD_BITS bits."""
    mantissa, exponent = lower_end(ball)
    return -_up(-mantissa, exponent)


def rounded_up(ball: flint.arb) -> Fraction:
    """Return a number at or above all of the ball, with at most THRESHOLD_BITS bits."""
    return _up(*upper_end(ball))


def _up(mantissa: int, exponent: int) -> Fraction:
    if abs(mantissa).bit_length() + exponent < LOWEST_POWER:
        return Fraction(mantissa > 0, 2**-LOWEST_POWER)
    surplus = max(abs(mantissa).bit_length() - THRESHOLD_BITS, 0)
    mantissa, exponent = -(-mantissa >> surplus), exponent + surplus
    return Fraction(mantissa) * Fraction(2) ** exponent


def decimal_down(value: Fraction) -> str:
    """Return a decimal of DIGITS digits that is at most the value."""
    return _decimal(value, ROUND_FLOOR)


def decimal_up(value: Fraction) -> str:
    """Return a decimal of DIGITS digits that is at least the value."""
    return _decimal(value, ROUND_CEILING)


def _decimal(value: Fraction, rounding: str) -> str:
    context = Context(DIGITS, rounding, MIN_EMIN, MAX_EMAX)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)))


def is_narrow(ball: flint.arb) -> bool:
    """Return whether a ball tells more digits than are printed."""
    width = exact(*upper_end(ball)) - exact(*lower_end(ball))
    return bool(width * 2 ** (4 * DIGITS) <= abs(ball))
