"""Training on listed inputs: reproducible, resumable, and its best weights are what is kept."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ballproof.models.catalogue import zoo_path, zoo_record
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import task_named
from ballproof.models.weights import load_weights, weights_from_bytes

torch = pytest.importorskip("torch", reason="training needs the train extra")
from ballproof.models import train_pairs as module  # noqa: E402
from ballproof.models.train_pairs import file_of, train_pairs  # noqa: E402

EVERY = 100


def trained(name, seed=0, state=None, progress=None, **changes):
    """Return the task, its recipe with these changes, and what comes of it."""
    recipe = replace(recipe_of(name), **changes)
    task = task_named(name, recipe.shape)
    return task, recipe, train_pairs(task, recipe, seed, progress, state)


def file(name, seed=0, **changes):
    task, recipe, result = trained(name, seed, **changes)
    return file_of(result, task, recipe, seed)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "add-mod-5",
            "embed,positions,attention(4-heads,causal,1/sqrt(d_head)),mlp(relu),readout(last)",
        ),
        ("product-in-s3", "pair(added),mlp(relu),readout"),
        (
            "balanced-4",
            "embed,positions,2*(attention(2-heads,causal,1/sqrt(d_head)),mlp(relu)),"
            "readout(sum,2-layers)",
        ),
        (
            "sum-mod-3-of-3",
            "embed,positions,2*(norm(layer,1/100000),attention(4-heads,causal,1/sqrt(d_head)),"
            "norm(layer,1/100000),mlp(gelu)),norm(layer,1/100000),readout(last)",
        ),
        (
            "after-4-of-4",
            "embed,positions,2*(attention(1-head,causal,1/sqrt(d_head))),readout(last)",
        ),
    ],
)
def test_a_few_steps_give_a_model_of_the_architecture_and_the_task(name, words):
    weights = weights_from_bytes(file(name, steps=2), "trained")
    assert (weights.architecture.words, weights.task) == (words, name)
    assert weights.shape == recipe_of(name).shape
    assert "recipe" in weights.notes


@pytest.mark.parametrize("name", ["add-mod-5", "product-in-c4", "after-4-of-4"])
@pytest.mark.parametrize("batch", [0, 4])
def test_the_same_seed_gives_the_same_bytes(name, batch):
    changes = {"steps": 3, "batch": batch, "fraction": 0.5}
    first = file(name, 7, **changes)
    torch.rand(1)  # The global generator must not matter.
    assert file(name, 7, **changes) == first
    others = file(name, 8, **changes), file(name, 7, **{**changes, "steps": 4})
    assert first not in others


def test_training_that_was_stopped_goes_on_to_the_same_bytes(tmp_path):
    state = tmp_path / "state.pt"
    changes = {"steps": 2 * EVERY + 50, "batch": 5, "fraction": 0.8}

    def stop(done, steps):
        if done == EVERY + 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained("product-in-c4", state=state, progress=stop, **changes)
    calls = []
    resumed = file(
        "product-in-c4", state=state, progress=lambda *each: calls.append(each), **changes
    )
    assert calls[0] == (EVERY + 1, changes["steps"])
    assert resumed == file("product-in-c4", **changes)


def test_a_state_of_another_run_is_refused(tmp_path):
    state = tmp_path / "state.pt"
    trained("product-in-c4", state=state, steps=EVERY)
    with pytest.raises(ModelError, match=r"another training run: product-in-c4 .* seed 0\.$"):
        trained("product-in-c4", 1, state=state, steps=EVERY)


def test_a_file_that_is_no_state_is_refused(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"no state")
    with pytest.raises(ModelError, match=r"state\.pt is no state of a training run"):
        trained("product-in-c4", state=tmp_path / "state.pt", steps=1)


def test_a_spike_near_the_end_does_not_spoil_the_model(monkeypatch):
    steps = 3 * EVERY
    monkeypatch.setattr(module, "_rate", lambda recipe, step: 1e-2 if step < 2 * EVERY else 100.0)
    scores = []
    score = module._score
    monkeypatch.setattr(module, "_score", lambda *each: scores.append(score(*each)) or scores[-1])
    task, _, result = trained("product-in-s3", steps=steps)
    *tried, again = scores
    assert tried[-1].right < task.total
    assert result.score == again == max(tried)
    assert result.score.right == task.total


def test_inputs_that_are_not_trained_on_are_not_learnt_by_heart():
    task, _, result = trained("product-in-s4", steps=300, fraction=0.25)
    assert task.total / 4 <= result.score.right < task.total / 2


def test_modular_addition_is_learnt():
    task, _, result = trained("add-mod-5", steps=150, fraction=1.0)
    assert result.score.right == result.total == task.total == 25
    assert result.loss < 0.1 and result.score.least_lead > 1


@pytest.mark.parametrize(
    "name",
    ["add-mod-5", "product-in-s3", "balanced-4", "sum-mod-3-of-3", "parity-5", "after-4-of-4"],
)
def test_scores_agree_with_the_exact_forward_pass(name):
    task, recipe, result = trained(name, steps=20)
    weights = weights_from_bytes(file_of(result, task, recipe, 0), "trained")
    leads = []
    for sequence in itertools.product(*task.positions):
        if (label := task.label(sequence)) is None:
            continue
        logits = [float(ball) for ball in evaluate(weights, sequence, 128)]
        own = logits.pop(label)
        leads.append(own - max(logits))
    assert result.score.right == sum(lead > 0 for lead in leads)
    assert result.score.least_lead == pytest.approx(min(leads), abs=1e-4)
    assert min(np.abs(leads)) > 1e-4  # Rounding decides nothing here.


def test_a_label_that_is_no_answer_is_not_trained():
    recipe = replace(recipe_of("add-mod-5"), steps=1)
    task = task_named("add-mod-5[answers=0..3]", recipe.shape)
    with pytest.raises(ModelError, match="a label that is no answer: no model can learn it"):
        train_pairs(task, recipe, 0)


@pytest.mark.slow
def test_the_zoo_was_trained_by_this_code():
    record = zoo_record("product-in-s4-seed-0")
    if record["origin"].split()[5].rstrip(",") not in torch.__version__:
        pytest.skip("another torch version may round differently")
    assert file("product-in-s4") == zoo_path("product-in-s4-seed-0").read_bytes()
    assert load_weights(zoo_path("product-in-s4-seed-0")).digest == record["digest"]
