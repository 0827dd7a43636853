"""Every input by what its neurons do on a box of a few coordinates, where most are linear (M4).

Theorem. Let z be the coordinates of an input and pre = base + z M. On a box of z where the interval
of pre_n is above 0 or touches it, a neuron is on: it adds pre_n W[n] to the outputs; where it is
below 0 or touches it, off: it adds nothing; else it is open. So on the box

    ReLU(base + z M) W = base' + z A + sum over open n of ReLU(pre_n) W[n],

base' the sum of base_n W[n] and A that of M[:, n] W[n] over the neurons that are on. What pre is
apart from base + z M is charged to the lead (`counting.coordinates`).

In integers: z is the upper half of its lane (M2, `counting.fixed_point`), M is floored to 2**-um,
base to 2**-un, un = uz + um, and W to 2**-uw; pre is then the sum of base and the products z M, the
ends of its interval are exact, and so are base' and A. The activation of an open neuron loses the
lower half of its lane. Outputs have lanes of 2 w bits, are floored to their upper halves, in units
of 2**-ub, and added to what is beside, which is floored to that unit.

Error. An activation, in units of 2**-un, is off by less than

    d_n = off (sum_k |M[k, n]| 2**um) + sum_k |z_k| + 1 + 2**(w/2),

by z, the floors of M, that of base, and its own; this moves the difference of two outputs by less
than d_n range_n. The floors of W move it by less than the activations, and those of the bias, of
the upper halves and of what is beside by less than one unit each. Beside, two outputs and the
charge are off by less than `off_beside` each.

Lanes: |pre_n| is at most reach_n = |base_n| + sum_k |z_k M[k, n]|, with floors, which is below
2**(w-3); units are chosen so that sum_n reach_n (|W[n, j]| + 1), and a bias, stay below 2**(2w-2)
each. Only the end of a sum has to fit its lane.

An input is right if the lead exceeds the margin by more than error and charge, wrong if it misses
it by as much, else it counts as wrong for the lower end and as right for the upper one.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import add, mul, sub
from typing import NamedTuple

from arithmetic.matrices import Matrix, aligned
from arithmetic.tally import Tally
from counting.boxes import Box, Point, boxes
from counting.coordinates import Along, projected
from counting.fixed_point import FixedPoint, Outputs, Vectors, ceil, floors, mixed
from counting.inputs import counted, decided, labelled, lead_of, margin_at, summed
from files.claims import Claim, Counts
from files.compact_witness import matrix, neurons_of, require_one_layer
from files.witness import demand, small
from parts.program import Layer, Program

MOST_DIRECTIONS, MOST_NUMBERS, LARGEST_LEAF, WIDEST = 64, 2**22, 4096, 512
# Lanes of all the inputs that are kept at a time.
KEPT = 2**21
# What an input counts beside its arithmetic.
OF_AN_INPUT = 16


class Witness(NamedTuple):
    """The most inputs of a box, and the directions and coordinates, any numbers."""

    leaf: int
    along: Along


def read(claim: Claim) -> Witness:
    """Return the claim's witness, or refuse it."""
    neurons, w = neurons_of(claim), claim.witness
    demand(claim.precision <= WIDEST, f"lanes have {WIDEST} bits at most.")
    keys = {"leaf", "directions", "coordinates"}
    demand(w.keys() == keys, "the keys are leaf, directions and coordinates.")
    directions = matrix(w["directions"], None, neurons)
    most = min(MOST_DIRECTIONS, neurons, MOST_NUMBERS // neurons)
    count = len(directions.rows)
    demand(1 <= count <= most, f"there are {count} directions, not 1 to {most}.")
    along = Along(directions, matrix(w["coordinates"], neurons, count))
    return Witness(small(w["leaf"], 1, LARGEST_LEAF), along)


def count_right(program: Program, witness: Witness, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    require_one_layer(len(program.layers), claim)
    if len(claim.task.answers) == 1:
        return counted(claim, lambda places, column: None)
    bounds = Cells(program, witness, claim.precision, tally)
    least = margin_at(claim, program.scale, bounds.unit)
    tally.charge(bounds.cost() * claim.total)

    def decisions() -> Iterator[bool | None]:
        for _, group in groupby(labelled(claim.task), lambda item: item[0][-1]):
            while inputs := list(islice(group, bounds.at_a_time)):
                for column, found in bounds.evaluate(inputs):
                    lead, error = (lead_of(found.values, column), found.error) if found else (0, 0)
                    yield decided(lead - error, lead + error, least) if found else None

    return summed(decisions())


class Cells:
    """The outputs of a program with one layer, box by box, in units of 2**-`unit`."""

    def __init__(self, program: Program, witness: Witness, bits: int, tally: Tally) -> None:
        made, directions, base = projected(program, witness.along, bits, tally)
        self.fixed, self.leaf, self.tally = FixedPoint(made, bits, tally), witness.leaf, tally
        layer, self.square = program.layers[0], (bits // 64) ** 2
        self.neurons, self.outputs = len(layer.weight.rows), len(layer.bias.rows[0])
        self.directions = len(directions.rows)
        tally.charge((4 * self.directions + 6 * self.outputs) * self.neurons * (bits // 64))
        self._make_layer(layer, *self._make_neurons(directions, base))
        self.at_a_time = max(KEPT * 64 // ((self.directions + self.outputs + 1) * bits), 1)

    def _make_neurons(self, directions: Matrix, base: Matrix) -> tuple[list[int], int]:
        """Make M and base in integers; return what pre-activations reach, and their unit un."""
        bits, tops = self.fixed.width, self.fixed.tops
        moved = Matrix(directions.rows, directions.exponent - self.fixed.near_unit)
        (rows, constant), exponent = aligned([moved, base], self.tally)
        most = list(map(abs, constant[0]))
        for top, row in zip(tops, rows, strict=True):
            most = [x + top * abs(y) for x, y in zip(most, row, strict=True)]
        shift = bits - 4 - max(most).bit_length()
        made = [floors(row, shift) for row in (*rows, *constant)]
        self.columns, half = list(zip(*made, strict=True)), 1 << bits - 1
        self.bytes = [[(x + half).to_bytes(bits // 8, "little") for x in row] for row in made]
        self.near = Vectors(self.neurons, bits)
        self.slopes = [self.near.lanes.pack(row) for row in made]
        self.sizes = [self.near.lanes.pack(map(abs, row)) for row in made[:-1]]
        self.weights = [sum(map(abs, row)) for row in made[:-1]]
        # What the floors of M, of base and of an open neuron's activation are off by, together.
        self.slack = sum(tops) + 1 + (1 << bits // 2)
        return [ceil(x, shift) + self.slack for x in most], shift - exponent

    def _make_layer(self, layer: Layer, reach: list[int], of_pre: int) -> None:
        """Make W in integers, the unit, and the error of every lead but for its charge."""
        bits, ((rows, exponent), bias, _) = self.fixed.width, layer
        sums: list[int] = [sum(map(mul, reach, map(abs, x))) for x in zip(*rows, strict=True)]
        ends = [self.fixed.unit, of_pre + bits - 3 - exponent - max(sums).bit_length()]
        if any(bias.rows[0]):
            ends.append(bits - 3 - max(map(abs, bias.rows[0])).bit_length() - bias.exponent)
        self.unit = min(ends)
        self.lowered, shift = self.fixed.unit - self.unit, self.unit - of_pre + exponent
        self.far, self.wide = (Vectors(self.outputs, x * bits) for x in (1, 2))
        self.rows = [self.wide.lanes.pack(floors(row, shift + bits)) for row in rows]
        self.open_rows = [self.far.lanes.pack(floors(row, shift + bits // 2)) for row in rows]
        start = self.wide.lanes.pack(floors(bias.rows[0], self.unit + bias.exponent)) << bits
        # The sums over the neurons that are on, by coordinate, that of base last.
        self.on, self.sums = set[int](), [*[0] * self.directions, start]
        sizes = (sum(map(abs, column[:-1])) + self.directions for column in self.columns)
        off = [self.fixed.off_neurons * x + self.slack for x in sizes]
        ranges = [max(row) - min(row) for row in rows]
        # Floors of the rows; of the bias, of the upper halves, and of what is beside.
        self.error = ceil(sum(map(mul, off, ranges)), shift) + ceil(sum(reach), -bits) + 3

    def cost(self) -> int:
        """Return what an input counts, but for boxes and open neurons: by the shape and width."""
        of_map = (2 * self.directions + 2) * self.outputs
        return self.fixed.cost_of_columns() + of_map * self.square + OF_AN_INPUT

    def evaluate(self, inputs: list[tuple[list[int], int]]) -> Iterator[tuple[int, Outputs | None]]:
        """Yield for each input, with the column of its label, this column and the outputs.

        None where a weight of attention is too uncertain. Not in the order of the inputs.
        """
        columns = [(self.fixed.columns(places), column) for places, column in inputs]
        yield from ((column, None) for found, column in columns if not found)
        halves = self.fixed.near.upper_halves
        points: list[Point] = [(halves(x[0]), (x[1], column)) for x, column in columns if x]
        for box in boxes(points, self.leaf, self.weights, self.tally) if points else ():
            self.enter(box)
            for z, (beside, column) in box.points:
                yield column, self.outputs_at((*z, 1), beside)

    def enter(self, box: Box) -> None:
        """Take the sums to a box, and pack the neurons that are open there."""
        self.tally.charge((4 * self.directions + 2) * self.neurons * self.square)
        # Twice the ends of each interval.
        middle = mixed([*map(add, box.lows, box.highs), 2], self.slopes)
        spread = mixed(map(sub, box.highs, box.lows), self.sizes)
        lows, highs = self.near.unpack(middle - spread), self.near.unpack(middle + spread)
        on = {n for n, low in enumerate(lows) if low >= 0}
        self.open = [n for n, high in enumerate(highs) if high > 0 > lows[n]]
        switched = 2 * (self.directions + 1) * self.outputs * len(on ^ self.on)
        opened = 2 * (self.directions + self.outputs) * len(self.open) * len(box.points)
        self.tally.charge((switched + opened) * self.square)
        for n in on ^ self.on:
            row = self.rows[n] if n in on else -self.rows[n]
            self.sums = [
                total + x * row for total, x in zip(self.sums, self.columns[n], strict=True)
            ]
        self.on, self.opened = on, Vectors(len(self.open), self.fixed.width)
        chosen, offset = (
            [b"".join([r[n] for n in self.open]) for r in self.bytes],
            self.opened.lanes.offset,
        )
        self.open_slopes = [int.from_bytes(data, "little") - offset for data in chosen]
        # At least the sum of the open neurons' activations' upper halves.
        self.floored = sum(highs[n] >> self.fixed.width // 2 + 1 for n in self.open)

    def outputs_at(self, point: Sequence[int], beside: int) -> Outputs:
        """Return the outputs of a point of the box that was entered, and the error of its leads.

        The point has a coordinate more, which is 1.
        """
        total = self.wide.upper_halves(mixed(point, self.sums))
        *direct, charge = self.fixed.far.unpack(beside)
        values = [(x >> self.lowered) + y for x, y in zip(direct, total, strict=True)]
        if self.open:
            halves = self.opened.upper_halves(mixed(point, self.open_slopes))
            active = [
                x * self.open_rows[n] for x, n in zip(halves, self.open, strict=True) if x > 0
            ]
            values = list(map(add, values, self.far.unpack(sum(active))))
        charged = ceil(charge + 3 * self.fixed.off_beside, -self.lowered)
        return Outputs(values, self.error + self.floored + charged)
