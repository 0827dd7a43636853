"""Matrices in a witness: integers and one exponent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix

Floats = NDArray[np.float64]
# Bits of a number without its sign, and exponents that a witness may have.
BITS, MOST_EXPONENT = 15, 1100


def written(matrix: Floats, exponent: int = 0, bits: int = BITS) -> dict[str, Any]:
    """Return the nearest matrix of integers of so many bits and a sign, with one exponent.

    The floats are times 2^exponent. What is not finite, or beyond all exponents, is written as 0.
    """
    largest = float(np.abs(matrix).max(initial=0))
    shift = int(np.frexp(largest)[1]) - bits if np.isfinite(largest) else 0
    if not np.isfinite(largest) or not largest or abs(shift + exponent) > MOST_EXPONENT:
        return {"exponent": 0, "rows": np.zeros(matrix.shape, dtype=np.int64).tolist()}
    # In two steps: a power of two may be too large for a double where its product is not.
    scaled = np.ldexp(np.ldexp(matrix, -(shift // 2)), shift // 2 - shift)
    most = (1 << bits) - 1
    integers = np.clip(np.rint(scaled), -most, most).astype(np.int64)
    return {"exponent": shift + exponent, "rows": integers.tolist()}


def read(value: dict[str, Any], rows: int, columns: int) -> DyadicMatrix:
    """Return a matrix of a witness, which has these sizes; one of no entries has no rows."""
    entries = [x for row in value["rows"] for x in row]
    return DyadicMatrix(flint.fmpz_mat(rows, columns, entries), value["exponent"])


@dataclass(frozen=True, eq=False)
class Scaled:
    """Floats times a power of two."""

    floats: Floats
    exponent: int

    @classmethod
    def of(cls, matrix: DyadicMatrix) -> Scaled:
        """Return a matrix with entries up to 1, which no exponent overflows."""
        bits = max((int(x).bit_length() for x in map(abs, matrix.mantissa.entries())), default=0)
        return cls(DyadicMatrix(matrix.mantissa, -bits).to_float(), bits + matrix.exponent)
