"""Layers at one precision: what a position does to the residual stream, with its radii (T16).

A state is the stream at a position, a vector in the fine unit 2**-(F+G), and a list of radii in
that unit: of the stream's entries first, then of what each reader to come makes of it (R4).
"""

from collections.abc import Sequence
from typing import NamedTuple

from arithmetic.maps import PLACES, Map, NoRoom, nearest
from arithmetic.tally import Tally
from arithmetic.vectors import Vectors
from counting.activations import radius, values_of
from counting.first_layer import MOST_LANES, FirstLayer, Sums, lanes_of
from counting.mixtures import Memory, Mixer
from counting.norms import Normaliser
from counting.readers import Reader, Readers
from counting.stages import NeuronStage, Precision, Rounded, Stage
from parts.layers_function import Layers

State = tuple[int, list[int]]


class Taken(NamedTuple):
    """The stream as a reader has it: entries at 2**-F and how far the reader's product is off.

    `largest` bounds the entries, `size` those of the stream before any norm.
    """

    entries: Sequence[int]
    off: int
    largest: int
    size: int


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
        self.mixer = Mixer(layers.d_head, unit, fine, width, *shares)
        made = Rounded(layers, readers, precision, tally)
        self.stages, self.readouts = made.stages, made.readouts
        self.reader, self.norm = readers.readers[-1], made.normaliser(layers.norm)
        activations = {x.activation for _, x in layers.blocks if x}
        self.values = {name: values_of(name, unit, width) for name in activations}
        # A row of the stream is off by half a unit at most.
        plain = [(x >> PLACES) + 1 for x in (1 << PLACES, *(y.plain for y in readers.readers))]
        self.embedded = [[self._embedded(row, plain) for row in rows] for rows in layers.stream]
        self.sums: FirstLayer | None = None
        if 0 < lanes_of(layers) <= MOST_LANES:
            first = FirstLayer(layers, width, unit, fine, tally)
            self.sums = first if first.fits else None
        self.first: list[list[tuple[Sequence[int], int, int] | None]] = [
            [None] * len(rows) for rows in layers.stream
        ]

    def _embedded(self, row: Sequence[int], radii: list[int]) -> State | None:
        shift = self.layers.exponent + self.unit + self.fine
        rounded = [nearest(x, shift) for x in row]
        if max(map(abs, rounded)) >= (1 << self.width - 1) - (2 << self.fine):
            return None
        return self.stream.pack_long(rounded), radii

    def taken(self, state: State, reader: Reader, norm: Normaliser | None, heaviest: int) -> Taken:
        """Return the stream as a reader has it; `heaviest` is the largest column sum of its map."""
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
        into = stage.into
        into.require_room(x.largest)
        found = into.apply(x.entries)
        off = x.off + (x.largest * into.off >> PLACES) + 3 + self.half
        if stage.activation == "relu" and not stage.gated:
            neurons = into.vectors.rectified(found)
        else:
            neurons, off = self._activated(stage, into.vectors.rounded(found), off)
        return self._out_of_neurons(stage, state, neurons, off, x.size)

    def _out_of_neurons(
        self, stage: NeuronStage, state: State, neurons: Sequence[int], off: int, size: int
    ) -> State:
        """Return the state after neurons that are off, on a stream of entries up to `size`."""
        out, (stream, radii) = stage.out, state
        largest = max(max(neurons), -min(neurons))
        out.require_room(largest, size + 1 << self.fine)
        stream = out.apply(neurons, stream)
        return stream, _written([radii[0], *radii[2:]], stage, out, off, largest)

    def after_first(self, first: FirstLayer, sums: Sums, place: int, token: int) -> State:
        """Return the state after the first layer, from its running sums (S2)."""
        total, off = first.query(sums, place, token)
        x = first.vectors.rounded(total)
        middle, stage = x[: self.size], self.stages[0]
        size = max(max(middle), -min(middle))
        if size + 2 << self.fine >= 1 << self.width - 1:
            raise NoRoom
        near = off + self.half
        if self.width == 128:
            # The lanes themselves are the stream.
            stream = (
                total + first.vectors.offset & (1 << 128 * self.size) - 1
            ) - self.stream.offset
        else:
            stream, off = self.stream.pack(middle) << self.fine, near
        state = stream, [(off * plain >> PLACES) + 1 for plain in stage.plain]
        if stage.neurons is None:
            return state
        if first.neurons is None:
            return self._through_neurons(stage.neurons, state)
        inner: Sequence[int] = x[self.size : -1]
        if stage.neurons.activation == "relu" and not stage.neurons.gated:
            inner = [v if v > 0 else 0 for v in inner]
        else:
            inner, near = self._activated(stage.neurons, inner, near)
        return self._out_of_neurons(stage.neurons, state, inner, near, size)

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


def _written(
    radii: list[int], stage: Stage | NeuronStage, out: Map, off: int, largest: int
) -> list[int]:
    """Return the radii after a map has written entries that are off, up to `largest` (R4)."""
    rounded = (largest * out.off >> PLACES) + 2
    return [
        r + (off * c + rounded * p >> PLACES) + 1
        for r, c, p in zip(radii, stage.sums, stage.plain, strict=True)
    ]
