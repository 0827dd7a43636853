"""Attention weights w_i(t) = exp(S[q,t] + R[q,i]), enclosed and put on one unit per class."""

from __future__ import annotations

from functools import cached_property

import flint

from ballproof.interval.ball import exact, precision
from ballproof.interval.fixed import Lanes, PositiveLanes
from ballproof.verifier.counting.problem import Integers, Problem

MANTISSA_BITS = 31
WORKING_BITS = 96


def exponentials(problem: Problem, scores: Integers) -> list[flint.arb]:
    """Enclose exp((score - largest score) / sqrt(d_head)) at the precision in force."""
    top, root = max(scores), flint.arb(problem.shape.d_head).sqrt()
    return [(exact(int(s - top), problem.score_exponent) / root).exp() for s in scores]


class Attention:
    """The weights of every token at every position for one query, up to a common factor."""

    def __init__(self, problem: Problem, query: int) -> None:
        with precision(WORKING_BITS):
            tokens = exponentials(problem, problem.score[query])
            places = exponentials(problem, problem.positional_score[query])
        self.tokens = PositiveLanes.from_balls(tokens, MANTISSA_BITS)
        self.places = PositiveLanes.from_balls(places, MANTISSA_BITS)

    @cached_property
    def weights(self) -> PositiveLanes:
        """The weights as a (k, v) array."""
        return self.places.times(self.tokens)

    def lanes(self, maximum: int, bits: int) -> tuple[Lanes, Lanes]:
        """Return (k, m+1) lanes below and above w_i(t) for t = 0..m, each at most 2**bits.

        Their unit is chosen by the largest of them: a common factor of the class, which no sign in
        T1 depends on.
        """
        weights = self.weights
        part = PositiveLanes(
            weights.low[:, : maximum + 1],
            weights.high[:, : maximum + 1],
            weights.exponent[:, : maximum + 1],
            weights.bits,
        )
        return part.at_unit(int(part.top().max()) - bits)
