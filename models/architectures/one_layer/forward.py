"""The forward pass, written from its definition: what every theorem is about.

Deliberately not built on the program of look-ups, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from operator import add

import flint

from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.balls import balls, relu, softmax
from ballproof.models.architectures.one_layer.layout import (
    B_IN,
    B_K,
    B_O,
    B_OUT,
    B_Q,
    B_U,
    B_V,
    W_E,
    W_IN,
    W_K,
    W_O,
    W_OUT,
    W_POS,
    W_Q,
    W_U,
    W_V,
)
from ballproof.models.architectures.one_layer.settings import Settings, of_parts


def logits(weights: Weights, sequence: Sequence[int]) -> list[flint.arb]:
    """Enclose the logits at the last position, at the precision in force."""
    tensor, settings = weights.tensors, of_parts(weights.architecture.parts, weights.source)
    embed, positions = tensor[W_E], tensor[W_POS]
    residuals = [balls(embed.row(t) + positions.row(i)) for i, t in enumerate(sequence)]
    middle = residuals[-1] + balls(tensor[B_O])
    for head in range(weights.shape.n_heads):
        middle += _head(weights, head, residuals, settings)
    if weights.shape.d_mlp:
        inner = relu(middle * balls(tensor[W_IN]) + balls(tensor[B_IN]))
        middle += inner * balls(tensor[W_OUT]) + balls(tensor[B_OUT])
    return (middle * balls(tensor[W_U]) + balls(tensor[B_U])).entries()


def _head(
    weights: Weights, head: int, residuals: list[flint.arb_mat], settings: Settings
) -> flint.arb_mat:
    """Enclose what a head adds to the residual stream at the last position."""
    tensor, (d, h) = weights.tensors, (weights.shape.d_model, weights.shape.d_head)

    def of(name: str, rows: int) -> flint.arb_mat:
        return balls(tensor[name].rows(head * rows, (head + 1) * rows))

    query = residuals[-1] * of(W_Q, d) + of(B_Q, 1)
    into_key, key_bias, into_value, value_bias = of(W_K, d), of(B_K, 1), of(W_V, d), of(B_V, 1)
    keys = [residual * into_key + key_bias for residual in residuals]
    values = [residual * into_value + value_bias for residual in residuals]
    scale = flint.arb(h).sqrt()
    scores = [(query * key.transpose())[0, 0] / scale for key in keys]
    attention = _attention(scores, settings)
    mixed = reduce(add, [value * a for value, a in zip(values, attention, strict=True)])
    return mixed * of(W_O, h)


def _attention(scores: list[flint.arb], settings: Settings) -> list[flint.arb]:
    share, count = settings.share, len(scores) if settings.normalised else 1
    uniform = (1 - share) / count
    return [_exact(share) * weight + _exact(uniform) for weight in softmax(scores)]


def _exact(x: Fraction) -> flint.arb:
    return flint.arb(x.numerator) / x.denominator
