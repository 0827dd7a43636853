"""The one-layer transformer: several heads, with or without an MLP, positions, a uniform share."""

from __future__ import annotations

from dataclasses import replace

from ballproof.models.architectures.architecture import Architecture, Shapes, Stated
from ballproof.models.architectures.one_layer.forward import logits
from ballproof.models.architectures.one_layer.layout import (
    LINEAR,
    OPTIONAL,
    W_POS,
    check_layout,
    check_names,
    expected_shapes,
    fits,
)
from ballproof.models.architectures.one_layer.program import program
from ballproof.models.architectures.one_layer.settings import of_stated, serves, words


def _specialised(shapes: Shapes, stated: Stated, source: str) -> Architecture:
    """Return the function of these tensors with the settings that the file states."""
    parts = of_stated(stated, source).parts(shapes)
    assumed = f"no normalisation, {'learned' if W_POS in shapes else 'no'} positions"
    for part in parts:
        if part["part"] in ("attention", "mlp"):
            assumed += f", {words((part,))}"
    return replace(ONE_LAYER, parts=parts, words=words(parts), assumed=assumed)


# Parts, words and assumptions are those of one file: see `specialised`.
ONE_LAYER = Architecture(
    parts=(),
    words="one layer of attention, with or without an MLP",
    fits=fits,
    check_names=check_names,
    sizes=check_layout,
    tensors=expected_shapes,
    optional=OPTIONAL,
    linear=LINEAR,
    logits=logits,
    program=program,
    specialised=_specialised,
    serves=serves,
)
