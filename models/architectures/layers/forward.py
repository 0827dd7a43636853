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
from ballproof.models.architectures.balls import balls, kept_balls, relu, softmax
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

Rows = flint.arb_mat
# The number 0.044715 in the definition of GELU by tanh.
_CUBIC = Fraction(8943, 200000)


def logits(weights: Weights, sequence: Sequence[int]) -> list[flint.arb]:
    """Enclose the logits, at the precision in force.

    Rows of a norm whose variance may be zero are not bounded, where eps is 0.
    """
    design = design_of(weights.architecture.text, weights.source)
    tensor, shape = weights.tensors, weights.shape
    embed, positions = tensor[W_E], tensor[W_POS]
    stream = [balls(embed.row(t) + positions.row(i)) for i, t in enumerate(sequence)]
    rows = _stacked(stream)
    for number, layer in enumerate(design.layers):
        inside = _Layer(tensor, shape, number)
        rows = inside.attended(rows, layer.before_attention, design.attention)
        if layer.activation is not None:
            rows = inside.after_mlp(rows, layer)
    return _readout(_normed(rows, design.final, tensor, "ln_final"), design, tensor)


@dataclass(frozen=True)
class _Layer:
    """The tensors of one layer. Matrices have a row for each position."""

    tensors: Mapping[str, DyadicMatrix]
    shape: Shape
    number: int

    def of(self, name: str) -> DyadicMatrix:
        """Return a tensor of this layer."""
        return self.tensors[in_layer(self.number, name)]

    def attended(self, rows: Rows, norm: Norm | None, settings: Settings) -> Rows:
        """Return the residual stream after attention."""
        read = _normed(rows, norm, self.tensors, in_layer(self.number, "ln1"))
        added = _plus(rows, self.of("attn.b_O"))
        for head in range(self.shape.n_heads):
            added += self._head(head, read, settings)
        return added

    def _head(self, head: int, read: Rows, settings: Settings) -> Rows:
        """Return what a head adds."""
        d, h = self.shape.d_model, self.shape.d_head

        def each(letter: str) -> Rows:
            weight = _of_head(self.of(f"attn.W_{letter}"), head, d)
            return _plus(read * weight, self.of(f"attn.b_{letter}"), head)

        products = each("Q") * each("K").transpose() / flint.arb(h).sqrt()
        weights = [
            _shared(softmax(row[: i + 1] if settings.mask == "causal" else row), settings)
            for i, row in enumerate(products.tolist())
        ]
        count = read.nrows()
        padded = [row + [flint.arb(0)] * (count - len(row)) for row in weights]
        return flint.arb_mat(padded) * each("V") * _of_head(self.of("attn.W_O"), head, h)

    def after_mlp(self, rows: Rows, layer: Layer) -> Rows:
        """Return the residual stream after the MLP."""
        act = ACTS[str(layer.activation)]
        read = _normed(rows, layer.before_mlp, self.tensors, in_layer(self.number, "ln2"))
        inner = _plus(read * kept_balls(self.of("mlp.W_in")), self.of("mlp.b_in"))
        if layer.gated:
            gate = act(read * kept_balls(self.of("mlp.W_gate")))
            pairs = zip(gate.entries(), inner.entries(), strict=True)
            inner = flint.arb_mat(*_size(inner), [x * y for x, y in pairs])
        else:
            inner = act(inner)
        return rows + _plus(inner * kept_balls(self.of("mlp.W_out")), self.of("mlp.b_out"))


def _shared(weights: list[flint.arb], settings: Settings) -> list[flint.arb]:
    """Return the weights of attention, of which softmax is a share."""
    share, count = settings.share, len(weights) if settings.normalised else 1
    return [_exact(share) * weight + _exact((1 - share) / count) for weight in weights]


def _normed(rows: Rows, norm: Norm | None, tensors: Mapping[str, DyadicMatrix], name: str) -> Rows:
    """Return rows after a normalisation with its weights and bias, or the rows if there is none."""
    if norm is None:
        return rows
    gains = balls(tensors[f"{name}.w"]).entries()
    scaled = flint.arb_mat([_scaled(row, norm, gains) for row in rows.tolist()])
    return _plus(scaled, tensors[f"{name}.b"]) if norm.kind == "layer" else scaled


def _scaled(entries: list[flint.arb], norm: Norm, gains: list[flint.arb]) -> list[flint.arb]:
    width = len(entries)
    if norm.kind == "layer":
        mean = reduce(add, entries) / width
        entries = [x - mean for x in entries]
    squares = reduce(add, [x * x for x in entries]) / width
    root = (squares + _exact(norm.eps)).sqrt()
    return [x / root * gain for x, gain in zip(entries, gains, strict=True)]


def _readout(rows: Rows, design: Design, tensors: Mapping[str, DyadicMatrix]) -> list[flint.arb]:
    """Return the logits of the residual stream after the last layer."""
    each = [flint.arb_mat([row]) for row in rows.tolist()]
    if isinstance(design.position, int):
        read = each[design.position]
    elif design.position == "last":
        read = each[-1]
    else:
        read = reduce(add, each)
        read = read / len(each) if design.position == "mean" else read
    for number in range(1, design.readouts):
        weight, bias = tensors[weight_of_readout(number)], tensors[bias_of_readout(number)]
        read = relu(_plus(read * kept_balls(weight), bias))
    return _plus(read * kept_balls(tensors[W_U]), tensors[B_U]).entries()


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


def _entrywise(function: Callable[[flint.arb], flint.arb]) -> Callable[[Rows], Rows]:
    return lambda rows: flint.arb_mat(*_size(rows), [function(x) for x in rows.entries()])


# What each activation does to rows.
ACTS: dict[str, Callable[[Rows], Rows]] = {
    "relu": relu,
    "gelu": _entrywise(_gelu),
    "gelu-tanh": _entrywise(_gelu_tanh),
    "silu": _entrywise(_silu),
}


def _stacked(rows: list[Rows]) -> Rows:
    return flint.arb_mat([row.entries() for row in rows])


def _plus(rows: Rows, bias: DyadicMatrix, row: int = 0) -> Rows:
    """Return the rows, each with a row of biases added."""
    return rows + flint.arb_mat([kept_balls(bias).tolist()[row]] * rows.nrows())


def _of_head(matrix: DyadicMatrix, head: int, rows: int) -> Rows:
    """Return the rows that belong to a head."""
    return flint.arb_mat(kept_balls(matrix).tolist()[head * rows : (head + 1) * rows])


def _size(rows: Rows) -> tuple[int, int]:
    return rows.nrows(), rows.ncols()


def _exact(x: Fraction) -> flint.arb:
    return flint.arb(x.numerator) / x.denominator
