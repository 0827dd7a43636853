"""The forward pass, written from its definition: what every theorem is about.

Deliberately not built on the path tables, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import flint

from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.attention_only.layout import (
    B_K,
    B_O,
    B_Q,
    B_U,
    B_V,
    W_E,
    W_K,
    W_O,
    W_POS,
    W_Q,
    W_U,
    W_V,
)
from ballproof.models.architectures.balls import balls, softmax


def logits(weights: Weights, sequence: Sequence[int]) -> list[flint.arb]:
    """Enclose the logits at the last position, at the precision in force."""
    tensor = {name: balls(matrix) for name, matrix in weights.tensors.items()}
    embed, pos = weights.tensors[W_E], weights.tensors[W_POS]
    residuals = [balls(embed.row(t) + pos.row(i)) for i, t in enumerate(sequence)]
    query = residuals[-1] * tensor[W_Q] + tensor[B_Q]
    keys = [residual * tensor[W_K] + tensor[B_K] for residual in residuals]
    values = [residual * tensor[W_V] + tensor[B_V] for residual in residuals]
    scale = flint.arb(weights.shape.d_head).sqrt()
    attention = softmax([(query * key.transpose())[0, 0] / scale for key in keys])
    mixed = reduce(
        lambda total, term: total + term,
        [value * alpha for value, alpha in zip(values, attention, strict=True)],
    )
    residual = residuals[-1] + mixed * tensor[W_O] + tensor[B_O]
    return (residual * tensor[W_U] + tensor[B_U]).entries()
