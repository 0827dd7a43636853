"""Subcubic scores: M~ and R' are exact, and the error bounds the range of every row."""

from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import exact_rows, kernel_scores, literal, score_unit, spread
from support.toy import FLAVOURS, ToyModel, random_toys, toy_models
from support.witnesses import TERMS, plausible, wild

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from strategies.score_bounds import _power_trace, _root_up, _spectral_range, chain_ranges

each_score_error = pytest.mark.parametrize("score_error", TERMS)
seeds = st.integers(0, 2**32 - 1)


def require_bounded_scores(model, score_error, fields):
    """Hold: M - M~ varies by at most e_q in row q, and R' is exact; return the kernel's scores."""
    scores, true = kernel_scores(model, score_error, fields), literal(model)
    unit = score_unit(scores)
    residual = true.scores - exact_rows(scores.approximate, unit)
    for row, error in zip(residual, scores.error, strict=True):
        assert spread(row) <= error * unit
        if score_error == "max-diff-exact":
            assert spread(row) == error * unit
        if score_error == "exact":
            assert error == 0 and not any(row)
    assert (exact_rows(scores.positional, unit) == true.rest).all()
    return scores


@each_score_error
@settings(max_examples=20)
@given(model=toy_models(5, 4, 4), seed=seeds)
def test_scores_are_off_by_no_more_than_their_error_whatever_the_directions(
    score_error, model, seed
):
    fields = wild(Random(seed), f"subcubic/max-diff/drop-average/{score_error}", model)
    require_bounded_scores(model, score_error, fields)


@each_score_error
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_scores_of_every_flavour_are_off_by_no_more_than_their_error(score_error, flavour):
    rng = Random(f"{score_error} {flavour}")
    for model in random_toys(61, 2, 5, 4, 4, flavours=(flavour,)):
        for maker in (wild, plausible):
            fields = maker(rng, f"subcubic/max-diff/drop-average/{score_error}", model)
            require_bounded_scores(model, score_error, fields)


@each_score_error
def test_a_direction_that_spans_a_factor_leaves_no_error(score_error):
    rng = np.random.default_rng(5)
    column, shared = np.array([[1.0], [-2], [0.5], [3]]), rng.integers(1, 99, 3)
    weights = {name: rng.normal(size=(3, 2)) for name in ("W_Q", "W_K", "W_V")}
    weights |= {"W_O": rng.normal(size=(2, 3)), "W_U": rng.normal(size=(3, 4))}
    # A = W_E and M has rank 1.
    model = ToyModel.from_short_names(
        W_E=column * shared, W_pos=np.zeros((2, 3)), b_Q=rng.normal(size=2), **weights
    )
    fields = plausible(Random(0), f"subcubic/max-diff/drop-average/{score_error}", model)
    for key in ("query_directions", "key_directions"):
        if key in fields:
            fields[key][0] = [["1", 0], ["-1", 1], ["1", -1], ["3", 0]]
    scores = require_bounded_scores(model, score_error, fields)
    # A root is rounded up: sigma_1 = 0 is enclosed by a number far below any score.
    limit = Fraction(1, 10**12) if score_error == "svd" else 0
    assert all(error * score_unit(scores) <= limit for error in scores.error)


integers = st.integers(-9, 9) | st.integers(-(10**30), 10**30)


@st.composite
def chains(draw, longest=4):
    """Random matrices that can be multiplied, with exponents."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=longest + 1))
    return [
        Matrix([[draw(integers) for _ in range(b)] for _ in range(a)], draw(st.integers(-5, 5)))
        for a, b in pairwise(sizes)
    ]


def plain(matrix):
    return exact_rows(matrix.rows, Fraction(2) ** matrix.exponent)


def multiplied(chain):
    total = plain(chain[0])
    for factor in chain[1:]:
        total = total @ plain(factor)
    return total


@settings(max_examples=150)
@given(chains(), st.integers(0, 4))
def test_ranges_of_a_chain_bound_the_ranges_of_its_product(chain, means):
    bounds = plain(chain_ranges(chain, means, Tally(10**9)))
    for row, (bound,) in zip(multiplied(chain), bounds, strict=True):
        assert spread(row) <= bound


@given(chains(2))
def test_ranges_of_one_and_of_two_factors_are_those_of_the_formulas(chain):
    first, *rest = map(plain, chain)
    ranges = [spread(row) for row in (rest[0] if rest else first)]
    expected = [abs(row) @ ranges for row in first] if rest else ranges
    assert [bound for (bound,) in plain(chain_ranges(chain, 0, Tally(10**9)))] == expected
    if rest:
        mean = sum(first) / Fraction(len(first))
        expected = [spread(mean @ rest[0]) + abs(row - mean) @ ranges for row in first]
        found = chain_ranges(chain, 1, Tally(10**9))
        unit = Fraction(2) ** found.exponent
        for (bound,), exact in zip(plain(found), expected, strict=True):
            assert exact <= bound < exact + unit


def traced(rows, squarings):
    """Return the true trace of rows * 2**-20 to the power 2**squarings, and the kernel's bound."""
    mantissa, exponent = _power_trace(Matrix(rows, -20), squarings, Tally(10**9))
    power = exact_rows(rows, Fraction(1, 2**20))
    for _ in range(squarings):
        power = power @ power
    return np.trace(power), mantissa * Fraction(2) ** exponent


def grams(drawn, size):
    """Return L^T L and R^T R in integers, with many more bits than are kept if `size` is large."""
    left, right = (np.array(chain[0].rows, object) for chain in drawn)
    width = min(left.shape[1], right.shape[1])
    left, right = left[:, :width] * (2**size // 3 + 1), right[:, :width]
    return left.T @ left, right.T @ right


pairs = st.lists(chains(1), min_size=2, max_size=2)


@settings(max_examples=60)
@given(pairs, st.integers(0, 4), st.integers(0, 300))
def test_the_trace_of_a_power_is_bounded(drawn, squarings, size):
    left, right = grams(drawn, size)
    true, found = traced((left @ right).tolist(), squarings)
    assert true <= found


@settings(max_examples=30)
@given(pairs, st.integers(0, 4), st.integers(0, 300))
def test_the_trace_of_a_symmetric_power_is_bounded_tightly(drawn, squarings, size):
    true, found = traced(grams(drawn, size)[0].tolist(), squarings)
    assert true <= found <= true * (1 + Fraction(1, 2**200)) + Fraction(1, 2**18)


@given(st.integers(0, 2**300) | st.integers(0, 40), st.integers(-500, 500))
def test_a_root_is_rounded_up_by_little(number, exponent):
    mantissa, half = _root_up(number, exponent)
    unit, square = Fraction(2) ** half, number * Fraction(2) ** exponent
    assert (max(mantissa - 1, 0) * unit) ** 2 <= square <= (mantissa * unit) ** 2
    assert mantissa >= 2**63 if number else mantissa == 0


@settings(max_examples=60)
@given(chains(2).filter(lambda chain: len(chain) == 2), st.integers(0, 12))
def test_the_spectral_range_bounds_every_row_range(chain, squarings):
    (bound, *others) = [x for (x,) in plain(_spectral_range(chain, squarings, Tally(10**9)))]
    assert all(other == bound for other in others)
    total = multiplied(chain)
    assert max(map(spread, total)) <= bound
    # Without cancellation in the product, only a root of a root of the rank is lost.
    norms = [sum(x * x for row in plain(factor) for x in row) for factor in chain]
    size = sum(x * x for row in total for x in row)
    if squarings >= 6 and size * 10**9 > norms[0] * norms[1] > 0:
        assert bound**2 <= Fraction(21, 10) * size
