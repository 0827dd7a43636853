"""Layers at one precision: what a position does to the residual stream, with radii by reader (T16).

A state is the stream at a position, a vector in the fine unit 2**-(F+G), and a list of radii in that
unit: of the stream's entries first, then of what each reader to come makes of it (R4).
"""

from collections.abc import Sequence
from typing import NamedTuple

from arithmetic.maps import PLACES, Map, NoRoom, nearest
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from arithmetic.vectors import Vectors
from counting.activations import radius, values_of
from counting.mixtures import Column, Mixer
from counting.norms import Normaliser
from counting.readers import Reader, Readers
from parts.layers import Norm
from parts.layers_function import Affine, Layers

State = tuple[int, list[int]]


class Precision(NamedTuple):
    """Lanes of `width` bits, vectors at 2**-unit, fine bits below, and the readout's shift."""

    width: int
    unit: int
    fine: int
    readout: int


class Taken(NamedTuple):
    """The stream as a reader has it: entries at 2**-F and how far the reader's product is off.

    `largest` bounds the entries, `size` those of the stream before any norm.
    """

    entries: Sequence[int]
    off: int
    largest: int
    size: int


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


class Memory:
    """Keys and values of a layer along a path of prefixes, an entry for each depth."""

    def __init__(self, heads: int, d_head: int, places: int) -> None:
        self.heads, self.d_head = heads, d_head
        self.columns = [[Column([0] * d_head, 0, 0) for _ in range(heads)]] * (places + 1)
        self.values = [[0] * places for _ in range(heads)]
        self.off = [0] * (places + 1)

    def push(self, place: int, z: Sequence[int], off: int, mixer: Mixer) -> None:
        """Put keys and values, the last columns of z, at a place."""
        width, size = self.heads * self.d_head, self.d_head
        shift, start = mixer.width * place, len(z) - 2 * width
        made = []
        for head, old in enumerate(self.columns[place]):
            at = start + head * size
            keys, values = z[at : at + size], z[at + width : at + width + size]
            self.values[head][place] = mixer.values.pack(values)
            made.append(
                Column(
                    [a + (b << shift) for a, b in zip(old.keys, keys, strict=True)],
                    max(old.key_sum, sum(map(abs, keys))),
                    max(old.value, max(values), -min(values)),
                )
            )
        self.columns[place + 1] = made
        self.off[place + 1] = max(self.off[place], off)


class Network:
    """A network at one precision."""

    def __init__(
        self, layers: Layers, readers: Readers, precision: Precision, tally: Tally
    ) -> None:
        self.layers, self.precision = layers, precision
        width, unit, fine, _ = precision
        self.width, self.unit, self.fine = width, unit, fine
        self.half = 1 << fine - 1
        self.size = len(layers.stream[0][0])
        self.stream = Vectors(self.size, width, fine)
        self.places = len(layers.positions)
        shares = layers.share, layers.normalised
        self.mixer = Mixer(layers.d_head, self.places, unit, fine, width, *shares)
        self._charge_maps(tally)
        self._order = iter(readers.readers), iter(readers.written)
        self.left = [1 << PLACES, *(reader.plain for reader in readers.readers)]
        self.stages = [self._stage(number) for number in range(len(layers.blocks))]
        self.reader = readers.readers[-1]
        self.norm = self._normaliser(layers.norm)
        self.readouts = [
            Map(*each, unit - precision.readout, fine, width) for each in layers.readouts
        ]
        activations = {x.activation for _, x in layers.blocks if x}
        self.values = {name: values_of(name, unit, width) for name in activations}
        # A row of the stream is off by half a unit at most.
        plain = [(x >> PLACES) + 1 for x in (1 << PLACES, *(y.plain for y in readers.readers))]
        self.embedded = [[self._embedded(row, plain) for row in rows] for rows in layers.stream]
        self.first: list[list[tuple[Sequence[int], int, int] | None]] = [
            [None] * len(rows) for rows in layers.stream
        ]

    # What is made once.

    def _embedded(self, row: Sequence[int], radii: list[int]) -> State | None:
        shift = self.layers.exponent + self.unit + self.fine
        rounded = [nearest(x, shift) for x in row]
        if max(map(abs, rounded)) >= (1 << self.width - 1) - (2 << self.fine):
            return None
        return self.stream.pack_long(rounded), radii

    def _normaliser(self, norm: Norm | None) -> Normaliser | None:
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
        self.left = [self.left[0], *self.left[2:]]
        first = (reader, self._normaliser(attention.norm), self._map(attention.into))
        lean_map, out_map, left = self._map(lean), self._map(attention.out), self.left
        inner = None
        if neurons:
            reader, sums = next(readers), next(written)
            self.left = [self.left[0], *self.left[2:]]
            norm, into, name, gated, out = neurons
            made = (reader, self._normaliser(norm), self._map(into), name, gated)
            inner = NeuronStage(*made, self._map(out), sums, self.left)
        return Stage(*first, lean_map, out_map, sums, left, inner)

    # What a position does.

    def taken(self, state: State, reader: Reader, norm: Normaliser | None, heaviest: int) -> Taken:
        """Return the stream as a reader has it; `heaviest` is the column sum of the reader's map."""
        stream, radii = state
        x = self.stream.rounded(stream)
        size = max(max(x), -min(x))
        if norm is None:
            return Taken(x, radii[1] + (self.half * reader.plain >> PLACES) + 1, size, size)
        rho = radii[0] + self.half
        entries, off, largest, least = norm.normed(x, rho)
        # R8: |(c - C) M| + |Y M| |S - s|, divided by s; then what rounding changed.
        moved = radii[1] + (self.half * reader.plain + reader.length * rho >> PLACES) + 2
        moved = (moved << self.unit + self.fine) // least + (off * heaviest >> PLACES) + 2
        return Taken(entries, moved, largest, size)

    def read(self, stage: Stage, state: State, with_query: bool) -> tuple[Sequence[int], int, int]:
        """Return queries, keys and values at 2**-F, their radius, and the size of the stream."""
        x = self.taken(state, stage.reader, stage.norm, stage.into.heaviest)
        into = stage.into if with_query else stage.lean
        into.require_room(x.largest)
        z = into.vectors.rounded(into.apply(x.entries))
        return z, x.off + (x.largest * into.off >> PLACES) + 3 + self.half, x.size

    def attended(
        self,
        stage: Stage,
        state: State,
        read: tuple[Sequence[int], int, int],
        memory: Memory,
        seen: int,
    ) -> State:
        """Return the state after attention to `seen` positions, and after the MLP."""
        z, off, size = read
        stream, radii = state
        mixer, d_head = self.mixer, self.layers.d_head
        mixture: list[int] = []
        moved, keys_off = 0, memory.off[seen]
        for head, column in enumerate(memory.columns[seen]):
            query = z[head * d_head : (head + 1) * d_head]
            values = memory.values[head][:seen]
            part, by = mixer.mixed(query, column, values, off, keys_off)
            mixture += part
            moved = max(moved, by)
        moved += (keys_off * mixer.weight(seen) >> PLACES) + 1 + self.half
        largest = max(max(mixture), -min(mixture))
        out = stage.out
        out.require_room(largest, size + 1 << self.fine)
        stream = out.apply(mixture, stream)
        state = stream, _written([radii[0], *radii[2:]], stage, out, moved, largest)
        return self._through_neurons(stage.neurons, state) if stage.neurons else state

    def _through_neurons(self, stage: NeuronStage, state: State) -> State:
        x = self.taken(state, stage.reader, stage.norm, stage.into.heaviest)
        into, out, radii = stage.into, stage.out, state[1]
        into.require_room(x.largest)
        found = into.apply(x.entries)
        off = x.off + (x.largest * into.off >> PLACES) + 3 + self.half
        if stage.activation == "relu" and not stage.gated:
            neurons = into.vectors.rectified(found)
        else:
            neurons, off = self._activated(stage, into.vectors.rounded(found), off)
        largest = max(max(neurons), -min(neurons))
        out.require_room(largest, x.size + 1 << self.fine)
        stream = out.apply(neurons, state[0])
        return stream, _written([radii[0], *radii[2:]], stage, out, off, largest)

    def _activated(self, stage: NeuronStage, x: Sequence[int], off: int) -> tuple[list[int], int]:
        """Return activations, products with what they gate, and their radius (R7)."""
        unit, fine = self.unit, self.fine
        others: Sequence[int] = ()
        if stage.gated:
            x, others = x[: len(x) // 2], x[len(x) // 2 :]
        made, units = self.values[stage.activation](x)
        moved = radius(stage.activation, off) + (units << fine)
        if not stage.gated:
            return made, moved
        gate, other = (max(max(y), -min(y)) for y in (made, others))
        both = (moved * other + gate * off << fine) + moved * off
        half = 1 << unit - 1
        products = [a * b + half >> unit for a, b in zip(made, others, strict=True)]
        return products, (both >> unit + fine) + 1 + self.half

    # The end.

    def final(self, state: State) -> Taken:
        """Return the stream as the readout has it."""
        return self.taken(state, self.reader, self.norm, self.readouts[0].heaviest)

    def outputs(self, entries: Sequence[int], off: int) -> tuple[Sequence[int], int]:
        """Return outputs in units of 2**-(F-hs+G), and how far any difference of two may be off."""
        shift, first = self.precision.readout, self.readouts[0]
        if shift:
            half = 1 << shift - 1
            entries = [x + half >> shift for x in entries]
            off = (off >> shift) + (self.half * first.heaviest >> PLACES) + 2
        largest = max(max(entries), -min(entries))
        off += (largest * first.off >> PLACES) + 3
        first.require_room(largest)
        found = first.apply(entries)
        for before, after in zip(self.readouts, self.readouts[1:], strict=False):
            entries = before.vectors.rectified(found)
            largest = max(entries)
            after.require_room(largest)
            off = after.radius(off + self.half, largest)
            found = after.apply(entries)
        return self.readouts[-1].vectors.exact(found), 2 * off

    # What is counted.

    def _charge_maps(self, tally: Tally) -> None:
        layers = self.layers
        maps = [x.into for pair in layers.blocks for x in pair if x]
        maps += [x.out for pair in layers.blocks for x in pair if x] + layers.readouts
        entries = sum(len(x.weight.rows) * len(x.weight.rows[0]) for x in maps)
        entries += sum(map(len, layers.positions)) * self.size
        tally.charge(8 * entries * (self.width // 64))

    def cost(self, number: int, with_query: bool) -> int:
        """Return what a position counts in a layer: by shapes and width alone."""
        (attention, neurons), d = self.layers.blocks[number], self.size
        inner = self.layers.heads * self.layers.d_head
        dense = 3 * d * inner
        if with_query:
            dense += inner * d + 2 * self.places * inner
            if neurons:
                dense += sum(
                    len(x.rows) * len(x.rows[0]) for x in (neurons.into.weight, neurons.out.weight)
                )
        lanes = 32 * (inner + d + self.layers.heads * self.places)
        lanes += 32 * len(neurons.into.weight.rows[0]) if neurons else 0
        return (2 * dense + lanes) * (self.width // 64) ** 2 + 64

    def cost_of_outputs(self) -> int:
        """Return what the outputs of an input count."""
        dense = sum(len(x.weight.rows) * len(x.weight.rows[0]) for x in self.layers.readouts)
        return (2 * dense + 32 * self.size) * (self.width // 64) ** 2 + 64


def _written(
    radii: list[int], stage: Stage | NeuronStage, out: Map, off: int, largest: int
) -> list[int]:
    """Return the radii after a map has written entries that are off, up to `largest` (R4)."""
    rounded = (largest * out.off >> PLACES) + 2
    return [
        r + (off * c + rounded * p >> PLACES) + 1
        for r, c, p in zip(radii, stage.sums, stage.plain, strict=True)
    ]
