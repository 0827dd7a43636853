"""A program whose neurons are read off a few coordinates, with a charge for what these miss (M4).

Theorem. Let pre = base + sum of rows, base the look-ups of positions with one token and each row
weighted by 1 or by attention, and let M (K, m) be any directions. For each row r let c be any K
numbers, e = |r - c M| by neuron, and x at least the sum of e_n range_n, where range_n is
max_j W[n, j] - min_j W[n, j] over the answers. With z and X the sums of the rows' c and x, weighted
as they are, the lead of a label over any other output is within X of its lead in
beside + bias + ReLU(base + z M) W.
Proof. |pre_n - base_n - (z M)_n| is at most the weighted sum of the e_n, weights not being
negative; ReLU does not increase it; and an activation that is off by d_n moves the difference of
two outputs by at most d_n range_n.

`projected` returns the program of z, of what is beside, and of X in the last column, with no layer.
Rows of neurons are floored to `bits` bits and c, the row times the coordinates, to a unit of its
own: any c is sound. The product c M is exact, and then floored to the row's unit. Two floors are
off by less than 1 in the difference, which e holds; ranges and x are rounded up.
"""

from operator import mul, sub
from typing import NamedTuple

from arithmetic.matrices import Matrix, Rows, limited, product
from arithmetic.tally import Tally
from counting.fixed_point import ceil, column_bounds, every_row, floors
from parts.program import Program

Projected = tuple[Program, Matrix, Matrix]


class Along(NamedTuple):
    """Directions (K, neurons), and what a row is multiplied by for its coordinates (neurons, K)."""

    directions: Matrix
    coordinates: Matrix


def projected(program: Program, along: Along, bits: int, tally: Tally) -> Projected:
    """Return the program of z, without layers, and what leads from z to pre-activations.

    These are the rows of M, for z in the units of the program, and the row base that is added.
    """
    rows, m, (matrix, exponent) = _Rows(program, along, bits, tally), program.neurons, along[0]
    lookups = [x and (rows.kept(x) if len(x) == 1 else rows.of(x)) for x in program.lookups]
    heads = [x._replace(values=[y and rows.of(y) for y in x.values]) for x in program.heads]
    fixed = [x[0][:m] for x in program.lookups if x and len(x) == 1]
    base = Matrix([[sum(column) for column in zip([0] * m, *fixed, strict=True)]], program.exponent)
    made = program._replace(lookups=lookups, exponent=rows.unit, heads=heads, layers=[])
    made = made._replace(neurons=len(matrix), beside=True)
    return made, Matrix(matrix, exponent + rows.of_z - rows.unit), base


class _Rows:
    """What is done to each row, from one of the program's exponent to one of the exponent `unit`.

    The coordinates of a row have the exponent `of_z`, and are taken for ones of `unit`.
    """

    def __init__(self, program: Program, along: Along, bits: int, tally: Tally) -> None:
        self.along, self.tally, self.neurons = along, tally, program.neurons
        weight, bounds = program.layers[0].weight, column_bounds(program)
        exact = [max(row) - min(row) for row in weight.rows]
        fine = bits // 2 - max(exact).bit_length()
        self.ranges = [ceil(x, fine) for x in exact]
        self.zeros = [] if program.beside else [0] * len(weight.rows[0])
        # Rows in units of 2**low: their largest sum is below 2**bits of these.
        self.shift = bits - max(map(int.bit_length, bounds[: self.neurons]))
        low, directions, (rows, exponent) = program.exponent - self.shift, *along
        self.spare = max(max(max(map(int.bit_length, row)) for row in rows) - 1, 0)
        self.of_z = low + exponent + self.spare
        self.back = self.of_z + directions.exponent - low
        charged = low + weight.exponent - fine
        self.unit = min(program.exponent, charged)
        self.up, self.raised = program.exponent - self.unit, charged - self.unit
        # Long numbers count by their size.
        count = sum(len(rows) for group in every_row(program) for rows in group)
        kept, beside = self.neurons + len(directions.rows), len(weight.rows[0]) + 1
        tally.charge(4 * count * kept + 2 * self.neurons * beside)
        tally.charge_size(count * kept, bits + 128 + max(self.back, 0))
        tally.charge_size(count * beside, max(bounds).bit_length() + self.up + self.raised)

    def kept(self, rows: Rows) -> Rows:
        """Return rows with what is beside alone."""
        none = [0] * len(self.along.directions.rows)
        return limited([[*none, *self._beside(row), 0] for row in rows], self.unit).rows

    def of(self, rows: Rows) -> Rows:
        """Return rows with their coordinates, what is beside, and their charge."""
        near = [floors(row[: self.neurons], self.shift) for row in rows]
        found = product(Matrix(near, 0), self.along.coordinates, self.tally).rows
        found = [floors(row, -self.spare) for row in found]
        back = product(Matrix(found, 0), self.along.directions, self.tally).rows
        three = zip(found, rows, map(self._charge, near, back), strict=True)
        return limited([[*c, *self._beside(row), x] for c, row, x in three], self.unit).rows

    def _beside(self, row: list[int]) -> list[int]:
        return [x << self.up for x in row[self.neurons :]] or self.zeros

    def _charge(self, near: list[int], back: list[int]) -> int:
        missed = map(abs, map(sub, near, floors(back, self.back)))
        total: int = sum(map(mul, missed, self.ranges)) + sum(self.ranges)
        return total << self.raised
