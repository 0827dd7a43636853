"""enumerate counts what literal evaluation of every input counts, whatever the architecture."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support import literal_models
from support.literal_models import frozen
from support.small_models import SETTINGS, asked, literal_count, one_layer, truth_of

from ballproof.models.tasks import task_named, task_of_json
from ballproof.models.weights import load_weights
from ballproof.verifier.counting import enumeration
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Bounds

ENUMERATE = strategy_named("enumerate")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "models2"


def counted(problem):
    witness = ENUMERATE.search(problem, Goal(), silent)
    return ENUMERATE.bound(problem, witness, silent)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: f"{one.share}{one.normalised}")
@pytest.mark.parametrize("seed", range(12))
def test_both_ends_are_the_truth_of_models_with_heads_and_neurons(seed, settings):
    rng = np.random.default_rng([seed, SETTINGS.index(settings)])
    heads, neurons = 1 + seed % 3, seed % 5
    scale = [1.0, 1e-30, 1e3][seed % 3]
    arrays, weights = one_layer(
        rng, heads, neurons, settings, lambda shape: scale * rng.normal(size=shape), seed % 4 > 0
    )
    task, margin = asked(weights, rng), [Fraction(0), Fraction(1, 3)][seed % 2]
    truth = truth_of(arrays, task, margin, settings)
    assert counted(pose(weights, margin, task=task)) == Bounds(truth, truth)


@pytest.mark.parametrize("seed", range(20))
def test_ties_of_two_token_networks_are_decided(seed):
    rng = np.random.default_rng(seed)
    inputs = ("sum", "concatenated", "added")[seed % 3]
    v, d, m, outputs = 4, 3, 3 if inputs == "added" else 4, 4
    # Small integers tie often, and a wide column keeps the first pass from seeing it.
    shapes = {"W_a": (v, d), "W_b": (v, d), "W_out": (m, outputs), "b_out": (outputs,)}
    if inputs != "added":
        shapes["W_in"] = (d * (2 if inputs == "concatenated" else 1), m)
    for layer in range(1, 1 + seed % 2):
        shapes |= {f"W_hidden.{layer}": (m, m), f"b_hidden.{layer}": (m,)}
    arrays = {name: rng.integers(-1, 2, shape) / 4.0 for name, shape in shapes.items()}
    arrays["W_out"][:, -1] *= [1, 2.0**70][seed % 2]
    weights = frozen(arrays)
    task, margin = asked(weights, rng), Fraction(seed % 3, 16)
    truth = literal_count(task, margin, lambda x: literal_models.pair(arrays, x, inputs))
    assert counted(pose(weights, margin, task=task)) == Bounds(truth, truth)


def test_ties_of_exponentials_stay_open_and_count_on_the_pessimistic_side():
    rng = np.random.default_rng(3)
    arrays, _ = one_layer(rng, 2, 2, SETTINGS[0], lambda shape: rng.normal(size=shape))
    for name in ("unembed.W_U", "unembed.b_U"):
        if name in arrays:
            arrays[name][..., 3] = arrays[name][..., 0]
    problem = pose(frozen(arrays))
    found = counted(problem)
    three_leads = [
        sequence
        for sequence in itertools.product(range(4), repeat=3)
        if max(sequence) in (0, 3)
        and (x := literal_models.one_layer(arrays, sequence))[0] == max(x)
    ]
    assert found.correct_at_most - found.correct_at_least == len(three_leads) > 0


LEAST_OF_THREE = {
    "rule": "min",
    "positions": [[0, 2]] * 3,
    "reads": [0, 1, 2],
    "answers": [0, 2],
}


def near_tie(gap):
    """Output 1 leads by a gap where the last token is not 0, and else output 0 does."""
    arrays, _ = one_layer(
        np.random.default_rng(0), 1, 0, SETTINGS[0], lambda shape: np.zeros(shape)
    )
    arrays["embed.W_E"][:, 0] = 1
    arrays["embed.W_E"][:, 1] = [-1, 1, 1, 1]
    arrays["pos_embed.W_pos"][:] = [[0, 0, 1]] * 3
    arrays["unembed.W_U"] = np.array([[1, 1], [0, gap], [0, 0]])
    arrays["unembed.b_U"] = np.zeros(2)
    arrays["blocks.0.attn.b_O"] = np.zeros(3)
    return arrays


@pytest.mark.parametrize(("bits", "passes"), [(20, 1), (45, 2), (100, 3), (220, 4)])
def test_as_many_passes_are_made_as_settle_inputs(bits, passes):
    weights = frozen(near_tie(2.0**-bits))
    task = task_of_json(LEAST_OF_THREE, weights.shape)
    problem = pose(weights, task=task)
    assert ENUMERATE.search(problem, Goal(), silent) == {"passes": passes}
    settled = ENUMERATE.bound(problem, {"passes": passes}, silent)
    assert settled.correct_at_least == settled.correct_at_most
    fresh = pose(weights, task=task)
    for fewer in range(1, passes):
        wide = ENUMERATE.bound(fresh, {"passes": fewer}, silent)
        assert wide.correct_at_least < settled.correct_at_least < wide.correct_at_most


def test_passes_that_would_take_too_long_are_not_made(monkeypatch):
    weights = frozen(near_tie(2.0**-45))
    problem = pose(weights, task=task_of_json(LEAST_OF_THREE, weights.shape))
    monkeypatch.setattr("ballproof.verifier.strategies.enumeration.MOST_WIDE_OPERATIONS", 1)
    assert ENUMERATE.search(problem, Goal(), silent) == {"passes": 1}


def test_blocks_do_not_change_the_count(monkeypatch):
    rng = np.random.default_rng(11)
    _, weights = one_layer(rng, 2, 3, SETTINGS[0], lambda shape: rng.normal(size=shape))
    whole = counted(pose(weights))
    monkeypatch.setattr(enumeration, "BLOCK", 8 * weights.shape.d_vocab)
    monkeypatch.setattr(enumeration, "WIDE_BLOCK", 1)
    assert counted(pose(weights)) == whole


def test_progress_goes_up_to_the_whole_domain():
    rng, seen = np.random.default_rng(2), []
    _, weights = one_layer(rng, 1, 2, SETTINGS[0], lambda shape: rng.normal(size=shape))
    problem = pose(weights)
    ENUMERATE.search(problem, Goal(), lambda done, every: seen.append((done, every)))
    assert seen[-1] == (64, 64)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared models")
@pytest.mark.parametrize(
    ("name", "task", "right"),
    [
        ("group-s4", "product-in-s4[side=y(x)]", 120),
        ("group-s4", "product-in-s4", 576),
        ("add-mod-59", "add-mod-59", 3481),
    ],
)
def test_counts_of_trained_models(name, task, right):
    weights = load_weights(SHARED / f"{name}.safetensors")
    problem = pose(weights, task=task_named(task, weights.shape))
    assert counted(problem) == Bounds(right, right)
