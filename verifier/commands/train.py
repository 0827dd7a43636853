"""`ballproof train`: make a model of a task, by the recipe of its kind."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from ballproof.models.architectures import Shape
from ballproof.models.files import require_writable
from ballproof.models.recipe import Recipe
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import task_named
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output, out_option, pass_terminal
from ballproof.verifier.commands.train_layers import (
    SIZE,
    Layers,
    deep_recipe_with,
    layer_options,
)
from ballproof.verifier.proving.extras import installing

MISSING_TORCH = (
    f"Training needs torch, which is not installed: {installing('train')} "
    "(or a CPU build of torch) provides it."
)
SAMPLES = 100_000


class Sizes(NamedTuple):
    """The sizes of a model that answers max, min, rank or argmax, None where they are usual."""

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


@click.command()
@click.option("--n-ctx", type=SIZE, help="Context length k; left out, it is the task's.")
@click.option(
    "--task",
    "task_name",
    help="What the model learns: max-of-4, min-of-4, rank-2-of-4, argmax-of-4, add-mod-113, "
    "product-in-s5, ...; left out, max-of-k.",
)
@click.option("--seed", required=True, type=click.IntRange(0, 2**63 - 1), help="Random seed.")
@click.option("--d-vocab", type=SIZE, show_default="64", help="Vocabulary.")
@click.option(
    "--d-vocab-out",
    type=SIZE,
    help="Number of logits; left out, the vocabulary, and for argmax the positions that are read.",
)
@click.option("--d-model", type=SIZE, show_default="32", help="Residual width.")
@click.option("--d-head", type=SIZE, show_default="32", help="Head width.")
@layer_options
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="Optimizer steps; left out, 3000, for sums and products what is usual for their size.",
)
@click.option(
    "--batch",
    type=click.IntRange(0),
    help="Inputs a step, 0 for all at once; left out, 128, for sums and products what is usual.",
)
@click.option(
    "--fraction",
    type=click.FloatRange(0, 1, min_open=True),
    help="Sums and products: the part of the inputs that is trained on; left out, 0.8 and 1.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Sums and products: a file to keep the state of training in, and to go on from.",
)
@out_option
@pass_terminal
def train(
    terminal: Terminal,
    task_name: str | None,
    out: Path,
    n_ctx: int | None,
    d_vocab: int | None,
    d_vocab_out: int | None,
    d_model: int | None,
    d_head: int | None,
    n_layers: int | None,
    n_heads: int | None,
    d_mlp: int | None,
    activation: str | None,
    norm: str | None,
    readout: str | None,
    seed: int,
    steps: int | None,
    batch: int | None,
    fraction: float | None,
    state: Path | None,
) -> None:
    """Train a model by the recipe of its task and write its weights.

    max, min, rank and argmax are learnt by one head of attention, by the published recipe of
    max-of-k; add-mod-p by four heads and an MLP, read at a third token, and product-in-s5 and the
    like by a two-token network, after theirs; after-6-of-12, balanced-12, sum-mod-10-of-4 and
    parity-12 by two layers. All but the first are tried on all inputs as they train, and their best
    weights are kept. The file states the task in its metadata. The same torch version gives the
    same weights for the same seed. Needs the `train` extra.

    \b
    Examples:
      ballproof train --n-ctx 4 --seed 123 --out model.safetensors
      ballproof train --task rank-2-of-4 --seed 50 --out second.safetensors
      ballproof train --task add-mod-59 --seed 0 --state half.pt --out sum.safetensors
      ballproof train --task balanced-12 --n-layers 3 --norm rms --seed 0 --out words.safetensors
    """
    sizes = Sizes(n_ctx, d_vocab, d_vocab_out, d_model, d_head)
    training = Training(seed, steps, batch, fraction, state)
    layers = Layers(n_layers, n_heads, d_mlp, activation, norm, readout)
    recipe = None if task_name is None else recipe_of(task_name)
    if layers.stated or (recipe is not None and recipe.design):
        task_name = task_name or f"max-of-{_positions(sizes.n_ctx, '')}"
        given = recipe.shape if recipe else _plain_shape(task_name, sizes)
        stated = {key: x for key, x in sizes._asdict().items() if x is not None}
        recipe = deep_recipe_with(recipe, given, stated, layers, task_name)
        sizes = Sizes(*[None] * len(sizes))
    try:
        if task_name is not None and recipe is not None:
            _train_pairs(terminal, task_name, _changed(recipe, sizes, training), training, out)
        else:
            _train_sequences(terminal, task_name, sizes, training, out)
    except ImportError:
        raise click.UsageError(MISSING_TORCH) from None


def _train_sequences(
    terminal: Terminal, task_name: str | None, sizes: Sizes, training: Training, out: Path
) -> None:
    """Train by the recipe of max-of-k, on fresh sequences in every step."""
    from ballproof.models.train import sampled_accuracy
    from ballproof.models.train import train as run

    if training.fraction is not None or training.state is not None or training.batch == 0:
        raise click.UsageError(
            "--fraction, --state and --batch 0 are for tasks whose inputs are listed: add-mod-113 "
            "and product-in-s5 are examples."
        )
    output = Output(terminal, out)
    name = task_name or f"max-of-{_positions(sizes.n_ctx, '')}"
    k, d_vocab = _positions(sizes.n_ctx, name), sizes.d_vocab or 64
    outputs = _outputs(sizes.d_vocab_out, d_vocab, name)
    shape = Shape(d_vocab, k, sizes.d_model or 32, sizes.d_head or 32, outputs)
    task = task_named(name, shape)
    with terminal.bar("training") as progress:
        arrays, loss = run(
            task, shape, training.seed, training.steps or 3000, training.batch or 128, progress
        )
    named = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    data = write_tensors(named.values(), {"task": task.name(shape)})
    output.write(data)
    accuracy = sampled_accuracy(task, arrays, SAMPLES, training.seed)
    terminal.result(
        f"{output}: {task.name(shape)}, last batch loss {loss:.5f}, {accuracy:.5f} of {SAMPLES} "
        "sampled inputs right",
        f"sha256 {weights_from_bytes(data, str(output)).digest}",
    )


def _train_pairs(
    terminal: Terminal, name: str, recipe: Recipe, training: Training, out: Path
) -> None:
    """Train by a recipe for inputs that are listed."""
    from ballproof.models.train_pairs import file_of, train_pairs

    output = Output(terminal, out)
    if training.state is not None:
        require_writable(training.state)
    task = task_named(name, recipe.shape)
    with terminal.bar("training") as progress:
        trained = train_pairs(task, recipe, training.seed, progress, training.state)
    data = file_of(trained, task, recipe, training.seed)
    output.write(data)
    right, lead = trained.score
    terminal.result(
        f"{output}: {task.name(recipe.shape)}, {right} of {trained.total} inputs right in float32, "
        f"least lead {lead:.4g}",
        f"sha256 {weights_from_bytes(data, str(output)).digest}",
    )


def _plain_shape(task_name: str, sizes: Sizes) -> Shape:
    k, d_vocab = _positions(sizes.n_ctx, task_name), sizes.d_vocab or 64
    return Shape(d_vocab, k, 32, 32, _outputs(sizes.d_vocab_out, d_vocab, task_name))


def _changed(recipe: Recipe, sizes: Sizes, training: Training) -> Recipe:
    """Return the recipe with the options of training; its sizes are the task's."""
    stated = [f"--{key.replace('_', '-')}" for key, x in sizes._asdict().items() if x is not None]
    if stated:
        raise click.UsageError(f"{stated[0]} is not for sums and products: their recipe sets it.")
    options = training._asdict()
    changes = {key: options[key] for key in ("steps", "batch", "fraction")}
    return replace(recipe, **{key: x for key, x in changes.items() if x is not None})


def _positions(n_ctx: int | None, task_name: str) -> int:
    """Return the context length that is stated, or that a plain name such as min-of-4 implies."""
    plain = re.fullmatch(r".*-of-([1-9][0-9]{0,3})", task_name)
    if n_ctx is not None:
        return n_ctx
    if plain is None:
        raise click.UsageError("State the context length with --n-ctx, or a task, as min-of-4.")
    return int(plain[1])


def _outputs(d_vocab_out: int | None, d_vocab: int, task_name: str) -> int:
    """Return the number of logits: an argmax needs one for each position that is read."""
    read = re.match(r"argmax(?:-[0-9]+)?-of-([1-9][0-9]{0,3})", task_name)
    if d_vocab_out is not None:
        return d_vocab_out
    return d_vocab if read is None else int(read[1])
