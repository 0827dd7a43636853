"""Doubles with a radius, and what linear maps and sums do to it.

Only additions, products, quotients, square roots and comparisons of doubles are used, which IEEE
754 rounds correctly: each is off by at most u = 2^-53 of itself, or 2^-1074 where it is subnormal.
A sum of n products, in any order and with or without fused steps, is off by at most (n + 1) u times
the sum of the absolute values, as long as n u < 2^-10 (Higham, section 3.1, with room for the
second order). Radii are computed in doubles as well: each formula here has fewer than 2^20 terms,
none negative, so that its own rounding is below 2^-30 of it, and `rounded_up` makes good for that.
What overflows becomes infinite or no number, and decides nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIT = 2.0**-53
UP = 1 + 2.0**-30
# Above what all subnormal roundings of one formula can come to.
TINY = 2.0**-900
MOST_TERMS = 2**20
# Multiplications of a product that OpenBLAS does in one thread.
ONE_THREAD = 2**18


class Uncertain(NamedTuple):
    """Numbers and radii of one shape: the truth is within `radius` of `middle`, entry by entry."""

    middle: Floats
    radius: Floats

    def part(self, columns: slice) -> Uncertain:
        """Return some columns."""
        return Uncertain(self.middle[..., columns], self.radius[..., columns])

    def rows(self, which: NDArray[np.int64]) -> Uncertain:
        """Return some rows."""
        return Uncertain(self.middle[which], self.radius[which])


class Linear(NamedTuple):
    """The map x -> x M + b of exact doubles: `matrix` (n, m), `bias` (m,); `sizes` is |M|."""

    matrix: Floats
    bias: Floats
    sizes: Floats

    @classmethod
    def of(cls, matrix: Floats, bias: Floats | None = None) -> Linear:
        """Return the map of these numbers, without a bias unless given."""
        if matrix.shape[0] >= MOST_TERMS:
            raise ValueError(f"no sum of {matrix.shape[0]} terms is bounded here")
        kept = np.zeros(matrix.shape[1]) if bias is None else bias
        return cls(np.ascontiguousarray(matrix), kept, np.abs(matrix))

    def __call__(self, x: Uncertain) -> Uncertain:
        """Return x M + b for rows x (N, n): what rounding adds is of |x| |M| and of the result."""
        middle = _product(x.middle, self.matrix) + self.bias
        own = x.radius + (len(self.matrix) + 2) * UNIT * np.abs(x.middle)
        radius = _product(own, self.sizes) + UNIT * np.abs(middle)
        return Uncertain(middle, rounded_up(radius))


def _product(x: Floats, matrix: Floats) -> Floats:
    """Return x M for rows (N, n), in products so small that the library starts no threads for them.

    Its threads wait by spinning: beside other work they cost several times what they save.
    """
    n, m = matrix.shape
    rows = max(ONE_THREAD // (n * m), 8)
    whole = len(x) // rows * rows
    if not whole:
        return x @ matrix
    many = (x[:whole].reshape(-1, rows, n) @ matrix).reshape(whole, m)
    return np.concatenate([many, x[whole:] @ matrix]) if whole < len(x) else many


def rounded_up(radius: Floats) -> Floats:
    """Return a number that is not below what a formula of radii stands for."""
    grown: Floats = radius * UP + TINY
    return grown


def added(x: Uncertain, y: Uncertain) -> Uncertain:
    """Return x + y."""
    middle = x.middle + y.middle
    return Uncertain(middle, rounded_up(x.radius + y.radius + UNIT * np.abs(middle)))


def times(x: Uncertain, y: Uncertain) -> Uncertain:
    """Return x y, entry by entry: |x| r_y + |y| r_x + r_x r_y."""
    middle = x.middle * y.middle
    off = np.abs(x.middle) * y.radius + (np.abs(y.middle) + y.radius) * x.radius
    return Uncertain(middle, rounded_up(off + UNIT * np.abs(middle)))


def scaled(x: Uncertain, factor: Floats) -> Uncertain:
    """Return x times exact numbers."""
    middle = x.middle * factor
    off = x.radius * np.abs(factor) + UNIT * np.abs(middle)
    return Uncertain(middle, rounded_up(off))


def shifted(x: Uncertain, by: Floats) -> Uncertain:
    """Return x plus exact numbers."""
    middle = x.middle + by
    return Uncertain(middle, rounded_up(x.radius + UNIT * np.abs(middle)))


def relu(x: Uncertain) -> Uncertain:
    """Return the larger of x and 0, which is exact where x is certainly negative."""
    radius = np.where(x.middle < -x.radius, 0.0, x.radius)
    return Uncertain(np.maximum(x.middle, 0.0), radius)
