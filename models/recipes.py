"""Recipes: how models of two tokens are trained, whose inputs can all be listed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ballproof.models.architectures import Architecture, Shape
from ballproof.models.architectures.one_layer import ONE_LAYER
from ballproof.models.architectures.one_layer.layout import SIZES as ONE_LAYER_SIZES
from ballproof.models.architectures.pair import PAIR
from ballproof.models.architectures.pair.layout import SIZES as PAIR_SIZES
from ballproof.models.tasks import task_named
from ballproof.models.tasks.groups import Group

_SUM = re.compile(r"(?a:add-mod-([1-9]\d{0,3})(?:\[.*\])?)")
_PRODUCT = re.compile(r"(?a:product-in-([cdsa][1-9]\d{0,3})(?:\[.*\])?)")
# Pairs of tokens in a step of modular addition.
BATCH = 1024


@dataclass(frozen=True)
class Recipe:
    """How a model is trained on its inputs.

    A step takes `batch` inputs, uniform with repetition from those that are trained on, or all of
    them for 0. These are `fraction` of all, drawn by the seed. The learning rate rises over
    `warm_up` steps, and falls along a cosine over the last `cooling` share of the steps. Weight
    decay is `decoupled` (AdamW), or else added to the gradient (Adam with an L2 penalty).
    """

    architecture: Architecture
    shape: Shape
    steps: int
    batch: int
    fraction: float
    learning_rate: float
    weight_decay: float
    decoupled: bool
    betas: tuple[float, float] = (0.9, 0.98)
    warm_up: int = 10
    cooling: float = 0.2

    def words(self, seed: int) -> str:
        """Return the recipe for a reader, as the file's metadata state it."""
        decay = "weight decay" if self.decoupled else "L2"
        batches = f"batches of {self.batch}" if self.batch else "all in a batch"
        return (
            f"{'AdamW' if self.decoupled else 'Adam'}, learning rate {self.learning_rate:g}, "
            f"betas {self.betas[0]:g} and {self.betas[1]:g}, {decay} {self.weight_decay:g}, "
            f"{self.fraction:.3g} of the inputs, {batches}, {self.steps} steps, "
            f"{self.warm_up} of warm-up, cosine over the last {self.cooling:.3g}, best of every "
            f"hundredth step, seed {seed}"
        )


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
    return None


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
