"""exact and split of several heads and neurons count what literal evaluation counts (T14, T15)."""

from fractions import Fraction

import numpy as np
import pytest
from support.small_models import SETTINGS, asked, one_layer, truth_of

from ballproof.models.architectures.one_layer.settings import Settings
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Bounds
from ballproof.verifier.strategies.obstacles import has_summands, obstacle

EXACT, SPLIT = strategy_named("exact"), strategy_named("split")
WITH_SOFTMAX = [one for one in SETTINGS if one.share]
SCALES = [1.0, 1e-30, 1e3, 4.0]


def posed(seed, settings):
    """A model of 4 tokens at 3 positions, its problem, and how many inputs are right."""
    rng = np.random.default_rng([seed, SETTINGS.index(settings)])
    heads, neurons, scale = 1 + seed % 3, seed % 5, SCALES[seed % 4]

    def draw(shape):
        return scale * rng.normal(size=shape)

    arrays, weights = one_layer(rng, heads, neurons, settings, draw, seed % 4 > 0)
    task, margin = asked(weights, rng), [Fraction(0), Fraction(1, 3)][seed % 2]
    problem = pose(weights, margin, task=task)
    return problem, truth_of(arrays, task, margin, settings)


def random_witness(problem, seed, rate=None):
    """The witness of a search with its thresholds and ends at random: bounds must hold anyway."""
    strategy = EXACT if rate is None else SPLIT
    rng, witness = np.random.default_rng(seed), strategy.search(problem, Goal(), silent)
    if rate is not None:
        witness["rate"] = rate
    for each in witness["classes"]:
        for key, spread in (("thresholds", 2**14), ("low", 2**9), ("high", 2**9)):
            each[key] = [[x + int(rng.integers(-spread, spread)) for x in row] for row in each[key]]
    return witness


@pytest.mark.parametrize("settings", WITH_SOFTMAX, ids=lambda one: f"{one.share}{one.normalised}")
@pytest.mark.parametrize("seed", range(24))
def test_exact_meets_the_truth_at_both_ends(seed, settings):
    problem, right = posed(seed, settings)
    if obstacle(EXACT, problem) is None and has_summands(problem):
        witness = EXACT.search(problem, Goal(), silent)
        assert EXACT.fits(witness)
        assert EXACT.bound(problem, witness, silent) == Bounds(right, right)


@pytest.mark.parametrize("settings", WITH_SOFTMAX, ids=lambda one: f"{one.share}{one.normalised}")
@pytest.mark.parametrize("seed", range(24))
def test_no_witness_claims_more_than_the_truth(seed, settings):
    problem, right = posed(seed, settings)
    if obstacle(SPLIT, problem) is None:
        bounds = EXACT.bound(problem, random_witness(problem, seed), silent)
        assert bounds.correct_at_least <= right <= bounds.correct_at_most
        for rate in (1, 16, 240):
            bounds = SPLIT.bound(problem, random_witness(problem, seed, rate), silent)
            assert bounds.correct_at_least <= right <= bounds.correct_at_most


@pytest.mark.parametrize("seed", range(24))
def test_split_claims_no_more_than_the_truth(seed):
    problem, right = posed(seed, Settings())
    if obstacle(SPLIT, problem) is None:
        witness = SPLIT.search(problem, Goal(), silent)
        assert SPLIT.fits(witness) and not EXACT.fits(witness)
        bounds = SPLIT.bound(problem, witness, silent)
        assert bounds.correct_at_least <= right <= bounds.correct_at_most
