"""What deep transformers compute beyond their tensors: norms, activations, readout; their parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ballproof.models.architectures.one_layer.settings import Settings, attention_words

KINDS = ("layer", "rms")
ACTIVATIONS = ("relu", "gelu", "gelu-tanh", "silu")
POSITIONS = ("last", "sum", "mean")


@dataclass(frozen=True)
class Norm:
    """A normalisation: (x - mean) / sqrt(variance + eps) for `layer`, x / sqrt(mean(x^2) + eps) for
    `rms`; then weights, and a bias of `layer`, where the file holds them.
    """

    kind: str
    eps: Fraction

    @property
    def part(self) -> dict[str, Any]:
        """The part, as a certificate states it."""
        return {"part": "norm", "kind": self.kind, "eps": str(self.eps)}


@dataclass(frozen=True)
class Layer:
    """One layer: what stands before its attention, before its MLP, and the MLP's activation.

    Without an activation there is no MLP. A gated MLP is act(y W_gate) (y W_in + b_in).
    """

    before_attention: Norm | None = None
    before_mlp: Norm | None = None
    activation: str | None = None
    gated: bool = False

    @property
    def mlp(self) -> dict[str, Any]:
        """The part of the MLP, as a certificate states it."""
        part = {"part": "mlp", "activation": self.activation}
        return part | {"gated": True} if self.gated else part


@dataclass(frozen=True)
class Design:
    """All that the tensors of a deep transformer do not show, and what they show of its parts.

    `attention` is the same in every layer, `heads` too. `position` is what is read: the last one,
    the sum or the mean of all, or a stated one. `readouts` is the number of linear maps of the
    readout, hidden ones with ReLU first.
    """

    heads: int
    layers: tuple[Layer, ...]
    attention: Settings = field(default_factory=Settings)
    positions: bool = True
    final: Norm | None = None
    position: str | int = "last"
    readouts: int = 1

    @property
    def parts(self) -> tuple[dict[str, Any], ...]:
        """The parts, as a certificate states them."""
        first: list[dict[str, Any]] = [{"part": "embed"}]
        first += [{"part": "positions"}] if self.positions else []
        inner = [part for layer in self.layers for part in self._of(layer)]
        final = [] if self.final is None else [self.final.part]
        return (*first, *inner, *final, self._readout)

    @property
    def words(self) -> str:
        """The parts for a reader; layers with the same words are written once."""
        each = [",".join(map(_words, self._of(layer))) for layer in self.layers]
        count = len(each)
        inner = f"{count}*({each[0]})" if count > 1 and len(set(each)) == 1 else ",".join(each)
        first = ["embed", *(["positions"] if self.positions else [])]
        final = [] if self.final is None else [_words(self.final.part)]
        return ",".join([*first, inner, *final, _words(self._readout)])

    def _of(self, layer: Layer) -> list[dict[str, Any]]:
        parts = [] if layer.before_attention is None else [layer.before_attention.part]
        parts.append(self.attention.attention(self.heads))
        parts += [] if layer.before_mlp is None else [layer.before_mlp.part]
        return parts if layer.activation is None else [*parts, layer.mlp]

    @property
    def _readout(self) -> dict[str, Any]:
        part = {"part": "readout", "position": self.position}
        return part if self.readouts == 1 else part | {"layers": self.readouts}


def text_of(design: Design) -> str:
    """Return the parts as a file states them: JSON without spaces."""
    return json.dumps(design.parts, separators=(",", ":"))


def _words(part: Mapping[str, Any]) -> str:
    """Return one part for a reader."""
    name = part["part"]
    if name == "norm":
        return f"norm({part['kind']},{part['eps']})"
    if name == "mlp":
        return f"mlp({part['activation']}{',gated' if part.get('gated') else ''})"
    if name == "readout":
        layers = f",{part['layers']}-layers" if "layers" in part else ""
        return f"readout({part['position']}{layers})"
    if name != "attention":
        return str(name)
    # Under a causal mask a position sees those up to it.
    return attention_words(part, "seen" if part["mask"] == "causal" else "n_ctx")
