"""Deep models in doubles: the radius holds what balls of 400 bits say, on every input."""

from __future__ import annotations

import itertools

import flint
import numpy as np
import pytest
from support.deep_models import SIZES, Part, arrays_for, parts_of, weights_of

from ballproof.models.architectures import Weights
from ballproof.models.forward import evaluate
from ballproof.verifier.counting.deep.model import arrays_of, deep_model
from ballproof.verifier.counting.deep.passes import logits

MODELS: dict[str, list[Part]] = {
    "one layer": parts_of(1, position=0),
    "two layers": parts_of(2),
    "three layers of norms": parts_of(3, norm=("layer", "1/100000"), activation="gelu"),
    "rms and silu, gated": parts_of(2, norm=("rms", "1/1000000"), activation="silu", gated=True),
    "gelu by tanh": parts_of(2, activation="gelu-tanh", position="mean"),
    "sum, readout of two layers": parts_of(2, position="sum", readout=2),
    "readout of three layers": parts_of(1, position="sum", readout=3, activation="gelu"),
    "attention alone": parts_of(2, activation=None, norm=("layer", "0")),
    "every position sees all": parts_of(2, mask="none", position=1, norm=("layer", "1/100")),
    "mean of all that see all": parts_of(2, mask="none", position="mean"),
    "a share": parts_of(2, softmax="2/3", normalised=True),
    "a share, not normalised": parts_of(2, softmax="5/3", mask="none"),
    "uniform": parts_of(2, softmax="0", normalised=True, positions=False),
}


def _inputs(weights: Weights) -> np.ndarray:
    return np.array(list(itertools.product(range(SIZES["v"]), repeat=weights.shape.n_ctx)))


def _worst(weights: Weights, bits: int = 400) -> float:
    """Return the largest error as a part of its radius, over all inputs and outputs."""
    model = deep_model(weights.architecture.parts, arrays_of(weights), weights.shape.n_ctx)
    inputs = _inputs(weights)
    found, worst = logits(model, inputs), 0.0
    for row, sequence in enumerate(inputs.tolist()):
        truth = evaluate(weights, sequence, bits)
        for column, ball in enumerate(truth):
            radius = found.radius[row, column]
            if np.isfinite(radius) and np.isfinite(found.middle[row, column]):
                with flint.ctx.workprec(bits):
                    error = abs(ball - flint.arb(found.middle[row, column]))
                    worst = max(worst, float((error / flint.arb(radius)).upper()))
    return worst


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [1.0, 2.0**-12, 8.0])
def test_the_radius_holds_every_logit(name: str, size: float) -> None:
    rng = np.random.default_rng(sum(map(ord, name)))
    weights = weights_of(MODELS[name], arrays_for(MODELS[name], rng, size))

    assert _worst(weights) < 1


@pytest.mark.parametrize("name", MODELS)
def test_the_radius_is_small_where_weights_are_moderate(name: str) -> None:
    rng = np.random.default_rng(1)
    weights = weights_of(MODELS[name], arrays_for(MODELS[name], rng, 0.5))
    model = deep_model(weights.architecture.parts, arrays_of(weights), weights.shape.n_ctx)

    radius = logits(model, _inputs(weights)).radius

    # A residual of variance 0 is not bounded where eps is 0: none is among these.
    assert radius.max() < 1e-6


@pytest.mark.parametrize("name", ["two layers", "every position sees all"])
def test_prefixes_are_shared_and_inputs_told_apart(name: str) -> None:
    weights = weights_of(MODELS[name], arrays_for(MODELS[name], np.random.default_rng(2)))
    model = deep_model(weights.architecture.parts, arrays_of(weights), weights.shape.n_ctx)
    inputs = _inputs(weights)

    together = logits(model, inputs)
    few = inputs[[0, 5, 6, 20]]
    alone = logits(model, few)

    assert np.allclose(alone.middle, together.middle[[0, 5, 6, 20]], rtol=0, atol=1e-12)


@pytest.mark.parametrize("spread", [0.0, 2.0**-40, 2.0**-20])
@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_tiny_variances_are_held_or_left_open(kind: str, spread: float) -> None:
    parts = parts_of(1, norm=(kind, "0"), activation="gelu")
    rng = np.random.default_rng(3)
    arrays = arrays_for(parts, rng)
    constant = 0.0 if kind == "rms" else 1.0
    for name in ("embed.W_E", "pos_embed.W_pos"):
        arrays[name] = constant + spread * np.round(arrays[name] * 8)
    weights = weights_of(parts, arrays)

    if spread:
        assert _worst(weights) < 1
    else:
        model = deep_model(weights.architecture.parts, arrays_of(weights), weights.shape.n_ctx)
        assert not np.isfinite(logits(model, _inputs(weights)).radius).any()


@pytest.mark.parametrize("size", [2.0**40, 2.0**300, 2.0**-200])
def test_huge_and_tiny_weights_are_held_or_left_open(size: float) -> None:
    parts = parts_of(2, activation="silu")
    arrays = arrays_for(parts, np.random.default_rng(4))
    arrays["blocks.0.attn.W_Q"] *= size
    arrays["blocks.1.mlp.W_in"] *= size

    assert _worst(weights_of(parts, arrays), 2_000) < 1
