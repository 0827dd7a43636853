"""Who reads the residual stream, and how far each of them may be off (R4).

One radius for each reader R of x, a bound of every |(x - x^) R|, is much smaller than one radius of
x times a column sum of R: what comes through a map M counts by the column sums of the product M R.
"""

from math import isqrt
from typing import NamedTuple

from arithmetic.maps import column_length, column_sum
from arithmetic.matrices import Matrix, product, transposed
from arithmetic.tally import Tally
from parts.layers import Norm
from parts.layers_function import Layers


class Reader(NamedTuple):
    """A map that reads the stream, centred behind a norm with a mean: times `divisor`, exactly.

    `plain` is its column sum, `length` sqrt(d) times the longest of its columns (R8), both in units
    of 2**-20.
    """

    matrix: Matrix
    divisor: int
    plain: int
    length: int


class Readers(NamedTuple):
    """All readers in their order, and what each map that writes does to those that come later.

    A list of radii has that of x itself first, then those of the readers to come. `written` holds,
    for each map that writes, in order, the column sums of the map and of its products with them.
    """

    readers: list[Reader]
    written: list[list[int]]


def readers_of(layers: Layers, tally: Tally) -> Readers:
    """Return the readers of a network, and the column sums of all products."""
    reading: list[tuple[Matrix, Norm | None]] = []
    # A map that writes, and how many readers come before it.
    writing: list[tuple[Matrix, int]] = []
    for attention, neurons in layers.blocks:
        reading.append((attention.into.weight, attention.norm))
        writing.append((attention.out.weight, len(reading)))
        if neurons:
            reading.append((neurons.into.weight, neurons.norm))
            writing.append((neurons.out.weight, len(reading)))
    reading.append((layers.readouts[0].weight, layers.norm))
    readers = [_reader(matrix, norm, tally) for matrix, norm in reading]
    written = []
    for matrix, count in writing:
        tally.charge(2 * len(matrix.rows) * len(matrix.rows[0]))
        sums = [column_sum(matrix)]
        for reader in readers[count:]:
            sums.append(column_sum(product(matrix, reader.matrix, tally), reader.divisor))
        written.append(sums)
    return Readers(readers, written)


def _reader(matrix: Matrix, norm: Norm | None, tally: Tally) -> Reader:
    rows, exponent = matrix
    count = len(rows)
    tally.charge(4 * count * len(rows[0]))
    divisor = 1
    if norm and norm.kind == "layer":
        divisor, columns = count, transposed(matrix).rows
        centred = [[count * x - sum(column) for x in column] for column in columns]
        matrix = transposed(Matrix(centred, exponent))
    # Rows times an integer: |y|_2 <= sqrt(d) for a vector y that is normalised.
    length = column_length(Matrix(matrix.rows, exponent), divisor) if norm else 0
    # sqrt(d) <= (isqrt(4**20 d) + 1) 2**-20
    length = (length * _root(count) >> 20) + 1
    return Reader(matrix, divisor, column_sum(matrix, divisor), length)


def _root(value: int) -> int:
    """Return sqrt(value) in units of 2**-20, rounded up."""
    return isqrt(value << 40) + 1
