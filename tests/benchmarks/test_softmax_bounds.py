"""The reproduction of docs/comparison.md: a bound of softmax that an epsilon makes false."""

import sys
from pathlib import Path

import flint
import numpy as np
import pytest

from ballproof.interval.ball import precision
from ballproof.models.architectures.attention_only.forward import logits as exact_logits
from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights
from ballproof.verifier.counting.problem import pose

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import softmax_bounds


@pytest.fixture(scope="module")
def problem():
    return pose(load_weights(zoo_path("max-of-4-seed-123")))


def test_the_scores_of_a_box_are_those_of_its_input(problem):
    """Logits from the weights of the box's scores are the model's logits at its input."""
    with precision(256):
        box = softmax_bounds.boxes(problem)[27]
        head, one = problem.head, problem.tables.one
        total = sum(((s - box.scores[-1]).exp() for s in box.scores), flint.arb(0))
        shares = [(s - box.scores[-1]).exp() / total for s in box.scores]
        assert shares[-1].overlaps(softmax_bounds.weight(box.scores))
        for answer, logit in enumerate(exact_logits(problem.weights, box.tokens)):
            read = sum(
                (
                    share * (int(head.output[token, answer]) + int(positional[answer]))
                    for share, token, positional in zip(
                        shares, box.tokens, head.positional_output, strict=True
                    )
                ),
                flint.arb(int(problem.tables.direct[box.tokens[-1], answer])),
            )
            # An enclosure of the difference that holds 0, and is small.
            difference = read / one - logit
            assert difference.contains(0) and difference.rad() < 1e-20


def test_an_epsilon_makes_the_bound_false_on_a_trained_model(problem):
    with precision(256):
        told = [
            softmax_bounds.exceeded(box, np.float64, 1e-12) for box in softmax_bounds.boxes(problem)
        ]
    assert all(bad for bad, _, _ in told)
    assert max(true - bound for _, bound, true in told) > 0.999


def test_without_it_the_rule_is_sound_in_real_numbers_and_fails_by_rounding_alone(problem):
    with precision(256):
        for box in softmax_bounds.boxes(problem):
            shift = max(box.greatest)
            low = [(x - shift).exp() for x in box.least]
            own = (box.greatest[-1] - shift).exp()
            bound = own / (sum(low[1:], low[0]) - low[-1] + own)
            assert not softmax_bounds.weight(box.scores) > bound
        told = [
            softmax_bounds.exceeded(box, np.float64, 0.0) for box in softmax_bounds.boxes(problem)
        ]
    wrong = [(bound, true) for bad, bound, true in told if bad]
    assert wrong and max(true - bound for bound, true in wrong) < 1e-14
