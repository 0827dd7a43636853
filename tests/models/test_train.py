"""Training is reproducible, follows the recipe, and its accuracy is an honest estimate."""

import itertools

import numpy as np
import pytest
from small_models import SMALL, random_tensors
from test_model_weights import frozen

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only.layout import BIAS_NAMES, expected_shapes
from ballproof.models.architectures.one_layer import layout
from ballproof.models.catalogue import zoo_path, zoo_record
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.tasks import task_named
from ballproof.models.weights import load_weights

torch = pytest.importorskip("torch", reason="training needs the train extra")
from ballproof.models.architectures.one_layer.training import last_logits  # noqa: E402
from ballproof.models.train import (  # noqa: E402
    BATCH,
    STEPS,
    sampled_accuracy,
    sampled_statistics,
    several,
    train,
    words_of_recipe,
)

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


HEADS = [(2, 0), (3, 0), (1, 5), (2, 5)]


@pytest.mark.parametrize(("heads", "neurons"), HEADS)
def test_heads_and_neurons_are_trained_without_biases_but_those_of_the_mlp(heads, neurons):
    shape = several(Shape(6, 3, 12, 12, 3), heads, neurons)
    task = task_named("argmax-of-3", shape)
    weights, loss = train(task, shape, 1, steps=2, batch=4)
    again, same_loss = train(task, shape, 1, steps=2, batch=4)
    shapes = layout.expected_shapes(shape)
    assert {name: array.shape for name, array in weights.items()} == {
        name: dims for name, dims in shapes.items() if name not in BIAS_NAMES
    }
    assert all(array.dtype == np.float32 and array.any() for array in weights.values())
    assert (frozen(again).digest, same_loss) == (frozen(weights).digest, loss)
    assert (frozen(weights).shape, shape.d_head) == (shape, 12 // heads)


@pytest.mark.parametrize(("heads", "neurons"), HEADS)
def test_what_is_trained_is_the_function_that_is_evaluated(heads, neurons):
    shape = several(Shape(5, 3, 6, 6), heads, neurons)
    task = task_named("rank-2-of-3", shape)
    weights, _ = train(task, shape, 1, steps=40)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    right = 0
    for sequence in itertools.product(range(5), repeat=3):
        exact = [float(ball) for ball in evaluate(frozen(weights), sequence, 128)]
        found = last_logits(tensors, torch.tensor([sequence]))
        assert found[0].tolist() == pytest.approx(exact, abs=1e-4)
        right += int(np.argmax(exact)) == task.label(sequence)
    accuracy, loss = sampled_statistics(task, weights, 40_000, 1)
    assert accuracy == pytest.approx(right / 125, abs=0.015)
    assert loss > 0


@pytest.mark.parametrize("name", ["max-of-2", "min-of-2", "rank-2-of-2", "argmax-of-2"])
def test_two_heads_and_neurons_learn_a_small_task(name):
    shape = several(Shape(8, 2, 32, 32, 2 if name == "argmax-of-2" else 8), 2, 8)
    task = task_named(name, shape)
    weights, loss = train(task, shape, 1, steps=500)
    assert loss < 0.5
    assert sampled_accuracy(task, weights, 2000, 0) > 0.9


def test_heads_share_the_residual_width_where_none_is_given():
    widths = [several(SHAPE, heads, 0).d_head for heads in (1, 2, 3, 33)]
    assert widths == [32, 16, 10, 1]
    assert several(SHAPE, 2, 0, 7).d_head == 7


def test_the_words_of_a_recipe_tell_runs_apart():
    runs = [(5000, 256, 1), (3000, 256, 1), (5000, 128, 1), (5000, 256, 2)]
    assert len({words_of_recipe(*run) for run in runs}) == len(runs)


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
def test_the_two_heads_of_the_zoo_were_trained_by_this_code():
    record = zoo_record("max-of-4-two-heads-seed-0")
    if record["origin"].split()[3].rstrip(",") not in torch.__version__:
        pytest.skip("another torch version may round differently")
    shape = several(SHAPE, 2, 0)
    assert frozen(train(MAX, shape, 0, STEPS, BATCH)[0]).digest == record["digest"]
    assert record["recipe"] == words_of_recipe(STEPS, BATCH, 0)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["max-of-4", "rank-2-of-4", "argmax-of-4"])
def test_the_zoo_was_trained_by_this_code(task):
    record = zoo_record(f"{task}-seed-50")
    if record["origin"].split()[3].rstrip(",") not in torch.__version__:
        pytest.skip("another torch version may round differently")
    shape = load_weights(zoo_path(f"{task}-seed-50")).shape
    assert frozen(train(task_named(task, shape), shape, 50)[0]).digest == record["digest"]
