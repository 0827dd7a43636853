"""Other weights of a model: the same architecture and task, as a file of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import prod

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures import Weights
from ballproof.models.buffers import without_buffers
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor, read_file
from ballproof.models.weights import file_bytes, freeze, stated_by, stored

Rows = list[list[Fraction]]


def tensors_of(weights: Weights) -> dict[str, Tensor]:
    """Return the tensors of a model's file, buffers left out."""
    tensors, _ = read_file(file_bytes(weights), weights.source)
    return without_buffers(tensors)


def variant(
    weights: Weights, tensors: Mapping[str, Tensor], source: str, note: str, task: str
) -> Weights:
    """Return the model of these tensors, which has the parts that the file of `weights` states.

    `source` names it in messages, and its file says by `note` how it was made. Nothing compared it
    with a program.
    """
    _, metadata = read_file(file_bytes(weights), weights.source)
    frozen = freeze(tensors, source, stated_by(metadata, weights.source))
    return stored(replace(frozen, notes={"variant": note}), tensors, task, None)


def matrix_of(tensor: Tensor) -> DyadicMatrix:
    """Return the exact numbers of a tensor, its last axis as rows."""
    shape = prod(tensor.shape[:-1]), tensor.shape[-1]
    return DyadicMatrix.from_bits(tensor.data, tensor.dtype, shape)


def float64(number: Fraction, what: str) -> float:
    """Return a number that float64 holds exactly, or raise ModelError, naming `what`."""
    try:
        nearest = float(number)
    except OverflowError:
        nearest = 0.0
    if Fraction(nearest) != number:
        raise ModelError(f"{what} holds a number that float64 does not hold exactly.")
    return nearest
