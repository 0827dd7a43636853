"""What training needs of a two-token network (needs the `train` extra, torch)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from ballproof.models.architectures.architecture import Shape
from ballproof.models.architectures.pair.layout import B_OUT, W_A, W_B, W_OUT


def initial(shape: Shape, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Return the weights before training: normal, with a deviation of 1/sqrt(d_mlp).

    Embeddings are added, and the one bias is that of the outputs, which starts at 0.
    """
    v, m, out = shape.d_vocab, shape.d_mlp, shape.d_vocab_out
    weights = {}
    for name, dims in {W_A: (v, m), W_B: (v, m), W_OUT: (m, out)}.items():
        weights[name] = torch.empty(dims).normal_(0, 1 / math.sqrt(m), generator=generator)
    return {**weights, B_OUT: torch.zeros(out)}


def last_logits(weights: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Logits of pairs of tokens, (batch, outputs)."""
    first = functional.embedding(tokens[:, 0], weights[W_A])
    second = functional.embedding(tokens[:, 1], weights[W_B])
    return torch.relu(first + second) @ weights[W_OUT] + weights[B_OUT]
