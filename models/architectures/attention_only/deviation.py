"""T12: a bound of what rounding in float32 does to any logit gap, in any order of summation."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.attention_only.layout import (
    B_K,
    B_O,
    B_Q,
    B_U,
    B_V,
    W_E,
    W_K,
    W_O,
    W_POS,
    W_Q,
    W_U,
    W_V,
)
from ballproof.models.architectures.rounding import (
    Stage,
    absolute,
    largest_entry,
    magnitudes,
    rounding,
    tallest,
)

# What underflow takes from a number that is multiplied next, in units of u.
_FLUSH = -102
_ROOT_UNIT = 2**64


def deviation(weights: Weights) -> Fraction:
    """Return eps: the float32 program's logit gaps are within eps of the real ones (T12).

    Raises ModelError for weights that float32 does not hold as zeros or normal numbers, and for
    sums that may overflow; the message names the tensor or the sum.
    """
    shape = weights.shape
    size = {name: magnitudes(name, weights) for name in weights.tensors}
    lost = DyadicMatrix.from_ints([[1] * shape.d_model], _FLUSH)
    read = size[W_E].plus_row(tallest(size[W_POS])).plus_row(lost)
    queries = _head(weights, read, W_Q, B_Q)
    keys = _head(weights, read, W_K, B_K)
    values = _head(weights, read, W_V, B_V)
    scores = _score_error(queries, keys, shape.d_head)
    mixed = values.largest().rounded(3 * shape.n_ctx + 24)
    # The residual stream is one sum: token, position, head and bias in any order.
    residual = mixed.times(size[W_O], size[B_O] + tallest(read), shape.d_head + 3)
    logits = residual.times(size[W_U], size[B_U], shape.d_model + 1)
    return scores * _output_range(weights) + 2 * largest_entry(logits.error)


def _head(weights: Weights, read: DyadicMatrix, name: str, bias_name: str) -> Stage:
    """Return the stage of queries, keys or values for each token (v,h), at any position."""
    weight, bias = weights.tensors[name], weights.tensors[bias_name]
    tokens = absolute((weights.tensors[W_E] @ weight).plus_row(bias))
    places = tallest(absolute(weights.tensors[W_POS] @ weight))
    terms = (read @ absolute(weight)).plus_row(absolute(bias))
    return Stage(tokens.plus_row(places), rounding(terms, weights.shape.d_model + 2))


def _score_error(queries: Stage, keys: Stage, d_head: int) -> Fraction:
    """Return sigma, the largest error of what goes into exp, rounded up to 2^-64."""
    real = keys.value @ queries.value.transpose()
    computed = keys.computed @ queries.computed.transpose()
    computed += rounding(computed, d_head + 9)
    # A query's largest score, which is subtracted, may be another token's.
    error = computed.plus_row(rounding(tallest(computed), 1)) - real
    squared = largest_entry(error) ** 2 * _ROOT_UNIT**2 / d_head
    return Fraction(isqrt(squared.numerator // squared.denominator) + 1, _ROOT_UNIT)


def _output_range(weights: Weights) -> Fraction:
    """Return the largest over the logits of the ranges of V and P together."""
    to_logits = weights.tensors[W_V] @ weights.tensors[W_O] @ weights.tensors[W_U]
    parts = [weights.tensors[name] @ to_logits for name in (W_E, W_POS)]
    ranges = [tallest(part) + tallest(-part) for part in parts]
    return largest_entry(ranges[0] + ranges[1])
