"""The figures of noise: ranges that are true, bounds that are never below them."""

from fractions import Fraction
from itertools import pairwise

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy import small_toys

from ballproof.interval.ball import precision
from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights, weights_from_bytes
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies.subcubic.noise import (
    PRODUCTS,
    RECURSIVE,
    multiplications,
    noise,
)


def in_balls(matrix):
    rows, columns = len(matrix), len(matrix[0])
    return flint.arb_mat(rows, columns, [flint.arb(x) for row in matrix for x in row])


def product(x, y):
    return [
        [
            sum((a * b for a, b in zip(row, column, strict=True)), 0)
            for column in zip(*y, strict=True)
        ]
        for row in x
    ]


def ranges(matrix):
    return [max(row) - min(row) for row in matrix]


def holds(ball, value):
    """Whether the ball encloses an exact number, tightly."""
    fraction = Fraction(value)
    exact = flint.arb(fraction.numerator) / flint.arb(fraction.denominator)
    return ball.overlaps(exact) and (ball - exact).abs_upper() < 1e-20 * (1 + abs(float(fraction)))


ENTRIES = st.sampled_from([-7, -2, -1, 0, 0, 1, 2, 3, 100])


@st.composite
def chains(draw):
    sizes = draw(st.lists(st.integers(1, 4), min_size=3, max_size=5))
    return [
        draw(st.lists(st.lists(ENTRIES, min_size=b, max_size=b), min_size=a, max_size=a))
        for a, b in pairwise(sizes)
    ]


@given(chains())
def test_the_ranges_are_true_and_the_bounds_those_of_the_product_lemma(chain):
    """Against integers: every row, after every multiplication, cancellation and ties included."""
    with precision(128):
        made = multiplications([in_balls(matrix) for matrix in chain])
        behind, bounds = chain[-1], ranges(chain[-1])
        assert len(made) == len(chain) - 1
        for factor, one in zip(reversed(chain[:-1]), made, strict=True):
            single = [
                sum(abs(a) * r for a, r in zip(row, ranges(behind), strict=True)) for row in factor
            ]
            squares = [
                sum((a * r) ** 2 for a, r in zip(row, ranges(behind), strict=True))
                for row in factor
            ]
            bounds = [sum(abs(a) * r for a, r in zip(row, bounds, strict=True)) for row in factor]
            assert one.inner == len(behind)
            behind = product(factor, behind)
            for q, true in enumerate(ranges(behind)):
                assert true <= single[q] <= bounds[q]
                assert holds(one.true[q], true)
                assert holds(one.single[q], single[q]) and holds(one.bound[q], bounds[q])
                assert holds(one.independent[q] ** 2, squares[q])


def test_a_chain_without_cancellation_loses_nothing():
    """The lemma's best case, so that a ratio above 1 is a matter of the matrices."""
    x, y = [[1, 2], [3, 0]], [[0, 5, 1], [0, 10, 2]]
    with precision(128):
        (one,) = multiplications([in_balls(x), in_balls(y)])
        for bound, true in zip(one.bound, one.true, strict=True):
            assert holds(bound - true, 0)


def test_what_cancels_has_no_ratio():
    """The lemma's worst case: a true range of 0 below a bound above it."""
    with precision(128):
        (one,) = multiplications([in_balls([[1, -1]]), in_balls([[0, 4], [0, 4]])])
    assert holds(one.true[0], 0) and holds(one.bound[0], 8)


@settings(max_examples=25)
@given(small_toys())
def test_no_bound_of_a_model_is_below_the_true_range(model):
    made = noise(pose(weights_from_bytes(model.bytes(), "toy")))
    for one in (*made["scores"].values(), *made["direct"].values()):
        # Both are midpoints, rounded to six digits.
        if one["bound"] is not None and one["true"] is not None:
            assert one["bound"] >= one["true"] * (1 - 2e-6) - 1e-25
        assert one["excess"] is None or one["excess"] >= 1 - 2e-6
    assert [one["product"] for one in made["factors"]] == list(PRODUCTS)


@pytest.fixture(scope="module")
def trained():
    return pose(load_weights(zoo_path("max-of-4-seed-123")))


def test_the_figures_of_a_trained_model_are_those_of_its_tables(trained):
    """Ranges of the direct path's table, once more from the exact integers."""
    made = noise(trained)
    table = trained.tables.direct
    spans = [int(max(row)) - int(min(row)) for row in table]
    mean = Fraction(sum(spans), len(spans) * trained.tables.one)
    exact = made["direct"]["max-diff-exact"]
    assert exact["true"] == exact["bound"] == pytest.approx(float(mean), rel=1e-5)
    assert exact["excess"] == made["scores"]["max-diff-exact"]["excess"] == 1.0
    assert made["factors"][-1]["excess"] == made["scores"][RECURSIVE]["excess"]


def test_growth_of_random_matrices_is_that_of_independent_noise():
    """Gaussian factors of 64: sqrt(2 n / pi) each, to a tenth."""
    rng = np.random.default_rng(3)
    with precision(64):
        chain = [in_balls(rng.normal(size=(64, 64)).tolist()) for _ in range(3)]
        for one in multiplications(chain):
            expected = (2 * 64 / np.pi) ** 0.5
            single = float(sum(one.single, flint.arb(0)).mid())
            true = float(sum(one.true, flint.arb(0)).mid())
            noise_alone = float(sum(one.independent, flint.arb(0)).mid())
            assert single / true == pytest.approx(expected, rel=0.1)
            assert single / noise_alone == pytest.approx(expected, rel=0.1)
