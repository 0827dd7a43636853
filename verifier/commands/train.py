"""`ballproof train`: make a model of a task, by the recipe of its kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ballproof.models.files import require_writable
from ballproof.models.recipe import Recipe
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import task_named
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output, out_option, pass_terminal
from ballproof.verifier.commands.train_layers import (
    SIZE,
    Layers,
    deep_recipe_with,
    layer_options,
)
from ballproof.verifier.commands.train_sequences import (
    Sizes,
    Training,
    plain_shape,
    positions_of,
    train_sequences,
)
from ballproof.verifier.proving.extras import installing

MISSING_TORCH = (
    f"Training needs torch, which is not installed: {installing('train')} "
    "(or a CPU build of torch) provides it."
)


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
@click.option(
    "--d-head",
    type=SIZE,
    help="Head width; left out, 32, of several heads the residual width divided among them.",
)
@layer_options
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="Optimizer steps; left out, 3000, with several heads or an MLP 5000, for sums and "
    "products what is usual for their size.",
)
@click.option(
    "--batch",
    type=click.IntRange(0),
    help="Inputs a step, 0 for all at once; left out, 128, with several heads or an MLP 256, for "
    "sums and products what is usual.",
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

    max, min, rank and argmax are learnt from inputs drawn at random: by one head of attention, by
    the published recipe of max-of-k, or with --n-heads or --d-mlp by one layer of several heads, an
    MLP (ReLU), or both. add-mod-p is learnt by four heads and an MLP, read at a third token,
    product-in-s5 and the like by a two-token network, after the recipes of their literature;
    after-6-of-12, balanced-12, sum-mod-10-of-4 and parity-12 by two layers. All but the first are
    tried on all inputs as they train, and their best weights are kept. The file states the task in
    its metadata. The same torch version gives the same weights for the same seed. Needs the `train`
    extra.

    \b
    Examples:
      ballproof train --n-ctx 4 --seed 123 --out model.safetensors
      ballproof train --task rank-2-of-4 --seed 50 --out second.safetensors
      ballproof train --task max-of-4 --n-heads 2 --d-mlp 64 --seed 5 --out heads.safetensors
      ballproof train --task add-mod-59 --seed 0 --state half.pt --out sum.safetensors
      ballproof train --task balanced-12 --n-layers 3 --norm rms --seed 0 --out words.safetensors
    """
    sizes = Sizes(n_ctx, d_vocab, d_vocab_out, d_model, d_head)
    training = Training(seed, steps, batch, fraction, state)
    layers = Layers(n_layers, n_heads, d_mlp, activation, norm, readout)
    recipe = None if task_name is None else recipe_of(task_name)
    drawn = recipe is None and (layers.are_one or not layers.stated)
    if not drawn and (layers.stated or (recipe is not None and recipe.design)):
        task_name = task_name or f"max-of-{positions_of(sizes.n_ctx, '')}"
        given = recipe.shape if recipe else plain_shape(task_name, sizes)
        stated = {key: x for key, x in sizes._asdict().items() if x is not None}
        recipe = deep_recipe_with(recipe, given, stated, layers, task_name)
        sizes = Sizes(*[None] * len(sizes))
    try:
        if task_name is not None and recipe is not None:
            _train_pairs(terminal, task_name, _changed(recipe, sizes, training), training, out)
        else:
            heads = (layers.n_heads or 1, layers.d_mlp or 0)
            train_sequences(terminal, task_name, sizes, heads, training, out)
    except ImportError:
        raise click.UsageError(MISSING_TORCH) from None


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


def _changed(recipe: Recipe, sizes: Sizes, training: Training) -> Recipe:
    """Return the recipe with the options of training; its sizes are the task's."""
    stated = [f"--{key.replace('_', '-')}" for key, x in sizes._asdict().items() if x is not None]
    if stated:
        raise click.UsageError(f"{stated[0]} is not for sums and products: their recipe sets it.")
    options = training._asdict()
    changes = {key: options[key] for key in ("steps", "batch", "fraction")}
    return replace(recipe, **{key: x for key, x in changes.items() if x is not None})
