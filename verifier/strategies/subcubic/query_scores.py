"""One query's scores in balls, and the ends of its attention to the maximum."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import flint

from ballproof.interval.ball import (
    NotFiniteError,
    ascending,
    certainly_negative,
    exact,
    largest,
    lower_end,
    lower_number,
    precision,
    running_largest,
    upper_end,
    upper_number,
)
from ballproof.verifier.strategies.subcubic.names import SCORE_ERROR
from ballproof.verifier.strategies.subcubic.scores import Scores

WORKING_BITS = 96
# Attentions kept per scores. A dozen strategies ask for much the same ones: twice as many as
# there are classes answer all of them.
REMEMBERED = 1 << 15
Ends = tuple[flint.arb, flint.arb]
_ONE = exact(1)


# All strategies of a model share the scores of a few score-error handlings.
@lru_cache(maxsize=len(SCORE_ERROR))
def query_scores(scores: Scores) -> list[QueryScores | None]:
    """Return what each query's attention is made of; None where it is too large for balls."""
    with precision(WORKING_BITS):
        return [_query_scores(scores, query) for query in range(scores.approximate.nrows())]


def _query_scores(scores: Scores, query: int) -> QueryScores | None:
    try:
        return QueryScores(scores, query)
    except NotFiniteError:
        return None


class QueryScores:
    """One query's scores and the weights of its positions, for use at WORKING_BITS."""

    def __init__(self, scores: Scores, query: int) -> None:
        self.query = query
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
        self._room = REMEMBERED // len(self.row)
        self._ends: dict[tuple[int, int, int], Ends | None] = {}

    def attention_ends(self, m: int, gap: int, c: int) -> Ends | None:
        """Return exact numbers between which the attention to the maximum m lies.

        c tokens differ from m, none is above m - gap. None if the ends are not finite.
        """
        key = m, gap, c
        if key in self._ends:
            return self._ends[key]
        low, high = self._attention(m, gap, c)
        ends = None
        if low.is_finite() and high.is_finite():
            # Attention is at most 1, whatever the radius of the ball says.
            ends = lower_number(low), upper_number(high).min(_ONE)
        if len(self._ends) < self._room:
            self._ends[key] = ends
        return ends

    def _attention(self, m: int, gap: int, c: int) -> Ends:
        """Return balls below which and above which the attention to the maximum cannot lie."""
        low = self.row[m] - self.largest[m - gap] - self.error
        high = self.row[m] + self.negated[m - gap] + self.error
        own = int(self.query < m)
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
