"""Limits at their boundary, and roundings at the last unit: each formula of the kernel, exactly."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.certify import join_weights

from arithmetic import balls
from arithmetic.balls import MAX_BITS, at_unit, exp_over_root, ln2, trimmed
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting import signs
from files import tensors
from files.tensors import Tensor, read_tensors
from files.verdict import Declined
from strategies.score_bounds import _power_trace, _root_up, _spectral_range


def test_a_ball_is_trimmed_to_its_bits_and_rounded_outward():
    assert trimmed((0b1011, 0b1101, 5), 3) == (0b101, 0b111, 6)
    assert trimmed((0b1011, 0b1101, 5), 2) == (0b10, 0b100, 7)
    assert trimmed((0b1010, 0b1110, 5), 3) == (0b101, 0b111, 6)


def test_a_ball_of_few_bits_is_left_as_it_is():
    for bits in (4, 5, 99):
        assert trimmed((0b1011, 0b1101, 5), bits) == (0b1011, 0b1101, 5)


def test_a_ball_on_a_coarser_unit_is_rounded_outward():
    assert at_unit((5, 5, 0), 1) == (2, 3)
    assert at_unit((4, 6, 3), 5) == (1, 2)
    assert at_unit((4, 4, 3), 5) == (1, 1)
    assert at_unit((1, 7, 0), 2) == (0, 2)
    assert at_unit((1, 7, 0), 3) == (0, 1)
    assert at_unit((1, 7, 0), 4) == (0, 1)


def test_a_ball_at_the_largest_shift_is_not_declined():
    assert at_unit((1, 3, MAX_BITS), 0) == (1 << MAX_BITS, 3 << MAX_BITS)
    with pytest.raises(Declined, match="limit"):
        at_unit((1, 3, MAX_BITS + 1), 0)


@pytest.mark.parametrize("bits", [0, 1, 5, 64, 128, 320])
def test_ln_2_is_the_sum_of_floored_terms_and_no_wider_than_proved(bits):
    terms = []
    while True:
        odd = 2 * len(terms) + 1
        if Fraction(2 << bits, 3**odd) < 1:
            break
        terms.append((2 << bits) // 3**odd // odd)
    assert ln2(bits) == (sum(terms), sum(terms) + len(terms) + 2)


@given(st.integers(0, 2**40 - 2), st.integers(1, 99), st.sampled_from([40, 64]))
def test_a_reduced_exponential_is_as_wide_as_its_proof_says(r, width, g):
    terms = [1 << g]
    while terms[-1]:
        terms.append(terms[-1] * r // (len(terms) << g))
    bound = sum(terms) + 2 * (len(terms) - 1) + 6
    above = bound * (1 + Fraction(2 * width, 1 << g))
    assert balls._exp_reduced(r, width, g) == (sum(terms), int(above) + 1)


@pytest.mark.parametrize(("bits", "g"), [(32, 64), (64, 128), (200, 256)])
def test_as_many_ln_2_are_taken_off_an_argument_as_leave_it_certainly_not_negative(
    monkeypatch, bits, g
):
    seen, reduced = [], balls._exp_reduced

    def noted(r, width, unit):
        seen.append((r, width, unit))
        return reduced(r, width, unit)

    monkeypatch.setattr(balls, "_exp_reduced", noted)
    low, high = ln2(g)
    for x in {k * end + step for k in range(-7, 6) for end in (low, high) for step in (-1, 0, 1)}:
        _, _, exponent = exp_over_root(x, -g, 1, bits)
        k = max(k for k in range(-9, 9) if max(k * low, k * high) <= x)
        r, width, unit = seen.pop()
        assert (r, width, unit) == (x - max(k * low, k * high), 1 + abs(k) * (high - low), g)
        assert r >= 0 and r + width < 1 << g
        # exp(r) has g + 1 or g + 2 bits, of which `bits` are kept.
        assert exponent - k + bits in (1, 2)


@pytest.mark.parametrize("bits", [32, 64])
def test_an_enclosed_sum_of_one_group_is_that_of_a_weight_from_one_to_a_unit_above(bits):
    head = SimpleNamespace(score_exponent=-3, d_head=2)
    for gap in (1, 5, -5, -1):
        low, high = signs._enclosed_sum(head, {17: gap}, bits, Tally(10**6))
        assert sorted((gap << bits, gap * ((1 << bits) + 1))) == [low, high]


@pytest.mark.parametrize("exponent", [-7, -2, 0, 5, 12])
@pytest.mark.parametrize("value", [1, 2, 3, 2**127, 2**128 + 1, 2**130 - 1, (2**70 + 1) ** 2 + 1])
def test_a_root_is_rounded_up_by_less_than_a_unit_of_64_bits(value, exponent):
    root, half = _root_up(value, exponent)
    square = value * Fraction(2) ** (exponent - 2 * half)
    assert (root - 1) ** 2 < square <= root**2
    assert root.bit_length() >= 64


def test_the_root_of_nothing_is_nothing():
    assert [_root_up(0, exponent)[0] for exponent in (-3, 0, 4)] == [0, 0, 0]


def entry(shape, start, end, dtype="U8"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_a_tensor_of_8_axes_is_read_and_one_of_9_is_declined():
    for axes in (1, 7, 8):
        read = read_tensors(join_weights({"x": entry([1] * axes, 0, 1)}, b"a"))
        assert read["x"] == Tensor("U8", (1,) * axes, b"a")
    with pytest.raises(Declined, match="too many or too long axes"):
        read_tensors(join_weights({"x": entry([1] * 9, 0, 1)}, b"a"))


def test_an_axis_as_long_as_the_largest_file_is_read_and_a_longer_one_is_declined():
    for axis in (0, 1, tensors.MAX_FILE):
        read = read_tensors(join_weights({"x": entry([0, axis], 0, 0)}, b""))
        assert read["x"].shape == (0, axis)
    with pytest.raises(Declined, match="too many or too long axes"):
        read_tensors(join_weights({"x": entry([0, tensors.MAX_FILE + 1], 0, 0)}, b""))


def test_the_largest_file_and_header_are_read_and_one_byte_more_is_declined(monkeypatch):
    weights = join_weights({"x": entry([3], 0, 3)}, b"abc")
    header = len(weights) - 8 - 3
    for name, limit in (("MAX_FILE", len(weights)), ("MAX_HEADER", header)):
        with monkeypatch.context() as patch:
            patch.setattr(tensors, name, limit)
            assert read_tensors(weights)["x"].data == b"abc"
            patch.setattr(tensors, name, limit - 1)
            with pytest.raises(Declined, match="limit"):
                read_tensors(weights)


def test_a_file_that_ends_in_its_header_or_before_is_declined():
    weights = join_weights({"x": entry([3], 0, 3)}, b"abc")
    for length in (*range(9), len(weights) - 4, len(weights) - 3):
        with pytest.raises(Declined, match="syntax"):
            read_tensors(weights[:length])
    assert read_tensors(join_weights({}, b"")) == {}


def test_powers_of_a_gram_matrix_are_cut_to_256_bits_and_wrong_by_what_is_added():
    one, tally = Matrix([[2**300 - 1]], 3), Tally(10**6)
    assert _power_trace(one, 0, tally) == (2**300 - 1, 3)
    # Cut by 44 bits: a floor, wrong by less than 1, and by 2 as it is counted.
    kept = 2**256 - 1
    first = kept**2, 2 * kept * 2 + 4
    assert _power_trace(one, 1, tally) == (sum(first), 2 * (3 + 44))
    kept, wrong = first[0] >> 256, (first[1] >> 256) + 2
    second = kept**2 + 2 * kept * wrong + wrong**2
    assert _power_trace(one, 2, tally) == (second, 2 * (94 + 256))
    assert tally.spent == 3 * 1 + (0 + 1 + 2) * 1


def test_powers_of_short_entries_are_exact():
    rows = [[2, -1], [3, 5]]
    square = [[1, -7], [21, 22]]
    assert _power_trace(Matrix(rows, -2), 1, Tally(10**6)) == (23, -4)
    fourth = square[0][0] ** 2 + 2 * square[0][1] * square[1][0] + square[1][1] ** 2
    assert _power_trace(Matrix(rows, 1), 2, Tally(10**6)) == (fourth, 4)
    wide = [[2**260, 2**200], [0, 2**260]]
    value, exponent = _power_trace(Matrix(wide, 0), 1, Tally(10**6))
    kept, size = 2**255, 2
    assert (value, exponent) == (2 * kept**2 + size * (2 * size * kept * 2 + size * 4), 10)


def test_the_spectral_bound_of_single_numbers_is_their_product_times_the_root_of_two():
    chain = [Matrix([[3], [-3]], 1), Matrix([[5, 0]], -2)]
    for squarings in (0, 1, 3):
        tally = Tally(10**6)
        bound = _spectral_range(chain, squarings, tally)
        assert len(bound.rows) == 2 and bound.rows[0] == bound.rows[1]
        # L'^T L' is 72 and N' N'^T is 25/16: twice their product is 225.
        square = (bound.rows[0][0] * Fraction(2) ** bound.exponent) ** 2
        assert 225 <= square <= 225 * (1 + Fraction(1, 2**60))
