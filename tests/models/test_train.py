"""Training is reproducible, follows the recipe, and its accuracy is an honest estimate."""

import itertools

import numpy as np
import pytest
from small_models import random_tensors
from test_model_weights import frozen

from ballproof.models.catalogue import zoo_record
from ballproof.models.forward import evaluate
from ballproof.models.layout import BIAS_NAMES, Shape, expected_shapes

torch = pytest.importorskip("torch", reason="training needs the train extra")
from ballproof.models.train import sampled_accuracy, sampled_statistics, train  # noqa: E402


def test_the_same_seed_gives_the_same_bits():
    first, first_loss = train(4, 7, steps=3)
    torch.rand(1)  # The global generator must not matter.
    second, second_loss = train(4, 7, steps=3)
    assert frozen(first).digest == frozen(second).digest
    assert first_loss == second_loss
    assert frozen(train(4, 8, steps=3)[0]).digest != frozen(first).digest


def test_all_tensors_are_written_and_biases_stay_zero():
    weights, _ = train(3, 1, d_vocab=6, d_model=5, d_head=2, steps=2, batch=4)
    assert {name: array.shape for name, array in weights.items()} == expected_shapes(
        Shape(6, 3, 5, 2)
    )
    assert all(array.dtype == np.float32 for array in weights.values())
    assert all(not weights[name].any() for name in BIAS_NAMES)
    assert all(weights[name].any() for name in weights.keys() - {*BIAS_NAMES})


def test_weights_start_with_the_stated_deviation():
    weights, _ = train(4, 1, steps=0)
    assert weights["embed.W_E"].std() == pytest.approx(0.8 / 32**0.5, rel=0.05)


def test_progress_is_reported_and_settings_of_torch_are_restored():
    threads = torch.get_num_threads()
    calls = []
    train(2, 1, d_vocab=4, steps=3, progress=lambda done, steps: calls.append((done, steps)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_learns_a_small_task():
    weights, loss = train(2, 1, d_vocab=8, steps=500)
    assert loss < 0.5
    assert sampled_accuracy(weights, 2000, 0) > 0.9


def test_sampled_statistics_agree_with_the_exact_forward_pass():
    tensors = random_tensors(21)
    weights = frozen(tensors)
    correct = 0
    for sequence in itertools.product(range(5), repeat=3):
        logits = [float(ball) for ball in evaluate(weights, sequence, 128)]
        correct += int(np.argmax(logits)) == max(sequence)
    accuracy, loss = sampled_statistics(tensors, 40_000, 1)
    assert accuracy == pytest.approx(correct / 125, abs=0.015)
    assert loss > 0


def test_a_tie_is_wrong():
    zeros = {name: np.zeros_like(array) for name, array in random_tensors(1).items()}
    assert sampled_accuracy(zeros, 100, 0) == 0


@pytest.mark.slow
def test_the_zoo_was_trained_by_this_code():
    record = zoo_record("max-of-4-seed-50")
    if record["origin"].split()[3].rstrip(",") not in torch.__version__:
        pytest.skip("another torch version may round differently")
    assert frozen(train(4, 50)[0]).digest == record["digest"]
