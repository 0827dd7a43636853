"""Bounds of what rounding in float32 does to sums of products, entry by entry (T12)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.errors import ModelError

# A float32 has 24 bits, is normal from 2^-126 on, and below 2^128; sums stay below 2^126.
_BITS, _NORMAL, _ABOVE, _SUM = 24, -126, 128, 126
# What underflow takes from a sum, in units of u.
_TINY = -92


@dataclass(frozen=True)
class Stage:
    """Entrywise bounds of a real quantity's absolute value, and of the computed one's error."""

    value: DyadicMatrix
    error: DyadicMatrix

    @property
    def computed(self) -> DyadicMatrix:
        """A bound of the computed quantity's absolute value."""
        return self.value + self.error

    def largest(self) -> Stage:
        """Return the largest value and the largest error of each column, as rows."""
        return Stage(tallest(self.value), tallest(self.error))

    def times(self, weight: DyadicMatrix, bias: DyadicMatrix, operations: int) -> Stage:
        """Return the stage x W + b after this many rounded operations, for absolute W and b."""
        computed = (self.computed @ weight).plus_row(bias)
        return Stage(
            (self.value @ weight).plus_row(bias),
            self.error @ weight + rounding(computed, operations),
        )

    def rounded(self, operations: int) -> Stage:
        """Return the stage after more rounded operations."""
        return Stage(self.value, self.error + rounding(self.computed, operations))


def rounding(sums: DyadicMatrix, operations: int) -> DyadicMatrix:
    """Return G_n(A) = (n u + 2 (n u)^2) (A + n 2^-92), a bound of n roundings in sums A."""
    largest = largest_entry(sums)
    if largest >= 2**_SUM:
        size = largest.numerator.bit_length() - largest.denominator.bit_length()
        raise ModelError(f"A sum in float32 may reach about 2^{size}, where it may overflow.")
    factor = operations * 2**_BITS + 2 * operations**2
    tiny = DyadicMatrix.from_ints([[operations] * sums.shape[1]], _TINY)
    scaled = sums.plus_row(tiny).scaled(factor)
    return DyadicMatrix(scaled.mantissa, scaled.exponent - 2 * _BITS)


def magnitudes(name: str, weights: Weights) -> DyadicMatrix:
    """Return the absolute values of a tensor, or refuse what float32 does not hold exactly."""
    matrix = weights.tensors[name]
    for entry in map(int, matrix.mantissa.entries()):
        odd = abs(entry) // (entry & -entry) if entry else 0
        top = entry.bit_length() + matrix.exponent
        if entry and not (odd.bit_length() <= _BITS and _NORMAL < top <= _ABOVE):
            raise ModelError(
                f"{weights.source}: {name} holds a number that is neither zero nor a normal "
                "number of float32; the float32 program is not defined."
            )
    return absolute(matrix)


def absolute(matrix: DyadicMatrix) -> DyadicMatrix:
    """Return the absolute values."""
    entries = [abs(int(entry)) for entry in matrix.mantissa.entries()]
    return DyadicMatrix(flint.fmpz_mat(*matrix.shape, entries), matrix.exponent)


def tallest(matrix: DyadicMatrix) -> DyadicMatrix:
    """Return the largest entry of each column, as a row."""
    columns = matrix.mantissa.transpose().tolist()
    return DyadicMatrix(flint.fmpz_mat([[max(column) for column in columns]]), matrix.exponent)


def largest_entry(matrix: DyadicMatrix) -> Fraction:
    """Return the largest entry."""
    return int(max(matrix.mantissa.entries())) * Fraction(2) ** matrix.exponent
