"""Train on fresh inputs, drawn at random: one head, several heads, or a layer of neurons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import click

from ballproof.models.architectures import Shape
from ballproof.models.tasks import positions_named, task_named
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output

SAMPLES = 100_000
# Of one head, by the published recipe.
STEPS = 3000
BATCH = 128


class Sizes(NamedTuple):
    """The sizes of a model that learns from inputs drawn at random, None where they are usual."""

    n_ctx: int | None
    d_vocab: int | None
    d_vocab_out: int | None
    d_model: int | None
    d_head: int | None


class Training(NamedTuple):
    """What the options say of training, None where it is as in the recipe."""

    seed: int
    steps: int | None
    batch: int | None
    fraction: float | None
    state: Path | None


def train_sequences(
    terminal: Terminal,
    task_name: str | None,
    sizes: Sizes,
    heads: tuple[int, int],
    training: Training,
    out: Path,
) -> None:
    """Train one layer with so many `heads` and neurons, on fresh sequences in every step."""
    from ballproof.models.train import sampled_accuracy
    from ballproof.models.train import train as run

    if training.fraction is not None or training.state is not None or training.batch == 0:
        raise click.UsageError(
            "--fraction, --state and --batch 0 are for tasks whose inputs are listed: add-mod-113 "
            "and product-in-s5 are examples."
        )
    output = Output(terminal, out)
    name = task_name or f"max-of-{positions_of(sizes.n_ctx, '')}"
    shape, steps, batch, recipe = _recipe(name, sizes, heads, training)
    task = task_named(name, shape)
    with terminal.bar("training") as progress:
        arrays, loss = run(task, shape, training.seed, steps, batch, progress)
    named = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    data = write_tensors(named.values(), {"task": task.name(shape), **recipe})
    output.write(data)
    accuracy = sampled_accuracy(task, arrays, SAMPLES, training.seed)
    terminal.result(
        f"{output}: {task.name(shape)}, last batch loss {loss:.5f}, {accuracy:.5f} of {SAMPLES} "
        "sampled inputs right",
        f"sha256 {weights_from_bytes(data, str(output)).digest}",
    )


def plain_shape(task_name: str, sizes: Sizes) -> Shape:
    """Return the sizes of one head that are stated, with the usual ones for the others."""
    k, d_vocab = positions_of(sizes.n_ctx, task_name), sizes.d_vocab or 64
    outputs = _outputs(sizes.d_vocab_out, d_vocab, task_name)
    return Shape(d_vocab, k, sizes.d_model or 32, sizes.d_head or 32, outputs)


def _recipe(
    name: str, sizes: Sizes, heads: tuple[int, int], training: Training
) -> tuple[Shape, int, int, dict[str, str]]:
    """Return sizes, steps, batch, and what the file states of them."""
    from ballproof.models import train

    shape = plain_shape(name, sizes)
    if heads == (1, 0):
        # The models of the study state no recipe.
        return shape, training.steps or STEPS, training.batch or BATCH, {}
    shape = train.several(shape, *heads, sizes.d_head)
    steps, batch = training.steps or train.STEPS, training.batch or train.BATCH
    return shape, steps, batch, {"recipe": train.words_of_recipe(steps, batch, training.seed)}


def positions_of(n_ctx: int | None, task_name: str) -> int:
    """Return the context length that is stated, or that a name such as min-of-4 implies."""
    named = n_ctx or positions_named(task_name)
    if named is None:
        raise click.UsageError("State the context length with --n-ctx, or a task, as min-of-4.")
    return named


def _outputs(d_vocab_out: int | None, d_vocab: int, task_name: str) -> int:
    """Return the number of logits: an argmax needs one for each position that is read."""
    read = re.match(r"argmax(?:-[0-9]+)?-of-([1-9][0-9]{0,3})", task_name)
    if d_vocab_out is not None:
        return d_vocab_out
    return d_vocab if read is None else int(read[1])
