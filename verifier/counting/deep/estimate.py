"""What the checker's fixed point is off by on sampled inputs, as a function of its bits.

An estimate, on which nothing rests but the choice of bits: the formulas of T16 in doubles. Scores
of layer 0 are looked up, by token and position, and are off by their last bits alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ballproof.verifier.counting.deep.functions import activation
from ballproof.verifier.counting.deep.model import DeepModel, Layer
from ballproof.verifier.counting.deep.normalisation import Norm
from ballproof.verifier.counting.deep.prefixes import Places
from ballproof.verifier.counting.deep.rounding import Floats, Linear, Uncertain

# Bits of a softmax weight, and of the argument of an exponential, by the width of a lane.
WEIGHT_BITS, ARGUMENT_BITS = {64: 30, 128: 64}, {64: 22, 128: 55}
LOG2_E = math.log2(math.e)
# The same of a weight of layer 0, where sums are kept in wider lanes.
FIRST_BITS = {64: 36, 128: 64}
# Slopes, and the worst that a table of a smooth activation adds, in logits.
SLOPES = {"relu": 1.0, "gelu": 1.13, "gelu-tanh": 1.13, "silu": 1.1}
TABLE_ERROR = 2.0**-46


class Bits(NamedTuple):
    """A pass: lanes of `width` bits, vectors in 2^-`bits`, sums in 2^-(bits + fine).

    The readout's unit is 2^(readout - bits).
    """

    width: int
    bits: int
    fine: int
    readout: int


class Estimated(NamedTuple):
    """The radius of each input's lead (N,), and the largest numbers that lanes have to hold.

    These are sums, sums of the readout, scores in base 2 and values; they depend on no bits.
    """

    radius: Floats
    sums: float
    readout: float
    scores: float
    values: float


@dataclass(frozen=True)
class Reader:
    """A matrix that the residual stream is read by, norms' weights and factors folded in.

    `sum` is its largest column sum of absolute values, `norm` sqrt(d) times the largest 2-norm.
    """

    matrix: Floats
    bias: Floats

    @cached_property
    def sum(self) -> float:
        """The largest sum of absolute values of a column."""
        return float(np.abs(self.matrix).sum(axis=0).max())

    @cached_property
    def norm(self) -> float:
        """A bound of what a normalised row becomes."""
        return float(np.sqrt(len(self.matrix) * (self.matrix**2).sum(axis=0).max()))

    @cached_property
    def largest_bias(self) -> float:
        """The largest absolute value of the bias."""
        return float(np.abs(self.bias).max(initial=0.0))


def folded(norm: Norm | None, maps: list[Linear]) -> Reader:
    """Return maps side by side, with the weights of the norm before them."""
    matrix, bias = np.hstack([m.matrix for m in maps]), np.hstack([m.bias for m in maps])
    if norm is None:
        return Reader(matrix, bias)
    if norm.bias is not None:
        bias = bias + norm.bias @ matrix
    if norm.weight is not None:
        matrix = norm.weight[:, None] * matrix
    if norm.centred:
        matrix = matrix - matrix.mean(axis=0)
    return Reader(matrix, bias)


class Estimate:
    """The formulas for a model on inputs (N, n): all positions at once, no prefixes shared."""

    def __init__(self, model: DeepModel, inputs: Places) -> None:
        self.model, self.inputs = model, inputs
        self.readers: list[tuple[Reader, bool]] = []
        for layer in model.layers:
            h = layer.read.matrix.shape[1] // 3 // layer.attention.heads
            self.readers.append((_reader(layer, h), layer.before is not None))
            if layer.mlp is not None:
                maps = [one for one in (layer.mlp.gate, layer.mlp.into) if one is not None]
                self.readers.append((folded(layer.between, maps), layer.between is not None))
        self.readers.append((folded(model.last, [model.readout[0]]), model.last is not None))

    def of(self, bits: Bits) -> Estimated:
        """Return the estimates of a pass."""
        with np.errstate(all="ignore"):
            return _Run(self, bits).run()


def _reader(layer: Layer, h: int) -> Reader:
    """Return queries, keys and values, the queries in base 2 and divided by the root."""
    read = folded(layer.before, [layer.read])
    factor = np.ones(read.matrix.shape[1])
    factor[: len(factor) // 3] = LOG2_E / np.sqrt(h)
    return Reader(read.matrix * factor, read.bias * factor)


class _Run:
    """One pass: the residual stream `x` (N, n, d), and a radius for each reader and for itself."""

    def __init__(self, estimate: Estimate, bits: Bits) -> None:
        self.model, self.readers = estimate.model, estimate.readers
        self.bits, self.inputs = bits, estimate.inputs
        self.half, self.fine = 2.0 ** -(bits.bits + 1), 2.0 ** -(bits.bits + bits.fine)
        model = self.model
        self.x: Floats = model.embedding[self.inputs] + model.positions
        self.rho = [np.zeros(self.x.shape[:2]) for _ in self.readers]
        self.own = np.zeros(self.x.shape[:2])
        self.next = 0
        self.largest = dict.fromkeys(("sums", "readout", "scores", "values"), 2.0**-40)

    def run(self) -> Estimated:
        """Return radius and headroom of every input."""
        for layer in self.model.layers:
            self._attend(layer)
            if layer.mlp is not None:
                self._mlp(layer)
        return self._read_out()

    def _need(self, kind: str, sizes: Floats) -> None:
        """Take note of numbers that lanes have to hold."""
        self.largest[kind] = max(self.largest[kind], float(sizes.max()))

    def _read(self, norm: Norm | None) -> tuple[Floats, Floats]:
        """Return what the next reader yields (N, n, m), and its radius (N, n)."""
        (reader, _), rho = self.readers[self.next], self.rho[self.next]
        self.next += 1
        x, inexact = self.x, len(reader.matrix) * self.fine / 3
        if norm is None:
            radius = rho + self.half * reader.sum + np.abs(x).max(-1) * inexact + 3 * self.fine
        else:
            plain = Norm(norm.centred, norm.eps, 0.0, None, None)
            root = np.sqrt((_centred(x, norm) ** 2).mean(-1) + norm.eps)
            x = plain(Uncertain(x, np.zeros_like(x))).middle
            own = self.own + self.half
            off = rho + self.half * reader.sum + reader.norm * own
            radius = np.where(own < root, off / (root - own), np.inf) + np.abs(x).max(-1) * inexact
            radius += 2 * self.half * reader.sum
        found = x @ reader.matrix + reader.bias
        self._need("sums", np.abs(x).max(-1) * reader.sum + reader.largest_bias)
        return found, radius

    def _write(self, a: Floats, radius: Floats, linear: Linear) -> None:
        """Add a M to the stream, a (N, n, m) with this radius (N, n)."""
        inexact = np.abs(a).max(-1) * len(linear.matrix) * self.fine / 3 + 4 * self.fine
        largest = np.abs(a).max(-1) * _sum(linear.matrix) + np.abs(self.x).max(-1)
        self._need("sums", largest)
        for number, (reader, _) in enumerate(self.readers):
            through = _sum(linear.matrix @ reader.matrix)
            self.rho[number] = self.rho[number] + radius * through + inexact * reader.sum
        self.own = self.own + radius * _sum(linear.matrix) + inexact
        self.x = self.x + a @ linear.matrix + linear.bias

    def _attend(self, layer: Layer) -> None:
        found, radius = self._read(layer.before)
        first = self.next == 1
        radius = 0 * radius if first else radius + self.half
        heads, (rows, n, width) = layer.attention.heads, found.shape
        q, k, v = found.reshape(rows, n, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        h = width // 3 // heads
        key_sum, query_sum = np.abs(k).sum(-1).max(-1), np.abs(q).sum(-1)
        self._need("scores", np.abs(q).max((2, 3)) * key_sum)
        size = np.abs(v).max((2, 3))
        self._need("values", size)
        r = radius.max(axis=1)[:, None, None]
        e = r * key_sum[..., None] + r * query_sum + h * r * r
        lost, kept = (table[self.bits.width] for table in (ARGUMENT_BITS, WEIGHT_BITS))
        if first:
            lost = kept = FIRST_BITS[self.bits.width]
        e = (e + 2.0 ** -(lost + 1)) * np.log(2)
        share = float(layer.attention.share)
        units = 9 * n * 2.0**-kept
        mixed = (share * e + units) * size[..., None] + r * (1 if share == 1 else n)
        mixed = mixed + (self.fine if first else self.half)
        scores = np.einsum("nhid,nhjd->nhij", q, k)
        if self.model.causal:
            scores = np.where(np.tri(n, dtype=np.bool_), scores, -np.inf)
        weights = np.exp2(scores - scores.max(-1, keepdims=True))
        seen = np.isfinite(scores)
        weights = share * weights / weights.sum(-1, keepdims=True)
        many = seen.sum(-1, keepdims=True) if layer.attention.normalised else 1
        weights = weights + (1 - share) * seen / many
        heads_out = np.einsum("nhij,nhjd->nihd", weights, v).reshape(rows, n, -1)
        self._write(heads_out, mixed.max(axis=1), layer.write)

    def _mlp(self, layer: Layer) -> None:
        mlp = layer.mlp
        if mlp is None:
            return
        found, radius = self._read(layer.between)
        slope, act = SLOPES[mlp.name], activation(mlp.name)
        radius = radius + self.half
        table = 0.0 if mlp.name == "relu" else 8 * self.half + TABLE_ERROR
        if mlp.gate is None:
            value = act(Uncertain(found, np.zeros_like(found))).middle
            self._write(value, slope * radius + table, mlp.out)
            return
        gate, into = np.split(found, 2, axis=-1)
        value = act(Uncertain(gate, np.zeros_like(gate))).middle
        ra = slope * radius + table
        off = np.abs(value).max(-1) * radius + np.abs(into).max(-1) * ra + ra * radius + self.half
        self._write(value * into, off, mlp.out)

    def _read_out(self) -> Estimated:
        """Return the radius of leads; the readout has a unit of its own."""
        model, coarse = self.model, 2.0**self.bits.readout
        pooled = model.place is None
        if model.last is None:
            x, rho = self._pooled(self.x, pooled), self._pooled(self.rho[-1], pooled)
            count = model.n_ctx if pooled and not model.mean else 1
            first = self.readers[-1][0]
            radius = rho + (count + 2 * coarse) * self.half * first.sum
            self._need("readout", np.abs(x).max(-1) * first.sum + first.largest_bias)
            x = x @ first.matrix + first.bias
        else:
            found, off = self._read(model.last)
            x, radius = self._pooled(found, pooled), self._pooled(off, pooled)
            radius = radius + 4 * coarse * self.half * self.readers[-1][0].sum
        unit = self.half * coarse
        for linear in model.readout[1:]:
            x = np.maximum(x, 0.0)
            self._need("readout", np.abs(x).max(-1) * _sum(linear.matrix))
            inexact = np.abs(x).max(-1) * len(linear.matrix) * self.fine * coarse / 3
            radius = (radius + unit) * _sum(linear.matrix) + inexact
            x = x @ linear.matrix + linear.bias
        known = np.isfinite(radius)
        return Estimated(np.where(known, 2 * radius, np.inf), **self.largest)

    def _pooled(self, x: Floats, pooled: bool) -> Floats:
        if not pooled:
            picked: Floats = x[:, self.model.place]
            return picked
        total: Floats = x.sum(axis=1)
        return total / self.model.n_ctx if self.model.mean else total


def _centred(x: Floats, norm: Norm) -> Floats:
    return x - x.mean(-1, keepdims=True) if norm.centred else x


def _sum(matrix: Floats) -> float:
    return float(np.abs(matrix).sum(axis=0).max())
