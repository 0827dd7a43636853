"""Models of one head with some of their paths replaced by means: files of the same architecture."""

from __future__ import annotations

from collections.abc import Set
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures import Weights
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
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor
from ballproof.models.variants import float64, variant

PATHS = ("direct", "OV", "QK", "positional OV", "positional QK")
Floats = NDArray[np.float64]


def ablated(weights: Weights, kept: Set[str], task: str) -> Weights:
    """Return a model of one head in which the paths that are not kept are means.

    The residual stream is four streams side by side: of the direct path, which the head writes to
    and the unembedding reads, of values, of keys and of queries. With all paths kept the
    tables are those of the model, exactly. A path is ablated where it enters:

    - direct: each token's embedding in the first stream is the mean of all tokens';
    - OV, QK: the same in the stream of values, of keys;
    - positional OV, positional QK: each position's embedding in the stream of values, of keys, is
      the mean of all positions'.

    As the tables are linear in these embeddings, D, V and S become their means over
    tokens, P and R theirs over positions. A mean is rounded to the nearest float64, in which the
    file holds everything. The last position's share of direct path and query, and all biases, stay.
    """
    if weights.architecture.tables is None or weights.architecture.factors is None:
        raise ModelError(f"{weights.source} is {weights.architecture.words}, not of one head.")
    matrices = {name: _floats(name, matrix) for name, matrix in weights.tensors.items()}
    tokens, places = matrices[W_E], matrices[W_POS]
    mean_token = _mean(weights.tensors[W_E])
    mean_place = _mean(weights.tensors[W_POS])

    def stream(rows: Floats, mean: Floats, path: str) -> Floats:
        return rows if path in kept else np.broadcast_to(mean, rows.shape)

    zero = np.zeros_like
    d_model, d_head = matrices[W_Q].shape
    arrays = {
        W_E: np.hstack(
            [
                stream(tokens, mean_token, "direct"),
                stream(tokens, mean_token, "OV"),
                stream(tokens, mean_token, "QK"),
                tokens,
            ]
        ),
        W_POS: np.hstack(
            [
                places,
                stream(places, mean_place, "positional OV"),
                stream(places, mean_place, "positional QK"),
                places,
            ]
        ),
    }
    for name, place in ((W_V, 1), (W_K, 2), (W_Q, 3)):
        blocks = [zero(matrices[name])] * 4
        blocks[place] = matrices[name]
        arrays[name] = np.vstack(blocks)[np.newaxis]
    beside = np.zeros((d_head, 3 * d_model))
    arrays[W_O] = np.hstack([matrices[W_O], beside])[np.newaxis]
    arrays[W_U] = np.vstack([matrices[W_U], *[zero(matrices[W_U])] * 3])
    arrays[B_O] = np.hstack([matrices[B_O][0], np.zeros(3 * d_model)])
    arrays |= {name: matrices[name] for name in (B_Q, B_K, B_V)}
    arrays[B_U] = matrices[B_U][0]
    tensors = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    gone = [path for path in PATHS if path not in kept]
    note = f"means in place of the paths {', '.join(gone)}" if gone else "four streams, all paths"
    return variant(weights, tensors, f"{weights.source}, {note}", note, task)


def _floats(name: str, matrix: DyadicMatrix) -> Floats:
    rows = [[float64(_exact(matrix, x), name) for x in row] for row in matrix.mantissa.tolist()]
    return np.array(rows, dtype=np.float64)


def _exact(matrix: DyadicMatrix, mantissa: object) -> Fraction:
    return Fraction(int(mantissa)) * Fraction(2) ** matrix.exponent  # type: ignore[call-overload]


def _mean(matrix: DyadicMatrix) -> Floats:
    """Return the mean of the rows, each entry the nearest float64."""
    columns = zip(*matrix.mantissa.tolist(), strict=True)
    sums = [_exact(matrix, sum(map(int, column))) for column in columns]
    return np.array([float(total / matrix.shape[0]) for total in sums])
