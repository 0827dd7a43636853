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


# Enclosures of the matrices that were asked for last, by object and precision.
_kept: dict[tuple[int, int], tuple[DyadicMatrix, flint.arb_mat]] = {}
_MOST_KEPT = 1024


def kept_balls(matrix: DyadicMatrix) -> flint.arb_mat:
    """Enclose a matrix, at the precision in force, and keep it for the next input of its model."""
    key = id(matrix), flint.ctx.prec
    # The matrix is kept too, so that no other object can get its number.
    if key not in _kept:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = matrix, balls(matrix)
    return _kept[key][1]
