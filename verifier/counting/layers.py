"""The layers of a program in integers, each with the headroom that its inputs leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.interval.fixed import RangeError
from ballproof.verifier.counting.mixing import Numbers
from ballproof.verifier.counting.products import Product, floors, product
from ballproof.verifier.counting.program import DomainProgram, column_sum, largest_entry

# Sums are below 2^(w-4): logits are two of them, leads two logits, and an error is added.
FREE = 4


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer after a ReLU: W^ in 2^-fw, as a product, b^ in 2^-(fx+fw).

    `column` is the largest sum of |W^| + 1 in a column; `total` and `most` bound the sum of the
    activations that come in, and each value that goes out, from above.
    """

    product: Product
    bias: Numbers
    column: int
    total: int
    most: tuple[int, ...]


def layers_of(
    program: DomainProgram, most: Iterable[int], unit: int, lane: int
) -> tuple[tuple[Layer, ...], int]:
    """Return the layers in lanes of so many bits, and fl, the bits after the point of logits.

    `most` bounds the sums of the neurons, in units of 2^-unit.
    """
    direct = size(program.largest(range(program.neurons, program.width)))
    if not program.layers:
        return (), lane - FREE - 1 - largest_size(direct)
    shift, layers = lane // 2, list[Layer]()
    for place, (matrix, bias) in enumerate(program.layers, start=1):
        tops = [max(value >> shift, 0) for value in most]
        unit -= shift
        others = (size(largest_entry(bias)), direct if place == len(program.layers) else None)
        beside = [unit + each for each in others if each is not None]
        bits = _bits(matrix, tops, beside, lane)
        unit += bits
        layers.append(_layer(matrix, bias, tops, bits, unit, lane))
        most = layers[-1].most
    return tuple(layers), unit


def size(number: Fraction) -> int | None:
    """Return a b with |number| <= 2^b, and below 2^(b+2); None for 0."""
    if not number:
        return None
    return abs(number.numerator).bit_length() - number.denominator.bit_length() + 1


def largest_size(*sizes: int | None) -> int:
    """Return the largest, or 0 where all numbers are 0."""
    return max((each for each in sizes if each is not None), default=0)


def require_headroom(values: Iterable[int], lane: int) -> None:
    """Raise RangeError unless all are below 2^(w-4)."""
    largest = max(map(abs, values), default=0)
    if largest >= 1 << (lane - FREE):
        raise RangeError(f"a sum of {largest.bit_length()} bits in a lane of {lane}")


def _bits(matrix: DyadicMatrix, tops: list[int], beside: list[int], lane: int) -> int:
    """Return fw, the largest for which products and what is `beside` them stay in the lane."""
    entries = [[abs(int(entry)) for entry in row] for row in matrix.mantissa.tolist()]
    weighted = (sum(map(int.__mul__, tops, column)) for column in zip(*entries, strict=True))
    largest = max(weighted, default=0) * Fraction(2) ** matrix.exponent
    return lane - FREE - 2 - largest_size(size(largest), size(column_sum(matrix)), *beside)


def _layer(
    matrix: DyadicMatrix, bias: DyadicMatrix, tops: list[int], bits: int, unit: int, lane: int
) -> Layer:
    weights = floors(matrix, bits, wide=lane > 64)
    constant = floors(bias, unit, wide=lane > 64)[0]
    columns = [[int(x) for x in column] for column in weights.T.tolist()]
    constants = [int(x) for x in constant.tolist()]
    sums = [sum(top * abs(x) for top, x in zip(tops, c, strict=True)) for c in columns]
    column = max(sum(abs(x) + 1 for x in column) for column in columns)
    require_headroom([*map(int.__add__, sums, map(abs, constants)), column], lane)
    most = [
        sum(top * max(x, 0) for top, x in zip(tops, column, strict=True)) + own
        for column, own in zip(columns, constants, strict=True)
    ]
    return Layer(product(weights, sum(tops)), constant, column, sum(tops), tuple(most))
