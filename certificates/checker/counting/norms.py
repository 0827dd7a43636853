"""Norms of rounded vectors (R8): y = c / s, c = x or x - mean, s = sqrt(mean of c**2 + eps)."""

from collections.abc import Sequence
from math import isqrt
from operator import mul
from typing import NamedTuple

from arithmetic.maps import NoRoom
from parts.layers import Norm

# Guard bits of the root, and of its reciprocal.
GUARD, RECIPROCAL = 32, 32


class Normed(NamedTuple):
    """Entries at 2**-F, at most `largest`; `off`, in fine units, is what rounding changed.

    `least` is a lower end of s for the true vector, in fine units.
    """

    entries: list[int]
    off: int
    largest: int
    least: int


class Normaliser:
    """A norm of vectors of `size` entries.

    Theorem. For x^ within rho of x in every entry, `entries` are within `off` of the norm's value
    at x^, and s at x is at least `least`. Proof. c = k C is exact, with k = size or 1. With q guard
    bits, V <= (2**q k 2**F S)**2 < V + 2 for two floors, and T = isqrt(V) is low by less than 2.
    The quotient C / S in units of 2**-F is at most `largest`, and off by its share 2 / T, by
    |c| 2**-B for the floor of the reciprocal, and by half a unit. s is 1-Lipschitz in the largest
    norm, as sqrt(|x|_2**2 / d + eps) is, and at least sqrt(eps).
    """

    def __init__(self, norm: Norm, size: int, unit: int, fine: int) -> None:
        self.size, self.unit, self.fine = size, unit, fine
        self.centred = norm.kind == "layer"
        self.factor = size if self.centred else 1
        n, d = norm.eps.as_integer_ratio()
        self.eps = (n * self.factor**2 << 2 * (unit + GUARD)) // d
        self.root = isqrt((n << 2 * (unit + fine)) // d)

    def normed(self, x: Sequence[int], rho: int) -> Normed:
        """Return the norm's value at x, or raise `NoRoom` where s may be 0."""
        size, unit, fine, factor = self.size, self.unit, self.fine, self.factor
        if self.centred:
            total = sum(x)
            x = [size * v - total for v in x]
        root = isqrt((sum(map(mul, x, x)) << 2 * GUARD) // size + self.eps)
        least = max((root << fine) // (factor << GUARD) - rho, self.root)
        if not root or least <= 0:
            raise NoRoom
        bits = unit + RECIPROCAL
        inverse, half = (1 << unit + GUARD + bits) // root, 1 << bits - 1
        top = max(max(x), -min(x))
        largest = (top * (inverse + 1) >> bits) + 2
        off = (2 * largest << fine) // root + (top << fine >> bits) + (1 << fine - 1) + 2
        return Normed([v * inverse + half >> bits for v in x], off, largest, least)
