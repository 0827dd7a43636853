"""What forward passes are written with: matrices, softmax and ReLU in balls."""

from __future__ import annotations

from functools import reduce
from operator import add

import flint

from ballproof.interval.dyadic import DyadicMatrix


def balls(matrix: DyadicMatrix) -> flint.arb_mat:
    """Enclose a matrix, at the precision in force."""
    return flint.arb_mat(matrix.mantissa) * flint.arb((1, matrix.exponent))


def softmax(scores: list[flint.arb]) -> list[flint.arb]:
    """Enclose the softmax of scores, of which there is one at least."""
    # Softmax does not change when one number is taken from every score; an exact number near the
    # largest keeps the exponentials from overflowing.
    reference = reduce(lambda a, b: a.max(b), scores).mid()
    exponentials = [(score - reference).exp() for score in scores]
    total = reduce(add, exponentials)
    return [exponential / total for exponential in exponentials]


def relu(row: flint.arb_mat) -> flint.arb_mat:
    """Enclose the larger of each entry and zero."""
    zero = flint.arb(0)
    return flint.arb_mat(row.nrows(), row.ncols(), [x.max(zero) for x in row.entries()])
