"""A program in fixed point: one evaluation of an input, with one bound of its error (M2).

Lanes have w bits, weights of attention K = 15 w / 32, and an activation is the upper half of its
lane. Look-ups of neurons are floored to 2**-fa and those of outputs to 2**-fd, weights of attention
to 2**-K, weights of a layer to its own unit, activations by the shift; the outputs have the unit
2**-fl. fa, fd and the units of the layers are chosen so that no sum leaves its lane.

Theorem. For every input and every pair of outputs, the difference of the two is off by at most the
`error` that `evaluate` returns with them, in units of 2**-fl. Proof. A floor of a look-up is off by
less than a unit, with weights of attention that are at most 1 together in each head; a weight of
attention by at most 2 units of 2**-K, which is tested, times a row that is at most its largest
entry. ReLU does not increase a difference, whether or not the sign is known (nor does its absence,
in a layer whose inputs pass none); the shift is a floor.
An activation that is off by r changes an output by at most r times its weight, which is less than a
unit from the floored one; the floored weight's error, less than a unit, counts once for each
activation that is at hand, whatever its sign. In the difference of two outputs two such floors
differ by less than a unit.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from struct import Struct
from typing import NamedTuple

from arithmetic.lanes import Lanes
from arithmetic.matrices import Rows
from arithmetic.tally import Tally
from arithmetic.weights import Span, exponentials, on_one_unit, top_bits
from files.verdict import decline_unless
from parts.program import Layer, Program, ProgramHead

# Spare bits of attention's sums beyond those of its weights.
GUARD = 34
# Bits between the largest and the smallest weight of attention that are kept.
MAX_SPREAD = 512
MAX_TERMS = 2**24


class Outputs(NamedTuple):
    """Outputs in the pass's unit, and how far the difference of any two may be from the truth."""

    values: Sequence[int]
    error: int


class Vectors:
    """Lanes of signed integers that are packed, and unpacked at once."""

    def __init__(self, count: int, width: int) -> None:
        self.lanes, self.count, self.half = Lanes(count, width), count, width // 2
        codes = {32: "i", 64: "q"}
        # Little-endian whatever the machine's own order is.
        self.whole = Struct(f"<{count}{codes[width]}") if width in codes else None
        upper = f"{self.half // 8}x{codes.get(self.half, '')}" * count
        self.upper = Struct(f"<{upper}") if self.half in codes else None

    def unpack(self, vector: int) -> Sequence[int]:
        """Return the lanes."""
        data = self._bytes(vector)
        return self.whole.unpack(data) if self.whole else self._parts(data, 0)

    def upper_halves(self, vector: int) -> Sequence[int]:
        """Return floor(x / 2**(w/2)) of each lane x."""
        data = self._bytes(vector)
        return self.upper.unpack(data) if self.upper else self._parts(data, self.half // 8)

    def _bytes(self, vector: int) -> bytes:
        """Return the lanes in two's complement."""
        offset = self.lanes.offset
        return ((vector + offset) ^ offset).to_bytes(self.lanes.bytes * self.count, "little")

    def _parts(self, data: bytes, start: int) -> list[int]:
        size = self.lanes.bytes
        ends = range(size, len(data) + 1, size)
        return [int.from_bytes(data[e - size + start : e], "little", signed=True) for e in ends]


class FixedLayer(NamedTuple):
    """A layer in fixed point: rows by input, the bias, and the largest sum of |weight| + 1."""

    vectors: Vectors
    rows: list[int]
    bias: int
    heaviest: int
    rectified: bool

    def total(self, inputs: Sequence[int]) -> int:
        """Return the sum of the sizes of the inputs."""
        return sum(inputs) if self.rectified else sum(map(abs, inputs))


class FixedPoint:
    """A program with lanes of `width` bits.

    `unit` is fl, and `near_unit` that of the pre-activations' upper halves; they may be negative.
    Such a half is off by at most `off_neurons`, and its size is at most the one in `tops`.
    """

    def __init__(self, program: Program, width: int, tally: Tally) -> None:
        self.program, self.width, self.tally = program, width, tally
        self.bits = 15 * width // 32 if program.heads else 0
        self.neurons = program.neurons
        beside = self._columns() - self.neurons
        outputs = len(program.layers[-1].bias.rows[0]) if program.layers else beside
        self.near, self.far = Vectors(self.neurons, width), Vectors(outputs, width)
        self._charge_tables()
        bounds = column_bounds(program)
        fa = self._unit(bounds[: self.neurons])
        self.near_unit = fa + self.bits - width // 2
        self.layers: list[FixedLayer] = []
        self.unit = self._layers(bounds, fa)
        self._pack(fa, self.unit - self.bits)
        self._spans: tuple[int, list[list[list[Span]]]] | None = None

    def cost(self) -> int:
        """Return what an input counts: by the shape of the program and the width alone."""
        pairs = [(len(x.weight.rows), len(x.bias.rows[0])) for x in self.program.layers]
        of_layers = sum(inputs * (2 * outputs + 1) for inputs, outputs in pairs)
        return self.cost_of_columns() + of_layers * (self.width // 64) ** 2

    def cost_of_columns(self) -> int:
        """Return what the columns of an input count, and its outputs once they are there."""
        heads, places = len(self.program.heads), len(self.program.positions)
        terms = places * (heads + 1)
        count = 4 * heads * places + 2 * terms * self._columns() + self.far.count
        return count * (self.width // 64) ** 2

    def evaluate(self, tokens: Sequence[int]) -> Outputs | None:
        """Return the outputs of an input, None where a weight of attention is too uncertain.

        Tokens are counted from the first of their position.
        """
        found = self.columns(tokens)
        if found is None:
            return None
        return self.outputs(rectified(self.near.upper_halves(found[0])), found[1])

    def columns(self, tokens: Sequence[int]) -> tuple[int, int] | None:
        """Return the lanes of the pre-activations and of what is beside them, or None likewise."""
        vector = self.base
        for rows, token in zip(self.lookups, tokens, strict=True):
            if rows:
                vector += rows[token]
        for rows_of, spans in zip(self.heads, self._attention(tokens[-1]), strict=True):
            chosen = [span[token] for span, token in zip(spans, tokens, strict=True)]
            low, high = sum(x for x, _ in chosen), sum(x for _, x in chosen)
            for rows, token, (least, most) in zip(rows_of, tokens, chosen, strict=True):
                if rows:
                    share = (least << self.bits) // high
                    if most << self.bits > (share + 2) * low:
                        return None
                    vector += share * rows[token]
        split, offset = self.width * self.neurons, self.near.lanes.offset
        beside = (vector + offset >> split) if self.program.beside else 0
        return (vector + offset & ((1 << split) - 1)) - offset, beside

    def outputs(self, activations: Sequence[int], beside: int) -> Outputs:
        """Return the outputs that activations of the neurons, and what is beside them, lead to."""
        if not self.layers:
            return Outputs(self.far.unpack(beside), 2 * self.off_beside)
        off, last = self.off_neurons, self.layers[-1]
        for layer, after in pairwise(self.layers):
            off = (off * layer.heaviest + layer.total(activations) + 1 >> self.width // 2) + 2
            activations = layer.vectors.upper_halves(layer.bias + mixed(activations, layer.rows))
            activations = rectified(activations) if after.rectified else activations
        error = 2 * off * last.heaviest + last.total(activations) + 2 + 2 * self.off_beside
        return Outputs(self.far.unpack(beside + last.bias + mixed(activations, last.rows)), error)

    def _attention(self, query: int) -> list[list[list[Span]]]:
        """Return integers around the weights of attention by head, position and token, kept."""
        if self._spans is None or self._spans[0] != query:
            self._spans = query, [self._weights(head, query) for head in self.program.heads]
        return self._spans[1]

    def _weights(self, head: ProgramHead, query: int) -> list[list[Span]]:
        spans = self.program.positions
        score, places = head.score[query], head.positional_score[query]
        # The last position holds the query itself.
        chosen = [*spans[:-1], range(spans[-1][query], spans[-1][query] + 1)]
        flat = [score[t] + x for span, x in zip(chosen, places, strict=True) for t in span]
        self.tally.charge(4 * len(flat))
        unit = head.score_exponent, head.d_head
        powers = exponentials(flat, *unit, self.width, self.tally)
        # An input may hold small weights alone: the smallest has all its bits, within reason.
        least = min(high.bit_length() + exponent for _, high, exponent in powers)
        spread = min(top_bits(powers) - least, MAX_SPREAD)
        balls = iter(on_one_unit(powers, self.bits + GUARD + spread))
        found = [[next(balls) for _ in span] for span in chosen]
        return [*found[:-1], found[-1] * len(spans[-1])]

    # Units and bounds.

    def _columns(self) -> int:
        return next(len(rows[0]) for rows in self.program.lookups if rows)

    def _charge_tables(self) -> None:
        program, groups = self.program, every_row(self.program)
        rows = sum(len(x) for group in groups for x in group)
        weights = sum(len(x.weight.rows) * len(x.bias.rows[0]) for x in program.layers)
        self.tally.charge(4 * (rows * self._columns() + weights) * (self.width // 64))
        terms = len(groups) + 2 * len(program.positions) * len(program.heads)
        decline_unless(terms < MAX_TERMS, "limit", f"more than {MAX_TERMS} terms of a sum.")

    def _unit(self, bounds: list[int]) -> int:
        """Return fa: the neurons' sums, floors with them, stay below half a lane's range."""
        bits = max(map(int.bit_length, bounds), default=0)
        return self.width - 2 - self.bits - bits - self.program.exponent

    def _layers(self, bounds: list[int], fa: int) -> int:
        """Make the layers; return the unit of the outputs."""
        program, half, terms = self.program, self.width // 2, len(every_row(self.program))
        beside = bounds[self.neurons :]
        # A quarter of the lanes' range for what is beside, floors with it, and as much for each
        # other term of the outputs.
        most = self.width - 4 - max(map(int.bit_length, beside), default=0) - program.exponent
        shift = fa + program.exponent
        near = bounds[: self.neurons]
        self.tops = [((ceil(x, shift) + terms) << self.bits >> half) + 1 for x in near]
        tops, unit = self.tops, self.near_unit
        for layer in program.layers:
            last = layer is program.layers[-1]
            fw = self._layer_unit(layer, tops, unit, most if last and program.beside else None)
            fixed = self._fixed(layer, fw, unit + fw)
            self.layers.append(fixed)
            tops = self._tops(layer, tops, fw, unit + fw)
            unit += fw - (0 if last else half)
        return unit if program.layers else most

    def _layer_unit(self, layer: Layer, tops: list[int], unit: int, most: int | None) -> int:
        """Return fw, the finest unit of a layer's weights that leaves its sums room."""
        decline_unless(sum(tops).bit_length() <= self.width - 4, "limit", "too many neurons.")
        sums: list[int] = [
            sum(t * abs(x) for t, x in zip(tops, c, strict=True))
            for c in zip(*layer.weight.rows, strict=True)
        ]
        weights = self.width - 4 - max(sums).bit_length() - layer.weight.exponent
        ends: list[int] = [weights] if most is None else [weights, most - unit]
        if any(layer.bias.rows[0]):
            bits = max(map(abs, layer.bias.rows[0])).bit_length() + layer.bias.exponent
            ends.append(self.width - 4 - bits - unit)
        return min(ends)

    def _tops(self, layer: Layer, tops: list[int], fw: int, unit: int) -> list[int]:
        """Return a bound of each activation that follows a layer."""
        shift, count = fw + layer.weight.exponent, sum(tops)
        found = []
        for column, bias in zip(
            zip(*layer.weight.rows, strict=True), layer.bias.rows[0], strict=True
        ):
            total = sum(t * abs(x) for t, x in zip(tops, column, strict=True))
            most = ceil(total, shift) + count + ceil(abs(bias), unit + layer.bias.exponent) + 1
            found.append((most >> self.width // 2) + 1)
        return found

    def _fixed(self, layer: Layer, fw: int, unit: int) -> FixedLayer:
        vectors = Vectors(len(layer.bias.rows[0]), self.width)
        floored = [floors(row, fw + layer.weight.exponent) for row in layer.weight.rows]
        rows = [vectors.lanes.pack(row) for row in floored]
        heaviest = max(sum(abs(x) + 1 for x in column) for column in zip(*floored, strict=True))
        bias = vectors.lanes.pack(floors(layer.bias.rows[0], unit + layer.bias.exponent))
        return FixedLayer(vectors, rows, bias, heaviest, layer.rectified)

    def _pack(self, fa: int, fd: int) -> None:
        """Floor and pack the rows, and bound what they are off by."""
        program, near = self.program, self.neurons
        shifts = fa + program.exponent, fd + program.exponent
        lanes = Lanes(self._columns(), self.width)
        heaviest = [0, 0]

        def packed(rows: Rows, scale: int) -> list[int]:
            floored = [[*floors(r[:near], shifts[0]), *floors(r[near:], shifts[1])] for r in rows]
            for side, part in enumerate((slice(0, near), slice(near, None))):
                heaviest[side] = max(max(map(abs, row[part]), default=0) for row in floored)
            return [lanes.pack(row) << scale for row in floored]

        self.base, self.lookups = 0, []
        for rows in program.lookups:
            made = packed(rows, self.bits) if rows else []
            fixed = len(made) == 1
            self.base += made[0] if fixed else 0
            self.lookups.append([] if fixed else made)
        off = [len([rows for rows in program.lookups if rows]) + len(program.heads)] * 2
        off = [x << self.bits for x in off]
        self.heads: list[list[list[int]]] = []
        for head in program.heads:
            self.heads.append([])
            for rows in head.values:
                self.heads[-1].append(packed(rows, 0) if rows else [])
                off = [x + 2 * y for x, y in zip(off, heaviest, strict=True)] if rows else off
        self.off_neurons = (off[0] >> self.width // 2) + 2
        self.off_beside = off[1] if program.beside else 0


def every_row(program: Program) -> list[list[Rows]]:
    """Return what is added up: the rows of each look-up, and of each head, by position."""
    looked_up = [[rows] for rows in program.lookups if rows]
    return looked_up + [[x for x in head.values if x] for head in program.heads]


def column_bounds(program: Program) -> list[int]:
    """Return, for each column, at least the largest sum of its entries, in exact units."""
    tallest = [
        [max(map(abs, column)) for column in zip(*chain(*group), strict=True)]
        for group in every_row(program)
        if group
    ]
    return [sum(column) for column in zip(*tallest, strict=True)]


def rectified(values: Iterable[int]) -> list[int]:
    """Return max(x, 0) of each value."""
    return [x if x > 0 else 0 for x in values]


def mixed(factors: Iterable[int], rows: list[int]) -> int:
    """Return the sum of vectors, each times its factor."""
    return sum([x * row for x, row in zip(factors, rows, strict=True) if x])


def floors(row: Sequence[int], shift: int) -> list[int]:
    """Return floor(x 2**shift) of each entry."""
    return [x << shift for x in row] if shift >= 0 else [x >> -shift for x in row]


def ceil(value: int, shift: int) -> int:
    """Return the smallest integer that is at least value 2**shift."""
    return value << shift if shift >= 0 else -(-value >> -shift)
