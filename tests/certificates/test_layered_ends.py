"""The ends of what rules of layers promise: the last unit of a number, the last integer of room."""

from fractions import Fraction
from random import Random

import pytest
from flint import arb, arb_series, ctx
from support.layered import act

from arithmetic.maps import Map, NoRoom, ceil, column_length, nearest
from arithmetic.matrices import Matrix
from arithmetic.powers import base_two, root_tables
from arithmetic.vectors import Vectors
from counting.activations import radius, values_of
from counting.gelu import KNOTS, ORDERS, STEP, taylor_rows
from counting.norms import Normaliser
from parts.layers import Norm

LANES = [(64, 24, 28), (64, 29, 30), (128, 50, 64), (128, 60, 64)]
each_width = pytest.mark.parametrize(("width", "unit", "fine"), LANES)


@pytest.fixture(autouse=True)
def many_bits():
    with ctx.workprec(500):
        yield


def ball(x):
    return arb(Fraction(x).numerator) / Fraction(x).denominator


def gelu_about(x, order):
    """The coefficients of gelu(x + t) in t: the density integrated as a power series."""
    cap, ctx.cap = ctx.cap, order + 1
    try:
        at = arb_series([x, 1])
        density = (-at * at / 2).exp() / (2 * arb.pi()).sqrt()
        normal = density.integral() + (1 + (x / arb(2).sqrt()).erf()) / 2
        product = at * normal
        return [product[k] for k in range(order + 1)]
    finally:
        ctx.cap = cap


@each_width
def test_coefficients_of_gelu_are_off_by_less_than_a_unit(width, unit, fine):
    order = ORDERS[width]
    rows = taylor_rows(unit, order)
    assert len(rows) == KNOTS + 1
    for knot in (0, 1, 2, 77, 256, 362, 700, 1500, KNOTS - 1, KNOTS):
        true = gelu_about(arb(knot) / 2**STEP, order)
        assert len(rows[knot]) == order + 1
        for found, coefficient in zip(reversed(rows[knot]), true, strict=True):
            assert abs(coefficient * arb(2) ** unit - found) < 1


@each_width
@pytest.mark.parametrize("name", ["gelu", "gelu-tanh", "silu"])
def test_an_activation_far_out_is_as_near_as_it_says(name, width, unit, fine):
    ends = [200 << unit, 60 << unit, (10 << unit) + 1, 10 << unit, (10 << unit) - 1]
    entries = [*ends, *(-x for x in ends)]
    found, off = values_of(name, unit, width)(entries)
    for x, y in zip(entries, found, strict=True):
        assert abs(act(name, arb(x) / arb(2) ** unit) * arb(2) ** unit - y) <= off


def test_relu_and_its_radius_are_exact():
    assert values_of("relu", 24, 64)([-2, -1, 0, 1, 2]) == ([0, 0, 0, 1, 2], 0)
    assert [radius("relu", rho) for rho in (0, 1, 999)] == [0, 1, 999]


@pytest.mark.parametrize("name", ["gelu", "gelu-tanh", "silu"])
def test_a_radius_is_rounded_up(name):
    steepest = Fraction(radius(name, 10**9), 10**9)
    for rho in (0, 1, 2, 3, 10, 999, 1001, 123456789):
        assert 0 <= radius(name, rho) - rho * steepest < 1


def one_entry(weight, bias, width, unit, fine):
    """x -> weight x 2**-fine + bias, with nothing that is rounded away."""
    return Map(Matrix([[weight]], -fine), Matrix([[bias]], -unit - fine), unit, fine, width)


@each_width
@pytest.mark.parametrize("sign", [1, -1])
def test_the_room_of_a_map_is_used_to_the_last_integer(width, unit, fine, sign):
    """A lane of the largest sum that has room is read rightly; one more is declined."""
    bias = 1 << width - 3
    made = one_entry(1, sign * bias, width, unit, fine)
    largest = (1 << width - 1) - (2 << fine) - bias
    made.require_room(largest)
    for x, beside in ((largest + 1, 0), (largest, 1), (0, largest + 1)):
        with pytest.raises(NoRoom):
            made.require_room(x, beside)
    for x in (sign * largest, 0, -sign * largest):
        lane = sign * bias + x
        assert list(made.vectors.exact(made.apply([x]))) == [lane]
        nearest_ = lane + (1 << fine - 1) >> fine
        assert list(made.vectors.rounded(made.apply([x]))) == [nearest_]
        assert made.vectors.rectified(made.apply([x])) == [max(nearest_, 0)]


@each_width
def test_what_stands_beside_a_map_is_added(width, unit, fine):
    made = one_entry(3, 5, width, unit, fine)
    assert list(made.vectors.exact(made.apply([7]))) == [26]
    for beside in (-40, 0, 1, 11):
        packed = made.vectors.pack_long([beside])
        assert list(made.vectors.exact(made.apply([7], packed))) == [26 + beside]


@each_width
def test_weights_and_a_bias_that_fill_a_lane_have_no_room(width, unit, fine):
    end = 1 << width - 1
    fits = one_entry(end - 1, 0, width, unit, fine)
    fits.require_room(0)
    assert list(fits.vectors.exact(fits.apply([1]))) == [end - 1]
    for weight, bias in ((end, 0), (-end, 0), (0, end), (0, -end), (0, end - (2 << fine))):
        with pytest.raises(NoRoom):
            one_entry(weight, bias, width, unit, fine).require_room(0)
    one_entry(0, end - (2 << fine) - 1, width, unit, fine).require_room(0)
    for rows in ([[0, end], [0, 0]], [[0, 0], [end, 0]], [[end, 0], [0, 0]]):
        made = Map(Matrix(rows, -fine), Matrix([[0, 0]], 0), unit, fine, width)
        with pytest.raises(NoRoom):
            made.require_room(0)
    for row in ([0, 1 - end], [1 - end, 0]):
        made = Map(Matrix([[1, 1]], -fine), Matrix([row], -unit - fine), unit, fine, width)
        with pytest.raises(NoRoom):
            made.require_room(0)


def test_the_heaviest_column_is_charged_for_room_and_radius():
    for rows in ([[1, 5], [1, 5]], [[5, 1], [5, 1]]):
        made = Map(Matrix(rows, -28), Matrix([[0, 0]], 0), 24, 28, 64)
        assert made.load == 10
        with pytest.raises(NoRoom):
            made.require_room((1 << 63) // 9)
    # Weights and a bias that are half a unit away from a multiple: all of it is charged.
    made = Map(Matrix([[1, 3], [1, 3]], -29), Matrix([[1, 1]], -53), 24, 28, 64)
    top = 1 << 30
    for x in ([top, top], [-top, -top]):
        lanes = made.vectors.exact(made.apply(x))
        for lane, weight in zip(lanes, (1, 3), strict=True):
            assert abs(Fraction(sum(x) * weight + 1, 2) - lane) <= made.radius(0, top)
    assert made.radius(0, top) <= top + 2


def test_numbers_are_rounded_as_they_say_at_every_shift():
    for value in (0, 1, 2, 3, 5, 6, 1023):
        for shift in range(-12, 4):
            true = value * Fraction(2) ** shift
            assert 0 <= ceil(value, shift) - true < 1
            assert 0 <= ceil(value, shift, 3) - true / 3 < 1
            for sign in (1, -1):
                assert abs(nearest(sign * value, shift) - sign * true) <= Fraction(1, 2)


def test_a_column_length_is_rounded_up_and_near():
    for exponent in (-60, -20, 0):
        for divisor in (1, 2, 7):
            columns = Matrix([[3, 1], [4, 1]], exponent)
            found = column_length(columns, divisor)
            true = 5 * Fraction(2) ** (exponent + 20) / divisor
            assert 0 <= found - true <= 2
    plain = Matrix([[3, 1], [4, 1]], 0)
    assert column_length(plain) == column_length(plain, 1)


@pytest.mark.parametrize(("bits", "count"), [(44, 3), (64, 5)])
def test_a_table_of_powers_has_an_entry_for_each_index(bits, count):
    assert [len(table) for table in root_tables(bits, count)] == [2048] * count
    for level, table in enumerate(root_tables(bits, count)):
        assert table[-1] > 0 and table[0] == 1 << bits
        true = arb(2) ** (bits - arb(2047) / 2 ** (11 * (level + 1)))
        assert 0 <= true - table[-1] < 1 + arb(2) ** -50


def test_the_base_of_a_root_is_as_near_as_its_bits():
    for square in (1, 2, 3, 28):
        true = arb(2) ** 240 / (arb(2).log() * arb(square).sqrt())
        assert abs(base_two(square) - true) < 2


@each_width
@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("eps", [Fraction(1, 10**5), Fraction(1, 3), Fraction(4)])
def test_eps_alone_is_divided_by_in_full(kind, eps, width, unit, fine):
    """Equal entries, of a layer norm, and entries of zero have no length but that of eps."""
    root = arb(eps.numerator).sqrt() / arb(eps.denominator).sqrt() * arb(2) ** (unit + fine)
    for size in (1, 2, 5):
        made = Normaliser(Norm(kind, eps), size, unit, fine)
        for x in ([0] * size, *([[1 << unit] * size] if kind == "layer" else [])):
            entries, off, largest, least = made.normed(x, 0)
            assert entries == [0] * size and 0 < largest <= 3 and off > 0
            assert 0 <= root - least < 2 ** (fine - 30) + 2
            # However far x may be off, what is divided by is not below the root of eps.
            assert 0 <= root - made.normed(x, 1 << 4 * width).least < 2


@each_width
@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_a_norm_of_nothing_is_declined_and_of_one_unit_is_not(kind, width, unit, fine):
    made = Normaliser(Norm(kind, Fraction(0)), 2, unit, fine)
    for x, rho in (([0, 0], 0), ([1, -1], 1 << fine), ([1, -1], (1 << fine) + 5)):
        with pytest.raises(NoRoom):
            made.normed(x, rho)
    entries, off, largest, least = made.normed([1, -1], 0)
    one = 1 << unit
    for entry, true in zip(entries, (one, -one), strict=True):
        assert abs((true << fine) - (entry << fine)) <= off and abs(true) <= largest
    assert (1 << fine) - 2 <= least <= 1 << fine


@each_width
@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_a_norm_of_entries_as_far_as_lanes_reach_is_within_its_bounds(width, unit, fine, kind):
    """Here the floor of the reciprocal counts, entry by entry."""
    rng, best = Random(width + unit), 0
    for trial in range(600):
        size, most = rng.choice([2, 3, 9]), rng.choice([unit + 26, 60])
        x = [rng.randrange(-(1 << most), 1 << most) for _ in range(size)]
        x = [x[0], *[0] * (size - 1)] if trial % 3 == 0 else x
        made = Normaliser(Norm(kind, Fraction(0)), size, unit, fine)
        entries, off, largest, least = made.normed(x, 0)
        mean = Fraction(sum(x), size) if kind == "layer" else Fraction(0)
        c = [ball(v - mean) for v in x]
        s = (sum((v * v for v in c), arb(0)) / size).sqrt()
        assert 0 <= s * arb(2) ** fine - least < arb(2) ** (fine - 30) + 2
        for entry, v in zip(entries, c, strict=True):
            true = v / s * arb(2) ** unit
            assert abs(true) <= largest and abs(entry) <= largest
            error = abs(true - entry) * arb(2) ** fine
            assert error <= off
            best = max(best, float(error / off))
    assert best > 0.9


def test_an_eps_just_below_a_square_is_rounded_down():
    """Its root is not an integer of the unit, and what is divided by is never above it."""
    unit, fine, root = 50, 64, 3 << 40
    for bits in (2 * (unit + 32), 2 * (unit + fine)):
        eps = Fraction(3 * root**2 - 1, 3 << bits)
        true = ball(eps).sqrt() * arb(2) ** (unit + fine)
        made = Normaliser(Norm("rms", eps), 1, unit, fine)
        for rho in (0, 1 << 400):
            assert made.normed([0], rho).least <= true


def test_an_eps_that_guard_bits_do_not_show_is_declined():
    made = Normaliser(Norm("rms", Fraction(1, 2**180)), 1, 50, 64)
    with pytest.raises(NoRoom):
        made.normed([0], 0)


@pytest.mark.parametrize(("width", "shift"), [(64, 24), (128, 64)])
def test_the_smallest_integers_are_rectified_exactly(width, shift):
    one = 1 << shift
    values = [one, -one, one // 2, one // 2 - 1, -one // 2, -one // 2 - 1, 2 * one, 0]
    vectors = Vectors(len(values), width, shift)
    packed = vectors.pack_long(values)
    assert list(vectors.rounded(packed)) == [1, -1, 1, 0, 0, -1, 2, 0]
    assert vectors.rectified(packed) == [1, 0, 1, 0, 0, 0, 2, 0]
