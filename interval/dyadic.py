"""Exact matrices of dyadic rationals, frozen from the bits of a tensor and never rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import flint
import numpy as np
from numpy.typing import NDArray

Magnitudes = NDArray[np.uint64]
Exponents = NDArray[np.int64]
Signs = NDArray[np.bool_]


class NonFiniteError(ValueError):
    """A NaN or an infinity stands at `index` = (row, column), where a number is expected."""

    def __init__(self, index: tuple[int, int]) -> None:
        super().__init__(f"the entry at {list(index)} is a NaN or an infinity, not a number")
        self.index = index


@dataclass(frozen=True)
class _FloatFormat:
    exponent_bits: int
    fraction_bits: int


_FLOATS = {
    "F64": _FloatFormat(11, 52),
    "F32": _FloatFormat(8, 23),
    "F16": _FloatFormat(5, 10),
    "BF16": _FloatFormat(8, 7),
}
_INTEGERS = {
    "I8": "<i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "<u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
}
DTYPES = (*_FLOATS, *_INTEGERS)
# Bits of all entries as integers on one unit, with OVERHEAD more that each takes.
MAX_EXACT_BITS, OVERHEAD_BITS = 2**30, 256


@dataclass(frozen=True, eq=False)
class DyadicMatrix:
    """The exact matrix `mantissa * 2**exponent`; equality compares values, not representations."""

    mantissa: flint.fmpz_mat
    exponent: int

    @classmethod
    def from_bits(cls, data: bytes, dtype: str, shape: tuple[int, int]) -> DyadicMatrix:
        """Freeze little-endian numbers, row by row, exactly.

        `dtype` is a safetensors tag, one of DTYPES. The common exponent is the largest that
        serves every entry (0 for a zero matrix), and -0.0 is 0. Raises NonFiniteError for a NaN
        or an infinity, ValueError for an unknown tag, a wrong number of bytes, or numbers too far
        apart for so many of them.
        """
        if dtype not in DTYPES:
            raise ValueError(f"the dtype {dtype} is not one of {', '.join(DTYPES)}")
        _check_size(data, dtype, shape)
        if dtype in _FLOATS:
            parts = _split_floats(data, _FLOATS[dtype], shape)
        else:
            parts = _split_integers(data, dtype)
        _check_bits(*parts[1:])
        return _assemble(*parts, shape)

    @classmethod
    def from_ints(cls, rows: Sequence[Sequence[int]], exponent: int = 0) -> DyadicMatrix:
        """Return the matrix of `rows`, each entry times 2**exponent."""
        return cls(flint.fmpz_mat([list(row) for row in rows]), exponent)

    @classmethod
    def zeros(cls, rows: int, columns: int) -> DyadicMatrix:
        """Return the zero matrix of shape (rows, columns)."""
        return cls(flint.fmpz_mat(rows, columns), 0)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.mantissa.nrows(), self.mantissa.ncols()

    def __matmul__(self, other: DyadicMatrix) -> DyadicMatrix:
        return DyadicMatrix(self.mantissa * other.mantissa, self.exponent + other.exponent)

    def __add__(self, other: DyadicMatrix) -> DyadicMatrix:
        exponent = min(self.exponent, other.exponent)
        return DyadicMatrix(self._at(exponent) + other._at(exponent), exponent)

    def __sub__(self, other: DyadicMatrix) -> DyadicMatrix:
        return self + (-other)

    def __neg__(self) -> DyadicMatrix:
        return self.scaled(-1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DyadicMatrix):
            return NotImplemented
        if self.shape != other.shape:
            return False
        exponent = min(self.exponent, other.exponent)
        return bool(self._at(exponent) == other._at(exponent))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        # fmpz_mat does not pickle, and worker processes need these matrices.
        entries = [int(entry) for entry in self.mantissa.entries()]
        return _rebuild, (*self.shape, entries, self.exponent)

    def transpose(self) -> DyadicMatrix:
        """Return the matrix with rows and columns exchanged."""
        return DyadicMatrix(self.mantissa.transpose(), self.exponent)

    def scaled(self, numerator: int) -> DyadicMatrix:
        """Return the matrix times an integer."""
        return DyadicMatrix(self.mantissa * numerator, self.exponent)

    def row(self, i: int) -> DyadicMatrix:
        """Return row `i` as a matrix of shape (1, columns)."""
        return self.rows(i, i + 1)

    def rows(self, first: int, past: int) -> DyadicMatrix:
        """Return rows first..past-1, one at least, as a matrix."""
        columns = self.shape[1]
        entries = [self.mantissa[i, j] for i in range(first, past) for j in range(columns)]
        return DyadicMatrix(flint.fmpz_mat(past - first, columns, entries), self.exponent)

    def beside(self, other: DyadicMatrix) -> DyadicMatrix:
        """Return the matrix with the columns of another of as many rows after its own."""
        exponent = min(self.exponent, other.exponent)
        ours, theirs = self._at(exponent).tolist(), other._at(exponent).tolist()
        rows = [[*one, *two] for one, two in zip(ours, theirs, strict=True)]
        return DyadicMatrix(flint.fmpz_mat(rows), exponent)

    def plus_row(self, row: DyadicMatrix) -> DyadicMatrix:
        """Return the matrix with one (1, columns) row added to each of its rows."""
        count = self.shape[0]
        return self + DyadicMatrix(flint.fmpz_mat(count, 1, [1] * count), 0) @ row

    def trimmed(self) -> DyadicMatrix:
        """Return the same value with the common power of two moved into the exponent."""
        entries = [int(entry) for entry in self.mantissa.entries()]
        shared = math.gcd(*entries)
        if shared == 0:
            return DyadicMatrix(self.mantissa, 0)
        twos = (shared & -shared).bit_length() - 1
        if twos == 0:
            return self
        return _rebuild(*self.shape, [entry >> twos for entry in entries], self.exponent + twos)

    def tolist(self) -> list[list[int]]:
        """Return the mantissas as rows of Python integers; the exponent is not applied."""
        return [[int(entry) for entry in row] for row in self.mantissa.tolist()]

    def to_float(self) -> NDArray[np.float64]:
        """Return float64 approximations, infinite where they overflow.

        For untrusted search only: a float is not a bound.
        """
        floats = [_to_float(int(entry), self.exponent) for entry in self.mantissa.entries()]
        return np.array(floats, dtype=np.float64).reshape(self.shape)

    def _at(self, exponent: int) -> flint.fmpz_mat:
        """Mantissa of the same value at a lower or equal exponent."""
        if exponent == self.exponent:
            return self.mantissa
        return self.mantissa * (1 << (self.exponent - exponent))


def _rebuild(rows: int, columns: int, entries: list[int], exponent: int) -> DyadicMatrix:
    return DyadicMatrix(flint.fmpz_mat(rows, columns, entries), exponent)


def _check_size(data: bytes, dtype: str, shape: tuple[int, int]) -> None:
    code = f"u{_width(_FLOATS[dtype])}" if dtype in _FLOATS else _INTEGERS[dtype]
    width = np.dtype(code).itemsize
    expected = shape[0] * shape[1] * width
    if len(data) != expected:
        raise ValueError(f"{len(data)} bytes, where {dtype} of shape {list(shape)} has {expected}")


def _width(layout: _FloatFormat) -> int:
    return (1 + layout.exponent_bits + layout.fraction_bits) // 8


def _split_floats(
    data: bytes, layout: _FloatFormat, shape: tuple[int, int]
) -> tuple[Signs, Magnitudes, Exponents]:
    """Signs, magnitudes and exponents of IEEE numbers; each value is exactly +-m * 2**e."""
    bits = np.frombuffer(data, dtype=f"<u{_width(layout)}").astype(np.uint64)
    fraction = bits & np.uint64((1 << layout.fraction_bits) - 1)
    top = (1 << layout.exponent_bits) - 1
    field = (bits >> np.uint64(layout.fraction_bits)) & np.uint64(top)
    if (field == top).any():
        row, column = divmod(int(np.argmax(field == top)), shape[1])
        raise NonFiniteError((row, column))
    negative = (bits >> np.uint64(layout.fraction_bits + layout.exponent_bits)) != 0
    # Subnormals (field 0) have no hidden bit and the exponent of field 1.
    hidden = np.where(field == 0, np.uint64(0), np.uint64(1 << layout.fraction_bits))
    bias = (1 << (layout.exponent_bits - 1)) - 1
    exponents = np.maximum(field.astype(np.int64), 1) - (bias + layout.fraction_bits)
    return negative, fraction | hidden, exponents


def _split_integers(data: bytes, dtype: str) -> tuple[Signs, Magnitudes, Exponents]:
    values = np.frombuffer(data, dtype=_INTEGERS[dtype])
    negative = values < 0
    # Two's complement in uint64: right for -2**63 too, whose magnitude no int64 holds.
    wrapped = values.astype(np.int64 if values.dtype.kind == "i" else np.uint64).view(np.uint64)
    magnitudes = np.where(negative, ~wrapped + np.uint64(1), wrapped)
    return negative, magnitudes, np.zeros(values.shape, dtype=np.int64)


def _check_bits(magnitudes: Magnitudes, exponents: Exponents) -> None:
    """Raise ValueError before integers are made that the checker would decline for their size."""
    used = magnitudes != 0
    ends = (exponents + _bit_lengths(magnitudes))[used]
    span = int(ends.max()) - int(exponents[used].min()) if used.any() else 0
    bits = magnitudes.size * (span + OVERHEAD_BITS)
    if bits > MAX_EXACT_BITS:
        raise ValueError(f"it takes {bits} bits as integers, and {MAX_EXACT_BITS} are the limit")


def _bit_lengths(magnitudes: Magnitudes) -> Exponents:
    """Number of bits of each magnitude, 0 for 0."""
    # In halves, as no float64 holds 64 bits.
    high, low = magnitudes >> np.uint64(32), magnitudes & np.uint64(2**32 - 1)
    lengths = [np.frexp(half.astype(np.float64))[1].astype(np.int64) for half in (high, low)]
    return np.where(high != 0, lengths[0] + 32, lengths[1])


def _assemble(
    negative: Signs, magnitudes: Magnitudes, exponents: Exponents, shape: tuple[int, int]
) -> DyadicMatrix:
    used = magnitudes != 0
    if not used.any():
        return DyadicMatrix.zeros(*shape)
    lowest = exponents + _trailing_zeros(magnitudes)
    common = int(lowest[used].min())
    entries = [0] * magnitudes.size
    for i in np.flatnonzero(used).tolist():
        # Python integers: a shift may exceed any machine word.
        magnitude, shift = int(magnitudes[i]), int(exponents[i]) - common
        value = magnitude << shift if shift >= 0 else magnitude >> -shift
        entries[i] = -value if negative[i] else value
    return _rebuild(*shape, entries, common)


def _trailing_zeros(magnitudes: Magnitudes) -> Exponents:
    """Number of low zero bits of each magnitude (meaningless for 0)."""
    lowest_bit = magnitudes & (~magnitudes + np.uint64(1))
    # A power of two below 2**64 is exact in float64, so frexp reads off its exponent.
    return np.frexp(lowest_bit.astype(np.float64))[1].astype(np.int64) - 1


def _to_float(mantissa: int, exponent: int) -> float:
    excess = max(0, abs(mantissa).bit_length() - 64)
    try:
        return math.ldexp(float(mantissa >> excess), exponent + excess)
    except OverflowError:
        return math.copysign(math.inf, mantissa)
