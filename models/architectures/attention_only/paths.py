"""Tables and factors of the model: what it computes, split path by path."""

from __future__ import annotations

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.attention_only.layout import (
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
from ballproof.models.architectures.factors import Factors
from ballproof.models.architectures.tables import Head, Tables


def tables(weights: Weights) -> Tables:
    """Return the path tables of a model, exactly: no rounding takes place.

    The key bias b_K is dropped: it adds (query . b_K) / sqrt(h) to the scores of one query at every
    position alike, and softmax does not see a constant.
    """
    tensor = weights.tensors
    query = (_queried(weights) @ tensor[W_Q]).plus_row(tensor[B_Q])
    token_keys, positional_keys = tensor[W_E] @ tensor[W_K], tensor[W_POS] @ tensor[W_K]
    value_to_logits = tensor[W_V] @ tensor[W_O] @ tensor[W_U]
    head = Head(
        output=(tensor[W_E] @ value_to_logits).trimmed(),
        positional_output=(tensor[W_POS] @ value_to_logits).trimmed(),
        score=(query @ token_keys.transpose()).trimmed(),
        positional_score=(query @ positional_keys.transpose()).trimmed(),
        d_head=weights.shape.d_head,
    )
    return Tables((_direct(weights) @ tensor[W_U]).plus_row(tensor[B_U]).trimmed(), (head,))


def factors(weights: Weights) -> Factors:
    """Return the matrices that scores and direct path are products of."""
    tensor = weights.tensors
    return Factors(
        embedding=tensor[W_E],
        positions=tensor[W_POS],
        queried=_queried(weights),
        query=tensor[W_Q],
        query_bias=tensor[B_Q],
        key=tensor[W_K],
        direct=_direct(weights),
        unembedding=tensor[W_U],
        unembedding_bias=tensor[B_U],
    )


def _queried(weights: Weights) -> DyadicMatrix:
    """Return W_E + W_pos[k-1] (v,d), the residual stream of each query token."""
    embedding, positions = weights.tensors[W_E], weights.tensors[W_POS]
    return embedding.plus_row(positions.row(weights.shape.n_ctx - 1))


def _direct(weights: Weights) -> DyadicMatrix:
    """Return W_E + W_pos[k-1] + b_V W_O + b_O (v,d): what passes by attention.

    Attention weights add up to one, so the value bias goes down the direct path.
    """
    tensor = weights.tensors
    return _queried(weights).plus_row(tensor[B_V] @ tensor[W_O] + tensor[B_O])
