"""No subcubic witness, however wild, certifies a sequence that the oracle calls wrong."""

from fractions import Fraction
from random import Random

import pytest
from class_truth import require_true_classes, truth_of
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy import FLAVOURS, MOSTLY_RIGHT, Recipe, random_toys, toy_models
from support.witnesses import SUBCUBIC, constant_gaps, plausible, wild

from strategies import subcubic

MARGINS = (Fraction(0), Fraction(1, 3))
PRECISIONS = (32, 53, 64, 200)
MAKERS = (wild, plausible)

each_strategy = pytest.mark.parametrize("strategy", SUBCUBIC)


def with_gap(maker, rng, strategy, model):
    """Return a witness of the maker, half of the time with one gap for all of its classes."""
    witness = maker(rng, strategy, model)
    if rng.random() < 0.5:
        gap = rng.randint(1, model.d_vocab)
        witness["gaps"] = constant_gaps(model.d_vocab, model.n_ctx, gap)
    return witness


def require_truth(strategy, seed, count, *limits):
    """Check models of every flavour with one wild and one plausible witness each."""
    rng = Random(seed)
    # Models that get some inputs right and some wrong are worth more than their share.
    flavours = rng.sample([*FLAVOURS, *MOSTLY_RIGHT], len(FLAVOURS) + len(MOSTLY_RIGHT))
    for model in random_toys(seed, count, *limits, flavours=tuple(flavours)):
        margin, precision = rng.choice(MARGINS), rng.choice(PRECISIONS)
        for maker in MAKERS:
            witness = with_gap(maker, rng, strategy, model)
            require_true_classes(model, strategy, witness, margin, precision)


def test_the_names_are_those_of_the_kernel():
    assert list(SUBCUBIC) == subcubic.NAMES


@each_strategy
def test_every_class_that_is_counted_is_right(strategy):
    require_truth(strategy, SUBCUBIC.index(strategy), len(FLAVOURS), 4, 3)


@pytest.mark.slow
@each_strategy
def test_every_class_that_is_counted_is_right_for_many_models(strategy):
    require_truth(strategy, 1000 + SUBCUBIC.index(strategy), 120, 6, 4)


small = st.one_of(
    toy_models(max_vocab=4, max_ctx=3),
    toy_models(max_vocab=5, max_ctx=3, flavours=MOSTLY_RIGHT),
    toy_models(max_vocab=6, max_ctx=1),
)
large = st.one_of(toy_models(), toy_models(flavours=MOSTLY_RIGHT), toy_models(5, 2))
seeds = st.integers(0, 2**32 - 1)
of_any_kind = {
    "strategy": st.sampled_from(SUBCUBIC),
    "maker": st.sampled_from(MAKERS),
    "seed": seeds,
    "margin": st.sampled_from(MARGINS),
    "precision": st.sampled_from(PRECISIONS),
}


@settings(max_examples=300)
@given(model=small, **of_any_kind)
def test_any_witness_for_any_model_is_sound(model, strategy, maker, seed, margin, precision):
    witness = with_gap(maker, Random(seed), strategy, model)
    require_true_classes(model, strategy, witness, margin, precision)


@pytest.mark.slow
@settings(max_examples=8_000)
@given(model=large, **of_any_kind)
def test_any_witness_for_many_models_is_sound(model, strategy, maker, seed, margin, precision):
    witness = with_gap(maker, Random(seed), strategy, model)
    require_true_classes(model, strategy, witness, margin, precision)


@each_strategy
def test_the_smallest_vocabularies_and_contexts_are_counted_truly(strategy):
    for index, (v, k) in enumerate([(1, 1), (1, 4), (2, 1), (5, 1), (2, 2), (2, 6)]):
        rng = Random(index)
        model = Recipe("trained", v, k, 1 + index % 4, 3, frozenset({"b_U", "b_Q"})).build()
        for maker in MAKERS:
            found = require_true_classes(model, strategy, maker(rng, strategy, model))
            assert v > 1 or found.at_least == 1


@each_strategy
@pytest.mark.parametrize("precision", [32, 200])
def test_a_gap_of_exactly_the_margin_is_not_counted(strategy, precision):
    # Output j gets 4 for each attended token j and 1 for the query: a gap of 5 at one position.
    model, rng = Recipe("one hot", 3, 1, 3, 3, seed=1).build(), Random(precision)
    gap = 1 + int(model.get("W_O").max())
    witness = plausible(rng, strategy, model)
    for margin, right in ((Fraction(2 * gap - 1, 2), 3), (Fraction(gap), 0)):
        assert truth_of(model, margin).right == right
        assert require_true_classes(model, strategy, witness, margin, precision).at_least == right


BIASED = frozenset({"b_Q", "b_V", "b_O", "b_U"})
GOOD = (
    Recipe("one hot", 4, 3, 4, 4, seed=0),
    Recipe("one hot", 5, 2, 5, 3, seed=7),
    Recipe("trained", 3, 3, 2, 2, BIASED, seed=4),
    Recipe("sharp", 3, 3, 2, 2, BIASED, seed=4),
    Recipe("absorbing", 4, 3, 4, 4, BIASED, seed=5),
)


def test_the_checks_are_not_vacuous():
    rng, checks, some, most = Random(7), 0, 0, set()
    for model in map(Recipe.build, GOOD):
        for strategy in SUBCUBIC:
            found = require_true_classes(model, strategy, plausible(rng, strategy, model))
            if any(x.c for x in found.classes):
                some += 1
                most |= {strategy} if 2 * found.at_least > truth_of(model).right else set()
            checks += 1
    assert 2 * some > checks
    assert most == set(SUBCUBIC)


def test_wild_witnesses_establish_something_as_well():
    rng, some = Random(8), set()
    for model in map(Recipe.build, GOOD[:3]):
        for strategy in SUBCUBIC:
            found = require_true_classes(model, strategy, wild(rng, strategy, model))
            some |= {strategy} if any(x.c for x in found.classes) else set()
    assert len(some) > len(SUBCUBIC) / 4
