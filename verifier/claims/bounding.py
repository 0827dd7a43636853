"""Which rivals may exceed a threshold somewhere in a class, by int64 lanes."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np

from ballproof.interval.fixed import Lanes, RangeError
from ballproof.verifier.claims.classes import SequenceClass
from ballproof.verifier.counting.attention import Attention
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.separable import ClassTables, GapTables


class Suspects:
    """Rules rivals out by their worst case in a class (T3); `problem` has margin 0."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._attention = cache(lambda query: Attention(problem.head, query))
        self._gaps: GapTables | None = None
        # Claims often come by query and maximum: the last tables serve the next class.
        self._last: tuple[tuple[int, int, int], ClassTables] | None = None

    def of(self, group: SequenceClass, threshold: Fraction, strict: bool) -> list[int]:
        """Return the rivals that may lead by more than the threshold, or by as much if not strict.

        The most suspicious come first. Theorem: for one rival, the terms of T1 less the threshold
        are summed position by position, so the largest sum of upper terms in the class takes the
        largest term of each position, and m where that gains least.
        """
        worst = self._worst(group, threshold)
        if worst is None:
            return [j for j in range(self.problem.shape.d_vocab) if j != group.maximum]
        worst[group.maximum] = -1
        order = np.argsort(-worst, kind="stable")
        return [int(j) for j in order if worst[j] > 0 or (worst[j] == 0 and not strict)]

    def _worst(self, group: SequenceClass, threshold: Fraction) -> Lanes | None:
        """Return (v,) upper bounds on the sums of T1, or None where lanes do not hold them."""
        try:
            tables = self._tables(group, threshold)
        except RangeError:
            return None
        own = tables.high[:, group.maximum]
        worst: Lanes = tables.query_high + own.sum(axis=0)
        if not group.most:
            return worst
        gains = tables.high[:, : group.top + 1].max(axis=1) - own
        sums = np.cumsum(-np.sort(-gains, axis=0), axis=0)
        sums = np.concatenate([np.zeros_like(sums[:1]), sums])
        # Sums of differences may wrap; what they add up to is a sum of entries, which fits.
        result: Lanes = (worst + sums[group.fewest : group.most + 1]).max(axis=0)
        return result

    def _tables(self, group: SequenceClass, threshold: Fraction) -> ClassTables:
        gaps = self._gaps
        if gaps is None or gaps.label != group.maximum:
            tokens = range(group.maximum + 1)
            gaps = GapTables(self.problem, group.maximum, tokens, tokens, spare=2)
            self._gaps = gaps
        scaled = threshold.numerator * self.problem.tables.one
        unit = threshold.denominator << gaps.shift
        most = 1 << (gaps.bits + 1)
        # A threshold above every gap is as good as the largest gap.
        offset = max(-(scaled // unit), -most)
        if offset > most:
            raise RangeError("the threshold does not fit a lane beside the gaps of this class")
        key = group.query, group.maximum, offset
        if self._last is None or self._last[0] != key:
            attention = self._attention(group.query)
            self._last = key, gaps.of_query(group.query, attention, (offset, offset))
        return self._last[1]
