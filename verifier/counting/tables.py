"""The tables of a model as Python integers: logits in one unit, the scores of a head in another."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures import Tables

Integers = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class IntegerHead:
    """The tables of a head: what it adds to the logits, and its scores.

    `output` V (v,a) and `positional_output` P (k,a) are in the unit of all logits. `score` (v,v)
    and `positional_score` (v,k) are sqrt(d_head) times S and R in units of 2**score_exponent.
    """

    output: Integers
    positional_output: Integers
    score: Integers
    positional_score: Integers
    score_exponent: int
    d_head: int


@dataclass(frozen=True, eq=False)
class IntegerTables:
    """The tables of a model and the margin, exactly.

    `direct` D (v,a), the outputs of the heads and the margin `eps` are in units of
    2**logit_exponent, after multiplication by the margin's denominator; `one` is 1 in that unit.
    The a columns are the task's answers alone.
    """

    direct: Integers
    heads: tuple[IntegerHead, ...]
    eps: int
    one: int
    logit_exponent: int

    @property
    def head(self) -> IntegerHead:
        """Return the head of a model of one; ValueError where there are more, or none."""
        (head,) = self.heads
        return head


def integer_tables(tables: Tables, margin: Fraction, answers: range) -> IntegerTables:
    """Return the tables in integers, with the columns of the answers alone."""
    outputs = [table for head in tables.heads for table in (head.output, head.positional_output)]
    (one, direct, *logits), unit = _common([DyadicMatrix.from_ints([[1]]), tables.direct, *outputs])
    columns, unit_one = slice(answers.start, answers.stop), int(one[0, 0])
    direct, *logits = (margin.denominator * table[:, columns] for table in (direct, *logits))
    heads = []
    for head, output, positional in zip(tables.heads, logits[::2], logits[1::2], strict=True):
        (score, positions), exponent = _common([head.score, head.positional_score])
        heads.append(IntegerHead(output, positional, score, positions, exponent, head.d_head))
    return IntegerTables(
        direct, tuple(heads), margin.numerator * unit_one, margin.denominator * unit_one, unit
    )


def _common(matrices: list[DyadicMatrix]) -> tuple[list[Integers], int]:
    """Return the matrices in units of their lowest exponent, and that exponent."""
    exponent = min(matrix.exponent for matrix in matrices)
    return [_integers(matrix, matrix.exponent - exponent) for matrix in matrices], exponent


def _integers(matrix: DyadicMatrix, shift: int) -> Integers:
    integers: Integers = np.array(matrix.tolist(), dtype=object) * (1 << shift)
    return integers
