"""exact and split of a layer with a final norm: what the definition with its norm counts (T17)."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import flint
import numpy as np
import pytest
from support.deep_models import SIZES, arrays_for, parts_of, weights_of
from support.small_models import asked

from ballproof.models.tasks.max import Max
from ballproof.models.tasks.task import default
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.steering import prove
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Bounds
from ballproof.verifier.strategies.obstacles import has_summands, obstacle

EXACT, SPLIT = strategy_named("exact"), strategy_named("split")
FINAL = {"part": "norm", "kind": "layer", "eps": "1/100000"}


def layer(seed, *, alike=True, offset=0.0, norm=FINAL, **options):
    """A layer with a final norm; embeddings lie so far from mean 0.

    If `alike`, biases of norm and readout add the same to each logit, as the norm's meets one row
    of the unembedding alone.
    """
    options = {"activation": [None, "relu"][seed % 2]} | options
    *inner, last = parts_of(1, **options)
    rng = np.random.default_rng(seed)
    parts = [*inner, norm, last]
    arrays = arrays_for(parts, rng)
    arrays["embed.W_E"] = arrays["embed.W_E"] + offset
    if alike:
        arrays["unembed.b_U"][:] = 0.25
        arrays["unembed.W_U"][1] = 0.5
        if "ln_final.b" in arrays:
            arrays["ln_final.b"] *= np.eye(SIZES["d"])[1]
    return weights_of(parts, arrays)


def right_of(weights, task):
    """How many inputs are right by the definition, in balls; none is a tie."""
    right = 0
    with flint.ctx.workprec(200):
        for tokens in product(*task.positions):
            label, logits = task.label(tokens), weights.architecture.logits(weights, tokens)
            if label not in task.answers:
                continue
            rivals = [j for j in task.answers if j != label]
            leads = [logits[label] - logits[j] for j in rivals]
            assert all(lead > 0 or lead < 0 for lead in leads)
            right += all(lead > 0 for lead in leads)
    return right


@pytest.mark.parametrize("offset", [0.0, 20.0])
@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("seed", range(12))
def test_exact_meets_the_truth_and_split_is_below_it(seed, kind, offset):
    weights = layer(seed, norm=FINAL | {"kind": kind}, offset=offset)
    problem = pose(weights, task=asked(weights, np.random.default_rng(seed)))
    right = right_of(weights, problem.task)
    assert has_summands(problem)
    witness = EXACT.search(problem, Goal(), silent)
    assert EXACT.bound(problem, witness, silent) == Bounds(right, right)
    bounds = SPLIT.bound(problem, SPLIT.search(problem, Goal(), silent), silent)
    assert bounds.correct_at_least <= right <= bounds.correct_at_most


@pytest.mark.parametrize("options", [{}, {"mask": "none"}, {"positions": False}])
@pytest.mark.parametrize("strategy", [EXACT, SPLIT], ids=lambda one: one.name)
@pytest.mark.parametrize("seed", range(4))
def test_the_checker_counts_what_is_claimed(seed, strategy, options):
    weights = layer(seed, offset=3.0, **options)
    problem = pose(weights, task=default(Max(), weights.shape))
    claim = prove(problem, strategy, 10**9, silent).claim
    right = right_of(weights, problem.task)
    assert claim.correct_at_least <= right <= claim.correct_at_most
    if strategy is EXACT:
        assert claim.correct_at_least == claim.correct_at_most


@pytest.mark.parametrize(
    "weights",
    [
        layer(1, alike=False),
        layer(1, norm=FINAL | {"eps": "0"}),
        layer(1, activation="gelu"),
        layer(1, gated=True),
        layer(1, position="mean"),
        layer(1, readout=2, alike=False),
        weights_of(
            parts_of(1, norm=("layer", "1/100000")),
            arrays_for(parts_of(1, norm=("layer", "1/100000")), np.random.default_rng(0)),
        ),
    ],
)
def test_what_a_final_norm_does_not_leave_to_the_layer_is_no_layer_without_it(weights):
    problem = pose(weights, task=default(Max(), weights.shape))
    assert problem.without_norm is problem
    assert "It needs" in str(obstacle(EXACT, problem)) and "It needs" in str(
        obstacle(SPLIT, problem)
    )


def test_a_margin_keeps_the_norm():
    weights = layer(1)
    task = default(Max(), weights.shape)
    assert not has_summands(pose(weights, Fraction(1, 3), task=task))
    assert has_summands(pose(weights, task=task))


def test_only_biases_of_answers_have_to_be_alike():
    weights = layer(1, alike=False)
    task = default(Max(), weights.shape)
    assert not has_summands(pose(weights, task=task))
    one = pose(weights, task=replace(task, answers=range(1, 2)))
    assert has_summands(one)
    assert EXACT.bound(one, EXACT.search(one, Goal(), silent), silent) == Bounds(
        *[right_of(weights, one.task)] * 2
    )
