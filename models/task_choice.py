"""Which task a model is asked about: the one that is named, else the one that is known."""

from __future__ import annotations

from typing import NamedTuple

from ballproof.models.architectures import Shape
from ballproof.models.catalogue import record_of
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Task, default, task_named
from ballproof.models.tasks.max import Max
from ballproof.models.weights import Weights


class Choice(NamedTuple):
    """A task, and why it was chosen: `assumption` is a sentence if nothing states it, or empty."""

    task: Task
    assumption: str


def choose_task(weights: Weights, name: str | None = None) -> Choice:
    """Return the task of this name, or the one that the zoo's index or the file's metadata states.

    Where nothing states one, max-of-k is assumed if the model has a logit for each token. Raises
    ModelError for a task that the model cannot have, and where none can be assumed.
    """
    shape = weights.shape
    if name is not None:
        return Choice(task_named(name, shape), "")
    record = record_of(weights.digest)
    if record is not None:
        return Choice(task_named(record["task"], shape), "")
    if weights.task is not None:
        return Choice(_stated(weights, weights.task), "")
    if shape.d_vocab_out != shape.d_vocab:
        raise ModelError(
            f"{weights.source} does not state its task, and has {shape.d_vocab_out} logits for "
            f"{shape.d_vocab} tokens: name the task, as in {_examples(shape)}."
        )
    task = default(Max(), shape)
    return Choice(
        task,
        f"{weights.source} does not state its task: {task.name(shape)} is assumed; --task names "
        "another.",
    )


def _examples(shape: Shape) -> str:
    """Return tasks that a model of these sizes can have, if nothing else is known of it."""
    ranked = f"--task argmax-of-{shape.n_ctx}" if shape.d_vocab_out >= shape.n_ctx else ""
    p = min(shape.d_vocab, shape.d_vocab_out)
    # With a third token that asks, and a logit for each element.
    added = f"add-mod-{p}" if shape.n_ctx in (2, 3) else f"sum-mod-{p}-of-{shape.n_ctx}"
    return " or ".join(filter(None, [ranked, f"--task {added}"]))


def _stated(weights: Weights, name: str) -> Task:
    try:
        return task_named(name, weights.shape)
    except ModelError as error:
        raise ModelError(
            f"{weights.source} states in its metadata a task that it cannot have; --task names "
            f"another. {error}"
        ) from error
