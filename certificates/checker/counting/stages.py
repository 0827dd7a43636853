"""The maps of layers at one precision, and what a position counts."""

from typing import NamedTuple

from arithmetic.maps import PLACES, Map
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.norms import Normaliser
from counting.readers import Reader, Readers
from parts.layers import Norm
from parts.layers_function import Affine, Layers


class Precision(NamedTuple):
    """Lanes of `width` bits, vectors at 2**-unit, fine bits below, and the readout's shift."""

    width: int
    unit: int
    fine: int
    readout: int


class Stage(NamedTuple):
    """The rounded maps of a layer; `lean` makes keys and values alone."""

    reader: Reader
    norm: Normaliser | None
    into: Map
    lean: Map
    out: Map
    sums: list[int]
    plain: list[int]
    neurons: "NeuronStage | None"


class NeuronStage(NamedTuple):
    """The rounded maps of an MLP."""

    reader: Reader
    norm: Normaliser | None
    into: Map
    activation: str
    gated: bool
    out: Map
    sums: list[int]
    plain: list[int]


class Rounded:
    """The maps of all layers and of the readout."""

    def __init__(
        self, layers: Layers, readers: Readers, precision: Precision, tally: Tally
    ) -> None:
        self.layers, self.size = layers, len(layers.stream[0][0])
        self.width, self.unit, self.fine, shift = precision
        self._charge(tally)
        self._order = iter(readers.readers), iter(readers.written)
        self._left = [1 << PLACES, *(reader.plain for reader in readers.readers)]
        self.stages = [self._stage(number) for number in range(len(layers.blocks))]
        unit = self.unit - shift
        self.readouts = [Map(*each, unit, self.fine, self.width) for each in layers.readouts]

    def normaliser(self, norm: Norm | None) -> Normaliser | None:
        """Return a norm at this precision."""
        return Normaliser(norm, self.size, self.unit, self.fine) if norm else None

    def _map(self, affine: Affine) -> Map:
        return Map(*affine, self.unit, self.fine, self.width)

    def _stage(self, number: int) -> Stage:
        attention, neurons = self.layers.blocks[number]
        readers, written = self._order
        width = self.layers.heads * self.layers.d_head
        lean = Affine(
            *(Matrix([row[width:] for row in x.rows], x.exponent) for x in attention.into)
        )
        reader, sums = next(readers), next(written)
        self._left = [self._left[0], *self._left[2:]]
        first = (reader, self.normaliser(attention.norm), self._map(attention.into))
        lean_map, out_map, left = self._map(lean), self._map(attention.out), self._left
        inner = None
        if neurons:
            reader, inner_sums = next(readers), next(written)
            self._left = [self._left[0], *self._left[2:]]
            norm, into, name, gated, out = neurons
            made = (reader, self.normaliser(norm), self._map(into), name, gated)
            inner = NeuronStage(*made, self._map(out), inner_sums, self._left)
        return Stage(*first, lean_map, out_map, sums, left, inner)

    def _charge(self, tally: Tally) -> None:
        layers, words = self.layers, self.width // 64
        pairs = [pair for pairs in layers.blocks for pair in pairs if pair]
        for weight, _ in [x for pair in pairs for x in (pair.into, pair.out)] + layers.readouts:
            count, bits = len(weight.rows) * len(weight.rows[0]), _bits(weight)
            tally.charge(8 * count * words)
            tally.charge_size(count, bits)
        tally.charge(4 * sum(map(len, layers.positions)) * self.size * words)


def cost_of_layer(layers: Layers, number: int, width: int, with_query: bool) -> int:
    """Return what a position counts in a layer, by shapes and width alone.

    Two for each product with a scalar, 32 for each number that is made of a lane, in words squared;
    without a query, what keys and values count.
    """
    (attention, neurons), places = layers.blocks[number], len(layers.positions)
    d, inner = len(attention.into.weight.rows), layers.heads * layers.d_head
    products, lanes = 2 * d * inner, d + 2 * inner
    if with_query:
        products += 2 * d * inner + 2 * places * inner
        lanes += 2 * inner + layers.heads * places
        if neurons:
            columns = len(neurons.into.weight.rows[0])
            products += d * (columns + len(neurons.out.weight.rows))
            lanes += columns
    return (2 * products + 32 * lanes) * (width // 64) ** 2 + 64


def cost_of_outputs(layers: Layers, width: int) -> int:
    """Return what the outputs of an input count, likewise."""
    shapes = [(len(x.weight.rows), len(x.weight.rows[0])) for x in layers.readouts]
    return sum(2 * a * b + 32 * (a + b) for a, b in shapes) * (width // 64) ** 2 + 64


def _bits(a: Matrix) -> int:
    return max(max(map(int.bit_length, row)) for row in a.rows)
