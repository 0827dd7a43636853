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
        total = sum(((s - box.least[-1]).exp() for s in box.least), flint.arb(0))
        shares = [(s - box.least[-1]).exp() / total for s in box.least]
        assert shares[-1].overlaps(softmax_bounds.weight(box.least))
        for answer, logit in enumerate(exact_logits(problem.weights, box.lightest)):
            read = sum(
                (
                    share * (int(head.output[token, answer]) + int(positional[answer]))
                    for share, token, positional in zip(
                        shares, box.lightest, head.positional_output, strict=True
                    )
                ),
                flint.arb(int(problem.tables.direct[box.lightest[-1], answer])),
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
            assert not softmax_bounds.weight(box.least) > bound
        told = [
            softmax_bounds.exceeded(box, np.float64, 0.0) for box in softmax_bounds.boxes(problem)
        ]
    wrong = [(bound, true) for bad, bound, true in told if bad]
    assert wrong and max(true - bound for bound, true in wrong) < 1e-14


def test_the_linear_bound_is_false_for_the_same_reason(problem):
    """With 1e-8 in its logarithms it falls below -1 for a weight above 0; without, by rounding."""
    with precision(256):
        boxes = softmax_bounds.boxes(problem)
        told = [softmax_bounds.linear_exceeded(box, 1e-8) for box in boxes]
        plain = [softmax_bounds.linear_exceeded(box, 0.0) for box in boxes]
    assert min(bound for bad, bound, true in told if bad and true > 0) < -1
    assert max((true - bound for bad, bound, true in plain if bad), default=0.0) < 1e-14


def test_the_linear_bound_without_epsilon_is_above_the_weight_all_over_the_box(problem):
    """At random inputs of every query's box, to within rounding."""
    rng = np.random.default_rng(0)
    head = problem.head
    scale = 2.0**head.score_exponent / np.sqrt(head.d_head)
    with precision(256):
        boxes = softmax_bounds.boxes(problem)
    for query, box in enumerate(boxes):
        least = softmax_bounds.rounded(box.least, np.float64)
        greatest = softmax_bounds.rounded(box.greatest, np.float64)
        for _ in range(20):
            tokens = [*rng.integers(0, 64, 3), query]
            scores = np.array(
                [
                    float(int(head.score[query, t]) + int(head.positional_score[query, i])) * scale
                    for i, t in enumerate(tokens)
                ]
            )
            weight = 1 / np.exp(scores - scores[-1]).sum()
            assert softmax_bounds.linear(least, greatest, scores, 0.0) >= weight - 1e-12
