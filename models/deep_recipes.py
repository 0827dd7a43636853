"""Recipes of deep transformers: sizes, parts and steps that learn a task on listed inputs."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from ballproof.models.architectures import Shape
from ballproof.models.architectures.layers import LAYERS
from ballproof.models.architectures.layers.design import Design, Layer, Norm
from ballproof.models.architectures.layers.layout import SIZES
from ballproof.models.recipe import Recipe

_AFTER = re.compile(r"(?a:after-([3-9])-of-([1-9]\d{0,2})(?:\[.*\])?)")
_BALANCED = re.compile(r"(?a:balanced-([1-9]\d?))")
_SUM = re.compile(r"(?a:sum-mod-([1-9]\d{0,2})-of-([3-9]|[1-9]\d)(?:\[.*\])?)")
_PARITY = re.compile(r"(?a:parity-([3-9]|[1-9]\d))")
# As many inputs are listed in a second or two.
MOST_INPUTS = 2**22
EPS = Fraction(1, 100_000)


class Kind(NamedTuple):
    """What the layers of a deep transformer are, all alike, and what is read in the end.

    Without an activation there are no MLPs; `norm` is layer, rms or none. The readout may have
    hidden layers of these widths.
    """

    layers: int
    activation: str | None
    norm: str | None = None
    position: str = "last"
    widths: tuple[int, ...] = ()


def design_of_kind(kind: Kind, heads: int) -> Design:
    """Return the design: a norm, if any, before attention, before the MLP, and at the end."""
    norm = None if kind.norm is None else Norm(kind.norm, EPS)
    layer = Layer(norm, None if kind.activation is None else norm, kind.activation)
    return Design(
        heads,
        (layer,) * kind.layers,
        final=norm,
        position=kind.position,
        readouts=1 + len(kind.widths),
    )


def deep_recipe(shape: Shape, kind: Kind, steps: int, **options: float) -> Recipe:
    """Return the recipe of a deep transformer of these sizes, with as many layers as its kind."""
    shape = replace(
        shape,
        n_layers=kind.layers,
        d_mlp=shape.d_mlp if kind.activation else 0,
        stated=SIZES,
    )
    made = Recipe(
        LAYERS,
        shape,
        steps=steps,
        batch=512,
        fraction=1.0,
        learning_rate=2e-3,
        weight_decay=0.01,
        decoupled=True,
        betas=(0.9, 0.98),
        warm_up=100,
        cooling=0.5,
        design=design_of_kind(kind, shape.n_heads),
        widths=kind.widths,
    )
    return replace(made, **options)  # type: ignore[arg-type]


def deep_recipe_of(name: str) -> Recipe | None:
    """Return the recipe of a deep transformer for a task of this name, None where there is none.

    Induction is learnt by two layers of attention alone; balanced words and parity by MLPs with
    ReLU, the words with a sum over the positions; other sums by LayerNorm and GELU.
    """
    if match := _AFTER.fullmatch(name):
        n, v = int(match[1]), int(match[2])
        shape = Shape(v, n, 32, 16, v, 1)
        return _listed(deep_recipe(shape, Kind(2, None), 3000, every=500))
    if match := _BALANCED.fullmatch(name):
        shape = Shape(2, int(match[1]), 32, 16, 2, 2, 64)
        return _listed(deep_recipe(shape, Kind(2, "relu", None, "sum", (32,)), 1000, batch=128))
    match = _SUM.fullmatch(name) or _PARITY.fullmatch(name)
    if match is None:
        return None
    p, n = (2, int(match[1])) if match.re is _PARITY else (int(match[1]), int(match[2]))
    if p == 2:
        return _listed(deep_recipe(Shape(2, n, 32, 16, 2, 2, 64), Kind(2, "relu"), 4000, batch=128))
    shape = Shape(p, n, 32, 8, p, 4, 128)
    # Of a sum with coefficients, or of other positions, the one so far is another question.
    plain = "[" not in name
    options = {"batch": 256, "learning_rate": 5e-3, "prefixes": plain}
    return _listed(deep_recipe(shape, Kind(2, "gelu", "layer"), 1500, **options))


def kind_of(recipe: Recipe) -> Kind:
    """Return the kind of a deep transformer's recipe."""
    design = recipe.design
    if design is None:
        raise ValueError("The recipe is of no deep transformer.")
    norm = None if design.final is None else design.final.kind
    layer = design.layers[0]
    return Kind(len(design.layers), layer.activation, norm, str(design.position), recipe.widths)


def _listed(recipe: Recipe) -> Recipe | None:
    """Return the recipe, None where there are too many inputs to list."""
    return recipe if recipe.shape.d_vocab**recipe.shape.n_ctx <= MOST_INPUTS else None
