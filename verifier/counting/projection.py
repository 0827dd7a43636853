"""M4: rows of neurons through a few directions, and what that leaves of each at its worst."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.fixed_point import LANES, Ends, FixedPoint, Settled
from ballproof.verifier.counting.mixing import Tokens
from ballproof.verifier.counting.one_pass import Columns
from ballproof.verifier.counting.products import floors
from ballproof.verifier.counting.program import DomainProgram, columns_of

# Bits of the largest coordinate of a row.
COORDINATE_BITS = 30
# A table in directions, its coordinates, and its charges.
Part = tuple[DyadicMatrix | None, DyadicMatrix | None, DyadicMatrix | None]


@dataclass(frozen=True, eq=False)
class Directions:
    """M (K, m), and what makes coordinates of a row of neurons (m, K): any numbers."""

    directions: DyadicMatrix
    coordinates: DyadicMatrix


class Projection:
    """A program whose rows of neurons are combinations of K directions, and each row's charge.

    A row r is c M with c = floor(r C 2^fz) 2^-fz, and its charge is sum_n |r_n - (c M)_n| range_n,
    exactly. Look-ups of a position with one token stay as they are, and so do direct columns.
    `coordinates` is the program that has c for neurons and no layers.
    """

    def __init__(self, program: DomainProgram, given: Directions) -> None:
        self.given, self.neurons = given, program.neurons
        weights = program.layers[-1][0]
        self.ranges = [max(row) - min(row) for row in weights.tolist()]
        self.range_unit = weights.exponent
        self.bits = self._unit(program)
        fixed = [len(allowed) == 1 for allowed in program.positions]
        lookups: list[Part] = [
            (part, None, None) if part is None or alone else self._projected(part)
            for part, alone in zip(program.lookups, fixed, strict=True)
        ]
        heads: list[list[Part]] = [
            [(None, None, None) if part is None else self._projected(part) for part in head.values]
            for head in program.heads
        ]
        self.program, self.coordinates, self.charges = (
            _of_parts(program, lookups, heads, place, width)
            for place, width in enumerate(
                ((program.neurons, program.answers), (0, given.directions.shape[0]), (0, 1))
            )
        )

    def _projected(self, part: DyadicMatrix) -> tuple[DyadicMatrix, DyadicMatrix, DyadicMatrix]:
        """Return rows (T, m+a) that are combinations of directions, c (T, K), charges (T, 1)."""
        neurons = columns_of(part, range(self.neurons))
        direct = columns_of(part, range(self.neurons, part.shape[1]))
        found = _floored(neurons @ self.given.coordinates, self.bits)
        made = found @ self.given.directions
        left = neurons - made
        charges = [
            [sum(abs(x) * range_ for x, range_ in zip(row, self.ranges, strict=True))]
            for row in left.tolist()
        ]
        charge = DyadicMatrix.from_ints(charges, left.exponent + self.range_unit)
        return made.beside(direct), found, charge

    def _unit(self, program: DomainProgram) -> int:
        """Return fz: the largest coordinate has so many bits."""
        parts = [*program.lookups, *(part for head in program.heads for part in head.values)]
        largest = Fraction(0)
        for part in parts:
            if part is not None:
                found = columns_of(part, range(self.neurons)) @ self.given.coordinates
                top = max(abs(int(x)) for x in found.mantissa.entries())
                largest = max(largest, top * Fraction(2) ** found.exponent)
        size = largest.numerator.bit_length() - largest.denominator.bit_length()
        return COORDINATE_BITS - size if largest else 0


class Cells:
    """Decides inputs by M4.

    Theorem: let every row r of neurons that is looked up, or mixed in by a head with weight alpha,
    be replaced by any row r', and let pre' be what these add up to. For any two answers

        |lead - lead'| <= sum_r alpha_r x_r,    x_r = sum_n |r_n - r'_n| range_n,

    where lead' is that of direct + relu(pre') W, and range_n = max_j W_nj - min_j W_nj. Proof:
    |relu(pre_n) - relu(pre'_n)| <= |pre_n - pre'_n| <= sum_r alpha_r |r_n - r'_n|, and neuron n
    moves a difference of two outputs by this times range_n at most. []

    The leads of the replaced rows are those of M2, up to its error. Charges are added up as direct
    columns are: the sum of their floors, of look-ups and of heads, is below the true one by no more
    than half the error of a difference of two such columns.

    The proof evaluates relu(pre') by cells of inputs, on each of which most neurons are linear. It
    is the same number, so that cells are of account for the proof's length alone.
    """

    def __init__(self, projection: Projection) -> None:
        self.fixed = FixedPoint(projection.program, LANES)
        self.charged = FixedPoint(projection.charges, LANES)

    def settle(self, tokens: Tokens, own: Columns, margin: Fraction) -> Settled:
        """Decide inputs (N, k) whose labels are these columns (N,); a tie is wrong."""
        unit = self.fixed.program.denominator
        return self.leads(tokens, own).settled(margin * unit, self.fixed.most)

    def leads(self, tokens: Tokens, own: Columns) -> Ends:
        """Return bounds of the leads of inputs that have a rival."""
        leads, errors, proved = self.fixed.leads(tokens, own)
        sums, known = self.charged.sums(tokens)
        charges = sums[:, 0] + self.charged.direct_error
        # The coarser unit holds both.
        unit = min(self.fixed.unit, self.charged.unit)
        down, up = (min(each.unit - unit, LANES - 1) for each in (self.fixed, self.charged))
        off = -(-charges >> up)
        least, most = (leads - errors >> down) - off, -(-(leads + errors) >> down) + off
        return Ends(least, most, unit, proved & known)


def _of_parts(
    program: DomainProgram,
    lookups: list[Part],
    heads: list[list[Part]],
    place: int,
    columns: tuple[int, int],
) -> DomainProgram:
    """Return the program of one of the three parts of each row, with so many neurons and answers.

    Without neurons it has no layer.
    """
    made = [
        replace(head, values=tuple(part[place] for part in parts))
        for head, parts in zip(program.heads, heads, strict=True)
    ]
    neurons, answers = columns
    given = tuple(part[place] for part in lookups)
    if all(part is None for part in given):
        # Every program looks something up.
        given = (DyadicMatrix.zeros(len(program.positions[0]), sum(columns)), *given[1:])
    layers = program.layers if neurons else ()
    return DomainProgram(
        program.positions,
        given,
        tuple(made),
        neurons,
        answers,
        layers,
        program.denominator,
    )


def _floored(matrix: DyadicMatrix, bits: int) -> DyadicMatrix:
    """Return floor(2^bits x) 2^-bits of every entry."""
    entries = floors(matrix, bits, wide=True)
    return DyadicMatrix(flint.fmpz_mat(*matrix.shape, [int(x) for x in entries.flat]), -bits)
