"""The float32 program of T12 with numpy, every sum in a given order, and with torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
from ballproof.models.architectures.programs import Arrays, Floats, Programs, Tokens, Total


def _numpy(w: Arrays, total: Total, sequences: Tokens) -> Floats:
    def layer(x: Floats, weight: Floats, bias: Floats) -> Floats:
        terms = [x[..., i, None] * weight[i] for i in range(len(weight))]
        return total([*terms, np.broadcast_to(bias[0], terms[0].shape)])

    x = w[W_E][sequences] + w[W_POS]
    query = layer(x[:, -1], w[W_Q], w[B_Q])
    keys, values = layer(x, w[W_K], w[B_K]), layer(x, w[W_V], w[B_V])
    scores = total([query[:, None, i] * keys[:, :, i] for i in range(query.shape[1])])
    scores = scores / np.sqrt(np.float32(query.shape[1]))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    attention = powers / total(list(powers.T))[:, None]
    mixed = total([attention[:, i, None] * values[:, i] for i in range(values.shape[1])])
    return layer(x[:, -1] + layer(mixed, w[W_O], w[B_O]), w[W_U], w[B_U])


def _torch(torch: Any, w: Mapping[str, Any], sequences: Any) -> Any:
    x = w[W_E][sequences] + w[W_POS]
    query = x[:, -1] @ w[W_Q] + w[B_Q]
    keys, values = x @ w[W_K] + w[B_K], x @ w[W_V] + w[B_V]
    scores = torch.einsum("nh,nkh->nk", query, keys) / query.shape[1] ** 0.5
    attention = torch.softmax(scores, dim=-1)
    mixed = torch.einsum("nk,nkh->nh", attention, values)
    return (x[:, -1] + mixed @ w[W_O] + w[B_O]) @ w[W_U] + w[B_U]


PROGRAMS = Programs(_numpy, _torch)
