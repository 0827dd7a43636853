"""A model and a margin, frozen into the exact integer arrays that every strategy starts from."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from interval.dyadic import DyadicMatrix
from models.layout import Shape
from models.paths import path_tables
from models.task import total_sequences
from models.weights import Weights

Integers = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Problem:
    """The path tables of a model as arrays of Python integers, in two common units.

    `direct` D (v,v), `output` V (v,v), `places` P (k,v) and the margin `eps` are in units of
    2**logit_exponent, after multiplication by the margin's denominator; `one` is 1 in that unit.
    `score` (v,v) and `positional_score` (v,k) are sqrt(d_head) times S and R in units of
    2**score_exponent.
    """

    weights: Weights
    margin: Fraction
    direct: Integers
    output: Integers
    places: Integers
    eps: int
    one: int
    logit_exponent: int
    score: Integers
    positional_score: Integers
    score_exponent: int

    @property
    def shape(self) -> Shape:
        """Sizes of the model."""
        return self.weights.shape

    @property
    def total(self) -> int:
        """Number of all inputs, v^k."""
        return total_sequences(self.shape.d_vocab, self.shape.n_ctx)


def pose(weights: Weights, margin: Fraction = Fraction(0)) -> Problem:
    """Return the problem of counting the inputs that are right with this margin (>= 0)."""
    tables = path_tables(weights)
    one = DyadicMatrix.from_ints([[1]])
    logits, unit = _common([tables.direct, tables.output, tables.positional_output, one])
    direct, output, places = (margin.denominator * table for table in logits[:3])
    eps = margin.numerator * int(logits[3][0, 0])
    unit_one = margin.denominator * int(logits[3][0, 0])
    (score, positional), exponent = _common([tables.score, tables.positional_score])
    return Problem(
        weights, margin, direct, output, places, eps, unit_one, unit, score, positional, exponent
    )


def _common(matrices: list[DyadicMatrix]) -> tuple[list[Integers], int]:
    """Return the matrices in units of their lowest exponent, and that exponent."""
    exponent = min(matrix.exponent for matrix in matrices)
    return [_integers(matrix, matrix.exponent - exponent) for matrix in matrices], exponent


def _integers(matrix: DyadicMatrix, shift: int) -> Integers:
    integers: Integers = np.array(matrix.tolist(), dtype=object) * (1 << shift)
    return integers
