"""The forward pass of deep transformers, from its definition: what every theorem is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import add

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Shape, Weights
from ballproof.models.architectures.balls import balls, relu, softmax
from ballproof.models.architectures.layers.design import Design, Layer, Norm
from ballproof.models.architectures.layers.names import (
    B_U,
    W_E,
    W_POS,
    W_U,
    bias_of_readout,
    in_layer,
    weight_of_readout,
)
from ballproof.models.architectures.layers.settings import design_of
from ballproof.models.architectures.one_layer.settings import Settings

Row = flint.arb_mat
# The number 0.044715 in the definition of GELU by tanh.
_CUBIC = Fraction(8943, 200000)


def logits(weights: Weights, sequence: Sequence[int]) -> list[flint.arb]:
    """Enclose the logits, at the precision in force.

    Rows of a norm whose variance may be zero are not bounded, where eps is 0.
    """
    design = design_of(weights.architecture.text, weights.source)
    tensor, shape = weights.tensors, weights.shape
    embed, positions = tensor[W_E], tensor[W_POS]
    rows = [balls(embed.row(t) + positions.row(i)) for i, t in enumerate(sequence)]
    for number, layer in enumerate(design.layers):
        inside = _Layer(tensor, shape, number)
        rows = inside.attended(rows, layer.before_attention, design.attention)
        if layer.activation is not None:
            rows = [inside.after_mlp(row, layer) for row in rows]
    rows = [_normed(row, design.final, tensor, "ln_final") for row in rows]
    return _readout(rows, design, tensor)


@dataclass(frozen=True)
class _Layer:
    """The tensors of one layer."""

    tensors: Mapping[str, DyadicMatrix]
    shape: Shape
    number: int

    def of(self, name: str) -> DyadicMatrix:
        """Return a tensor of this layer."""
        return self.tensors[in_layer(self.number, name)]

    def attended(self, rows: list[Row], norm: Norm | None, settings: Settings) -> list[Row]:
        """Return the residual stream after attention, by position."""
        read = [_normed(row, norm, self.tensors, in_layer(self.number, "ln1")) for row in rows]
        bias = balls(self.of("attn.b_O"))
        added = [row + bias for row in rows]
        for head in range(self.shape.n_heads):
            mixed = self._head(head, read, settings)
            added = [one + other for one, other in zip(added, mixed, strict=True)]
        return added

    def _head(self, head: int, read: list[Row], settings: Settings) -> list[Row]:
        """Return what a head adds, by position."""
        d, h = self.shape.d_model, self.shape.d_head

        def each(letter: str) -> list[Row]:
            weight = balls(self.of(f"attn.W_{letter}").rows(head * d, head * d + d))
            bias = balls(self.of(f"attn.b_{letter}").row(head))
            return [row * weight + bias for row in read]

        queries, keys, values = each("Q"), each("K"), each("V")
        out, scale = balls(self.of("attn.W_O").rows(head * h, head * h + h)), flint.arb(h).sqrt()
        added = []
        for i, query in enumerate(queries):
            seen = i + 1 if settings.mask == "causal" else len(read)
            scores = [(query * key.transpose())[0, 0] / scale for key in keys[:seen]]
            weights = _shared(softmax(scores), settings)
            added.append(reduce(add, [v * w for v, w in zip(values, weights, strict=False)]) * out)
        return added

    def after_mlp(self, row: Row, layer: Layer) -> Row:
        """Return the residual stream of one position after the MLP."""
        act = ACTS[str(layer.activation)]
        read = _normed(row, layer.before_mlp, self.tensors, in_layer(self.number, "ln2"))
        inner = read * balls(self.of("mlp.W_in")) + balls(self.of("mlp.b_in"))
        if layer.gated:
            gate = act(read * balls(self.of("mlp.W_gate")))
            inner = _row([x * y for x, y in zip(gate.entries(), inner.entries(), strict=True)])
        else:
            inner = act(inner)
        return row + inner * balls(self.of("mlp.W_out")) + balls(self.of("mlp.b_out"))


def _shared(weights: list[flint.arb], settings: Settings) -> list[flint.arb]:
    """Return the weights of attention, of which softmax is a share."""
    share, count = settings.share, len(weights) if settings.normalised else 1
    return [_exact(share) * weight + _exact((1 - share) / count) for weight in weights]


def _normed(row: Row, norm: Norm | None, tensors: Mapping[str, DyadicMatrix], name: str) -> Row:
    """Return a row after a normalisation, with its weights and bias; the row where there is none."""
    if norm is None:
        return row
    entries = row.entries()
    width = len(entries)
    if norm.kind == "layer":
        mean = reduce(add, entries) / width
        entries = [x - mean for x in entries]
    squares = reduce(add, [x * x for x in entries]) / width
    root = (squares + _exact(norm.eps)).sqrt()
    gains = balls(tensors[f"{name}.w"]).entries()
    scaled = _row([x / root * gain for x, gain in zip(entries, gains, strict=True)])
    return scaled + balls(tensors[f"{name}.b"]) if norm.kind == "layer" else scaled


def _readout(
    rows: list[Row], design: Design, tensors: Mapping[str, DyadicMatrix]
) -> list[flint.arb]:
    """Return the logits of the residual stream after the last layer."""
    if isinstance(design.position, int):
        read = rows[design.position]
    elif design.position == "last":
        read = rows[-1]
    else:
        read = reduce(add, rows)
        read = read / len(rows) if design.position == "mean" else read
    for number in range(1, design.readouts):
        weight, bias = tensors[weight_of_readout(number)], tensors[bias_of_readout(number)]
        read = relu(read * balls(weight) + balls(bias))
    return (read * balls(tensors[W_U]) + balls(tensors[B_U])).entries()


def _gelu(x: flint.arb) -> flint.arb:
    """Enclose x Phi(x), with Phi the distribution function of the normal distribution."""
    return x * (1 + (x / flint.arb(2).sqrt()).erf()) / 2


def _gelu_tanh(x: flint.arb) -> flint.arb:
    """Enclose x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))."""
    inner = (2 / flint.arb.pi()).sqrt() * (x + _exact(_CUBIC) * x * x * x)
    return x * (1 + inner.tanh()) / 2


def _silu(x: flint.arb) -> flint.arb:
    """Enclose x / (1 + exp(-x))."""
    return x / (1 + (-x).exp())


def _entrywise(function: Callable[[flint.arb], flint.arb]) -> Callable[[Row], Row]:
    return lambda row: _row([function(x) for x in row.entries()])


# What each activation does to a row.
ACTS: dict[str, Callable[[Row], Row]] = {
    "relu": relu,
    "gelu": _entrywise(_gelu),
    "gelu-tanh": _entrywise(_gelu_tanh),
    "silu": _entrywise(_silu),
}


def _row(entries: list[flint.arb]) -> Row:
    return flint.arb_mat(1, len(entries), entries)


def _exact(x: Fraction) -> flint.arb:
    return flint.arb(x.numerator) / x.denominator
