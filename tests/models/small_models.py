"""Small models for the tests of this folder, and exact arithmetic on plain Fractions."""

from fractions import Fraction

import numpy as np

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only.layout import BIAS_NAMES, expected_shapes

SMALL = Shape(5, 3, 4, 2)


def random_tensors(seed, shape=SMALL, biases=True, dtype=np.float32):
    """Random weights in the layout of the file; with `biases=False` no bias is stored."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0.0, 0.8, dims).astype(dtype)
        for name, dims in expected_shapes(shape).items()
        if biases or name not in BIAS_NAMES
    }


def fractions(array):
    """A float array as rows of Fractions; a leading head axis is dropped."""
    rows = np.atleast_2d(array)
    rows = rows[0] if rows.ndim == 3 else rows
    return [[Fraction(float(x)) for x in row] for row in rows]


def product(a, b):
    return [
        [sum(x * y for x, y in zip(row, col, strict=True)) for col in zip(*b, strict=True)]
        for row in a
    ]


def plus_row(a, row):
    return [[x + y for x, y in zip(r, row[0], strict=True)] for r in a]


def transposed(a):
    return [list(column) for column in zip(*a, strict=True)]


def dyadic_values(matrix):
    scale = Fraction(2) ** matrix.exponent
    return [[entry * scale for entry in row] for row in matrix.tolist()]


def ball_ends(ball):
    """Exact ends of a flint ball as Fractions."""
    (mid_m, mid_e), (rad_m, rad_e) = ball.mid().man_exp(), ball.rad().man_exp()
    mid = int(mid_m) * Fraction(2) ** int(mid_e)
    rad = int(rad_m) * Fraction(2) ** int(rad_e)
    return mid - rad, mid + rad
