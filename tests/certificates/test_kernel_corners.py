"""Corners of the kernel's counts: values at which a change of one sign or number shows."""

import hashlib
from fractions import Fraction
from itertools import pairwise
from random import Random
from types import SimpleNamespace

import pytest

from arithmetic.lanes import Lanes
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally, exp_surcharge
from counting import signs, tails
from parts import attention
from strategies.score_bounds import Scores, _power_trace, _root_up, chain_ranges
from strategies.subcubic import QueryScores, _Curves

THREE = [[0, 1, 2]] * 4  # A direct path to three tokens.


def balls_of(*tops):
    """Return balls [0, 2**top - 1]: what counts is the upper end."""
    return [(0, 2**top - 1, 0) for top in tops]


def test_exponentials_are_surcharged_by_the_difference_of_their_scores():
    large = 2**300
    for scores, reach in (([large, 0], large), ([5, 5 - large], large), ([large, large - 7], 7)):
        tally = Tally(10**9)
        attention.exponentials(scores, -100, 1, 200, tally)
        size = max(reach.bit_length() - 100 + 2, 1)
        assert tally.spent == exp_surcharge(2, size + 200)


def test_lanes_take_whole_bytes():
    assert [Lanes(1, bits).bytes for bits in (1, 7, 8, 9, 15, 16, 17)] == [1, 1, 1, 2, 2, 2, 3]


def naive_ranges(chain, means):
    """Return the bounds of the docstring as rationals, factor by factor."""
    first, *rest = chain
    if not rest:
        return [Fraction(max(row) - min(row)) for row in first]
    ranges = naive_ranges(rest, max(means - 1, 0))
    if not means:
        return [sum(abs(x) * r for x, r in zip(row, ranges, strict=True)) for row in first]
    mean = [Fraction(sum(column), len(first)) for column in zip(*first, strict=True)]
    common = mean
    for factor in rest:
        columns = zip(*factor, strict=True)
        common = [sum(x * y for x, y in zip(common, column, strict=True)) for column in columns]
    apart = [
        sum(abs(x - mu) * r for x, mu, r in zip(row, mean, ranges, strict=True)) for row in first
    ]
    return [max(common) - min(common) + x for x in apart]


@pytest.mark.parametrize("means", range(4))
def test_ranges_of_four_factors_set_apart_as_many_mean_rows_as_asked(means):
    rng = Random(3)
    # A mean row of 1, 2 or 4 rows is exact in binary, so that nothing is rounded.
    sizes = [4, 2, 4, 2, 5]
    for _ in range(20):
        chain = [
            [[64 * rng.randint(-9, 9) for _ in range(columns)] for _ in range(rows)]
            for rows, columns in pairwise(sizes)
        ]
        found = chain_ranges([Matrix(rows, 0) for rows in chain], means, Tally(10**6))
        scale = Fraction(2) ** found.exponent
        assert [row[0] * scale for row in found.rows] == naive_ranges(chain, means)


@pytest.mark.parametrize("exponent", [-3, -2, 0, 1])
@pytest.mark.parametrize("value", [1, 2, 3, 2**127 - 1, 2**127, 2**128 - 1, 2**200, 2**200 + 1])
def test_a_root_is_taken_of_128_or_129_bits_or_of_all_that_there_are(value, exponent):
    root, half = _root_up(value, exponent)
    shift = max(128 - value.bit_length(), 0)
    if (exponent - shift) % 2:
        shift += 1
    assert 2 * half == exponent - shift
    assert (root - 1) ** 2 < value << shift <= root**2


def test_the_radius_of_a_power_is_cut_with_its_entries():
    """By hand: two squarings of one entry of 302 bits, its cut-off bits at most 2 units a time."""
    entry = 3**190
    value, exponent = _power_trace(Matrix([[entry]], 0), 2, Tally(1000))
    first = entry.bit_length() - 256
    kept = entry >> first
    radius = 2 * kept * 2 + 2 * 2
    square = kept * kept
    cut = square.bit_length() - 256
    radius = (radius >> cut) + 2
    kept = square >> cut
    radius = 2 * kept * radius + radius * radius
    assert (value, exponent) == (kept * kept + radius, 2 * (2 * first + cut))
    assert value * 2**exponent >= entry**4


LARGE = 2**400


@pytest.mark.parametrize(
    ("row", "error"),
    [
        *(([1, LARGE, -1], 0), ([1, LARGE, -LARGE], 0), ([1, 2, -LARGE], 7), ([1, 2, 3], LARGE)),
        *(([1, LARGE, -1], LARGE), ([LARGE, 5, -1], 0), ([1, LARGE, -1], LARGE + 1)),
    ],
)
def test_a_query_is_surcharged_twice_for_its_widest_score_gap(row, error):
    found = QueryScores(Scores([row], [error], [[0, 1]], -300, 1), 0, 4, 250, Tally(10**12))
    reach = max(row) - min(row) + error
    assert found.surcharge == exp_surcharge(2, reach.bit_length() - 300 - 1 + 2 + 250)


def test_a_score_gap_just_below_zero_favours_the_others():
    """The unit is so coarse that one step is a factor e: its direction decides all."""
    scores = QueryScores(Scores([[0, 1]], [0], [[0, 0]], 0, 1), 0, 1, 32, Tally(10**9))
    one = 1 << 32
    for gap, low, high in ((-1, 0.268, 0.269), (0, 0.499, 0.501), (1, 0.731, 0.732)):
        ends = [scores._share(1, 1, gap, up) / one for up in (0, 1)]
        assert low < ends[0] <= ends[1] < high


def curves(kind, numbers, precision):
    logits = SimpleNamespace(slope=[[4, -3]], constant=[[10, 20]], others=[[7]], eps=2, one=1)
    witness = SimpleNamespace(chord=numbers, a_star=numbers)
    return _Curves(kind, logits, witness, precision, Tally(1000))


def phi(a):
    return max(10 + 4 * a, 20 - 3 * a)


def test_a_chord_of_one_point_is_its_value_there_and_nothing_elsewhere():
    made = curves("chord", ([3, 3], -2), 4)
    point = 3 << 2
    assert made.bound(0, 0, 1, (point, point), 5) == (
        (phi(Fraction(3, 4)) + Fraction(1, 4) * 7 + 5 + 2) * 16,
        1,
    )
    assert made.bound(0, 0, 1, (point, point + 1), 5) is None
    assert made.bound(0, 0, 1, (point - 1, point), 5) is None


@pytest.mark.parametrize(("ends", "worst"), [((2, 3), 2), ((1, 2), 1)])
def test_anchors_finer_than_the_precision_lift_both_ends_of_the_attention(ends, worst):
    made = curves("mean+diff", ([9], -4), 2)
    assert (made.bits, made.lift) == (4, 2)
    anchor, quarter = Fraction(9, 16), [Fraction(a, 4) for a in ends]
    bounds = [
        phi(anchor) + max(4 * (a - anchor), -3 * (a - anchor)) + (1 - a) * 7 + 5 + 2
        for a in quarter
    ]
    assert made.bound(0, 0, 1, ends, 5) == (max(bounds) * 16, 1)
    assert max(bounds) == bounds[ends.index(worst)]


def test_powers_of_a_1024th_of_two_are_tight_from_above_and_pinned():
    powers = tails._powers()
    for i in (1, 2, 3, 511, 512, 513, 1022, 1023):
        # powers[i] >= 2**(i/1024), in units of 2**-96, by less than 2**-80.
        bound = 2 ** (i + 96 * 1024)
        assert powers[i] ** 1024 >= bound > (powers[i] - 2**16) ** 1024
    assert (powers[0], len(powers)) == (2**96, 1024)
    # Moments of certificates that exist rest on these digits.
    text = ",".join(map(str, powers)).encode()
    assert hashlib.sha256(text).hexdigest()[:16] == "8df280f7b04736b8"


@pytest.mark.parametrize(
    ("ends", "wins"), [((-1, -1), False), ((-2, -1), False), ((0, 0), True), ((0, 1), True)]
)
def test_a_sign_is_that_of_the_ends_of_a_sum(monkeypatch, ends, wins):
    monkeypatch.setattr(signs, "gap_terms", lambda *_: {1: 1, 2: -1})
    monkeypatch.setattr(signs, "_enclosed_sum", lambda *_: ends)
    assert signs.rival_wins(SimpleNamespace(head=None), (0, 0), 1, 0, 64, Tally(100)) is wins
