"""Attention weights w_i(t) = exp(S[q,t] + R[q,i]), enclosed and put on one unit per class."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import exact, precision
from ballproof.interval.fixed import LOWEST_EXPONENT, Lanes, PositiveLanes
from ballproof.verifier.counting.tables import IntegerHead, Integers

MANTISSA_BITS = 31
WORKING_BITS = 96


def exponentials(head: IntegerHead, scores: Integers) -> list[flint.arb]:
    """Enclose exp((score - largest score) / sqrt(d_head)) at the precision in force."""
    top, root = max(scores), flint.arb(head.d_head).sqrt()
    return [(exact(int(s - top), head.score_exponent) / root).exp() for s in scores]


class Attention:
    """One head's weights of every token and position for one query, up to a common factor."""

    def __init__(self, head: IntegerHead, query: int) -> None:
        self.query = query
        with precision(WORKING_BITS):
            tokens = exponentials(head, head.score[query])
            positions = exponentials(head, head.positional_score[query])
        self.tokens = PositiveLanes.from_balls(tokens, MANTISSA_BITS)
        self.positions = PositiveLanes.from_balls(positions, MANTISSA_BITS)

    @cached_property
    def weights(self) -> PositiveLanes:
        """The weights as a (k, v) array."""
        return self.positions.times(self.tokens)

    def lanes(
        self, tokens: range, bits: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Lanes, Lanes]:
        """Return (n * T + 1,) lanes below and above the weights, each at most 2**bits.

        They are those of a range of T tokens at each free position, row by row, then the query's
        own. Their unit is chosen by the largest of them: a common factor of the class, which no
        sign in T1 depends on. Where `allowed` (n, T) is False no input of the class has the token,
        and the lanes hold 0 and 1.
        """
        chosen = slice(tokens.start, tokens.stop)
        low, high, exponent = (
            np.append(part[:-1, chosen], part[-1, self.query])
            for part in (self.weights.low, self.weights.high, self.weights.exponent)
        )
        if allowed is not None:
            absent = ~np.append(allowed, True)
            low[absent], high[absent], exponent[absent] = 0, 1, LOWEST_EXPONENT
        part = PositiveLanes(low, high, exponent, self.weights.bits)
        return part.at_unit(int(part.top().max()) - bits)

    def of_sequences(self, sequences: NDArray[np.int64], bits: int) -> tuple[Lanes, Lanes]:
        """Return (N, k) lanes around the weights of sequences (N, k), each on a unit of its own."""
        index = (np.arange(sequences.shape[1]), sequences)
        low, high, exponent = self.weights.low, self.weights.high, self.weights.exponent
        part = PositiveLanes(low[index], high[index], exponent[index], self.weights.bits)
        units = part.top().max(axis=1, keepdims=True) - bits
        return replace(part, exponent=part.exponent - units).at_unit(0)
