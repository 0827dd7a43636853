"""Exact linear algebra on integer matrices at a common power of two, counted by the tally."""

from typing import NamedTuple

from arithmetic.tally import Tally
from files.verdict import decline_unless

MAX_BITS = 2**16
Rows = list[list[int]]


class Matrix(NamedTuple):
    """An exact matrix: entry (i, j) is `rows[i][j] * 2**exponent`."""

    rows: Rows
    exponent: int


def transposed(a: Matrix) -> Matrix:
    """Return the transpose."""
    return Matrix([list(column) for column in zip(*a.rows, strict=True)], a.exponent)


def product(a: Matrix, b: Matrix, tally: Tally) -> Matrix:
    """Return the matrix product; declines entries of more than MAX_BITS bits."""
    entries, left, right = len(a.rows) * len(b.rows[0]), _bits(a.rows), _bits(b.rows)
    tally.charge(entries * (2 * len(b.rows) - 1) * (1 + (left * right >> 18)))
    tally.charge_size(entries, left + right)
    # Rows of b as lanes of one integer, each with room for a sum of products and its sign.
    size = (left + right + len(b.rows).bit_length()) // 8 + 1
    # Transposed, so that a ragged matrix is never multiplied.
    half, count = 1 << (8 * size - 1), len(transposed(b).rows)
    offset = int.from_bytes((b"\0" * (size - 1) + b"\x80") * count, "little")
    packed = [
        int.from_bytes(b"".join([(x + half).to_bytes(size, "little") for x in row]), "little")
        - offset
        for row in b.rows
    ]
    rows = []
    for row in a.rows:
        total = sum([x * y for x, y in zip(row, packed, strict=True)])
        data = (total + offset).to_bytes(size * count, "little")
        ends = range(size, size * count + 1, size)
        rows.append([int.from_bytes(data[i - size : i], "little") - half for i in ends])
    return limited(rows, a.exponent + b.exponent)


def add(a: Matrix, b: Matrix, tally: Tally) -> Matrix:
    """Return a + b, where b may be one row that is added to each row of a."""
    tally.charge(len(a.rows) * len(a.rows[0]))
    (x, y), exponent = aligned([a, b], tally)
    if len(y) == 1:
        y = y * len(x)
    rows = [[s + t for s, t in zip(r, u, strict=True)] for r, u in zip(x, y, strict=True)]
    return limited(rows, exponent)


def scaled(a: Matrix, factor: int, tally: Tally) -> Matrix:
    """Return the matrix times an integer."""
    tally.charge(len(a.rows) * len(a.rows[0]))
    tally.charge_size(len(a.rows) * len(a.rows[0]), _bits(a.rows) + factor.bit_length())
    return limited([[factor * x for x in row] for row in a.rows], a.exponent)


def joined(a: Matrix, b: Matrix, tally: Tally) -> Matrix:
    """Return the matrix whose rows are those of a followed by those of b."""
    (x, y), exponent = aligned([a, b], tally)
    return Matrix([s + t for s, t in zip(x, y, strict=True)], exponent)


def absolute(a: Matrix, tally: Tally) -> Matrix:
    """Return the matrix of absolute values."""
    tally.charge(len(a.rows) * len(a.rows[0]))
    return Matrix([[abs(x) for x in row] for row in a.rows], a.exponent)


def aligned(matrices: list[Matrix], tally: Tally, room: int = 0) -> tuple[list[Rows], int]:
    """Return the matrices' integers in units of their lowest exponent, and that exponent.

    Long ones count, and so do `room` more bits of each that the caller multiplies them by.
    """
    exponent = min(a.exponent for a in matrices)
    bits = max(_bits(a.rows) + a.exponent for a in matrices) - exponent + room
    tally.charge_size(sum(len(a.rows) * len(a.rows[0]) for a in matrices), bits)
    shifted = ([[x << (a.exponent - exponent) for x in row] for row in a.rows] for a in matrices)
    return [limited(rows, exponent).rows for rows in shifted], exponent


def limited(rows: Rows, exponent: int) -> Matrix:
    """Return the matrix, or decline it if an entry has more than MAX_BITS bits."""
    decline_unless(_bits(rows) <= MAX_BITS, "limit", f"weights: a number has over {MAX_BITS} bits.")
    return Matrix(rows, exponent)


def _bits(rows: Rows) -> int:
    """Return the bits of the largest entry, its sign left out: all are below 2**bits."""
    return max(max(map(int.bit_length, row)) for row in rows)
