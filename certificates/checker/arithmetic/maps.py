"""Linear maps of rounded vectors, with what rounding changes (R1, R2, R3).

Vectors are integers in units of 2**-F. Sums and every radius are in the fine unit 2**-(F+G), column
sums in units of 2**-20. All bounds are rounded up.
"""

from collections.abc import Sequence
from math import isqrt
from operator import mul

from arithmetic.matrices import Matrix, Rows
from arithmetic.vectors import Vectors

PLACES = 20


class NoRoom(Exception):
    """A lane may overflow, or a norm may divide by zero: this pass leaves the input open."""


def ceil(value: int, shift: int, divisor: int = 1) -> int:
    """Return the smallest integer that is at least value 2**shift / divisor, for value >= 0."""
    if shift >= 0:
        return -(-(value << shift) // divisor)
    return -(-value // (divisor << -shift))


def nearest(value: int, shift: int) -> int:
    """Return an integer within half a unit of value 2**shift."""
    return value << shift if shift >= 0 else (value + (1 << -shift - 1)) >> -shift


def column_sum(a: Matrix, divisor: int = 1) -> int:
    """Return the largest column sum of |a| / divisor, in units of 2**-20, rounded up."""
    top: int = max(sum(map(abs, column)) for column in zip(*a.rows, strict=True))
    return ceil(top, a.exponent + PLACES, divisor)


def column_length(a: Matrix, divisor: int = 1) -> int:
    """Return the largest 2-norm of a column of a / divisor, in units of 2**-20, rounded up."""
    top: int = max(sum(map(mul, column, column)) for column in zip(*a.rows, strict=True))
    return isqrt(ceil(top, 2 * (a.exponent + PLACES), divisor**2)) + 1


class Map:
    """x -> x M + b with M at 2**-G and b at the fine unit.

    `heaviest` is the largest column sum of M, `off` that of what is rounded away, in units of
    2**-(G+20). Theorem (R2): if x^ is within rho fine units of x, and its entries at most m, each
    lane of `apply(x^)` is within `radius(rho, m)` of x M + b. Proof. x M - x^ M^ is
    (x - x^) M + x^ (M - M^); b is off by half a unit.
    """

    def __init__(self, weight: Matrix, bias: Matrix, unit: int, fine: int, width: int) -> None:
        rows, exponent = weight
        self.vectors = Vectors(len(rows[0]), width, fine)
        rounded = [[nearest(x, exponent + fine) for x in row] for row in rows]
        self.heaviest, self.off = column_sum(weight), _off(rows, rounded, exponent + fine)
        (row,), exponent = bias
        added = [nearest(x, exponent + unit + fine) for x in row]
        sums = [sum(map(abs, column)) for column in zip(*rounded, strict=True)]
        self.load = max(sums)
        # R3: what a lane holds beside the products, and the room that rounding takes.
        self.room = (1 << width - 1) - (2 << fine) - max(map(abs, added))
        fits = self.room > 0 and max(max(map(abs, row)) for row in rounded) < 1 << width - 1
        self.rows = [self.vectors.pack_long(row) for row in rounded] if fits else []
        self.bias = self.vectors.pack_long(added) if fits else 0
        self.room = self.room if fits else -1

    def require_room(self, largest: int, beside: int = 0) -> None:
        """Raise `NoRoom` if a lane may overflow: entries up to `largest`, and what is added."""
        if largest * self.load + beside > self.room:
            raise NoRoom

    def apply(self, x: Sequence[int], beside: int = 0) -> int:
        """Return x M + b, and a vector beside it, where there is room."""
        total: int = sum(map(mul, x, self.rows), self.bias + beside)
        return total

    def radius(self, rho: int, largest: int) -> int:
        """Return what each lane may be off by."""
        return (rho * self.heaviest + largest * self.off >> PLACES) + 2


def _off(rows: Rows, rounded: Rows, shift: int) -> int:
    """Return the largest column sum of |M 2**G - M^|, in units of 2**-20, rounded up."""
    down = max(-shift, 0)
    up = max(shift, 0)
    columns = zip(zip(*rows, strict=True), zip(*rounded, strict=True), strict=True)
    top = max(
        sum(abs((x << up) - (y << down)) for x, y in zip(*pair, strict=True)) for pair in columns
    )
    return ceil(top, PLACES - down)
