"""Balls: ends that hold, comparisons that are certain, and no NaN past the door."""

from fractions import Fraction

import flint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballproof.interval import ball

NAN = flint.arb("nan")
dyadics = st.tuples(st.integers(-(2**80), 2**80), st.integers(-200, 200))


def value(pair: tuple[int, int]) -> Fraction:
    return pair[0] * Fraction(2) ** pair[1]


def midpoint(x: flint.arb) -> Fraction:
    assert x.is_exact()
    mantissa, exponent = x.man_exp()
    return value((int(mantissa), int(exponent)))


@given(dyadics, st.integers(2, 100))
def test_ends_enclose_what_the_ball_holds(pair, bits):
    with ball.precision(bits):
        rounded = ball.exact(*pair) * 1
        low, high = value(ball.lower_end(rounded)), value(ball.upper_end(rounded))
        numbers = ball.lower_number(rounded), ball.upper_number(rounded)
    assert low <= value(pair) <= high
    assert [midpoint(x) for x in numbers] == [low, high]


def test_exact_is_exact_at_any_precision():
    with ball.precision(2):
        assert midpoint(ball.exact(12345, -3)) == Fraction(12345, 8)


def test_precision_is_restored_after_an_error():
    before = flint.ctx.prec
    with pytest.raises(ZeroDivisionError), ball.precision(500):
        raise ZeroDivisionError
    assert flint.ctx.prec == before


@pytest.mark.parametrize("bad", [NAN, flint.arb("inf"), flint.arb(0).log()])
def test_nan_and_infinity_are_refused(bad):
    doors = (ball.lower_end, ball.upper_end, ball.lower_number, ball.upper_number)
    for door in (ball.require_finite, *doors):
        with pytest.raises(ball.NotFiniteError):
            door(bad)
    with pytest.raises(ball.NotFiniteError):
        ball.largest([flint.arb(1), bad])


def test_comparisons_that_are_not_certain_are_false():
    wide = flint.arb(0, 1)
    for uncertain in (wide, NAN):
        assert not ball.certainly_negative(uncertain)
        assert not ball.certainly_nonnegative(uncertain)
    assert ball.certainly_nonnegative(flint.arb(0))
    assert ball.certainly_negative(flint.arb(-1))


@given(st.lists(dyadics, max_size=8))
def test_ascending_orders_by_exact_value(pairs):
    ordered = [midpoint(x) for x in ball.ascending(pairs)]
    assert ordered == sorted(map(value, pairs))


def test_elementwise_product_is_not_the_matrix_product():
    a = flint.arb_mat(2, 2, [1, 2, 3, 4])
    assert ball.elementwise_product(a, a).entries() == [1, 4, 9, 16]
    with pytest.raises(ValueError, match="shapes"):
        ball.elementwise_product(a, flint.arb_mat(1, 4))


def test_largest_holds_the_largest_of_overlapping_balls():
    top = ball.largest([flint.arb(0, 1), flint.arb(0.5), flint.arb(-3)])
    assert value(ball.lower_end(top)) <= Fraction(1, 2)
    assert value(ball.upper_end(top)) >= 1
    with pytest.raises(ValueError, match="no ball"):
        ball.largest([])
