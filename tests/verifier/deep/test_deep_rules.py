"""Each rule of the radius at its worst case: the truth is moved as far as the radius allows."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest

from ballproof.verifier.counting.deep.attention import Attention, Sources
from ballproof.verifier.counting.deep.functions import EXP_ERROR, activation, exponential
from ballproof.verifier.counting.deep.normalisation import Norm
from ballproof.verifier.counting.deep.rounding import Linear, Uncertain, relu, times

RNG = np.random.default_rng(16)


def _exactly(numbers: np.ndarray) -> Uncertain:
    return Uncertain(numbers, np.zeros_like(numbers))


def test_exponentials_are_within_their_units() -> None:
    x = -np.concatenate([RNG.random(4_000) * 2, RNG.random(4_000) * 690, np.arange(200) / 64])
    found = exponential(x)

    with flint.ctx.workprec(200):
        errors = [
            abs(flint.arb(y) / flint.arb(a).exp() - 1)
            for a, y in zip(x.tolist(), found.tolist(), strict=True)
        ]
        assert all(bool(error < EXP_ERROR) for error in errors)


def test_exponentials_far_below_vanish_and_no_number_stays_none() -> None:
    assert exponential(np.array([-800.0, -np.inf])).max() < 2.0**-1000
    assert np.isnan(exponential(np.array([np.nan]))).all()


def _value(name: str, x: float) -> flint.arb:
    at = flint.arb(x)
    if name == "gelu":
        return at / 2 * (1 + (at / flint.arb(2).sqrt()).erf())
    if name == "gelu-tanh":
        inner = at + flint.arb(8943) / 200000 * at**3
        return at / 2 * (1 + ((2 / flint.arb.pi()).sqrt() * inner).tanh())
    return at / (1 + (-at).exp())


@pytest.mark.parametrize("name", ["gelu", "gelu-tanh", "silu"])
def test_activations_are_held_from_tail_to_tail(name: str) -> None:
    knots = np.arange(-60 * 32, 60 * 32 + 1) / 32
    between = np.nextafter(knots + 1 / 64, np.inf)
    x = np.concatenate([knots, between, RNG.normal(size=2_000), [11.999999, 12.0, 47.999, 1e30]])
    found = activation(name)(_exactly(x))

    with flint.ctx.workprec(200):
        for a, y, r in zip(x.tolist(), found.middle.tolist(), found.radius.tolist(), strict=True):
            assert bool(abs(_value(name, a) - y) < r)


@pytest.mark.parametrize(
    ("name", "steepest"), [("gelu", 1.414214), ("gelu-tanh", 1.4185), ("silu", 2.39936)]
)
def test_the_slope_holds_where_an_activation_is_steepest(name: str, steepest: float) -> None:
    r = 2.0**-20
    found = activation(name)(Uncertain(np.array([steepest]), np.array([r])))

    with flint.ctx.workprec(200):
        for end in (steepest - r, steepest + r):
            assert bool(abs(_value(name, end) - found.middle[0]) < found.radius[0])
    assert found.radius[0] < 1.001 * r * {"gelu": 1.129, "gelu-tanh": 1.129, "silu": 1.1}[name]


def test_a_linear_map_may_move_by_its_largest_column_sum() -> None:
    matrix, x = RNG.normal(size=(7, 5)), RNG.normal(size=(1, 7))
    r = 2.0**-10
    found = Linear.of(matrix)(Uncertain(x, np.full_like(x, r)))

    for column in range(5):
        moved = ((x + r * np.sign(matrix[:, column])) @ matrix)[0, column]
        assert abs(moved - found.middle[0, column]) <= found.radius[0, column]
        assert found.radius[0, column] < 1.0001 * abs(moved - found.middle[0, column])


def test_cancellation_in_a_linear_map_is_held() -> None:
    big = 2.0**60
    x = np.array([[big, 1.0, big]])
    found = Linear.of(np.array([[1.0], [1.0], [-1.0]]))(_exactly(x))

    assert abs(1.0 - found.middle[0, 0]) <= found.radius[0, 0]


def test_a_product_of_two_uncertain_numbers_takes_both_radii() -> None:
    x, y = (
        Uncertain(np.array([3.0]), np.array([0.5])),
        Uncertain(np.array([-2.0]), np.array([0.25])),
    )
    found = times(x, y)

    ends = [a * b for a in (2.5, 3.5) for b in (-2.25, -1.75)]
    assert max(abs(end - found.middle[0]) for end in ends) <= found.radius[0] < 1.8751


def test_relu_of_what_is_certainly_negative_is_exactly_zero() -> None:
    found = relu(Uncertain(np.array([-1.0, -1.0, 0.5]), np.array([0.5, 1.0, 0.25])))

    assert found.middle.tolist() == [0.0, 0.0, 0.5]
    assert found.radius.tolist() == [0.0, 1.0, 0.25]


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("eps", [0.0, 1e-5, 1.0])
def test_norms_hold_every_corner_that_their_radius_allows(centred: bool, eps: float) -> None:
    norm, d = Norm(centred, eps, 0.0, None, None), 6
    for trial in range(60):
        x = RNG.normal(size=d) * 2.0 ** RNG.integers(-4, 4)
        if trial % 3 == 0:  # One large number, the others alike: the worst for the root.
            x = np.where(np.arange(d) == 0, 9.0, np.sign(RNG.normal(size=d)))
        r = np.abs(x).max() * 2.0 ** -RNG.integers(3, 20)
        found = norm(Uncertain(x[None], np.full((1, d), r)))
        if not np.isfinite(found.radius).all():
            continue
        corners = x + r * np.array([[(n >> i & 1) * 2 - 1 for i in range(d)] for n in range(2**d)])
        c = corners - corners.mean(axis=1, keepdims=True) if centred else corners
        truth = c / np.sqrt((c**2).mean(axis=1, keepdims=True) + eps)
        assert (np.abs(truth - found.middle) <= found.radius * (1 + 1e-12)).all()


def test_a_norm_of_a_constant_row_is_unknown_without_eps() -> None:
    row = Uncertain(np.full((1, 4), 3.0), np.zeros((1, 4)))

    assert np.isinf(Norm(True, 0.0, 0.0, None, None)(row).radius).all()
    assert np.isfinite(Norm(True, 1e-5, 0.0, None, None)(row).radius).all()


def _sources(keys: np.ndarray, values: np.ndarray, r_key: float, r_value: float) -> Sources:
    """Return sources of one row and head: keys and values are (J, h)."""
    return Sources(
        keys[:, None, None, :],
        values[:, None, None, :],
        np.abs(keys).sum(-1).max()[None, None],
        np.array([[r_key]]),
        np.abs(values).max()[None, None],
        np.array([[r_value]]),
    )


def _attended(q: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    scores = keys @ q / np.sqrt(len(q))
    weights = np.exp(scores - scores.max())
    mixed: np.ndarray = weights / weights.sum() @ values
    return mixed


@pytest.mark.parametrize("size", [2.0**-12, 2.0**-4, 1.0, 8.0])
def test_scores_and_mixtures_hold_the_worst_signs(size: float) -> None:
    for _ in range(50):
        count, h = int(RNG.integers(2, 6)), 4
        q, keys, values = (
            RNG.normal(size=h),
            RNG.normal(size=(count, h)),
            RNG.normal(size=(count, h)),
        )
        r_q, r_key, r_value = (size * 2.0**-6 * RNG.random() for _ in range(3))
        query = Uncertain(q[None], np.full((1, h), r_q))
        found = Attention(1)(query, _sources(keys, values, r_key, r_value))
        for column in range(h):
            for sign in (1, -1):
                # Keys with large values are moved along the query, those with small ones against.
                above = np.where(values[:, column] > np.median(values[:, column]), sign, -sign)
                moved_keys = keys + r_key * above[:, None] * np.sign(q)
                total = (above[:, None] * keys).sum(axis=0)
                moved_q = q + r_q * np.sign(total)
                truth = _attended(moved_q, moved_keys, values + sign * r_value)[column]
                assert abs(truth - found.middle[0, column]) <= found.radius[0, column]


def test_a_mixture_of_two_far_values_moves_by_half_the_score() -> None:
    # Two positions, equal scores, values -1 and 1: tanh(e/2) is attained.
    keys, values, e = np.zeros((2, 1)), np.array([[-1.0], [1.0]]), 2.0**-8
    found = Attention(1)(_exactly(np.ones((1, 1))), _sources(keys, values, e, 0.0))
    truth = _attended(np.ones(1), np.array([[-e], [e]]), values)[0]

    assert abs(truth) <= found.radius[0, 0] < 1.001 * abs(truth)


def test_an_unnormalised_share_takes_the_radius_of_every_value() -> None:
    keys, values = np.zeros((5, 1)), np.ones((5, 1))
    attention = Attention(1, Fraction(1, 2), normalised=False)
    found = attention(_exactly(np.ones((1, 1))), _sources(keys, values, 0.0, 0.01))

    # 1/2 of the softmax, and 1/2 at each of the five positions.
    assert abs(3.0 * 1.01 - found.middle[0, 0]) <= found.radius[0, 0]
