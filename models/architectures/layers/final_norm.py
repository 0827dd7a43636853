"""A layer whose only norm is the final one, as the layer without it (T17)."""

from __future__ import annotations

from dataclasses import replace

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.layers.design import Design
from ballproof.models.architectures.layers.names import B_U, FINAL_B, FINAL_W, W_U
from ballproof.models.architectures.layers.settings import design_of
from ballproof.models.architectures.one_layer import ONE_LAYER
from ballproof.models.architectures.one_layer.layout import SIZES
from ballproof.models.architectures.one_layer.settings import words


def without_final_norm(weights: Weights, answers: range) -> Weights | None:
    """Return a one-layer model whose leads among these answers have the same signs, or None.

    The norm's factor 1/sigma is positive where eps is. Its weights go into the unembedding, and so
    does centring, times d_model; its bias and the unembedding's must be alike on all answers, and
    are left out. With x the residual stream, lead = (x - mean(x)) diag(w) (W_U[m] - W_U[j]) / sigma
    then. Exact.
    """
    design = design_of(weights.architecture.text, weights.source)
    norm = design.final
    if norm is None or norm.eps == 0 or not (_is_plain(design) and _alike(weights, answers)):
        return None
    tensors = {
        name: value for name, value in weights.tensors.items() if name not in (FINAL_W, FINAL_B)
    }
    tensors[W_U] = _unembedding(weights, centred=norm.kind == "layer")
    tensors[B_U] = DyadicMatrix.zeros(1, weights.shape.d_vocab_out)
    parts = replace(design, final=None).parts
    return replace(
        weights,
        architecture=replace(ONE_LAYER, parts=parts, words=words(parts)),
        shape=replace(weights.shape, stated=SIZES),
        tensors=tensors,
    )


def _is_plain(design: Design) -> bool:
    """Say whether there is one layer, of ReLU neurons if any, without norms, read at the end."""
    layer, *others = design.layers
    plain = layer.activation in (None, "relu") and not layer.gated
    inside = layer.before_attention or layer.before_mlp
    return plain and not (inside or others) and design.position == "last" and design.readouts == 1


def _alike(weights: Weights, answers: range) -> bool:
    """Say whether what biases add to the logits is the same number for each answer."""
    tensor = weights.tensors
    bias = tensor[B_U]
    if FINAL_B in tensor:
        bias = bias + tensor[FINAL_B] @ tensor[W_U]
    (row,) = bias.tolist()
    return len(set(row[answers.start : answers.stop])) == 1


def _unembedding(weights: Weights, *, centred: bool) -> DyadicMatrix:
    """Return diag(w) W_U; if `centred`, d_model times that, less the sums of its columns."""
    made, d = weights.tensors[W_U], weights.shape.d_model
    if FINAL_W in weights.tensors:
        made = _diagonal(weights.tensors[FINAL_W]) @ made
    if centred:
        ones = DyadicMatrix.from_ints([[1] * d])
        made = made.scaled(d).plus_row(-(ones @ made))
    return made.trimmed()


def _diagonal(row: DyadicMatrix) -> DyadicMatrix:
    """Return the matrix with these numbers on its diagonal."""
    (numbers,) = row.tolist()
    return DyadicMatrix.from_ints(
        [[x if i == j else 0 for j in range(len(numbers))] for i, x in enumerate(numbers)],
        row.exponent,
    )
