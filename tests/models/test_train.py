"""Training is reproducible, follows the recipe, and its accuracy is an honest estimate."""

import itertools

import numpy as np
import pytest
from small_models import SMALL, random_tensors
from test_model_weights import frozen

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only.layout import BIAS_NAMES, expected_shapes
from ballproof.models.catalogue import zoo_path, zoo_record
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.tasks import task_named
from ballproof.models.weights import load_weights

torch = pytest.importorskip("torch", reason="training needs the train extra")
from ballproof.models.train import sampled_accuracy, sampled_statistics, train  # noqa: E402

SHAPE = Shape(64, 4, 32, 32)
MAX = task_named("max-of-4", SHAPE)


def test_the_same_seed_gives_the_same_bits():
    first, first_loss = train(MAX, SHAPE, 7, steps=3)
    torch.rand(1)  # The global generator must not matter.
    second, second_loss = train(MAX, SHAPE, 7, steps=3)
    assert frozen(first).digest == frozen(second).digest
    assert first_loss == second_loss
    assert frozen(train(MAX, SHAPE, 8, steps=3)[0]).digest != frozen(first).digest


def test_all_tensors_are_written_and_biases_stay_zero():
    shape = Shape(6, 3, 5, 2, 3)
    weights, _ = train(task_named("argmax-of-3", shape), shape, 1, steps=2, batch=4)
    assert {name: array.shape for name, array in weights.items()} == expected_shapes(shape)
    assert all(array.dtype == np.float32 for array in weights.values())
    assert all(not weights[name].any() for name in BIAS_NAMES)
    assert all(weights[name].any() for name in weights.keys() - {*BIAS_NAMES})


def test_weights_start_with_the_stated_deviation():
    weights, _ = train(MAX, SHAPE, 1, steps=0)
    assert weights["embed.W_E"].std() == pytest.approx(0.8 / 32**0.5, rel=0.05)


def test_progress_is_reported_and_settings_of_torch_are_restored():
    threads = torch.get_num_threads()
    calls = []
    train(MAX, SHAPE, 1, steps=3, progress=lambda done, steps: calls.append((done, steps)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("max-of-2", 8),
        ("min-of-2", 8),
        ("rank-2-of-2", 8),
        ("argmax-of-2", 2),
        ("max-of-1[positions=0..7,3..3;reads=0]", 8),
        ("max-of-2[positions=2..6,1..7;answers=2..7]", 9),
    ],
)
def test_training_learns_a_small_task(name, outputs):
    shape = Shape(8, 2, 32, 32, outputs)
    task = task_named(name, shape)
    weights, loss = train(task, shape, 1, steps=500)
    assert loss < 0.5
    assert sampled_accuracy(task, weights, 2000, 0) > 0.9


def test_a_label_that_is_no_answer_is_not_trained():
    task = task_named("max-of-4[answers=0..62]", SHAPE)
    with pytest.raises(ModelError, match="a label that is no answer: no model can learn it"):
        train(task, SHAPE, 1, steps=1)


def test_sampled_statistics_agree_with_the_exact_forward_pass():
    tensors = random_tensors(21)
    weights = frozen(tensors)
    correct = 0
    for sequence in itertools.product(range(5), repeat=3):
        logits = [float(ball) for ball in evaluate(weights, sequence, 128)]
        correct += int(np.argmax(logits)) == max(sequence)
    task = task_named("max-of-3", weights.shape)
    accuracy, loss = sampled_statistics(task, tensors, 40_000, 1)
    assert accuracy == pytest.approx(correct / 125, abs=0.015)
    assert loss > 0


def test_a_tie_is_wrong():
    zeros = {name: np.zeros_like(array) for name, array in random_tensors(1).items()}
    assert sampled_accuracy(task_named("max-of-3", SMALL), zeros, 100, 0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("task", ["max-of-4", "rank-2-of-4", "argmax-of-4"])
def test_the_zoo_was_trained_by_this_code(task):
    record = zoo_record(f"{task}-seed-50")
    if record["origin"].split()[3].rstrip(",") not in torch.__version__:
        pytest.skip("another torch version may round differently")
    shape = load_weights(zoo_path(f"{task}-seed-50")).shape
    assert frozen(train(task_named(task, shape), shape, 50)[0]).digest == record["digest"]
