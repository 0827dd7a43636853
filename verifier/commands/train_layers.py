"""Options of `ballproof train` for layers, and what they make of a deep transformer's recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import click

from ballproof.models.architectures import Shape
from ballproof.models.architectures.layers.design import ACTIVATIONS, KINDS, POSITIONS
from ballproof.models.architectures.layers.names import MAX_LAYERS
from ballproof.models.deep_recipes import MOST_INPUTS, Kind, deep_recipe, kind_of
from ballproof.models.recipe import Recipe

SIZE = click.IntRange(1, 4096)
NONE = "none"


class Layers(NamedTuple):
    """What the options say of a deep transformer, None where it is as in the recipe."""

    n_layers: int | None
    n_heads: int | None
    d_mlp: int | None
    activation: str | None
    norm: str | None
    readout: str | None

    @property
    def stated(self) -> bool:
        """Whether any option is stated."""
        return any(value is not None for value in self)

    @property
    def are_one(self) -> bool:
        """Whether they say one layer of several heads or an MLP (ReLU), and no more."""
        plain = ((self.activation, "relu"), (self.norm, NONE), (self.readout, "last"))
        return (
            self.n_layers is None
            and (self.n_heads is not None or self.d_mlp is not None)
            and all(stated in (None, usual) for stated, usual in plain)
        )

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes that are stated, by name."""
        known = {"n_heads": self.n_heads, "d_mlp": self.d_mlp}
        return {name: size for name, size in known.items() if size is not None}


_OPTIONS = (
    click.option(
        "--n-layers",
        type=click.IntRange(1, MAX_LAYERS),
        help="Layers of a deep transformer, for any task whose inputs can be listed; left out, "
        "what is usual for the task.",
    ),
    click.option(
        "--n-heads",
        type=click.IntRange(1, 64),
        help="Heads of a layer; for a task whose inputs are drawn at random, such as max-of-4, "
        "there is one layer unless options of deep transformers are stated.",
    ),
    click.option(
        "--d-mlp", type=SIZE, help="Neurons of a layer (ReLU); left out, a single layer has none."
    ),
    click.option(
        "--activation",
        type=click.Choice([*ACTIVATIONS, NONE]),
        help="Deep transformers: of the MLPs, none for attention alone.",
    ),
    click.option(
        "--norm",
        type=click.Choice([*KINDS, NONE]),
        help="Deep transformers: before attention, before the MLPs and at the end.",
    ),
    click.option(
        "--readout",
        type=click.Choice(POSITIONS),
        help="Deep transformers: the last position, or the sum or mean of all.",
    ),
)


def layer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of deep transformers to a command."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def deep_recipe_with(
    recipe: Recipe | None, given: Shape, stated: dict[str, int], layers: Layers, task_name: str
) -> Recipe:
    """Return the recipe of a deep transformer with the options of sizes and layers.

    `given` are the sizes of the task's own recipe, `stated` those that the user states.
    """
    if recipe is None or recipe.design is None:
        recipe = deep_recipe(
            Shape(given.d_vocab, given.n_ctx, 32, 8, given.d_vocab_out, 4, 128),
            Kind(2, "relu"),
            3000,
        )
    usual = kind_of(recipe)
    kind = usual._replace(
        layers=layers.n_layers or usual.layers,
        activation=_named(layers.activation, usual.activation),
        norm=_named(layers.norm, usual.norm),
        position=layers.readout or usual.position,
    )
    sizes: dict[str, Any] = {**stated, **layers.sizes}
    shape = replace(recipe.shape, **sizes)
    shape = replace(shape, d_mlp=shape.d_mlp or 4 * shape.d_model)
    if shape.d_vocab**shape.n_ctx > MOST_INPUTS:
        raise click.UsageError(
            f"{task_name} has up to {shape.d_vocab}^{shape.n_ctx} inputs, where deep transformers "
            f"are trained on at most {MOST_INPUTS}, which are listed. With --n-heads and --d-mlp "
            "alone, one layer learns it from inputs drawn at random."
        )
    options: dict[str, float] = {"prefixes": recipe.prefixes and kind.position == "last"}
    options |= {"batch": recipe.batch, "every": recipe.every, "learning_rate": recipe.learning_rate}
    return deep_recipe(shape, kind, recipe.steps, **options)


def _named(stated: str | None, usual: str | None) -> str | None:
    return usual if stated is None else None if stated == NONE else stated
