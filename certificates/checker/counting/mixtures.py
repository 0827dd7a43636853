"""Attention of rounded queries, keys and values (R5, R6): scores in base 2, and mixtures.

Entries are in units of 2**-F, weights of attention in units of 2**-K, every radius in the fine unit
2**-(F+G).
"""

from collections.abc import Sequence
from fractions import Fraction
from operator import mul
from typing import NamedTuple

from arithmetic.maps import PLACES, NoRoom, ceil
from arithmetic.powers import root_tables
from arithmetic.vectors import Vectors

# By the width of lanes: bits K of a weight, and tables of 11 bits of an exponent's fraction.
WEIGHTS = {64: (30, 2), 128: (64, 5)}


# Softmax's share and what each position has beside it, both floored; whether softmax is all; and at
# least the sum of the sizes of all weights.
Shares = tuple[int, int, bool, int]


class Column(NamedTuple):
    """Keys and values of one head at the positions so far.

    `keys` are d_head vectors with a lane for each position; `sizes` bound what `Mixer` asks of
    them: the largest sum of |key|, and the largest |value|.
    """

    keys: list[int]
    key_sum: int
    value: int


class Memory:
    """Keys and values of a layer along a path of prefixes, an entry for each depth."""

    def __init__(self, heads: int, d_head: int, places: int) -> None:
        self.heads, self.d_head = heads, d_head
        self.columns = [[Column([0] * d_head, 0, 0) for _ in range(heads)]] * (places + 1)
        self.values = [[0] * places for _ in range(heads)]
        self.off = [0] * (places + 1)

    def push(self, place: int, z: Sequence[int], off: int, mixer: "Mixer") -> None:
        """Put keys and values, the last columns of z, at a place."""
        width, size = self.heads * self.d_head, self.d_head
        shift, start = mixer.width * place, len(z) - 2 * width
        made = []
        for head, old in enumerate(self.columns[place]):
            at = start + head * size
            keys, values = z[at : at + size], z[at + width : at + width + size]
            self.values[head][place] = mixer.values.pack(values)
            made.append(
                Column(
                    [a + (b << shift) for a, b in zip(old.keys, keys, strict=True)],
                    max(old.key_sum, sum(map(abs, keys))),
                    max(old.value, max(values), -min(values)),
                )
            )
        self.columns[place + 1] = made
        self.off[place + 1] = max(self.off[place], off)


class Mixer:
    """Mixtures of the values of one head."""

    def __init__(
        self,
        size: int,
        unit: int,
        fine: int,
        width: int,
        share: Fraction | None,
        normalised: bool,
    ) -> None:
        self.size, self.unit, self.fine, self.width = size, unit, fine, width
        self.bits, self.count = WEIGHTS[width]
        self.tables = root_tables(self.bits, self.count)
        self.fraction = 11 * self.count
        self.shift = 2 * unit - self.fraction
        self.values = Vectors(size, width, self.bits)
        self.scores: dict[int, Vectors] = {}
        # Half the spread of exponents that are floored.
        self.floor = 1 << unit + fine - self.fraction - 1
        self.share, self.normalised = share, normalised
        self.shares: dict[int, Shares] = {}

    def mixed(
        self, query: Sequence[int], column: Column, values: Sequence[int], off: int, off_keys: int
    ) -> tuple[Sequence[int], int]:
        """Return the mixture of the values, and how far scores and weights may move it.

        `off` and `off_keys` are the radii of the query and of the keys. What the values are off by
        comes in addition, times `weight`, and so does half a unit of the rounding.
        """
        seen = len(values)
        if seen not in self.scores:
            self.scores[seen] = Vectors(seen, self.width, 1)
        vectors = self.scores[seen]
        largest = max(max(query), -min(query))
        # R3: no score leaves its lane.
        if largest * column.key_sum >> self.width - 2:
            raise NoRoom
        found = vectors.exact(sum(map(mul, query, column.keys)))
        weights = self._powers(found)
        softmax, uniform, whole, at_most = self.shares_of(seen)
        total = sum(weights)
        if whole:
            half, bits = total >> 1, self.bits
            shares = [((w << bits) + half) // total for w in weights]
        else:
            shares = [w * softmax // total + uniform for w in weights]
        if column.value * (at_most + 4 * seen) >> self.width - 2:
            raise NoRoom
        mixture = self.values.rounded(sum(map(mul, shares, values)))
        return mixture, self._moved(query, column, seen, off, off_keys)

    def _powers(self, scores: Sequence[int]) -> list[int]:
        """Return 2**-(top - score) in units of 2**-K, low by less than 2 units a table."""
        top, shift, bits = max(scores), self.shift, self.bits
        if self.count == 2:
            first, second = self.tables
            return [
                first[(a := top - x >> shift) >> 11 & 2047] * second[a & 2047] >> bits + (a >> 22)
                for x in scores
            ]
        t, u, v, w, x = self.tables
        found = []
        for score in scores:
            a = top - score >> shift
            p = t[a >> 44 & 2047] * u[a >> 33 & 2047] >> bits
            p = p * v[a >> 22 & 2047] >> bits
            p = p * w[a >> 11 & 2047] >> bits
            found.append(p * x[a & 2047] >> bits + (a >> 55))
        return found

    def _moved(
        self, query: Sequence[int], column: Column, seen: int, off: int, off_keys: int
    ) -> int:
        """Return what scores (R5) and weights (R6) move the mixture by, at most."""
        unit, fine = self.unit, self.fine
        both = off * column.key_sum + off_keys * sum(map(abs, query))
        # One unit for the scale of scores, one for the floor.
        delta = ((both << fine) + self.size * off * off_keys >> unit + fine) + 2 + self.floor
        # ln 2 < 710 / 1024
        moved = (delta * 710 * column.value >> 10 + unit) + 1
        softmax, _, whole, _ = self.shares_of(seen)
        if not whole:
            moved = (moved * (softmax + 1) >> self.bits) + 1
        # Weights that are low move by 2 u each; and what each is rounded by.
        units = seen * (4 * self.count + (1 if whole else 2))
        if not whole:
            units = (units * (softmax + 1) >> self.bits) + 1 + 3 * seen
        return moved + (units * column.value << fine >> self.bits) + 1

    def shares_of(self, seen: int) -> Shares:
        """Return softmax's share of a position that sees so many, and what stands beside it."""
        if seen not in self.shares:
            self.shares[seen] = _shares(self.share, self.normalised, seen, self.bits)
        return self.shares[seen]

    def weight(self, seen: int) -> int:
        """Return at least the sum of the sizes of all weights, in units of 2**-20."""
        _, _, whole, at_most = self.shares_of(seen)
        return 1 << PLACES if whole else (at_most >> self.bits - PLACES) + 1


def _shares(share: Fraction | None, normalised: bool, seen: int, bits: int) -> Shares:
    """Return what `Shares` says, in units of 2**-bits."""
    if share is None:
        return 1 << bits, 0, True, 1 << bits
    rest = (1 - share) * Fraction(1, seen if normalised else 1)
    softmax, uniform = ((x.numerator << bits) // x.denominator for x in (share, rest))
    most = ceil(share.numerator, bits, share.denominator)
    most += seen * ceil(abs(rest.numerator), bits, rest.denominator)
    return softmax, uniform, False, most
