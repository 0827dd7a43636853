"""T12: a bound of what rounding in float32 does to any logit gap, in any order of summation."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.errors import ModelError
from ballproof.models.layout import B_K, B_O, B_Q, B_U, B_V, W_E, W_K, W_O, W_POS, W_Q, W_U, W_V
from ballproof.models.weights import Weights

SEMANTICS = ("real", "float32")
# A float32 has 24 bits, is normal from 2^-126 on, and below 2^128; sums stay below 2^126.
_BITS, _NORMAL, _ABOVE, _SUM = 24, -126, 128, 126
# What underflow takes from a sum, in units of u; and from a number that is multiplied next.
_TINY, _FLUSH = -92, -102
_ROOT_UNIT = 2**64


@dataclass(frozen=True)
class _Stage:
    """Entrywise bounds of a real quantity's absolute value, and of the computed one's error."""

    value: DyadicMatrix
    error: DyadicMatrix

    @property
    def computed(self) -> DyadicMatrix:
        """A bound of the computed quantity's absolute value."""
        return self.value + self.error

    def largest(self) -> _Stage:
        """Return the largest value and the largest error of each column, as rows."""
        return _Stage(_tallest(self.value), _tallest(self.error))

    def times(self, weight: DyadicMatrix, bias: DyadicMatrix, operations: int) -> _Stage:
        """Return the stage x W + b after this many rounded operations, for absolute W and b."""
        computed = (self.computed @ weight).plus_row(bias)
        return _Stage(
            (self.value @ weight).plus_row(bias),
            self.error @ weight + _rounding(computed, operations),
        )

    def rounded(self, operations: int) -> _Stage:
        """Return the stage after more rounded operations."""
        return _Stage(self.value, self.error + _rounding(self.computed, operations))


def deviation(weights: Weights) -> Fraction:
    """Return eps: the float32 program's logit gaps are within eps of the real ones (T12).

    Raises ModelError for weights that float32 does not hold as zeros or normal numbers, and for
    sums that may overflow; the message names the tensor or the sum.
    """
    shape = weights.shape
    size = {name: _magnitudes(name, weights) for name in weights.tensors}
    lost = DyadicMatrix.from_ints([[1] * shape.d_model], _FLUSH)
    read = size[W_E].plus_row(_tallest(size[W_POS])).plus_row(lost)
    queries = _head(weights, read, W_Q, B_Q)
    keys = _head(weights, read, W_K, B_K)
    values = _head(weights, read, W_V, B_V)
    scores = _score_error(queries, keys, shape.d_head)
    mixed = values.largest().rounded(3 * shape.n_ctx + 24)
    # The residual stream is one sum: token, position, head and bias in any order.
    residual = mixed.times(size[W_O], size[B_O] + _tallest(read), shape.d_head + 3)
    logits = residual.times(size[W_U], size[B_U], shape.d_model + 1)
    return scores * _output_range(weights) + 2 * _largest_entry(logits.error)


def _head(weights: Weights, read: DyadicMatrix, name: str, bias_name: str) -> _Stage:
    """Return the stage of queries, keys or values for each token (v,h), at any position."""
    weight, bias = weights.tensors[name], weights.tensors[bias_name]
    tokens = _absolute((weights.tensors[W_E] @ weight).plus_row(bias))
    places = _tallest(_absolute(weights.tensors[W_POS] @ weight))
    terms = (read @ _absolute(weight)).plus_row(_absolute(bias))
    return _Stage(tokens.plus_row(places), _rounding(terms, weights.shape.d_model + 2))


def _score_error(queries: _Stage, keys: _Stage, d_head: int) -> Fraction:
    """Return sigma, the largest error of what goes into exp, rounded up to 2^-64."""
    real = keys.value @ queries.value.transpose()
    computed = keys.computed @ queries.computed.transpose()
    computed += _rounding(computed, d_head + 9)
    # A query's largest score, which is subtracted, may be another token's.
    error = computed.plus_row(_rounding(_tallest(computed), 1)) - real
    squared = _largest_entry(error) ** 2 * _ROOT_UNIT**2 / d_head
    return Fraction(isqrt(squared.numerator // squared.denominator) + 1, _ROOT_UNIT)


def _output_range(weights: Weights) -> Fraction:
    """Return the largest over the logits of the ranges of V and P together."""
    to_logits = weights.tensors[W_V] @ weights.tensors[W_O] @ weights.tensors[W_U]
    parts = [weights.tensors[name] @ to_logits for name in (W_E, W_POS)]
    ranges = [_tallest(part) + _tallest(-part) for part in parts]
    return _largest_entry(ranges[0] + ranges[1])


def _rounding(sums: DyadicMatrix, operations: int) -> DyadicMatrix:
    """Return G_n(A) = (n u + 2 (n u)^2) (A + n 2^-92), a bound of n roundings in sums A."""
    largest = _largest_entry(sums)
    if largest >= 2**_SUM:
        size = largest.numerator.bit_length() - largest.denominator.bit_length()
        raise ModelError(f"A sum in float32 may reach about 2^{size}, where it may overflow.")
    factor = operations * 2**_BITS + 2 * operations**2
    tiny = DyadicMatrix.from_ints([[operations] * sums.shape[1]], _TINY)
    scaled = sums.plus_row(tiny).scaled(factor)
    return DyadicMatrix(scaled.mantissa, scaled.exponent - 2 * _BITS)


def _magnitudes(name: str, weights: Weights) -> DyadicMatrix:
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
    return _absolute(matrix)


def _absolute(matrix: DyadicMatrix) -> DyadicMatrix:
    entries = [abs(int(entry)) for entry in matrix.mantissa.entries()]
    return DyadicMatrix(flint.fmpz_mat(*matrix.shape, entries), matrix.exponent)


def _tallest(matrix: DyadicMatrix) -> DyadicMatrix:
    """Return the largest entry of each column, as a row."""
    columns = matrix.mantissa.transpose().tolist()
    return DyadicMatrix(flint.fmpz_mat([[max(column) for column in columns]]), matrix.exponent)


def _largest_entry(matrix: DyadicMatrix) -> Fraction:
    return int(max(matrix.mantissa.entries())) * Fraction(2) ** matrix.exponent
