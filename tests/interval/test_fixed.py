"""Outward-rounded lanes: every conversion encloses, and what does not fit is refused."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballproof.interval.ball import lower_end, upper_end
from ballproof.interval.fixed import (
    LANE_BITS,
    LOWEST_EXPONENT,
    PositiveLanes,
    RangeError,
    floor_lanes,
    lane_bits,
    require_headroom,
)

exponents = st.integers(-(10**6), 10**3)
positive = st.tuples(st.integers(1, 2**90), exponents, st.integers(0, 2**60))


def ball_of(triple):
    mantissa, exponent, radius = triple
    # A radius below the midpoint: the ball of a positive number.
    return flint.arb((mantissa, exponent), (radius % mantissa, exponent))


def fraction(pair):
    mantissa, exponent = pair
    return mantissa * Fraction(2) ** exponent


@given(st.lists(positive, min_size=1, max_size=5), st.integers(2, 31))
def test_mantissas_enclose_the_ball(triples, bits):
    balls = [ball_of(t) for t in triples]
    lanes = PositiveLanes.from_balls(balls, bits)
    for i, ball in enumerate(balls):
        unit = Fraction(2) ** int(lanes.exponent[i])
        assert int(lanes.low[i]) * unit <= fraction(lower_end(ball))
        assert int(lanes.high[i]) * unit >= fraction(upper_end(ball))
        assert 1 <= int(lanes.high[i]).bit_length() <= bits
        assert lanes.low[i] >= 0


@given(positive, positive, st.integers(-200, 60))
def test_products_on_one_unit_enclose_the_products(a, b, offset):
    x = PositiveLanes.from_balls([ball_of(a)], 31)
    product = x.times(PositiveLanes.from_balls([ball_of(b)], 31))
    unit = int(product.top()[0, 0]) - 40 - offset if offset >= 0 else int(product.top()[0, 0])
    try:
        low, high = product.at_unit(unit)
    except RangeError:
        assert 40 + offset > LANE_BITS
        return
    true_low = fraction(lower_end(ball_of(a))) * fraction(lower_end(ball_of(b)))
    true_high = fraction(upper_end(ball_of(a))) * fraction(upper_end(ball_of(b)))
    assert int(low[0, 0]) * Fraction(2) ** unit <= true_low
    assert int(high[0, 0]) * Fraction(2) ** unit >= true_high


def test_a_weight_far_below_the_unit_is_not_lost_upward():
    lanes = PositiveLanes.from_balls([flint.arb((1, -(10**30)))], 31)
    low, high = lanes.at_unit(0)
    assert (low[0], high[0]) == (0, 1)


def test_a_weight_above_the_lane_is_refused_instead_of_wrapped():
    lanes = PositiveLanes.from_balls([flint.arb((1, 70))], 31)
    with pytest.raises(RangeError):
        lanes.at_unit(0)
    assert int(lanes.at_unit(10)[1][0]) == 2**60


def test_a_ball_without_a_positive_end_is_refused():
    with pytest.raises(ValueError, match="positive"):
        PositiveLanes.from_balls([flint.arb(-1)], 31)


def test_products_that_would_overflow_are_refused():
    lanes = PositiveLanes.from_balls([flint.arb(1)], 32)
    with pytest.raises(RangeError):
        lanes.times(lanes)


@given(st.lists(st.integers(-(2**100), 2**100), min_size=1, max_size=6), st.integers(40, 120))
def test_floors_and_ceilings_are_the_exact_ones(values, shift):
    floors, ceilings = floor_lanes(np.array(values, dtype=object), shift)
    assert floors.tolist() == [value // 2**shift for value in values]
    assert ceilings.tolist() == [-(-value // 2**shift) for value in values]


@pytest.mark.parametrize("value", [2**62, -(2**62), 2**63, 2**64, -(2**70)])
def test_an_integer_that_leaves_no_headroom_is_refused(value):
    with pytest.raises(RangeError):
        floor_lanes(np.array([0, value], dtype=object), 0)


def test_headroom_counts_the_terms():
    lanes = np.array([2 ** lane_bits(5) - 1, -1])
    require_headroom(lanes, 5)
    assert 5 * int(lanes[0]) < 2**63
    with pytest.raises(RangeError):
        require_headroom(lanes + 1, 5)
    with pytest.raises(RangeError):
        require_headroom(np.array([-(2**63)]), 1)
    require_headroom(np.zeros((0, 3), dtype=np.int64), 5)


def test_an_exponent_below_the_lowest_is_raised_with_its_mantissa():
    mantissa = 2**31 - 1
    lanes = PositiveLanes.from_balls([flint.arb((mantissa, LOWEST_EXPONENT - 1))], 31)
    assert int(lanes.exponent[0]) == LOWEST_EXPONENT
    assert int(lanes.low[0]) == 0 and 2 * int(lanes.high[0]) >= mantissa
