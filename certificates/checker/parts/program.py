"""What every architecture gives of a model: a program that evaluates an input (M1).

Columns are neurons first, then outputs that the look-ups reach past them. A look-up is a row of
columns for a position and its token. The pre-activations, and the outputs beside them, are

    sum_i L_i[x_i] + sum_h sum_i alpha_{h,i}(x) T_{h,i}[x_i],    alpha_h = softmax of the scores,

and each layer is linear after a ReLU of what came before; the last one is added to the outputs.
Everything is multiplied by `scale`, a positive integer, which no sign can see.
"""

from typing import NamedTuple

from arithmetic.matrices import Matrix, Rows


class Layer(NamedTuple):
    """A linear layer: weight (inputs, outputs) and bias (one row).

    `rectified`: whether its inputs pass a ReLU first, as they do in every architecture.
    """

    weight: Matrix
    bias: Matrix
    rectified: bool = True


class ProgramHead(NamedTuple):
    """A head: its rows T by position and token, None where it has no row, and its exact scores.

    Tokens are counted from the first of the position's range, queries from that of the last's.
    `score` (queries, vocabulary) and `positional_score` (queries, positions) hold sqrt(d_head)
    times the summands of a score, in units of 2**score_exponent.
    """

    values: list[Rows | None]
    score: Rows
    positional_score: Rows
    score_exponent: int
    d_head: int


class Program(NamedTuple):
    """Look-ups by position and token, None where there are none, in units of 2**exponent.

    So are the heads' rows. `beside`: whether columns of outputs follow those of the neurons.
    """

    positions: tuple[range, ...]
    lookups: list[Rows | None]
    exponent: int
    heads: list[ProgramHead]
    neurons: int
    layers: list[Layer]
    beside: bool
    scale: int


def of_answers(a: Matrix, answers: range) -> Matrix:
    """Return the columns of some outputs only."""
    return Matrix([row[answers.start : answers.stop] for row in a.rows], a.exponent)
