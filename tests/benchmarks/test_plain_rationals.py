"""The plain evaluation in rational numbers is of the same function as the definition in balls."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from support.deep_models import Part, arrays_for, parts_of, weights_of

from ballproof.models.forward import evaluate
from ballproof.verifier.counting.deep.model import arrays_of

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import plain_rationals

MODELS = [
    parts_of(2),
    parts_of(2, norm=("layer", "1/100000"), position=0, mask="none"),
    parts_of(1, norm=("rms", "1/10"), position="mean", readout=2),
    parts_of(2, activation=None, position="sum", softmax="1/3", normalised=True),
    parts_of(2, softmax="5/3", mask="none", positions=False),
]


@pytest.mark.parametrize("parts", MODELS)
def test_it_is_the_function_that_is_proved(parts: list[Part]) -> None:
    weights = weights_of(parts, arrays_for(parts, np.random.default_rng(0), 0.7))

    found = plain_rationals.logits(parts, arrays_of(weights), [2, 0, 1])

    truth = [float(ball.mid()) for ball in evaluate(weights, [2, 0, 1], 200)]
    assert [float(x) for x in found] == pytest.approx(truth, rel=1e-12)


def test_what_it_does_not_know_it_does_not_guess() -> None:
    parts = parts_of(1, activation="gelu")
    weights = weights_of(parts, arrays_for(parts, np.random.default_rng(0)))

    with pytest.raises(NotImplementedError):
        plain_rationals.logits(parts, arrays_of(weights), [2, 0, 1])
