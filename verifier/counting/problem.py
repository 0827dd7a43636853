"""A model and a margin, frozen into the exact integer arrays that every strategy starts from."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.layout import Shape
from ballproof.models.paths import path_tables
from ballproof.models.task import total_sequences
from ballproof.models.weights import Weights
from ballproof.verifier.counting.float32 import SEMANTICS, deviation

Integers = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Problem:
    """The path tables of a model as arrays of Python integers, in two common units.

    The problem is to count the inputs that are right in real numbers with this `margin`. The claim
    that follows is about the margin `claimed` in these `semantics`: in float32 (T12) the margin
    is larger than it by the program's deviation.

    `direct` D (v,v), `output` V (v,v), `places` P (k,v) and the margin `eps` are in units of
    2**logit_exponent, after multiplication by the margin's denominator; `one` is 1 in that unit.
    `score` (v,v) and `positional_score` (v,k) are sqrt(d_head) times S and R in units of
    2**score_exponent. `total` is the number of all inputs, v^k.
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
    claimed: Fraction
    semantics: str
    total: int

    @property
    def shape(self) -> Shape:
        """Sizes of the model."""
        return self.weights.shape


def pose(weights: Weights, margin: Fraction = Fraction(0), semantics: str = "real") -> Problem:
    """Return the problem of counting the inputs that are right with this margin (>= 0).

    With the semantics float32 an input has to be right by the program's deviation more (T12).
    Raises ModelError where these weights have no float32 program, and where there are more inputs
    than the checker counts.
    """
    if semantics not in SEMANTICS:
        raise ValueError(f"The semantics {semantics!r} are none of {', '.join(SEMANTICS)}.")
    eps = deviation(weights) if semantics == "float32" else Fraction(0)
    return _posed(weights, margin + eps, margin, semantics)


def opposite(problem: Problem) -> Problem:
    """Return the problem whose upper end serves the claim: right by the deviation less (T12)."""
    margin = 2 * problem.claimed - problem.margin
    return _posed(problem.weights, margin, problem.claimed, problem.semantics)


def _posed(weights: Weights, margin: Fraction, claimed: Fraction, semantics: str) -> Problem:
    total = total_sequences(weights.shape.d_vocab, weights.shape.n_ctx)
    paths = path_tables(weights)
    one = DyadicMatrix.from_ints([[1]])
    logits, unit = _common([paths.direct, paths.output, paths.positional_output, one])
    direct, output, places = (margin.denominator * table for table in logits[:3])
    eps = margin.numerator * int(logits[3][0, 0])
    unit_one = margin.denominator * int(logits[3][0, 0])
    (score, positional), exponent = _common([paths.score, paths.positional_score])
    tables = (direct, output, places, eps, unit_one, unit, score, positional, exponent)
    return Problem(weights, margin, *tables, claimed, semantics, total)


def _common(matrices: list[DyadicMatrix]) -> tuple[list[Integers], int]:
    """Return the matrices in units of their lowest exponent, and that exponent."""
    exponent = min(matrix.exponent for matrix in matrices)
    return [_integers(matrix, matrix.exponent - exponent) for matrix in matrices], exponent


def _integers(matrix: DyadicMatrix, shift: int) -> Integers:
    integers: Integers = np.array(matrix.tolist(), dtype=object) * (1 << shift)
    return integers
