"""Deep transformers: layers in sequence, with norms, activations and readouts of several kinds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ballproof.models.architectures.architecture import Architecture, Shapes, Stated
from ballproof.models.architectures.layers.design import Design
from ballproof.models.architectures.layers.forward import logits
from ballproof.models.architectures.layers.layout import (
    check_design,
    check_layout,
    check_names,
    expected_shapes,
    fits,
    hidden_widths,
    ones_of,
    optional_of,
    unstated,
)
from ballproof.models.architectures.layers.names import LINEAR, W_POS
from ballproof.models.architectures.layers.settings import design_of


def _specialised(shapes: Shapes, stated: Stated, source: str) -> Architecture:
    """Return the function of these tensors with the parts that the file states."""
    text = stated.parts
    design = unstated(shapes, source) if text is None else design_of(text, source)
    n_ctx = shapes[W_POS][0] if W_POS in shapes else stated.n_ctx or stated.reads
    check_design(design, shapes, n_ctx, source)
    return replace(
        LAYERS,
        parts=design.parts,
        words=design.words,
        tensors=partial(expected_shapes, design=design, widths=hidden_widths(shapes)),
        optional=optional_of(design),
        ones=ones_of(design),
        assumed=_assumed(design),
    )


def _assumed(design: Design) -> str:
    norms = [design.final, *(x for y in design.layers for x in (y.before_attention, y.before_mlp))]
    plain = "" if any(norms) else "no normalisation, "
    return f"{plain}{design.words}"


# Parts, words, tensors and assumptions are those of one file: see `specialised`.
LAYERS = Architecture(
    parts=(),
    words="layers of attention and MLPs",
    fits=fits,
    check_names=check_names,
    sizes=check_layout,
    tensors=expected_shapes,
    optional=(),
    linear=LINEAR,
    logits=logits,
    specialised=_specialised,
    every_row=True,
)
