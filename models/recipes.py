"""Recipes: how models are trained whose inputs can all be listed."""

from __future__ import annotations

import re

from ballproof.models.architectures import Shape
from ballproof.models.architectures.one_layer import ONE_LAYER
from ballproof.models.architectures.one_layer.layout import SIZES as ONE_LAYER_SIZES
from ballproof.models.architectures.pair import PAIR
from ballproof.models.architectures.pair.layout import SIZES as PAIR_SIZES
from ballproof.models.deep_recipes import deep_recipe_of
from ballproof.models.recipe import Recipe
from ballproof.models.tasks import task_named
from ballproof.models.tasks.groups import Group

_SUM = re.compile(r"(?a:add-mod-([1-9]\d{0,3})(?:\[.*\])?)")
_PRODUCT = re.compile(r"(?a:product-in-([cdsa][1-9]\d{0,3})(?:\[.*\])?)")
# Pairs of tokens in a step of modular addition.
BATCH = 1024


def recipe_of(name: str) -> Recipe | None:
    """Return the recipe for a task of this name, None where there is none.

    It is that of the literature with fewer steps, and a rate that falls in the end. Sums of two
    tokens are learnt by a transformer, products of two by a two-token network. Raises ModelError
    for a name that has the form of these, and is none.
    """
    if match := _SUM.fullmatch(name):
        return _checked(name, _transformer(int(match[1])))
    if match := _PRODUCT.fullmatch(name):
        return _checked(name, _network(Group(match[1].upper()).order))
    recipe = deep_recipe_of(name)
    return None if recipe is None else _checked(name, recipe)


def _checked(name: str, recipe: Recipe) -> Recipe:
    task_named(name, recipe.shape)
    return recipe


def _transformer(p: int) -> Recipe:
    """Return the recipe of modular addition: `a b =`, four heads, an MLP, no norm.

    A step takes a batch, where the published recipe takes all inputs: that is slower.
    """
    return Recipe(
        ONE_LAYER,
        Shape(p + 1, 3, 128, 32, p, 4, 512, ONE_LAYER_SIZES),
        steps=2000,
        batch=BATCH,
        fraction=0.8,
        learning_rate=1e-3,
        weight_decay=1.0,
        decoupled=True,
    )


def _network(order: int) -> Recipe:
    """Return the recipe of a group: the sum of two embeddings, one hidden layer."""
    neurons = 64 if order < 60 else 128
    return Recipe(
        PAIR,
        Shape(order, 2, neurons, 0, order, 0, neurons, PAIR_SIZES),
        steps=2000 if order < 60 else 1500,
        batch=0,
        fraction=1.0,
        learning_rate=1e-2,
        weight_decay=2e-4,
        decoupled=False,
    )
