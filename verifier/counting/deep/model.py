"""A deep model as doubles: the parts in order, each a map of rows with radii."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ballproof.models.architectures import Weights
from ballproof.verifier.counting.deep.attention import Attention
from ballproof.verifier.counting.deep.functions import activation
from ballproof.verifier.counting.deep.normalisation import Norm
from ballproof.verifier.counting.deep.rounding import (
    UNIT,
    Floats,
    Linear,
    Uncertain,
    added,
    relu,
    times,
)

Arrays = Mapping[str, Floats]
Part = Mapping[str, Any]


@dataclass(frozen=True)
class Mlp:
    """act(y W_in) W_out, or act(y W_gate) (y W_in) W_out; `name` is the activation's."""

    name: str
    into: Linear
    gate: Linear | None
    out: Linear

    def __call__(self, y: Uncertain) -> Uncertain:
        """Return what is added to the residual stream (N, d)."""
        act = activation(self.name)
        if self.gate is None:
            return self.out(act(self.into(y)))
        return self.out(times(act(self.gate(y)), self.into(y)))


@dataclass(frozen=True)
class Layer:
    """`read` maps rows (N, d) to queries, keys and values side by side, `write` heads to (N, d)."""

    before: Norm | None
    attention: Attention
    read: Linear
    write: Linear
    between: Norm | None
    mlp: Mlp | None


@dataclass(frozen=True)
class DeepModel:
    """The parts of a deep model; `place` is the read position, None for all.

    `embedding` (v, d) and `positions` (n, d) are exact. What all positions add up to is divided by
    their number where `mean`.
    """

    embedding: Floats
    positions: Floats
    causal: bool
    layers: tuple[Layer, ...]
    last: Norm | None
    place: int | None
    mean: bool
    readout: tuple[Linear, ...]

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        return len(self.positions)

    def start(self, tokens: np.ndarray, position: int) -> Uncertain:
        """Return the residual stream (N, d) of tokens (N,) at a position."""
        exact = self.embedding[tokens]
        return added(_exact(exact), _exact(self.positions[position]))

    def logits(self, x: Uncertain) -> Uncertain:
        """Return the logits (N, o) of the residuals that are read out (N, d)."""
        for layer in self.readout[:-1]:
            x = relu(layer(x))
        return self.readout[-1](x)


def deep_model(parts: Sequence[Part], tensors: Arrays, n_ctx: int) -> DeepModel:
    """Return the model of these parts and tensors, heads on an axis of their own."""
    groups, readout = _layered(parts)
    final = groups.pop()
    position = readout["position"]
    named = {"last": n_ctx - 1, "sum": None, "mean": None}
    embedding = tensors["embed.W_E"]
    positions = tensors.get("pos_embed.W_pos", np.zeros((n_ctx, embedding.shape[1])))
    attention = next(part for part in parts if part["part"] == "attention")
    return DeepModel(
        embedding,
        positions[:n_ctx],
        attention["mask"] == "causal",
        tuple(_layer(group, tensors, index) for index, group in enumerate(groups)),
        _norm(final.get("before"), tensors, "ln_final"),
        named[position] if isinstance(position, str) else position,
        position == "mean",
        _readout(tensors, readout.get("layers", 1)),
    )


def arrays_of(weights: Weights) -> dict[str, Floats]:
    """Return the tensors as doubles, which hold them exactly, heads on an axis of their own."""
    heads, found = weights.shape.n_heads, {}
    for name, matrix in weights.tensors.items():
        array = matrix.to_float()
        if ".attn.W_" in name:
            array = array.reshape(heads, -1, array.shape[1])
        elif _is_vector(name):
            array = array.reshape(-1)
        found[name] = array
    return found


def _is_vector(name: str) -> bool:
    ends = (".w", ".b", "b_O", "b_in", "b_out", "b_U")
    return name.endswith(ends) or ".b_hidden." in name


def _exact(x: Floats) -> Uncertain:
    return Uncertain(x, np.zeros_like(x))


def _layered(parts: Sequence[Part]) -> tuple[list[dict[str, Part]], Part]:
    """Return what each layer has, and what is left before the readout; and the readout."""
    groups: list[dict[str, Part]] = [{}]
    for part, following in zip(parts, [*parts[1:], {}], strict=True):
        match part["part"]:
            case "norm" if following.get("part") == "mlp":
                groups[-2]["between"] = part
            case "norm":
                groups[-1]["before"] = part
            case "attention":
                groups[-1]["attention"] = part
                groups.append({})
            case "mlp":
                groups[-2]["mlp"] = part
    return groups, parts[-1]


def _layer(group: Mapping[str, Part], tensors: Arrays, index: int) -> Layer:
    stem = f"blocks.{index}"
    attention = group["attention"]
    share = Fraction(attention.get("softmax", 1))
    read = [_from_heads(tensors, f"{stem}.attn", letter) for letter in "QKV"]
    write = tensors[f"{stem}.attn.W_O"]
    return Layer(
        _norm(group.get("before"), tensors, f"{stem}.ln1"),
        Attention(attention["heads"], share, attention.get("normalised", False)),
        Linear.of(np.hstack([m for m, _ in read]), np.hstack([b for _, b in read])),
        Linear.of(write.reshape(-1, write.shape[-1]), tensors.get(f"{stem}.attn.b_O")),
        _norm(group.get("between"), tensors, f"{stem}.ln2"),
        _mlp(group.get("mlp"), tensors, f"{stem}.mlp"),
    )


def _from_heads(tensors: Arrays, stem: str, letter: str) -> tuple[Floats, Floats]:
    """Return a matrix (d, H h) and a bias (H h,) of all heads side by side."""
    matrix = tensors[f"{stem}.W_{letter}"]
    heads, d, h = matrix.shape
    bias = tensors.get(f"{stem}.b_{letter}", np.zeros((heads, h)))
    return matrix.transpose(1, 0, 2).reshape(d, heads * h), bias.reshape(-1)


def _norm(part: Part | None, tensors: Arrays, stem: str) -> Norm | None:
    if part is None:
        return None
    exact = Fraction(part["eps"])
    eps = float(exact)
    weight, bias = tensors.get(f"{stem}.w"), tensors.get(f"{stem}.b")
    return Norm(part["kind"] == "layer", eps, 2 * UNIT * eps, weight, bias)


def _mlp(part: Part | None, tensors: Arrays, stem: str) -> Mlp | None:
    if part is None:
        return None
    gate = tensors[f"{stem}.W_gate"] if part.get("gated", False) else None
    return Mlp(
        part["activation"],
        Linear.of(tensors[f"{stem}.W_in"], tensors.get(f"{stem}.b_in")),
        None if gate is None else Linear.of(gate),
        Linear.of(tensors[f"{stem}.W_out"], tensors.get(f"{stem}.b_out")),
    )


def _readout(tensors: Arrays, layers: int) -> tuple[Linear, ...]:
    hidden = [
        Linear.of(tensors[f"readout.W_hidden.{j}"], tensors.get(f"readout.b_hidden.{j}"))
        for j in range(1, layers)
    ]
    return (*hidden, Linear.of(tensors["unembed.W_U"], tensors.get("unembed.b_U")))
