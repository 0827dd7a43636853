"""Programs of enumeration: a model as sums of look-ups, then layers of ReLU, exact throughout."""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.interval.dyadic import DyadicMatrix


@dataclass(frozen=True, eq=False)
class ProgramHead:
    """The exact look-ups of a head, with v tokens, k positions, m neurons and o outputs.

    With query q (the last token) and tokens t_i, the score of position i is
    (score[q, t_i] + positional_score[q, i]) / sqrt(d_head), alpha the softmax of the scores, and
    the head adds sum_i alpha_i values[i][t_i] to the columns. `values` are k matrices (v, m + o),
    in which the share of softmax is a factor; `score` is (v, v) and `positional_score` (v, k).
    """

    values: tuple[DyadicMatrix, ...]
    score: DyadicMatrix
    positional_score: DyadicMatrix
    d_head: int


@dataclass(frozen=True, eq=False)
class Program:
    """What a model computes of tokens t_0 .. t_{k-1}, times `denominator`, a positive integer.

    Columns are the m `neurons` and then the o outputs. They are the sum over the positions of
    lookups[i][t_i], matrices (v, m + o), None where nothing is looked up, plus what the heads add.
    With x_1 the neurons' columns and (W_i, b_i) the `layers`, x_{i+1} = ReLU(x_i) W_i + b_i; the
    last leads to the outputs: denominator times the logits are their own columns plus the last x.
    Without neurons there are no layers. There are no heads where no exponential is needed.

    The denominator clears fractions that no dyadic number holds, as of a uniform share of 1/3: ReLU
    commutes with positive factors, so leads are multiplied and keep their signs.
    """

    lookups: tuple[DyadicMatrix | None, ...]
    heads: tuple[ProgramHead, ...]
    neurons: int
    layers: tuple[tuple[DyadicMatrix, DyadicMatrix], ...]
    denominator: int = 1
