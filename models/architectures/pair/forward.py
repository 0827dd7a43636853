"""The forward pass of a two-token network, from its definition: rational, and in balls here.

Deliberately not built on the program of look-ups, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.balls import balls, relu
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
    x = balls(entering)
    if part["inputs"] != "added":
        x = x * balls(weights.tensors[W_IN])
    x = relu(x + balls(weights.tensors[B_IN]))
    for number in range(1, mlp["layers"]):
        x = x * balls(weights.tensors[weight(number)])
        x = relu(x + balls(weights.tensors[bias(number)]))
    return (x * balls(weights.tensors[W_OUT]) + balls(weights.tensors[B_OUT])).entries()


def _rows(weights: Weights, name: str, token: int) -> DyadicMatrix:
    return weights.tensors[name if name in weights.tensors else W_BOTH].row(token)
