"""Path tables: what a one-layer attention-only transformer computes, split path by path."""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.layout import B_O, B_Q, B_U, B_V, W_E, W_K, W_O, W_POS, W_Q, W_U, W_V, Shape
from ballproof.models.weights import Weights


@dataclass(frozen=True)
class PathTables:
    """The exact tables D, V, P, sqrt(h) S and sqrt(h) R of a model.

    With query q (the last token) and tokens t_i, the score of position i is
    (score[q, t_i] + positional_score[q, i]) / sqrt(d_head), the attention alpha is the softmax of
    the scores, and the logit of token j is
    direct[q, j] + sum_i alpha_i (output[t_i, j] + positional_output[i, j]).

    Shapes: `direct` (v, o), `output` (v, o), `positional_output` (k, o), `score` (v, v),
    `positional_score` (v, k), with o logits. The scores are kept undivided, so that every entry is
    a dyadic rational; the division by the real square root belongs to whoever rounds.
    """

    direct: DyadicMatrix
    output: DyadicMatrix
    positional_output: DyadicMatrix
    score: DyadicMatrix
    positional_score: DyadicMatrix
    d_head: int
    shape: Shape


def path_tables(weights: Weights) -> PathTables:
    """Return the path tables of a model, exactly: no rounding takes place.

    The key bias b_K is dropped: it adds (query . b_K) / sqrt(h) to the scores of one query at every
    position alike, and softmax does not see a constant.
    """
    tensor = weights.tensors
    shape = weights.shape
    residual = tensor[W_E].plus_row(tensor[W_POS].row(shape.n_ctx - 1))
    query = (residual @ tensor[W_Q]).plus_row(tensor[B_Q])
    token_keys, positional_keys = tensor[W_E] @ tensor[W_K], tensor[W_POS] @ tensor[W_K]
    value_to_logits = tensor[W_V] @ tensor[W_O] @ tensor[W_U]
    # Attention weights add up to one, so the value bias goes down the direct path.
    bias = tensor[B_V] @ tensor[W_O] + tensor[B_O]
    return PathTables(
        direct=(residual.plus_row(bias) @ tensor[W_U]).plus_row(tensor[B_U]).trimmed(),
        output=(tensor[W_E] @ value_to_logits).trimmed(),
        positional_output=(tensor[W_POS] @ value_to_logits).trimmed(),
        score=(query @ token_keys.transpose()).trimmed(),
        positional_score=(query @ positional_keys.transpose()).trimmed(),
        d_head=shape.d_head,
        shape=shape,
    )
