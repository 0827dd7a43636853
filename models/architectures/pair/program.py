"""The program of enumeration of a two-token network: two look-ups, then layers of ReLU."""

from __future__ import annotations

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
from ballproof.models.architectures.program import Program


def program(weights: Weights, positions: int) -> Program:
    """Return the network as look-ups; the biases are in the first, outputs' own columns with them.

    There are two positions.
    """
    tensor, shape = weights.tensors, weights.shape
    first, second = _entering(weights)
    given = tensor[B_IN].beside(tensor[B_OUT])
    lookups = [
        table.beside(DyadicMatrix.zeros(shape.d_vocab, shape.d_vocab_out))
        for table in (first, second)
    ]
    hidden = range(1, weights.architecture.parts[1]["layers"])
    layers = [(tensor[weight(i)], tensor[bias(i)]) for i in hidden]
    layers.append((tensor[W_OUT], DyadicMatrix.zeros(1, shape.d_vocab_out)))
    return Program((lookups[0].plus_row(given), lookups[1]), (), shape.d_mlp, tuple(layers))


def _entering(weights: Weights) -> tuple[DyadicMatrix, DyadicMatrix]:
    """Return what each of the two tokens adds to the first hidden layer (v, m)."""
    tensor, d = weights.tensors, weights.shape.d_model
    first, second = (tensor[x if x in tensor else W_BOTH] for x in (W_A, W_B))
    inputs = weights.architecture.parts[0]["inputs"]
    if inputs == "added":
        return first, second
    into = tensor[W_IN]
    if inputs == "sum":
        return first @ into, second @ into
    return first @ into.rows(0, d), second @ into.rows(d, 2 * d)
