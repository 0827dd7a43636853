"""The count of a subcubic strategy in balls: sound for any witness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import comb

import flint

from interval.ball import (
    NotFiniteError,
    ascending,
    certainly_negative,
    exact,
    largest,
    lower_end,
    precision,
    running_largest,
    upper_end,
)
from verifier.subcubic.logits import Logits
from verifier.subcubic.scores import Scores

WORKING_BITS = 96
Ends = tuple[flint.arb, flint.arb]
Dyadic = tuple[int, int]
Anchors = list[list[tuple[Dyadic, ...]]]


def count_right(
    scores: Scores, logits: Logits, anchors: Anchors, gaps: list[list[list[int]]]
) -> int:
    """Return how many sequences are certainly right.

    `anchors[m][c-1]` is one attention (mean+diff) or two (chord), by which phi is bounded.

    For each class (q, m) and number c of tokens other than m, with gap gamma: a negative bound at
    both ends of the attention settles all sequences whose c tokens are at most m - gamma;
    comb(n, c) (m-gamma+1)^c of them if q = m, comb(n, c-1) (m-gamma+1)^(c-1) if q < m.
    """
    v = len(logits.difference)
    with precision(WORKING_BITS):
        curves = [[_Curve(logits, m, anchor) for anchor in row] for m, row in enumerate(anchors)]
        right = 0
        for query in range(v):
            right += certainly_negative(logits.alone[query] + logits.eps)
            try:
                row = _QueryScores(scores, query)
            except NotFiniteError:
                # Scores too large for these balls: nothing is certified for this query.
                continue
            for m, c, gap, own in _entries(gaps, query):
                ends = row.attention_ends(m, gap, c, own)
                others = logits.others[m][m - gap]
                rest = logits.difference[query] + logits.eps
                if curves[m][c - 1].negative(ends, others, rest):
                    right += comb(row.places, c - own) * (m - gap + 1) ** (c - own)
    return right


def _entries(gaps: list[list[list[int]]], query: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (m, c, gap, 1 if the query is one of the c) where the gap leaves any sequence."""
    for m in range(query, len(gaps)):
        own = int(query < m)
        for c, gap in enumerate(gaps[m][query], start=1):
            if gap <= (m - query if own else m):
                yield m, c, gap, own


class _QueryScores:
    """One query's scores and the weights of its positions."""

    def __init__(self, scores: Scores, query: int) -> None:
        self.row = [scores.approximate[query, t] for t in range(scores.approximate.ncols())]
        self.error = scores.error[query]
        self.largest = running_largest(self.row)
        self.negated = running_largest(-x for x in self.row)
        rest = [scores.positional[query, i] for i in range(scores.positional.ncols())]
        # A common factor cancels in the attention.
        top = largest(rest).mid()
        weights = [(x - top).exp() for x in rest]
        *free, self.last = weights
        self.places = len(free)
        # A tiny weight's ball may reach below 0, the weight itself does not.
        lows = ascending(lower_end(x) if x >= 0 else (0, 0) for x in free)
        highs = ascending(map(upper_end, free))
        self.least_lows, self.most_highs = _sums(lows), _sums(reversed(highs))

    def attention_ends(self, m: int, gap: int, c: int, own: int) -> Ends:
        """Return balls below which and above which the attention to the maximum cannot lie."""
        low = self.row[m] - self.largest[m - gap] - self.error
        high = self.row[m] + self.negated[m - gap] + self.error
        free = c - own
        held = self.places - free
        inside, outside = (0, 1) if own else (1, 0)
        return (
            _share(
                self.least_lows[held] + inside * self.last,
                self.most_highs[free] + outside * self.last,
                low,
            ),
            _share(
                self.most_highs[held] + inside * self.last,
                self.least_lows[free] + outside * self.last,
                high,
            ),
        )


def _share(a: flint.arb, b: flint.arb, gap: flint.arb) -> flint.arb:
    """Return A / (A + B exp(-gap)); whichever form does not overflow."""
    if certainly_negative(gap):
        a = a * gap.exp()
    else:
        b = b * (-gap).exp()
    return a / (a + b)


def _sums(numbers: Iterable[flint.arb]) -> list[flint.arb]:
    sums = [exact(0)]
    for number in numbers:
        sums.append(sums[-1] + number)
    return sums


class _Curve:
    """An upper bound of phi_m(a), convex in a, from one anchor or two."""

    def __init__(self, logits: Logits, m: int, anchors: tuple[Dyadic, ...]) -> None:
        self.anchors = [exact(*anchor) for anchor in anchors]
        self.values = [_phi(logits, m, anchor) for anchor in self.anchors]
        slope = logits.slope[m]
        self.most, self.negated_least = largest(slope), largest(-x for x in slope)

    def negative(self, ends: Ends, others: flint.arb, rest: flint.arb) -> bool:
        """Return whether the bound at both ends, thus between them, is certainly negative."""
        if not all(end.is_finite() for end in ends):
            return False
        # Attention is at most 1, whatever the radius of the ball says.
        low, high = exact(*lower_end(ends[0])), exact(*upper_end(ends[1])).min(exact(1))
        if len(self.anchors) == 2 and not (self.anchors[0] <= low and high <= self.anchors[1]):
            return False
        return all(certainly_negative(self._at(a) + (1 - a) * others + rest) for a in (low, high))

    def _at(self, a: flint.arb) -> flint.arb:
        x = a - self.anchors[0]
        if len(self.anchors) == 1:
            return self.values[0] + (x * self.most).max(-x * self.negated_least)
        width = self.anchors[1] - self.anchors[0]
        if width == 0:
            return self.values[0]
        return self.values[0] + (self.values[1] - self.values[0]) * x / width


def _phi(logits: Logits, m: int, a: flint.arb) -> flint.arb:
    terms = zip(logits.constant[m], logits.slope[m], strict=True)
    return largest(constant + a * slope for constant, slope in terms)
