"""Exact integer arithmetic for many inputs: int64 with products by BLAS, or Python integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.mixing import Numbers

# Integers up to 2^53 are doubles, and so are sums of them that stay below.
DOUBLE_BITS = 53
# BLAS starts threads for products of more multiplications. For a small matrix they cost more time
# than they save, on a busy machine ten times as much.
SMALL, LEAST_ROWS = 1 << 18, 16
Product = Callable[[Numbers], Numbers]


def floors(matrix: DyadicMatrix, bits: int, *, wide: bool) -> Numbers:
    """Return floor(2^bits x) of every entry, as int64, which it has to fit, or as integers."""
    shift = matrix.exponent + bits
    rows = [[_shifted(int(entry), shift) for entry in row] for row in matrix.mantissa.tolist()]
    numbers: Numbers = np.array(rows, dtype=object if wide else np.int64).reshape(matrix.shape)
    return numbers


def product(matrix: Numbers, total: int) -> Product:
    """Return what multiplies (N, m) by the matrix (m, c), exactly.

    Each row of the other factor holds integers whose sizes add up to at most `total`. In int64 the
    result has to fit.
    """
    if matrix.dtype == object:
        return _by_flint(matrix)
    return _by_doubles(matrix, total)


def _by_doubles(matrix: NDArray[np.int64], total: int) -> Product:
    """Multiply in doubles, exactly: by slices of b bits of the matrix, with total 2^b <= 2^53.

    The sum of some products of a row with a column of a slice is an integer below 2^53 whatever
    they are, so BLAS rounds nothing, in any order.
    """
    bits = DOUBLE_BITS - total.bit_length()
    if bits < 1:
        return lambda rows: rows @ matrix
    slices = list(_slices(matrix, bits))

    def multiply(rows: Numbers) -> Numbers:
        doubles = rows.astype(np.float64)
        result = np.zeros((len(rows), matrix.shape[1]), dtype=np.int64)
        for place, part in slices:
            result += _multiplied(doubles, part).astype(np.int64) << place
        return result

    return multiply


def _multiplied(rows: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply, a few rows at a time where the matrix is small."""
    few = SMALL // part.size if part.size else 0
    if few < LEAST_ROWS:
        return rows @ part
    many = len(rows) // few * few
    first = rows[:many].reshape(-1, few, rows.shape[1]) @ part
    return np.concatenate([first.reshape(many, part.shape[1]), rows[many:] @ part])


def _slices(matrix: NDArray[np.int64], bits: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield slices below 2^bits and their places: they add up to the matrix."""
    for place in count(0, bits):
        rest = matrix >> place
        if (np.abs(rest) < 1 << bits).all():
            yield place, rest.astype(np.float64)
            return
        yield place, (rest & ((1 << bits) - 1)).astype(np.float64)


def _by_flint(matrix: Numbers) -> Product:
    """Multiply Python integers by FLINT."""
    factor = flint.fmpz_mat(matrix.tolist())

    def multiply(rows: Numbers) -> Numbers:
        found = (flint.fmpz_mat(rows.tolist()) * factor).tolist()
        numbers = [[int(entry) for entry in row] for row in found]
        return np.array(numbers, dtype=object).reshape(len(rows), matrix.shape[1])

    return multiply


def _shifted(value: int, shift: int) -> int:
    return value << shift if shift >= 0 else value >> -shift
