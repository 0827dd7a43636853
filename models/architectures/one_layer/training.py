"""What training needs of a one-layer transformer (needs the `train` extra, torch)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from ballproof.models.architectures.architecture import Shape
from ballproof.models.architectures.attention_only.layout import BIAS_NAMES
from ballproof.models.architectures.one_layer.layout import (
    B_IN,
    B_OUT,
    W_E,
    W_IN,
    W_K,
    W_O,
    W_OUT,
    W_POS,
    W_Q,
    W_U,
    W_V,
    expected_shapes,
)


def initial(shape: Shape, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Return the weights before training: normal, with a deviation of 1/sqrt(d_model).

    That of the unembedding is 1/sqrt(d_vocab). The biases are those of the MLP, which start at 0;
    there are no others.
    """
    weights = {}
    for name, dims in expected_shapes(shape).items():
        if name in (B_IN, B_OUT):
            weights[name] = torch.zeros(dims)
        elif name not in BIAS_NAMES:
            width = shape.d_vocab if name == W_U else shape.d_model
            weights[name] = torch.empty(dims).normal_(0, 1 / math.sqrt(width), generator=generator)
    return weights


def last_logits(weights: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Logits at the last position, (batch, outputs); biases of attention are absent.

    Keys and values are projected once per token and once per position, then looked up.
    """
    residual = functional.embedding(tokens[:, -1], weights[W_E]) + weights[W_POS][-1]
    query = residual @ _merged(weights[W_Q])
    keys, values = (_looked_up(weights, name, tokens) for name in (W_K, W_V))
    heads, _, d_head = weights[W_Q].shape
    split = (*tokens.shape, heads, d_head)
    products = (keys * query.unsqueeze(1)).view(split).sum(3)
    attention = torch.softmax(products / math.sqrt(d_head), dim=1)
    mixed = (attention.unsqueeze(3) * values.view(split)).sum(1).flatten(1)
    residual = residual + mixed @ weights[W_O].flatten(0, 1)
    if W_IN in weights:
        neurons = torch.relu(residual @ weights[W_IN] + weights[B_IN])
        residual = residual + neurons @ weights[W_OUT] + weights[B_OUT]
    return residual @ weights[W_U]


def _looked_up(weights: dict[str, torch.Tensor], name: str, tokens: torch.Tensor) -> torch.Tensor:
    """Return what the heads make of each position, (batch, n_ctx, heads x d_head)."""
    matrix = _merged(weights[name])
    return functional.embedding(tokens, weights[W_E] @ matrix) + weights[W_POS] @ matrix


def _merged(matrix: torch.Tensor) -> torch.Tensor:
    """Return the matrices of all heads side by side, (d_model, heads x d_head)."""
    return matrix.transpose(0, 1).flatten(1)
