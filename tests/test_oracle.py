"""The oracle agrees with answers worked out by hand, and with a second, plainer forward pass."""

import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import mpmath
import numpy as np
import pytest
from flint import ctx, fmpq
from hypothesis import given
from support.oracle import (
    Oracle,
    count_correct,
    count_wrong_by_class,
    gaps,
    is_correct,
    rivals_ahead,
    sign_of_exponential_sum,
)
from support.toy import FLAVOURS, MOSTLY_RIGHT, ToyModel, random_toys, toy_models

DATA = Path(__file__).parent / "data"


def copier(v: int, k: int, growth: float, **changes) -> ToyModel:
    """Add 4 to the logits of attended tokens and 1 to the query's; scores are growth * token."""
    token = np.eye(v + 1, dtype=np.float32)
    copied = np.zeros((v + 1, v + 1))
    copied[:v, :v] = np.eye(v)
    weights = {
        "W_E": token[:v],
        "W_pos": np.zeros((k, v + 1)),
        "W_Q": np.ones((v + 1, 1)),
        "W_K": growth * np.arange(v + 1.0)[:, np.newaxis],
        "W_V": copied,
        "W_O": 4 * copied,
        "W_U": np.eye(v + 1)[:, :v],
    }
    for name in ("W_Q", "W_K"):
        weights[name] = np.pad(weights[name], ((0, 0), (0, v)))
    return ToyModel.from_short_names(**(weights | changes))


def threshold_model(threshold: float, d_head: int) -> ToyModel:
    """On (1, 0): logits[1] is the attention to token 1, whose score is 1/sqrt(d_head)."""
    first_of_head = [1] + [0] * (d_head - 1)
    nothing = [0] * d_head
    return ToyModel.from_short_names(
        W_E=[[1, 0], [0, 1]],
        W_pos=[[0, 0], [0, 0]],
        W_Q=[first_of_head, first_of_head],
        W_K=[nothing, first_of_head],
        W_V=[nothing, first_of_head],
        W_O=[[0, 1]] + [[0, 0]] * (d_head - 1),
        W_U=[[0, 0], [0, 1]],
        b_U=np.array([threshold, 0]),
    )


def mpmath_gaps(model: ToyModel, sequence) -> list:
    """Run one sequence through plain loops of 100-digit numbers."""
    v, d, h = model.d_vocab, model.d_model, model.d_head

    def weight(name, *index):
        tensor = model.get(name)
        if tensor is None:
            return mpmath.mpf(0)
        head_axis = (0,) if name in {"W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V"} else ()
        return mpmath.mpf(float(tensor[head_axis + index]))

    def affine(x, name, bias, width):
        rows = range(len(x))
        return [sum(x[a] * weight(name, a, b) for a in rows) + bias(b) for b in range(width)]

    stream = [
        [weight("W_E", token, a) + weight("W_pos", i, a) for a in range(d)]
        for i, token in enumerate(sequence)
    ]
    query = affine(stream[-1], "W_Q", lambda b: weight("b_Q", b), h)
    keys = [affine(r, "W_K", lambda b: weight("b_K", b), h) for r in stream]
    values = [affine(r, "W_V", lambda b: weight("b_V", b), h) for r in stream]
    scores = [mpmath.fdot(query, key) / mpmath.sqrt(h) for key in keys]
    exps = [mpmath.exp(s - max(scores)) for s in scores]
    z = [sum(e * x[b] for e, x in zip(exps, values, strict=True)) / sum(exps) for b in range(h)]
    out = affine(z, "W_O", lambda a: weight("b_O", a), d)
    final = [stream[-1][a] + out[a] for a in range(d)]
    logits = affine(final, "W_U", lambda j: weight("b_U", j), v)
    label = max(sequence)
    return [logits[label] - logits[j] for j in range(v) if j != label]


def test_the_sixteen_token_model_has_31_right_and_misses_15_3_by_its_known_gap():
    model = ToyModel.read(DATA / "mean-diff-sign.safetensors")
    assert (model.d_vocab, model.n_ctx) == (16, 2)
    assert count_correct(model) == 31
    assert not is_correct(model, (15, 3))
    assert rivals_ahead(model, (15, 3)) == {0}
    assert float(gaps(model, (15, 3))[0].mid()) == pytest.approx(-1.00000019218, abs=1e-11)
    wrong = count_wrong_by_class(model)
    assert wrong[3, 15] == 1
    assert sum(wrong.values()) == 256 - 31


@pytest.mark.parametrize("k", [1, 2, 3])
def test_one_token_has_no_rival_and_is_always_right(k):
    assert count_correct(copier(1, k, 1.0), margin=Fraction(10**9)) == 1


def test_with_one_position_attention_is_on_the_query():
    assert count_correct(copier(4, 1, 0.0)) == 4
    assert gaps(copier(3, 1, 7.0), (1,))[0].contains(5)  # Four from the copy, one direct.


def test_a_tie_is_wrong_and_so_is_a_gap_equal_to_the_margin():
    model = copier(3, 1, 0.0)
    assert count_correct(model, margin=Fraction(5) - Fraction(1, 10**30)) == 3
    assert count_correct(model, margin=Fraction(5)) == 0
    assert count_correct(model, margin=Fraction(5) + Fraction(1, 10**30)) == 0


def test_a_column_that_copies_the_labels_makes_exact_ties_that_are_wrong():
    columns = np.eye(4)[:, :3]
    columns[:, 1] = columns[:, 2]
    model = copier(3, 2, 8.0, W_U=columns)
    assert rivals_ahead(model, (0, 2)) == {1}
    assert is_correct(model, (0, 0))
    assert not any(is_correct(model, x) for x in product(range(3), repeat=2) if max(x) > 0)


def test_uniform_attention_ties_tokens_that_occur_equally_often():
    # Counts weigh 4/3 each, the query's direct path adds 1.
    model = copier(3, 3, 0.0)
    assert is_correct(model, (2, 0, 2))
    assert rivals_ahead(model, (0, 2, 1)) == {0, 1}
    assert [gap.contains(0) for gap in gaps(model, (0, 2, 1)).values()] == [True, False]


def test_equal_weights_tie_exactly_under_irrational_attention():
    # Tokens 1 and 2 share a score, so exp(5 / sqrt 4) weighs both and their logits agree.
    keys = np.zeros((4, 4))
    keys[1:3, 0] = 5
    model = copier(3, 3, 0.0, W_K=keys)
    assert rivals_ahead(model, (2, 1, 0)) == {1}
    assert is_correct(model, (2, 2, 1)) and is_correct(model, (2, 1, 2))


@pytest.mark.parametrize("d_head", [1, 2, 3, 4, 5])
def test_scores_are_divided_by_the_real_root_of_the_head_width(d_head):
    attention = 1 / (1 + math.exp(-1 / math.sqrt(d_head)))
    assert is_correct(threshold_model(attention - 1e-12, d_head), (1, 0))
    assert not is_correct(threshold_model(attention + 1e-12, d_head), (1, 0))


def test_the_last_position_asks_and_its_position_counts():
    model = threshold_model(0.9, 1)
    assert not is_correct(model, (1, 0))
    assert is_correct(model, (0, 1))  # The direct path of the query adds 1.


@pytest.mark.parametrize("growth", [3000.0, 1e30, 1e300])
def test_scores_far_beyond_a_float_exponential_are_decided(growth):
    model = copier(4, 3, growth)
    assert model.get("W_K").dtype == np.float64
    assert count_correct(model) == 64
    falling = copier(4, 3, -growth)
    assert count_correct(falling) == sum(len(set(x)) == 1 for x in product(range(4), repeat=3))


@pytest.mark.parametrize(
    ("terms", "sign"),
    [
        ([], 0),
        ([(3, 0)], 0),
        ([(3, 2), (5, 0), (3, -2)], 0),
        ([(0, 1), (1, -1)], -1),
        ([(0, 1), (fmpq(1, 10**900), -1)], -1),
        ([(0, 1), (-(10**700), -(10**900))], 1),
        ([(10**60, 1), (10**60 + 1, fmpq(-1, 10**30))], 1),
        ([(7, 3), (7, -3), (-(10**5), fmpq(-1, 10**50))], -1),
    ],
)
def test_the_sign_of_a_sum_of_exponentials_is_exact(terms, sign):
    exact = [(fmpq(x), fmpq(f)) for x, f in terms]
    assert sign_of_exponential_sum(exact, d_head=3) == sign


def test_the_sum_of_exponentials_decides_a_gap_that_no_float_shows():
    # e^(1/sqrt 2), to 120 digits, rounded down and up.
    with mpmath.workdps(150):
        digits = int(mpmath.exp(1 / mpmath.sqrt(2)) * mpmath.mpf(10) ** 120)
    for below, sign in ((digits, 1), (digits + 1, -1)):
        terms = [(fmpq(1), fmpq(1)), (fmpq(0), fmpq(-below, 10**120))]
        assert sign_of_exponential_sum(terms, d_head=2) == sign


def test_a_plain_forward_pass_of_a_hundred_digits_agrees():
    compared = 0
    plain = ("gaussian", "trained", "one hot", "dyadic", "near ties", "absorbing")
    for model in random_toys(11, 36, max_vocab=4, max_ctx=3, max_width=4, flavours=plain):
        for sequence in product(range(model.d_vocab), repeat=model.n_ctx):
            with mpmath.workdps(100):
                expected = mpmath_gaps(model, sequence)
            found = gaps(model, sequence).values()
            for ours, theirs in zip(found, expected, strict=True):
                assert abs(float(ours.mid()) - float(theirs)) <= 1e-12 * max(1, abs(theirs))
            if all(abs(gap) > 1e-60 for gap in expected):
                assert is_correct(model, sequence) == all(gap > 0 for gap in expected)
                compared += 1
    assert compared > 300


@given(toy_models(max_vocab=4, max_ctx=3))
def test_softmax_and_the_sum_without_softmax_agree_on_every_rival(model):
    oracle = Oracle(model)
    for margin in (Fraction(0), Fraction(1, 8)):
        for sequence in oracle.sequences():
            ahead = oracle.rivals_ahead(sequence, margin)
            rivals = set(range(model.d_vocab)) - {max(sequence)}
            assert ahead == {j for j in rivals if oracle.gap_sign(sequence, j, margin) <= 0}
            assert oracle.is_correct(sequence, margin) == (not ahead)


@given(toy_models(max_vocab=4, max_ctx=3))
def test_a_larger_margin_never_makes_more_sequences_right(model):
    counts = [count_correct(model, Fraction(eps, 4)) for eps in (-1, 0, 1, 40)]
    assert counts == sorted(counts, reverse=True)
    assert count_correct(model) + sum(count_wrong_by_class(model).values()) == (
        model.d_vocab**model.n_ctx
    )


def test_the_oracle_leaves_the_working_precision_as_it_was():
    before = ctx.prec
    count_correct(copier(3, 2, 1.0))
    assert ctx.prec == before


@given(toy_models())
def test_toys_are_finite_and_a_recipe_repeats_them(model):
    assert all(np.isfinite(tensor).all() for tensor in model.tensors.values())
    assert model.recipe.build().bytes() == model.bytes()


def test_a_written_toy_is_read_back_bit_for_bit(tmp_path):
    for index, model in enumerate(random_toys(5, len(FLAVOURS))):
        path = model.write(tmp_path / f"{index}.safetensors")
        assert path.read_bytes() == model.bytes() == ToyModel.read(path).bytes()


def test_the_flavours_hold_models_that_are_mostly_right_but_not_wholly():
    shares = [
        count_correct(model) / model.d_vocab**model.n_ctx
        for model in random_toys(3, 120, flavours=MOSTLY_RIGHT)
        if model.d_vocab > 1
    ]
    assert sum(0.3 <= share < 1 for share in shares) > 25
    assert sum(share == 1 for share in shares) > 10


def test_the_flavours_hold_exact_ties_and_close_calls():
    ties, close = 0, 0
    for model in random_toys(4, 60, max_vocab=4, max_ctx=3):
        oracle = Oracle(model)
        for sequence in oracle.sequences():
            for rival, gap in oracle.gaps(sequence).items():
                if abs(gap) < 1e-6:
                    tied = oracle.gap_sign(sequence, rival, Fraction(0)) == 0
                    ties += tied
                    close += not tied
    assert ties > 100
    assert close > 10
