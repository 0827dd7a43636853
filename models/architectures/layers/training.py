"""What training needs of deep transformers (needs the `train` extra, torch)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from ballproof.models.architectures.architecture import Shape
from ballproof.models.architectures.layers.design import Design, Norm
from ballproof.models.architectures.layers.layout import expected_shapes, ones_of, optional_of
from ballproof.models.architectures.layers.names import (
    B_U,
    W_E,
    W_POS,
    W_U,
    bias_of_readout,
    in_layer,
    weight_of_readout,
)

Weights = dict[str, torch.Tensor]
_ACTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu-tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
}


def initial(
    shape: Shape, design: Design, widths: tuple[int, ...], generator: torch.Generator
) -> Weights:
    """Return the weights before training: normal, with a deviation of 1/sqrt(d_model).

    That of the maps after the residual stream is 1/sqrt(inputs). Weights of norms start at 1,
    biases at 0; attention has none.
    """
    weights = {}
    dims = expected_shapes(shape, design, widths)
    for name, size in dims.items():
        if name in ones_of(design):
            weights[name] = torch.ones(size)
        elif name in optional_of(design) and name != W_POS:
            if ".attn." not in name:
                weights[name] = torch.zeros(size)
        else:
            width = size[-2] if name.endswith("W_out") or "hidden" in name else shape.d_model
            drawn = torch.empty(size).normal_(0, 1 / math.sqrt(width), generator=generator)
            weights[name] = drawn
    return weights


def logits_of(
    design: Design, each: bool = False
) -> Callable[[Weights, torch.Tensor], torch.Tensor]:
    """Return the function from weights and tokens (batch, n_ctx) to logits (batch, outputs).

    With `each` they are those of every position (batch, n_ctx, outputs), whichever is read.
    """

    def logits(weights: Weights, tokens: torch.Tensor) -> torch.Tensor:
        stream = functional.embedding(tokens, weights[W_E])
        stream = stream + weights[W_POS] if design.positions else stream
        for number, layer in enumerate(design.layers):
            normed = _normed(stream, layer.before_attention, in_layer(number, "ln1"), weights)
            stream = stream + _attended(normed, design, number, weights)
            if layer.activation is not None:
                normed = _normed(stream, layer.before_mlp, in_layer(number, "ln2"), weights)
                inner = _linear(normed, weights, in_layer(number, "mlp.W_in"))
                act = _ACTS[layer.activation]
                gate = weights.get(in_layer(number, "mlp.W_gate"))
                inner = act(inner) if gate is None else act(normed @ gate) * inner
                stream = stream + _linear(inner, weights, in_layer(number, "mlp.W_out"))
        normed = _normed(stream, design.final, "ln_final", weights)
        return _unembedded(normed if each else _read(normed, design), design, weights)

    return logits


def _linear(x: torch.Tensor, weights: Weights, name: str) -> torch.Tensor:
    """Return x W + b, with the bias beside the matrix of this name."""
    return x @ weights[name] + weights[name.replace("W_", "b_")]


def _normed(x: torch.Tensor, norm: Norm | None, name: str, weights: Weights) -> torch.Tensor:
    if norm is None:
        return x
    weight, eps = weights[f"{name}.w"], float(norm.eps)
    if norm.kind == "layer":
        return functional.layer_norm(x, x.shape[-1:], weight, weights[f"{name}.b"], eps)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def _attended(x: torch.Tensor, design: Design, number: int, weights: Weights) -> torch.Tensor:
    """Return what attention adds; its softmax is plain."""
    queries, keys, values = (
        torch.einsum("nkd,adh->nakh", x, weights[in_layer(number, f"attn.W_{letter}")])
        for letter in "QKV"
    )
    scores = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])
    if design.attention.mask == "causal":
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(hidden, -math.inf)
    mixed = torch.softmax(scores, -1) @ values
    return torch.einsum("nakh,ahd->nkd", mixed, weights[in_layer(number, "attn.W_O")])


def _read(stream: torch.Tensor, design: Design) -> torch.Tensor:
    if isinstance(design.position, int):
        return stream[:, design.position]
    if design.position == "last":
        return stream[:, -1]
    return stream.sum(1) if design.position == "sum" else stream.mean(1)


def _unembedded(read: torch.Tensor, design: Design, weights: Weights) -> torch.Tensor:
    for number in range(1, design.readouts):
        read = read @ weights[weight_of_readout(number)] + weights[bias_of_readout(number)]
        read = functional.relu(read)
    return read @ weights[W_U] + weights[B_U]
