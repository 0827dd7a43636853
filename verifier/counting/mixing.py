"""Attention weights as integers: floor(2^K alpha), or one less, of every input at once.

Two ways to the same promise. `FloatMixing` takes doubles, each of which is known to a few units in
the last place, for many inputs; `IntegerMixing` takes enclosures of any width, one input at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import exact, lower_end, precision, upper_end
from ballproof.interval.dyadic import DyadicMatrix
from ballproof.interval.fixed import LOWEST_EXPONENT
from ballproof.verifier.counting.program import DomainHead

Tokens = NDArray[np.int64]
# int64, or Python integers in an object array.
Numbers = NDArray[Any]

# A score further below the row's largest than 2^VANISHING is not worth an exponential.
VANISHING = 45
WORKING_BITS = 160
# What doubles may lack of 2^K alpha, with K up to 30 and so many positions.
SLACK, MOST_BITS, MOST_POSITIONS = 2.0**-8, 30, 2**10
# Spare bits of an enclosure, beyond those of a weight.
SPARE = 32


class Mixing(Protocol):
    """The attention weights of one head."""

    def weights(self, tokens: Tokens) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return (N, k) integers, and of which inputs (N,) they are proved to be what they say.

        `tokens` (N, k) are the model's own. With alpha the true weights of a proved input,
        alpha^ <= 2^K alpha <= alpha^ + 2 and alpha^ >= 0.
        """


class FloatMixing:
    """Weights by doubles, with a mantissa and an exponent for each exponential.

    Theorem: let u = 2^-53. A factor exp(s) is m 2^e (1 + d) with |d| <= 2u; so a product of two,
    once rounded, is within 6u, and so is it on the unit of the input's largest, but where it falls
    below 2^-1000 of that: then it is off by 2^-1000 at most. The sum of k such products is at least
    1/4 and off by less than (k + 8) u of itself, the quotient by less than (k + 20) u, or 2^-990
    where it vanishes. With k <= 2^10 and K <= 30 the quotient times 2^K is therefore off by less
    than 2^-12; what is subtracted is 2^-8, rounded by less than 2^-22, so the floor is at most
    2^K alpha, and less than 2 below it.
    """

    def __init__(self, head: DomainHead, queries: range, bits: int) -> None:
        if bits > MOST_BITS or head.positional_score.shape[1] > MOST_POSITIONS:
            raise ValueError(f"doubles do not tell {bits} bits of these weights")
        self.scale, self.queries = 2.0**bits, queries
        self.tokens = _factors(head.score, head, queries)
        self.places = _factors(head.positional_score, head, queries)

    def weights(self, tokens: Tokens) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the weights; an input all of whose factors vanish is not proved."""
        query = (tokens[:, -1] - self.queries.start)[:, None]
        (mantissa, exponent), (places, unit) = self.tokens, self.places
        product = mantissa[query, tokens] * places[query[:, 0]]
        scale = exponent[query, tokens] + unit[query[:, 0]]
        top = scale.max(axis=1, keepdims=True)
        # Below 2^-2000 of the largest it is 0 anyway, and an int fits ldexp.
        product = np.ldexp(product, np.maximum(scale - top, -2000).astype(np.int32))
        proved = top[:, 0] > LOWEST_EXPONENT // 2
        total = product.sum(axis=1, keepdims=True)
        total[~proved] = 1
        share = np.floor(product / total * self.scale - SLACK)
        return np.maximum(share, 0).astype(np.int64), proved


def _factors(
    scores: DyadicMatrix, head: DomainHead, queries: range
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return exp of (score - the row's largest) / sqrt(d_head): mantissas in [1/2, 1), exponents.

    Rows are those of the queries. What vanishes has the mantissa 1/2 and LOWEST_EXPONENT.
    """
    rows = scores.mantissa.tolist()[queries.start : queries.stop]
    mantissas = np.full((len(rows), scores.shape[1]), 0.5)
    exponents = np.full((len(rows), scores.shape[1]), LOWEST_EXPONENT, dtype=np.int64)
    with precision(WORKING_BITS):
        root = flint.arb(head.d_head).sqrt()
        for i, row in enumerate(rows):
            top = max(row)
            for j, score in enumerate(row):
                argument = exact(int(score - top), scores.exponent) / root
                if bool(argument > -(2**VANISHING)):
                    mantissas[i, j], exponents[i, j] = _double(argument.exp())
    return mantissas, exponents


def _double(ball: flint.arb) -> tuple[float, int]:
    """Return the double nearest to the middle of a ball, as a mantissa and an exponent."""
    mantissa, exponent = (int(part) for part in ball.mid().man_exp())
    # Python rounds an integer to the nearest double.
    fraction, shift = np.frexp(float(mantissa))
    return float(fraction), exponent + int(shift)


class IntegerMixing:
    """Weights by enclosures of `bits` + 32 bits, on the unit of the input's own largest."""

    def __init__(self, head: DomainHead, bits: int) -> None:
        self.head, self.bits = head, bits

    def weights(self, tokens: Tokens) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the weights; an input is not proved where its enclosures are too wide."""
        rows, proved = [], []
        with precision(self.bits + 2 * SPARE):
            root = flint.arb(self.head.d_head).sqrt()
            for sequence in tokens.tolist():
                row, good = self._of(sequence, root)
                rows.append(row)
                proved.append(good)
        numbers = np.array(rows, dtype=object).reshape(tokens.shape)
        return numbers, np.array(proved, dtype=np.bool_)

    def _of(self, sequence: Sequence[int], root: flint.arb) -> tuple[list[int], bool]:
        """Return the weights of one input, and whether they are within two units of the truth."""
        head, query = self.head, sequence[-1]
        scores = [
            int(head.score.mantissa[query, token] + head.positional_score.mantissa[query, i])
            for i, token in enumerate(sequence)
        ]
        top, unit = max(scores), head.score.exponent
        balls = [(exact(score - top, unit) / root).exp() for score in scores]
        fine = self.bits + SPARE
        low = [max(_shifted(*lower_end(ball), fine), 0) for ball in balls]
        high = [-_shifted(*_negative(upper_end(ball)), fine) for ball in balls]
        least, most = sum(low), sum(high)
        shares = [(weight << self.bits) // most for weight in low]
        good = all(
            weight << self.bits <= (share + 2) * least
            for weight, share in zip(high, shares, strict=True)
        )
        return shares, good


def _negative(end: tuple[int, int]) -> tuple[int, int]:
    return -end[0], end[1]


def _shifted(mantissa: int, exponent: int, bits: int) -> int:
    """Return floor(mantissa 2^(exponent + bits))."""
    shift = exponent + bits
    return mantissa << shift if shift >= 0 else mantissa >> -shift
