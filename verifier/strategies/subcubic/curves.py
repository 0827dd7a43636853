"""Upper bounds of the convex curve phi_m(a) = max_j constant[m][j] + a slope[m][j], in balls."""

from __future__ import annotations

from functools import lru_cache

import flint

from ballproof.interval.ball import certainly_negative, exact, largest, precision
from ballproof.verifier.strategies.subcubic.logits import Logits
from ballproof.verifier.strategies.subcubic.names import DIRECT
from ballproof.verifier.strategies.subcubic.query_scores import WORKING_BITS, Ends

Dyadic = tuple[int, int]


# All strategies of a model share the logits of a few direct-path splits.
@lru_cache(maxsize=len(DIRECT))
def curves(logits: Logits) -> Curves:
    """Return the curves of these logits."""
    with precision(WORKING_BITS):
        return Curves(logits)


class Curves:
    """phi_m with its steepest slopes per m, and its values at the anchors asked for so far."""

    def __init__(self, logits: Logits) -> None:
        self.logits = logits
        self.most = [largest(row) for row in logits.slope]
        self.least = [-largest(-x for x in row) for row in logits.slope]
        self._values: dict[tuple[int, Dyadic], flint.arb] = {}

    def value(self, m: int, anchor: Dyadic) -> flint.arb:
        """Return a ball around phi_m at the anchor."""
        if (m, anchor) not in self._values:
            a = exact(*anchor)
            terms = zip(self.logits.constant[m], self.logits.slope[m], strict=True)
            self._values[m, anchor] = largest(constant + a * slope for constant, slope in terms)
        return self._values[m, anchor]


class Tangents:
    """An upper bound of phi_m from one anchor, or the chord between two."""

    def __init__(self, curve: Curves, m: int, anchors: tuple[Dyadic, ...]) -> None:
        self.anchor, self.end = exact(*anchors[0]), None
        self.value = curve.value(m, anchors[0])
        self.above, self.below = curve.most[m], curve.least[m]
        if len(anchors) == 2:
            self.end = exact(*anchors[1])
            rise, width = curve.value(m, anchors[1]) - self.value, self.end - self.anchor
            self.above = self.below = exact(0) if width == 0 else rise / width

    def negative(self, ends: Ends, others: flint.arb, rest: flint.arb) -> bool:
        """Return whether phi(a) + (1 - a) others + rest is certainly < 0 at both exact ends.

        The bound on it is convex in a, so then it is negative between them.
        """
        low, high = ends
        # Outside its ends, a chord is no bound.
        if self.end is not None and not (self.anchor <= low and high <= self.end):
            return False
        return certainly_negative(self._at(low) + (1 - low) * others + rest) and certainly_negative(
            self._at(high) + (1 - high) * others + rest
        )

    def _at(self, a: flint.arb) -> flint.arb:
        # Below the anchor phi falls at least as the smallest slope says, not as the largest.
        slope = self.above if a >= self.anchor else self.below
        return self.value + (a - self.anchor) * slope
