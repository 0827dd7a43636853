"""Weights exp(score) of scores that are exact, enclosed and put on one unit."""

from arithmetic.balls import Ball, argument_bits, at_unit, exp_over_root, trimmed
from arithmetic.tally import Tally, exp_surcharge

Span = tuple[int, int]


def exponentials(scores: list[int], unit: int, square: int, bits: int, tally: Tally) -> list[Ball]:
    """Return balls around exp((s - s*) 2**unit / sqrt(square)), s* the largest score."""
    top = max(scores)
    size = argument_bits(top - min(scores), unit, square) + bits
    tally.charge(exp_surcharge(len(scores), size, (top - min(scores)).bit_length()))
    return [trimmed(exp_over_root(s - top, unit, square, bits), bits) for s in scores]


def joint(a: Span, b: Span) -> Span:
    """Return integers around the product of two factors of a weight."""
    return a[0] * b[0], a[1] * b[1]


def weighted(gap: int, weight: Span, up: bool = True) -> int:
    """Return the largest (up) or smallest product of an exact gap and a weight in the span."""
    return gap * weight[(gap > 0) == up]


def top_bits(balls: list[Ball]) -> int:
    """Return e such that the largest upper end is below 2**e, and not below half of it."""
    return max(high.bit_length() + exponent for _, high, exponent in balls)


def on_one_unit(balls: list[Ball], bits: int) -> list[Span]:
    """Return integers around the balls in the unit that gives the largest `bits` bits."""
    unit = top_bits(balls) - bits
    return [at_unit(ball, unit) for ball in balls]
