"""The checker's arithmetic encloses the truth: balls against mpmath, lanes against plain lists."""

from fractions import Fraction
from itertools import pairwise

import mpmath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arithmetic import balls
from arithmetic.balls import (
    MAX_BITS,
    _exp_reduced,
    at_unit,
    exp_over_root,
    ln2,
    product,
    quotient_by_root,
    trimmed,
)
from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from arithmetic.weights import exponentials
from files.verdict import Declined

bits = st.sampled_from([32, 33, 53, 64, 100, 200, 1024])
signed = st.one_of(st.integers(-(10**6), 10**6), st.integers(-(2**300), 2**300))
positive = st.one_of(st.integers(1, 100), st.integers(1, 2**300))
# Arguments from far below one unit of anything to far beyond the range of a float's exponential.
numerators = st.one_of(st.integers(-50, 50), signed)
exponents = st.one_of(st.integers(-60, 5), st.integers(-700, 40), st.integers(-4000, -3000))
squares = st.one_of(st.integers(1, 64), st.integers(1, 10**6))


def power_of_two(exponent):
    return Fraction(2) ** exponent


def floor_and_ceiling(low, high):
    return low.numerator // low.denominator, -(-high.numerator // high.denominator)


@given(positive, positive, st.integers(-300, 300), st.integers(1, 200))
def test_trimming_a_ball_keeps_it_inside_and_its_numbers_short(a, b, exponent, size):
    low, high = min(a, b), max(a, b)
    ball = trimmed((low, high, exponent), size)
    scale = power_of_two(ball[2])
    assert ball[0] * scale <= low * power_of_two(exponent)
    assert high * power_of_two(exponent) <= ball[1] * scale
    assert max(x.bit_length() for x in ball[:2]) <= max(size + 1, 1)


@given(*[positive] * 4, st.integers(-99, 99), st.integers(-99, 99))
def test_a_product_of_balls_has_the_products_of_the_ends(a, b, c, d, e, f):
    first, second = (min(a, b), max(a, b), e), (min(c, d), max(c, d), f)
    low, high, exponent = product(first, second)
    scale = power_of_two(exponent)
    assert low * scale == first[0] * second[0] * power_of_two(e + f)
    assert high * scale == first[1] * second[1] * power_of_two(e + f)


@given(positive, positive, st.integers(-700, 700), st.integers(-700, 700))
def test_on_a_unit_a_ball_is_floored_and_ceiled(a, b, exponent, unit):
    low, high = min(a, b), max(a, b)
    scale = power_of_two(exponent - unit)
    assert at_unit((low, high, exponent), unit) == floor_and_ceiling(low * scale, high * scale)


@pytest.mark.parametrize("exponent", [-(10**5), -(10**30), -(2**4200)])
def test_a_ball_far_below_the_unit_is_never_rounded_to_nothing(exponent):
    assert at_unit((2**99, 2**99 + 1, exponent), 0) == (0, 1)
    assert at_unit((1, 1, 0), -exponent) == (0, 1)


@pytest.mark.parametrize("exponent", [MAX_BITS + 1, 10**30, 2**4200])
def test_a_ball_far_above_the_unit_is_declined_and_not_computed(exponent):
    with pytest.raises(Declined, match="limit"):
        at_unit((1, 1, exponent), 0)


@pytest.mark.parametrize("size", [1, 2, 10, 64, 128, 192, 1024, 4096, 20_000])
def test_ln_2_lies_between_its_bounds(size):
    low, high = ln2(size)
    with mpmath.workprec(size + 400):
        true = mpmath.ldexp(mpmath.ln(2), size)
        assert low <= true <= high
    assert high - low <= size + 4


@given(numerators, st.integers(-300, 300), squares, st.integers(-300, 300))
@example(numerator=-6, exponent=0, square=9, unit=0)
@example(numerator=-6, exponent=-3, square=4, unit=-2)
@example(numerator=7, exponent=0, square=4, unit=-1)
def test_a_quotient_by_a_root_is_floored_below_zero_too(numerator, exponent, square, unit):
    floor = quotient_by_root(numerator, exponent, square, unit)
    value = numerator * power_of_two(exponent - unit)

    def not_above(integer):  # integer <= value / sqrt(square), by squares
        left = integer * abs(integer) * square
        return left <= value * abs(value)

    assert not_above(floor)
    assert not not_above(floor + 1)


def true_exponential(numerator, exponent, square, precision):
    with mpmath.workprec(precision + 800 + max(numerator.bit_length() + exponent, 0)):
        return mpmath.exp(mpmath.ldexp(mpmath.mpf(numerator), exponent) / mpmath.sqrt(square))


def exact_end(mantissa, exponent):
    with mpmath.workprec(max(mantissa.bit_length(), 1)):
        return mpmath.ldexp(mpmath.mpf(mantissa), exponent)


@given(numerators, exponents, squares, bits)
@example(numerator=0, exponent=0, square=1, bits=32)
@example(numerator=-1, exponent=-4000, square=1, bits=1024)
@example(numerator=-(2**4100), exponent=0, square=7, bits=32)
@example(numerator=2**4100, exponent=0, square=10**6, bits=53)
def test_the_exponential_lies_in_its_ball(numerator, exponent, square, bits):
    low, high, unit = exp_over_root(numerator, exponent, square, bits)
    true = true_exponential(numerator, exponent, square, bits)
    assert low > 0
    assert exact_end(low, unit) <= true <= exact_end(high, unit)
    # About `bits` bits: at most a few units in the last place wide.
    assert high.bit_length() <= bits + 1
    assert (high - low) << (bits - 4) <= high


@given(numerators, st.integers(-60, 40), squares, bits)
def test_the_exponential_lies_in_its_ball_before_it_is_trimmed(numerator, exponent, square, bits):
    # Trimming rounds outward by far more than the error terms of the series and the reduction.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balls, "trimmed", lambda ball, bits: ball)
        low, high, unit = exp_over_root(numerator, exponent, square, bits)
    true = true_exponential(numerator, exponent, square, 2 * low.bit_length())
    assert exact_end(low, unit) <= true <= exact_end(high, unit)


@given(st.data(), st.sampled_from([1, 8, 64, 200]))
def test_a_reduced_exponential_is_enclosed_over_its_whole_argument(data, g):
    r = data.draw(st.integers(0, 2**g - 1))
    width = data.draw(st.integers(0, 2**g - r))
    low, high = _exp_reduced(r, width, g)
    with mpmath.workprec(4 * g + 100):
        ends = [mpmath.exp(mpmath.ldexp(mpmath.mpf(x), -g)) for x in (r, r + width)]
        assert low <= mpmath.ldexp(ends[0], g)
        assert mpmath.ldexp(ends[1], g) <= high


@pytest.mark.parametrize("multiple", [*range(-3, 4), 100, -100, -(10**6)])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_exponential_is_enclosed_beside_multiples_of_ln_2(multiple, offset):
    numerator = multiple * ln2(200)[0] + offset
    low, high, unit = exp_over_root(numerator, -200, 1, 64)
    true = true_exponential(numerator, -200, 1, 200)
    assert exact_end(low, unit) <= true <= exact_end(high, unit)


@given(numerators, exponents, squares)
def test_exponentials_overlap_at_all_precisions_and_shrink(numerator, exponent, square):
    balls = [exp_over_root(numerator, exponent, square, size) for size in (32, 64, 200, 1024)]
    # Exponents can be huge: compare in units of the finest ball.
    finest = min(unit for _, _, unit in balls)
    ends = [(low << unit - finest, high << unit - finest) for low, high, unit in balls]
    assert max(low for low, _ in ends) <= min(high for _, high in ends)
    widths = [high - low for low, high in ends]
    assert all(later <= earlier for earlier, later in pairwise(widths))


def test_an_exponential_of_more_bits_than_the_limit_is_declined():
    with pytest.raises(Declined, match="limit"):
        exp_over_root(1, MAX_BITS + 2, 1, 32)


@st.composite
def vectors(draw):
    """A width, and two lists of integers whose sums and differences fit lanes of that width."""
    width = draw(st.sampled_from([8, 13, 16, 72, 130]))
    reach = 2 ** (8 * -(-width // 8) - 2) - 1
    entries = st.one_of(
        st.integers(-reach, reach), st.sampled_from([-reach, -1, 0, 1, reach - 1, reach])
    )
    count = draw(st.integers(1, 12))
    return width, *(draw(st.lists(entries, min_size=count, max_size=count)) for _ in range(2))


@given(vectors())
def test_lanes_do_to_every_lane_what_lists_do_to_every_entry(drawn):
    width, a, b = drawn
    lanes = Lanes(len(a), width)
    x, y = lanes.pack(a), lanes.pack(b)
    pairs = list(zip(a, b, strict=True))
    assert x + y == lanes.pack(s + t for s, t in pairs)
    assert x - y == lanes.pack(s - t for s, t in pairs)
    assert lanes.positive(x) == lanes.pack(max(s, 0) for s in a)
    assert lanes.maximum(x, y) == lanes.pack(max(pair) for pair in pairs)
    assert lanes.signs(x) == sum((s >= 0) << (lanes.width * i) for i, s in enumerate(a))
    assert lanes.indices(lanes.signs(x)) == [i for i, s in enumerate(a) if s >= 0]
    assert lanes.indices(lanes.signs(x - y)) == [i for i, (s, t) in enumerate(pairs) if s >= t]
    for size in range(1, lanes.bytes + 1):
        tops = [(s >> (lanes.width - 8 * size)) + (1 << (8 * size - 1)) for s in a]
        assert lanes.tops(x, size) == b"".join(top.to_bytes(size, "little") for top in tops)


@given(st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=9), st.integers(0, 2**41))
def test_a_scalar_multiplies_every_lane(entries, scalar):
    lanes = Lanes(len(entries), 64)
    assert scalar * lanes.pack(entries) == lanes.pack(scalar * x for x in entries)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_lanes_hold_both_ends_of_their_range_beside_each_other(count):
    lanes = Lanes(count, 16)
    for low_first in (True, False):
        ends = [-lanes.half, lanes.half - 1]
        entries = [ends[(i + low_first) % 2] for i in range(count)]
        vector = lanes.pack(entries)
        assert lanes.positive(vector) == lanes.pack(max(x, 0) for x in entries)
        assert lanes.indices(lanes.signs(vector)) == [i for i, x in enumerate(entries) if x >= 0]


@pytest.mark.parametrize("value", [2**15, -(2**15) - 1, 10**9])
def test_a_number_that_fits_no_lane_is_never_packed(value):
    with pytest.raises(OverflowError):
        Lanes(3, 16).pack([0, value, 0])


@pytest.mark.parametrize(
    ("reach", "bits", "extra"),
    [(8, 149, 0), (8, 150, 1), (8, 214, 4), (8, 998, 14**2), (2000, 46, 2 * 30**2)],
)
def test_exponentials_of_many_bits_count_by_their_length(reach, bits, extra):
    tally = Tally(10**9)
    exponentials([0, 2**reach - 1, 5], 0, 1, bits, tally)
    assert tally.spent == 3 * extra
