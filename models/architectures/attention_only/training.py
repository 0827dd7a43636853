"""The forward pass that training differentiates (needs the `train` extra, torch)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from ballproof.models.architectures.attention_only.layout import (
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


def last_logits(weights: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Logits at the last position, (batch, outputs); only its query is ever needed.

    Keys and values are projected once per token and once per position, then looked up: the
    projections are linear, so this is the forward pass with its terms in another order.
    """
    embed, pos = weights[W_E], weights[W_POS]
    w_k, w_v = weights[W_K], weights[W_V]
    residual = functional.embedding(tokens[:, -1], embed) + pos[-1]
    query = residual @ weights[W_Q] + weights.get(B_Q, 0.0)
    keys = functional.embedding(tokens, embed @ w_k) + pos @ w_k
    scores = (keys @ query.unsqueeze(2)).squeeze(2) / math.sqrt(query.shape[1])
    attention = torch.softmax(scores, dim=1)
    values = functional.embedding(tokens, embed @ w_v) + pos @ w_v
    mixed = (attention.unsqueeze(1) @ values).squeeze(1) + weights.get(B_V, 0.0)
    residual = residual + mixed @ weights[W_O]
    residual = residual + weights.get(B_O, 0.0)
    logits: torch.Tensor = residual @ weights[W_U]
    return logits + weights.get(B_U, 0.0)
