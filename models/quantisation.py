"""Weights rounded to so many bits: symmetric, by tensor or by row, exact in float64."""

from __future__ import annotations

from math import ldexp
from typing import Literal

import numpy as np

from ballproof.models.architectures import Weights
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor
from ballproof.models.variants import matrix_of, tensors_of, variant

Granularity = Literal["tensor", "row"]
GRANULARITIES: tuple[Granularity, ...] = ("tensor", "row")
LEAST_BITS, MOST_BITS = 2, 16
# The level of a number has 15 bits at most, and float64 holds 53.
SCALE_BITS = 38
_LEAST_EXPONENT, _MOST_BITS = -1074, 1024


def is_rounded(name: str) -> bool:
    """Say whether a tensor of this name is rounded: a matrix W..., no bias and no norm's weight."""
    return name.rpartition(".")[2].startswith("W")


def quantised(weights: Weights, bits: int, granularity: Granularity, task: str) -> Weights:
    """Return the model with its matrices rounded to so many bits.

    A number w becomes n s, where s is the scale of its tensor, or of its row (the last axis in the
    file), and the level n is the integer next to w / s, of two the even one. With
    L = 2^(bits - 1) - 1 levels on each side of 0, s is the largest magnitude over L, rounded up to
    38 significant bits: so |n| <= L, and n s is a float64 without rounding, in which the file holds
    it. Biases and the weights of norms are kept as they are. Everything is decided in integers.

    Raises ModelError where a rounded number is none of float64.
    """
    if not LEAST_BITS <= bits <= MOST_BITS:
        raise ValueError(f"{bits} bits, where {LEAST_BITS} to {MOST_BITS} are expected.")
    tensors = {
        name: _rounded(tensor, bits, granularity) if is_rounded(name) else tensor
        for name, tensor in tensors_of(weights).items()
    }
    note = f"matrices rounded to {bits} bits, one scale for each {granularity}"
    source = f"{weights.source}, {bits} bits by {granularity}"
    return variant(weights, tensors, source, note, task)


def _rounded(tensor: Tensor, bits: int, granularity: Granularity) -> Tensor:
    matrix = matrix_of(tensor)
    rows = [[int(x) for x in row] for row in matrix.mantissa.tolist()]
    flat = [x for row in rows for x in row]
    groups = rows if granularity == "row" else [flat]
    levels = 2 ** (bits - 1) - 1
    numbers = [x for group in groups for x in _group(group, matrix.exponent, levels, tensor.name)]
    array = np.array(numbers, dtype=np.float64).reshape(tensor.shape)
    return Tensor.from_array(tensor.name, array)


def _group(mantissas: list[int], exponent: int, levels: int, name: str) -> list[float]:
    """Return numbers m 2^exponent rounded to multiples of their scale, in float64."""
    largest = max(map(abs, mantissas), default=0)
    if largest == 0:
        return [0.0] * len(mantissas)
    factor, shift = scale(largest, levels)
    if not _LEAST_EXPONENT <= exponent + shift < _MOST_BITS - SCALE_BITS - MOST_BITS:
        raise ModelError(f"{name} holds numbers too small or too large to be rounded in float64.")
    # m / (factor 2^shift) as a ratio of integers.
    up, down = max(-shift, 0), max(shift, 0)
    unit = factor << down
    return [ldexp(_nearest(m << up, unit) * factor, exponent + shift) for m in mantissas]


def scale(largest: int, levels: int) -> tuple[int, int]:
    """Return (f, e): f 2^e is largest / levels rounded up to 38 significant bits; f <= 2^38."""
    shift = largest.bit_length() - levels.bit_length() - SCALE_BITS
    numerator, denominator = largest << max(-shift, 0), levels << max(shift, 0)
    if numerator >= denominator << SCALE_BITS:
        shift, denominator = shift + 1, denominator * 2
    return -(-numerator // denominator), shift


def _nearest(numerator: int, denominator: int) -> int:
    """Return the integer next to a ratio, of two the even one."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + int(twice > denominator or (twice == denominator and whole % 2 == 1))
