"""No class is counted at a margin that one of its sequences misses, not even by a hair.

A count compares signs only. Here each class of a model is put at its own critical margin, the
smallest logit gap among its sequences, so that any bound that is too good by 1e-15 shows.
"""

from collections import Counter
from fractions import Fraction
from functools import lru_cache
from math import ceil, inf
from random import Random

import numpy as np
import pytest
from class_truth import Class, QueryScores, class_of
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import certificate, encoded, verdict
from support.oracle import oracle_of
from support.toy import FLAVOURS, MOSTLY_RIGHT, Recipe, ToyModel, random_toys, toy_models
from support.witnesses import ATTENTION, SUBCUBIC, constant_gaps, plausible, wild

from strategies import subcubic

# One unit of logits is at most this, so that a critical margin can be rounded up to a unit.
UNIT = Fraction(1, 2**60)
HAIR = Fraction(1, 2**20)

each_strategy = pytest.mark.parametrize("strategy", SUBCUBIC)


@lru_cache(maxsize=64)
def critical_margins(model):
    """Return the smallest logit gap over the sequences of each class, hardly rounded up."""
    oracle, found = oracle_of(model), {}
    for sequence in oracle.sequences():
        own = class_of(sequence)
        gap = min(above(ball) for ball in oracle.gaps(sequence).values())
        found[own] = min(gap, found.get(own, gap))
    return found


def above(ball):
    mantissa, exponent = ball.upper().man_exp()
    return int(mantissa) * Fraction(2) ** int(exponent)


def critical_margin(model, found):
    margins = critical_margins(model).items()
    return min(gap for x, gap in margins if x[:3] == found[:3] and x.gap >= found.gap)


def require_no_class_at_its_critical_margin(model, name, witness, precision):
    """Return how many classes there are, and how many are counted a hair below that margin."""
    seen = Counter()

    class Curves(subcubic._Curves):
        def bound(self, m, gap, c, ends, difference):
            query, ends = ends
            found, tables, answers = Class(query, m, c, gap), self.logits, []
            margin = critical_margin(model, found)
            for tried in (margin, margin - HAIR):
                eps = ceil(tried / UNIT * tables.eps)
                self.logits = tables._replace(eps=eps)
                bound = super().bound(m, gap, c, ends, difference)
                answers.append(bound is not None and bound[0] < 0)
            self.logits = tables
            assert not answers[0], (name, model.recipe, found, witness)
            seen.update(classes=1, near=answers[1])
            return

    def logits(*arguments):
        result = bounded_logits(*arguments)
        for m, gap in enumerate(result.alone):
            margin = critical_margin(model, Class(m, m, 0, inf))
            assert gap + ceil(margin / UNIT * result.eps) >= 0, (name, model.recipe, m)
        return result

    bounded_logits = subcubic.bounded_logits
    options = {"margin": str(UNIT), "precision": precision, "witness": witness}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subcubic, "QueryScores", QueryScores)
        patch.setattr(subcubic, "_Curves", Curves)
        patch.setattr(subcubic, "bounded_logits", logits)
        found = verdict(model.bytes(), encoded(certificate(model, name, **options)))
    assert found.reason in {None, "count", "limit"}
    return seen


BIASES = {"b_Q": "h", "b_V": "h", "b_O": "d", "b_U": "v"}
SHAPES = {
    "W_E": "vd",
    "W_pos": "kd",
    "W_Q": "dh",
    "W_K": "dh",
    "W_V": "dh",
    "W_O": "hd",
    "W_U": "dv",
}


def noise(seed, v, k, d, h):
    """Return random weights and biases by short name."""
    rng, sizes = np.random.default_rng(seed), {"v": v, "k": k, "d": d, "h": h}
    scale = rng.choice([0.1, 0.5, 1.0])
    shapes = {name: [sizes[axis] for axis in axes] for name, axes in (SHAPES | BIASES).items()}
    return {name: scale * rng.normal(size=shape) for name, shape in shapes.items()}


def noisy(seed, v, k, d, h):
    """Return a one-hot model with noise in every weight and bias."""
    clean = Recipe("one hot", v, k, d, h, seed=seed).build()
    weights = noise(seed, v, k, d, h)
    for name in SHAPES:
        weights[name] += clean.get(name).reshape(weights[name].shape)
    return ToyModel.from_short_names(**weights)


def tight(seed, k):
    """Return a model of two tokens whose classes the bounds describe exactly.

    Axes 0 and 1 hold the tokens, 2 and 3 what attention writes, 4 the position: the direct path
    does not depend on the query, nor the output on the position, but the scores on everything.
    """
    weights = noise(seed, 2, k, 5, 3)
    for name, axes in {"W_E": [2, 3, 4], "W_pos": [0, 1, 2, 3]}.items():
        weights[name][:, axes] = 0
    for name, axes in {"W_V": [2, 3, 4], "W_U": [0, 1, 4]}.items():
        weights[name][axes] = 0
    return ToyModel.from_short_names(**weights)


TIGHT = [tight(seed, k) for seed, k in enumerate([2, 3, 4])]
NOISY = [noisy(0, 4, 3, 4, 3), noisy(1, 3, 2, 2, 4), noisy(2, 2, 4, 3, 1)]


@each_strategy
def test_no_class_is_counted_at_a_margin_that_one_of_its_sequences_misses(strategy):
    rng = Random(strategy)
    for model in [*TIGHT, *NOISY]:
        for maker, precision in ((wild, 64), (plausible, 200)):
            witness = maker(rng, strategy, model)
            gap = rng.randint(1, model.d_vocab - 1)
            witness["gaps"] = constant_gaps(model.d_vocab, model.n_ctx, gap)
            require_no_class_at_its_critical_margin(model, strategy, witness, precision)


@pytest.mark.slow
@each_strategy
def test_no_class_of_many_models_is_counted_at_its_critical_margin(strategy):
    rng, flavours = Random(strategy), tuple(name for name in FLAVOURS if name != "extreme")
    made = [noisy(seed, rng.randint(2, 5), rng.randint(1, 4), 4, 3) for seed in range(10)]
    made += [tight(seed, rng.randint(2, 5)) for seed in range(10)]
    for model in [*made, *random_toys(SUBCUBIC.index(strategy), 20, 5, 3, flavours=flavours)]:
        for maker in (wild, plausible):
            for gap in range(1, model.d_vocab):
                witness = maker(rng, strategy, model)
                witness["gaps"] = constant_gaps(model.d_vocab, model.n_ctx, gap)
                require_no_class_at_its_critical_margin(model, strategy, witness, 100)


@settings(max_examples=60)
@given(
    model=st.one_of(toy_models(4, 3), toy_models(5, 2, flavours=MOSTLY_RIGHT)),
    strategy=st.sampled_from(SUBCUBIC),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_class_of_any_model_is_counted_at_its_critical_margin(model, strategy, seed):
    if model.recipe.flavour != "extreme" and model.d_vocab > 1:  # Gaps beyond the oracle's bits.
        witness = wild(Random(seed), strategy, model)
        require_no_class_at_its_critical_margin(model, strategy, witness, 64)


def test_most_classes_of_tight_models_are_counted_a_hair_below_their_critical_margin():
    seen = Counter()
    for attention in ATTENTION:
        for direct in ("mean-query", "svd-query"):
            strategy = f"subcubic/{direct}/{attention}/exact"
            for model in TIGHT:
                witness = plausible(Random(1), strategy, model)
                seen += require_no_class_at_its_critical_margin(model, strategy, witness, 64)
    assert 2 * seen["near"] > seen["classes"] > 50
