"""Semantics `float32`: the checker's eps, what it declines, and what a claim then says."""

from fractions import Fraction
from random import Random

import pytest
from support.certify import certificate, checker_eps, encoded, established, trained_toy, verdict
from support.ladders import plausible_ladder
from support.oracle import count_correct
from support.toy import random_toys
from support.witnesses import plausible

from arithmetic.tally import Tally
from files.claims import Pins
from files.tensors import read_tensors
from files.verdict import Declined
from parts import float32
from parts.attention_only import read_model


def eps_of(model):
    tally = Tally(10**9)
    return checker_eps(model, tally), tally.spent


def float_models(seed, count, **sizes):
    """Yield toys whose weights are zeros or normal numbers of float32."""
    for model in random_toys(seed, count, **sizes):
        try:
            eps_of(model)
        except Declined:
            continue
        yield model


def claimed(model, strategy, witness=None, semantics="float32", **counts):
    fields = certificate(model, strategy, witness=witness, **counts)
    fields["claim"]["semantics"] = semantics
    return verdict(model.bytes(), encoded(fields))


@pytest.mark.parametrize("strategy", ["exact", "brute-force"])
def test_the_counts_in_float32_are_the_real_counts_at_eps_more_and_less(strategy):
    seen = 0
    for model in float_models(21, 14, max_vocab=4, max_ctx=3):
        eps, _ = eps_of(model)
        low, high = count_correct(model, eps), count_correct(model, -eps)
        total = model.d_vocab**model.n_ctx
        answer = claimed(model, strategy, at_least=low, at_most=high)
        assert answer.exit_code == 0, model.recipe
        assert answer.theorem.semantics == "float32"
        if low < high:
            assert claimed(model, strategy, at_least=low + 1, at_most=high).refusal == (1, "count")
        if low < high < total:
            assert claimed(model, strategy, at_least=low, at_most=high - 1).refusal == (1, "count")
        seen += low < high < total
    assert seen


@pytest.mark.parametrize("strategy", ["cubic", "subcubic/max-diff/chord/svd", "ladder", "grid"])
def test_a_lower_bound_in_float32_is_the_bound_at_the_margin_eps(strategy):
    maker = plausible_ladder if strategy in ("ladder", "grid") else plausible
    for model in float_models(22, 10, max_vocab=4, max_ctx=3):
        eps, _ = eps_of(model)
        witness = {} if strategy == "cubic" else maker(Random(3), strategy, model)
        real = established(model, strategy, witness=witness, margin=str(eps))
        if not isinstance(real, tuple):
            continue
        total = model.d_vocab**model.n_ctx
        low = real[0]
        assert claimed(model, strategy, witness, at_least=low, at_most=total).exit_code == 0
        if low < total:
            above = claimed(model, strategy, witness, at_least=low + 1, at_most=total)
            assert above.refusal == (1, "count") and above.established["correct_at_least"] == low


def test_an_upper_end_that_claims_nothing_costs_nothing():
    model = trained_toy()
    eps, _ = eps_of(model)
    low, high = count_correct(model, eps), count_correct(model, -eps)
    total = model.d_vocab**model.n_ctx
    assert high < total
    one = claimed(model, "exact", at_least=low, at_most=total).theorem.tally
    two = claimed(model, "exact", at_least=low, at_most=high).theorem.tally
    assert one < two
    assert claimed(model, "exact", at_least=0, at_most=high).theorem.correct_at_most == high


def test_eps_takes_what_the_format_says():
    for model in float_models(23, 12, max_vocab=5, max_ctx=4):
        v, k, d, h = model.d_vocab, model.n_ctx, model.d_model, model.d_head
        sizes = 2 * v * d + k * d + 4 * d * h + 3 * h + d + v
        head = 2 * v * h * (2 * d - 1) + k * h * 2 * d + d * h + h + 6 * v * h
        scores = 2 * v * v * (2 * h - 1) + 2 * v * h + 4 * v * v + 2 * v
        layers = 4 * h + 4 * d * h + 4 * d + 4 * v * d + 3 * v
        output = d * d * (2 * h - 1) + (d * v + v * v + k * v) * (2 * d - 1) + 2 * v * (v + k)
        assert eps_of(model)[1] == sizes + 2 * v * d + 3 * head + scores + layers + output


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (1 + 2.0**-24, "normal float32"),
        (2.0**-127, "normal float32"),
        (2.0**128, "normal float32"),
        (2.0**127, "overflow"),
        (2.0**-126, None),
        (-(2.0**-126), None),
        (1 + 2.0**-23, None),
        (0.0, None),
    ],
)
def test_weights_that_have_no_float32_program_are_declined(value, word):
    model = read_model(read_tensors(trained_toy().bytes()))
    numerator, denominator = Fraction(value).as_integer_ratio()
    changed = dict(model.weights)
    matrix = changed["W_E"]
    exponent = min(matrix.exponent, 1 - denominator.bit_length())
    rows = [[x << (matrix.exponent - exponent) for x in row] for row in matrix.rows]
    rows[0][0] = numerator << (1 - denominator.bit_length() - exponent)
    changed["W_E"] = type(matrix)(rows, exponent)
    changed = model._replace(weights=changed)
    if word is None:
        assert float32.deviation(changed, Tally(10**9)) > 0
    else:
        with pytest.raises(Declined) as caught:
            float32.deviation(changed, Tally(10**9))
        assert caught.value.reason == "unsupported" and word in caught.value.sentence


def test_a_budget_covers_the_derivation_of_eps_too():
    model = trained_toy()
    _, spent = eps_of(model)
    answer = claimed(model, "exact", at_least=0, at_most=125, operations=spent - 1)
    assert answer.refusal == (1, "budget")


def test_float32_can_be_demanded():
    model = trained_toy()
    fields = certificate(model, "exact", at_least=0, at_most=125)
    pins = Pins(semantics="float32")
    assert verdict(model.bytes(), encoded(fields), pins).refusal == (1, "pin")
    fields["claim"]["semantics"] = "float32"
    assert verdict(model.bytes(), encoded(fields), pins).exit_code == 0
