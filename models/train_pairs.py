"""Train models whose inputs can all be listed, by a recipe (needs the `train` extra, torch).

Every hundredth step or so and the last are tried on all inputs, those that are not trained on with
them. The weights that get the most right are kept, of these the ones whose least lead is greatest:
training of this kind has spikes, and one near the end would spoil the model. For one torch version
and one machine type the result is reproducible bit for bit, whether training was stopped or not.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from ballproof.models.architectures.layers import training as layers
from ballproof.models.architectures.layers.design import text_of
from ballproof.models.architectures.one_layer import training as one_layer
from ballproof.models.architectures.pair import PAIR
from ballproof.models.architectures.pair import training as pair
from ballproof.models.errors import ModelError
from ballproof.models.files import write_atomically
from ballproof.models.recipe import Recipe
from ballproof.models.tasks import Task
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.train import (
    Arrays,
    Progress,
    columns_of_labels,
    own_and_rivals,
    single_threaded_and_deterministic,
)
from ballproof.models.weights import unstated_parts

# How many inputs are tried at a time.
CHUNK = 2**16
# The learning rate ends at this part of itself.
LAST_RATE = 0.01
Logits = Callable[[dict[str, torch.Tensor], torch.Tensor], torch.Tensor]


class Score(NamedTuple):
    """How many inputs are right, and the least lead of a label over its best rival, in floats."""

    right: int
    least_lead: float


class Trained(NamedTuple):
    """The best weights, in float32, and what they score on all inputs, whose number is `total`.

    `loss` is their mean cross-entropy on all inputs.
    """

    arrays: Arrays
    score: Score
    total: int
    loss: float


def train_pairs(
    task: Task,
    recipe: Recipe,
    seed: int,
    progress: Progress | None = None,
    state: Path | None = None,
) -> Trained:
    """Train one model on the inputs of a task and return its best weights.

    With a file for the `state`, training goes on from what it holds, and every hundredth step is
    kept there. `progress(done, steps)` is called after every step.
    """
    with single_threaded_and_deterministic():
        run = _Run(task, recipe, seed)
        if state is not None and state.exists():
            run.restore(state)
        while run.step < recipe.steps:
            run.advance()
            if state is not None and run.step % recipe.every == 0:
                run.keep(state)
            if progress is not None:
                progress(run.step, recipe.steps)
        return run.result()


def scored(task: Task, recipe: Recipe, arrays: Arrays) -> Trained:
    """Return these weights with what they score on all inputs of a task, in float32."""
    weights = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    inputs, labels = _listed(task)
    with single_threaded_and_deterministic(), torch.no_grad():
        computed = in_chunks(partial(_logits_of(recipe), weights), inputs)
        logits = computed[:, task.answers.start : task.answers.stop]
        score = _score(logits, labels)
        loss = functional.cross_entropy(logits.double(), labels).item()
    return Trained(arrays, score, len(inputs), loss)


def file_of(trained: Trained, task: Task, recipe: Recipe, seed: int) -> bytes:
    """Return the safetensors file of a trained model, which states its task and its recipe."""
    named = [Tensor.from_array(name, array) for name, array in trained.arrays.items()]
    stated = {"task": task.name(recipe.shape), "recipe": recipe.words(seed)}
    if recipe.design is not None:
        shapes = {tensor.name: tensor.shape for tensor in named}
        text = text_of(recipe.design)
        stated |= {} if unstated_parts(shapes, "the model") == text else {"parts": text}
    return write_tensors(named, stated)


class _Run:
    """A training run: everything that it needs to go on where it was."""

    def __init__(self, task: Task, recipe: Recipe, seed: int) -> None:
        self.task, self.recipe, self.seed = task, recipe, seed
        self.step = 0
        self.generator = torch.Generator().manual_seed(seed)
        self.logits = _logits_of(recipe)
        self.weights = _initial(recipe, self.generator)
        self.optimizer = _optimizer(recipe, self.weights)
        self.inputs, self.labels = _listed(task)
        order = torch.randperm(len(self.inputs), generator=self.generator)
        self.trained_on = order[: max(1, round(recipe.fraction * len(order)))]
        self.best, self.best_score = _copied(self.weights), Score(-1, -math.inf)

    def advance(self) -> None:
        """Take a step, and try the weights where it is their turn."""
        chosen = self.trained_on
        if self.recipe.batch:
            numbers = torch.randint(len(chosen), (self.recipe.batch,), generator=self.generator)
            chosen = chosen[numbers]
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(self.recipe, self.step)
        self.optimizer.zero_grad(set_to_none=True)
        self._loss(chosen).backward()
        self.optimizer.step()
        self.step += 1
        if self.step % self.recipe.every == 0 or self.step == self.recipe.steps:
            self._try()

    def _loss(self, chosen: torch.Tensor) -> torch.Tensor:
        inputs, labels, answers = self.inputs[chosen], self.labels[chosen], self.task.answers
        if not self.recipe.prefixes or self.recipe.design is None:
            return functional.cross_entropy(self._answers(inputs).double(), labels)
        each = layers.logits_of(self.recipe.design, each=True)(self.weights, inputs)
        logits = each[..., answers.start : answers.stop].flatten(0, 1)
        so_far = inputs.cumsum(1) % self.recipe.shape.d_vocab
        return functional.cross_entropy(logits.double(), so_far.flatten() - answers.start)

    def result(self) -> Trained:
        """Return the best weights that were tried."""
        arrays = {name: tensor.numpy() for name, tensor in self.best.items()}
        return scored(self.task, self.recipe, arrays)

    def keep(self, path: Path) -> None:
        """Write the state of the run."""
        buffer = io.BytesIO()
        torch.save(self._state(), buffer)
        write_atomically(path, buffer.getvalue())

    def restore(self, path: Path) -> None:
        """Go on from a state that was kept; raises ModelError for one of another run."""
        state = _loaded(path)
        if state["run"] != self._name:
            raise ModelError(f"{path} holds the state of another training run: {state['run']}.")
        with torch.no_grad():
            for name, tensor in self.weights.items():
                tensor.copy_(state["weights"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step = state["step"]
        self.best, self.best_score = state["best"], Score(*state["score"])

    @property
    def _name(self) -> str:
        shape = self.recipe.shape
        return f"{self.task.name(shape)} {shape.fields()} {self.recipe.words(self.seed)}"

    def _state(self) -> dict[str, Any]:
        return {
            "run": self._name,
            "weights": _copied(self.weights),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "best": self.best,
            "score": tuple(self.best_score),
        }

    def _try(self) -> None:
        with torch.no_grad():
            score = _score(in_chunks(self._answers, self.inputs), self.labels)
        if score > self.best_score:
            self.best, self.best_score = _copied(self.weights), score

    def _answers(self, inputs: torch.Tensor) -> torch.Tensor:
        answers = self.task.answers
        return self.logits(self.weights, inputs)[:, answers.start : answers.stop]


def _loaded(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path} is no state of a training run: {error}.") from error
    if not isinstance(state, dict) or "run" not in state:
        raise ModelError(f"{path} is no state of a training run.")
    return state


def in_chunks(
    answers: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor
) -> torch.Tensor:
    """Return the logits of many inputs (N, o), so many at a time that memory does not matter."""
    return torch.cat([answers(chunk) for chunk in inputs.split(CHUNK)])


def _initial(recipe: Recipe, generator: torch.Generator) -> dict[str, torch.Tensor]:
    if recipe.design is not None:
        return layers.initial(recipe.shape, recipe.design, recipe.widths, generator)
    initial = pair.initial if recipe.architecture is PAIR else one_layer.initial
    return initial(recipe.shape, generator)


def _logits_of(recipe: Recipe) -> Logits:
    if recipe.design is not None:
        return layers.logits_of(recipe.design)
    return pair.last_logits if recipe.architecture is PAIR else one_layer.last_logits


def _optimizer(recipe: Recipe, weights: dict[str, torch.Tensor]) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
    return kind(
        [tensor.requires_grad_() for tensor in weights.values()],
        lr=recipe.learning_rate,
        betas=recipe.betas,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def _rate(recipe: Recipe, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    left = (recipe.steps - step) / max(1, recipe.cooling * recipe.steps)
    fallen = 1.0 if left >= 1 else (1 - math.cos(math.pi * left)) / 2
    risen = min(1.0, (step + 1) / max(1, recipe.warm_up))
    return recipe.learning_rate * min(risen, LAST_RATE + (1 - LAST_RATE) * fallen)


def _listed(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all inputs with a label (N, n_ctx), and the column of each label among the answers."""
    grid = np.stack(np.meshgrid(*task.positions, indexing="ij")).reshape(len(task.positions), -1).T
    labels = task.rule.labels_of(grid[:, list(task.reads)])
    inputs = torch.from_numpy(np.ascontiguousarray(grid[labels >= 0]))
    return inputs, columns_of_labels(task, inputs)


def _score(logits: torch.Tensor, labels: torch.Tensor) -> Score:
    """Return what these logits score; a tie is wrong."""
    own, rivals = own_and_rivals(logits, labels)
    leads = own - rivals
    return Score(int((leads > 0).sum().item()), float(leads.min().item()))


def _copied(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}
