"""A program whose look-ups hold a linear part of what follows its ReLU (M3).

Theorem. Let pre be the pre-activations, W = A + R any splitting of the weight of the only layer,
and kappa, mu any rows of numbers. With rem = ReLU(pre) - mu - kappa pre the outputs are

    [direct + bias + mu R + (kappa pre) R] + ReLU(pre) A + rem R,

and the bracket is made of look-ups and of heads as pre is: a row that has x for pre has (kappa x) R
more for the outputs. Proof. An identity, and weights of attention are linear in both. `folded`
returns the program of pre and the bracket, with no layer yet.

Before, it floors the entries of pre to a unit that leaves their largest sum `bits` bits. So the
program is about other pre-activations, each lower by less than `off` units of the given program's
2**exponent: one floor for each look-up and, its weights being at most 1 together, for each head.

Lanes: a floored entry is at most 2**bits, an entry of kappa R less than 2**t, and a sum of m < 2**c
products less than 2**(bits + t + c): bits + t + c + 1 bits hold it.
"""

from operator import mul
from typing import NamedTuple

from arithmetic.matrices import Matrix, Rows, aligned, limited, scaled
from arithmetic.matrices import product as matrix_product
from arithmetic.tally import Tally
from counting.fixed_point import Vectors, column_bounds, every_row
from parts.program import Program


class Folded(NamedTuple):
    """A program without layers, and how far its pre-activations are from those of the given one."""

    program: Program
    off: int


def folded(
    program: Program, residual: Matrix, kappa: Matrix, mu: Matrix, bits: int, tally: Tally
) -> Folded:
    """Return the program of the bracket; kappa and mu are rows, mu in units of a model's neuron."""
    neurons, groups = program.neurons, every_row(program)
    tally.charge(len(residual.rows) * len(residual.rows[0]))
    pairs = zip(kappa.rows[0], residual.rows, strict=True)
    slopes = limited([[k * x for x in row] for k, row in pairs], kappa.exponent + residual.exponent)
    moved = scaled(matrix_product(mu, residual, tally), program.scale, tally)
    # Both are brought to one unit, as are the columns of the rows.
    (constant, bias), unit = aligned([moved, program.layers[0].bias], tally)
    bounds = column_bounds(program)
    coarse = max(max(map(int.bit_length, bounds[:neurons])) - bits, 0)
    low = program.exponent + coarse + slopes.exponent
    fold = _Fold(slopes, bits, coarse, program.exponent, min(low, unit, program.exponent))
    fold.charge(sum(len(rows) for group in groups for rows in group), max(bounds), tally)
    fold.pack()
    lookups = [rows and fold.rows(rows) for rows in program.lookups]
    heads = [
        x._replace(values=[rows and fold.rows(rows) for rows in x.values]) for x in program.heads
    ]
    up = unit - fold.unit
    added = [0] * neurons + [x + y << up for x, y in zip(constant[0], bias[0], strict=True)]
    place = next(place for place, rows in enumerate(lookups) if rows)
    lookups[place] = [
        [x + y for x, y in zip(row, added, strict=True)] for row in lookups[place] or []
    ]
    made = Program(program.positions, lookups, fold.unit, heads, neurons, [], True, program.scale)
    return Folded(made, len(groups) << coarse if coarse else 0)


class _Fold:
    """What is done to each row: from one of the exponent `given` to one of the exponent `unit`."""

    def __init__(self, slopes: Matrix, bits: int, coarse: int, given: int, unit: int) -> None:
        self.slopes, self.bits, self.coarse, self.unit = slopes.rows, bits, coarse, unit
        self.up, self.shift = given - unit, given + coarse + slopes.exponent - unit
        self.neurons, self.outputs = len(slopes.rows), len(slopes.rows[0])
        size = max(max(map(int.bit_length, row)) for row in slopes.rows)
        self.width = -(-(bits + size + self.neurons.bit_length() + 1) // 8) * 8

    def charge(self, rows: int, largest: int, tally: Tally) -> None:
        """Count all rows: a packed product by its length where that is above 2**13 bits squared."""
        columns = self.neurons + self.outputs
        products = 2 * self.neurons * self.outputs * (1 + (self.bits * self.width >> 13))
        tally.charge(rows * (products + 2 * columns))
        reach = max(largest.bit_length() + self.up, self.width + self.shift)
        tally.charge_size(rows * columns, reach)

    def pack(self) -> None:
        """Put the slopes of each neuron into lanes."""
        self.vectors = Vectors(self.outputs, self.width)
        self.packed = [self.vectors.lanes.pack(row) for row in self.slopes]

    def rows(self, rows: Rows) -> Rows:
        """Return rows with their neurons floored and the linear part added beside."""
        return [self._row(row[: self.neurons], row[self.neurons :]) for row in rows]

    def _row(self, near: list[int], beside: list[int]) -> list[int]:
        floored = [x >> self.coarse for x in near]
        linear = self.vectors.unpack(sum(map(mul, floored, self.packed)))
        beside = beside or [0] * self.outputs
        pairs = zip(beside, linear, strict=True)
        return [
            *(x << self.coarse + self.up for x in floored),
            *((x << self.up) + (y << self.shift) for x, y in pairs),
        ]
