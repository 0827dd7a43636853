"""The forward pass of a two-token network, from its definition: rational, and in balls here.

Deliberately not built on the program of look-ups, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.pair.layout import (
    B_IN,
    B_OUT,
    W_A,
    W_B,
    W_BOTH,
    W_IN,
    W_OUT,
    bias,
    weight,
)


def logits(weights: Weights, sequence: Sequence[int]) -> list[flint.arb]:
    """Enclose the logits, at the precision in force."""
    part, mlp = weights.architecture.parts[:2]
    a, b = sequence
    left, right = _rows(weights, W_A, a), _rows(weights, W_B, b)
    entering = left.beside(right) if part["inputs"] == "concatenated" else left + right
    x = _balls(entering)
    if part["inputs"] != "added":
        x = x * _balls(weights.tensors[W_IN])
    x = _relu(x + _balls(weights.tensors[B_IN]))
    for number in range(1, mlp["layers"]):
        x = x * _balls(weights.tensors[weight(number)])
        x = _relu(x + _balls(weights.tensors[bias(number)]))
    return (x * _balls(weights.tensors[W_OUT]) + _balls(weights.tensors[B_OUT])).entries()


def _rows(weights: Weights, name: str, token: int) -> DyadicMatrix:
    return weights.tensors[name if name in weights.tensors else W_BOTH].row(token)


def _relu(row: flint.arb_mat) -> flint.arb_mat:
    zero = flint.arb(0)
    return flint.arb_mat(row.nrows(), row.ncols(), [x.max(zero) for x in row.entries()])


def _balls(matrix: DyadicMatrix) -> flint.arb_mat:
    return flint.arb_mat(matrix.mantissa) * flint.arb((1, matrix.exponent))
