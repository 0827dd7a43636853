"""A model is asked what is named, else what is stated, else max-of-k as a said assumption."""

import pytest
from small_models import random_tensors

from ballproof.models.architectures import Shape
from ballproof.models.catalogue import zoo_path
from ballproof.models.errors import ModelError
from ballproof.models.task_choice import choose_task
from ballproof.models.tasks import task_named
from ballproof.models.weights import load_weights, save_weights


def saved(folder, task=None, outputs=5):
    tensors = random_tensors(9, Shape(5, 3, 4, 2, outputs))
    save_weights(folder / "a.safetensors", tensors, task)
    return load_weights(folder / "a.safetensors")


def test_a_named_task_wins(tmp_path):
    weights = saved(tmp_path, "min-of-3")
    assert choose_task(weights, "max-of-3") == (task_named("max-of-3", weights.shape), "")


def test_the_metadata_is_believed(tmp_path):
    weights = saved(tmp_path, "rank-2-of-3")
    assert choose_task(weights) == (task_named("rank-2-of-3", weights.shape), "")


@pytest.mark.parametrize("name", ["max-of-4-seed-123", "argmax-of-4-seed-50"])
def test_the_zoo_knows_its_models(name):
    weights = load_weights(zoo_path(name))
    task, assumption = choose_task(weights)
    assert task.name(weights.shape) == name.removesuffix("-seed-123").removesuffix("-seed-50")
    assert assumption == ""


def test_max_is_assumed_and_said(tmp_path):
    weights = saved(tmp_path)
    task, assumption = choose_task(weights)
    assert task == task_named("max-of-3", weights.shape)
    assert assumption == (
        f"{weights.source} does not state its task: max-of-3 is assumed; --task names another."
    )


def test_nothing_is_assumed_of_other_outputs(tmp_path):
    with pytest.raises(ModelError, match="has 3 logits for 5 tokens: name the task, as in --task"):
        choose_task(saved(tmp_path, outputs=3))


def test_a_task_that_the_file_cannot_have_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"metadata a task that it cannot have.*'min' is no name"):
        choose_task(saved(tmp_path, "min"))


def test_the_refusal_names_what_sizes_allow(tmp_path):
    """A logit for each element, and a token more that asks for the sum."""
    with pytest.raises(ModelError, match=r"--task argmax-of-3 or --task add-mod-4\.$"):
        choose_task(saved(tmp_path, outputs=4))
