"""Tables: what a model of attention alone computes, as look-ups by token and by position."""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.interval.dyadic import DyadicMatrix


@dataclass(frozen=True)
class Head:
    """The exact tables V, P, sqrt(h) S and sqrt(h) R of a head.

    With query q (the last token) and tokens t_i, the score of position i is
    (score[q, t_i] + positional_score[q, i]) / sqrt(d_head), the attention alpha is the softmax of
    the scores, and the head adds sum_i alpha_i (output[t_i, j] + positional_output[i, j]) to the
    logit of token j.

    Shapes: `output` (v, o), `positional_output` (k, o), `score` (v, v), `positional_score` (v, k),
    with o logits. The scores are kept undivided, so that every entry is a dyadic rational; the
    division by the real square root belongs to whoever rounds.
    """

    output: DyadicMatrix
    positional_output: DyadicMatrix
    score: DyadicMatrix
    positional_score: DyadicMatrix
    d_head: int


@dataclass(frozen=True)
class Tables:
    """The exact tables of a model: the logit of token j is direct[q, j] plus what the heads add.

    `direct` D is (v, o).
    """

    direct: DyadicMatrix
    heads: tuple[Head, ...]
