"""The two-token network: embeddings of two tokens, hidden layers with ReLU, an unembedding."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ballproof.models.architectures.architecture import Architecture, Shapes, Stated
from ballproof.models.architectures.pair.forward import logits
from ballproof.models.architectures.pair.layout import (
    ONE_HIDDEN,
    check_layout,
    check_names,
    expected_shapes,
    fits,
    layers_of,
)
from ballproof.models.architectures.pair.program import program


def _specialised(shapes: Shapes, stated: Stated, source: str) -> Architecture:
    """Return the function that these tensors show; there is nothing that they do not."""
    layers = layers_of(shapes)
    parts = (
        {"part": "pair", "inputs": layers.inputs},
        {"part": "mlp", "activation": "relu", "layers": layers.hidden},
        {"part": "readout"},
    )
    mlp = "mlp(relu)" if layers.hidden == 1 else f"mlp(relu,{layers.hidden}-layers)"
    return replace(
        PAIR,
        parts=parts,
        words=f"pair({layers.inputs}),{mlp},readout",
        tensors=partial(expected_shapes, layers=layers),
        optional=layers.optional,
    )


# The parts and words are those of one file: see `specialised`.
PAIR = Architecture(
    parts=(),
    words="two tokens and hidden layers",
    fits=fits,
    check_names=check_names,
    sizes=check_layout,
    tensors=expected_shapes,
    optional=ONE_HIDDEN.optional,
    logits=logits,
    program=program,
    specialised=_specialised,
    assumed="W_a the first token's, W_b the second's; ReLU after every hidden layer",
)
