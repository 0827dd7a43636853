"""No strategy certifies a count that is false, and the two-sided ones certify the true count.

The truth is the oracle's: every sequence of a toy through its literal forward pass.
"""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import (
    STRATEGIES,
    TWO_SIDED,
    Verdict,
    certificate,
    encoded,
    established,
    mean_diff_sign,
    trained_toy,
    verdict,
)
from support.oracle import count_correct
from support.toy import FLAVOURS, MOSTLY_RIGHT, Recipe, random_toys, small_toys, toy_models

PRECISIONS = (32, 53, 64, 200)
MARGINS = ("0", "1/10", "1/3", "5")

each_strategy = pytest.mark.parametrize("strategy", STRATEGIES)
small = small_toys()
large = st.one_of(toy_models(), toy_models(flavours=MOSTLY_RIGHT), toy_models(5, 1))


def require_truth(model, strategy, precision, margin):
    """Hold all promises about one model and one way to check it."""
    true, total = count_correct(model, Fraction(margin)), model.d_vocab**model.n_ctx
    options = {"precision": precision, "margin": margin}

    def claim(at_least, at_most):
        fields = certificate(model, strategy, at_least=at_least, at_most=at_most, **options)
        return verdict(model.bytes(), encoded(fields))

    found = established(model, strategy, **options)
    assert not isinstance(found, Verdict), f"the checker gave up: {found}"
    low, high = found
    assert low <= true <= high
    if true < total:
        assert claim(true + 1, total).refusal == (1, "count")
    if true > 0:
        assert claim(0, true - 1).refusal == (1, "count")
    if strategy in TWO_SIDED:
        assert (low, high) == (true, true)
    else:
        assert low == total or high == total
        high = total
    assert claim(low, high).theorem
    assert claim(0, total).theorem
    if low < total:
        assert claim(low + 1, total).refusal == (1, "count")


@each_strategy
@settings(max_examples=15)
@given(model=small, precision=st.sampled_from(PRECISIONS), margin=st.sampled_from(MARGINS))
def test_no_count_beyond_the_truth_is_verified(strategy, model, precision, margin):
    require_truth(model, strategy, precision, margin)


@pytest.mark.slow
@each_strategy
@settings(max_examples=400)
@given(model=large, precision=st.sampled_from(PRECISIONS), margin=st.sampled_from(MARGINS))
def test_no_count_beyond_the_truth_is_verified_for_many_models(strategy, model, precision, margin):
    require_truth(model, strategy, precision, margin)


@each_strategy
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_of_model_is_counted_truly(strategy, flavour):
    for index, model in enumerate(random_toys(21, 2, 4, 3, flavours=(flavour,))):
        require_truth(model, strategy, PRECISIONS[index], MARGINS[index])


@each_strategy
@pytest.mark.parametrize(("v", "k"), [(1, 1), (1, 4), (2, 1), (5, 1), (2, 2), (2, 7)])
def test_the_smallest_vocabularies_and_contexts_are_counted_truly(strategy, v, k):
    for flavour in ("trained", "one hot", "dyadic"):
        model = Recipe(flavour, v, k, 4, 3, frozenset({"b_U"}), seed=5).build()
        require_truth(model, strategy, 32, "0")
        require_truth(model, strategy, 32, "1/3")


@each_strategy
def test_the_trained_toy_and_the_sign_trap_are_counted_truly(strategy):
    for margin, precision in product(("0", "1/10"), (32, 64)):
        require_truth(trained_toy(), strategy, precision, margin)
    require_truth(mean_diff_sign(), strategy, 53, "0")


@each_strategy
def test_extreme_weights_are_counted_and_not_declined(strategy):
    extreme = random_toys(9, 12, max_vocab=3, max_ctx=2, flavours=("extreme", "sharp"))
    declined = [m.recipe for m in extreme if isinstance(established(m, strategy), Verdict)]
    assert not declined


@each_strategy
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_gap_of_exactly_the_margin_is_wrong(strategy, precision):
    # Output j gets 4 for each attended token j and 1 for the query: a gap of 5 at one position.
    model = Recipe("one hot", 3, 1, 3, 3, seed=1).build()
    gap = 1 + int(model.get("W_O").max())
    for margin, right in ((f"{2 * gap - 1}/2", 3), (f"{gap}", 0), (f"{2 * gap + 1}/2", 0)):
        assert count_correct(model, Fraction(margin)) == right
        require_truth(model, strategy, precision, margin)
