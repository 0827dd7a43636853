"""Recompute the subcubic strategies: the bound on the logit gap at both ends of the attention.

Scores and logits are the prover's own, in balls of another precision: a test of precision, not of
the formulas. These are tested by the checker, which shares nothing with the prover.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import comb
from typing import Any

import flint

from ballproof.interval.ball import (
    NotFiniteError,
    exact,
    largest,
    precision,
    require_finite,
    running_largest,
)
from ballproof.verifier.counting.attention import exponentials
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.quantities import (
    Balls,
    Counted,
    Item,
    Part,
    class_parts,
    negative,
    nonnegative,
)
from ballproof.verifier.strategies.subcubic.logits import enclosed_logits
from ballproof.verifier.strategies.subcubic.names import Parts
from ballproof.verifier.strategies.subcubic.scores import enclosed_factors, enclosed_scores
from ballproof.verifier.strategies.subcubic.search import Found

# Kinds of items: the bound at the low and the high end, the distances into a chord from its ends.
LOW, HIGH, BEFORE, BEHIND = "low", "high", "before", "behind"
ALONE = ("alone", 0)
NAMES = {
    LOW: "the bound at the least attention",
    HIGH: "the bound at the largest attention",
    BEFORE: "how far the least attention is before the chord",
    BEHIND: "how far the largest attention is behind the chord",
    "alone": "the bound of the maximum alone",
}


class SubcubicQuantities:
    """An item is (kind, c) for one class, c being the number of tokens that are not m."""

    def __init__(self, problem: Problem, parts: Parts, found: Found) -> None:
        self.problem, self.parts_of_name, self.found = problem, parts, found
        self.places = problem.shape.n_ctx - 1
        self.chord = parts.attention == "chord"
        self._level = lru_cache(maxsize=2)(lambda bits: _Level(self, bits))

    @property
    def what(self) -> str:
        """What the quantities are."""
        return (
            "bounds on the logit gap at both ends of the attention, per class and number of tokens "
            "other than the maximum"
        )

    @property
    def alone(self) -> Counted:
        """Every input is in a class."""
        return Counted(0, 0)

    def parts(self) -> list[Part]:
        """Return the classes."""
        return class_parts(self.problem, lambda _m: 40 * (self.places + 1))

    def items(self, part: Part, _bits: int) -> list[Item]:
        """Return the items of those numbers of tokens whose gap leaves any sequence."""
        query, m = part.name
        kinds = (LOW, HIGH, BEFORE, BEHIND) if self.chord else (LOW, HIGH)
        items: list[Item] = [ALONE] if query == m else []
        return items + [(kind, c) for c in self._tried(query, m) for kind in kinds]

    def balls(self, part: Part, items: Iterable[Any], bits: int) -> dict[Item, flint.arb]:
        """Enclose bounds and distances."""
        query, m = part.name
        with precision(bits):
            level = self._level(bits)
            return {
                (kind, c): level.alone(m) if kind == "alone" else level.bound(query, m, c, kind)
                for kind, c in items
            }

    def name(self, item: Any) -> str:
        """Name a bound or a distance."""
        kind, c = item
        return f"{NAMES[kind]}, {c} tokens other than the maximum"

    def counted(self, part: Part, balls: Balls) -> Counted:
        """Return the sequences of those c whose bounds are negative, or may be."""
        query, m = part.name
        least = most = 0
        if query == m:
            least, most = int(negative(balls[ALONE])), int(not nonnegative(balls[ALONE]))
        for c in self._tried(query, m):
            free = c - (query < m)
            many = comb(self.places, free) * (m - self.gap(query, m, c) + 1) ** free
            ends = [balls[kind, c] for kind in (LOW, HIGH)]
            # A distance of 0 is inside: an end of the attention may be the chord's.
            out = [balls[kind, c] for kind in (BEFORE, BEHIND)] if self.chord else []
            inside = all(bool(ball <= 0) for ball in out)
            outside = any(bool(ball > 0) for ball in out)
            least += many if inside and all(map(negative, ends)) else 0
            most += 0 if outside or any(map(nonnegative, ends)) else many
        return Counted(least, most)

    def gap(self, query: int, m: int, c: int) -> int:
        """Return the witness's gap."""
        return int(self.found.gaps[m][query][c - 1])

    def _tried(self, query: int, m: int) -> list[int]:
        room = m - query if query < m else m
        return [c for c in range(1, self.places + 1) if self.gap(query, m, c) <= room]


class _Level:
    """All tables of one witness at the precision in force."""

    def __init__(self, of: SubcubicQuantities, _bits: int) -> None:
        self.of, problem = of, of.problem
        parts, found = of.parts_of_name, of.found
        factors = enclosed_factors(problem)
        scores = enclosed_scores(factors, parts.score_error, found.directions, _not_negative)
        self.table, self.error = scores.approximate.tolist(), scores.error
        self.logits = enclosed_logits(problem, parts.direct, found.mu, _not_negative)
        self.one = flint.arb(problem.margin.denominator)
        self.most = [largest(row) for row in self.logits.slope]
        self.least = [-largest(-x for x in row) for row in self.logits.slope]
        self.value = lru_cache(maxsize=None)(self._value)
        self.row = lru_cache(maxsize=2 * problem.shape.d_vocab)(self._row)

    def alone(self, m: int) -> flint.arb:
        """Enclose the bound of the sequence of m alone."""
        return (self.logits.alone[m] + self.logits.eps) / self.one

    def bound(self, query: int, m: int, c: int, kind: str) -> flint.arb:
        """Enclose the bound at an end of the attention, or that end's distance out of a chord."""
        anchors = self.of.found.anchors[m][c - 1]
        gap = self.of.gap(query, m, c)
        try:
            a, rest = self._attention(query, m, gap, c, high=kind in (HIGH, BEHIND))
        except NotFiniteError:
            return flint.arb("nan")
        start = exact(*anchors[0])
        if kind == BEFORE:
            return start - a
        if kind == BEHIND:
            return (1 - exact(*anchors[1])) - rest
        phi = self.value(m, anchors[0]) + self._rise(m, anchors, a - start)
        others = self.logits.others[m][m - gap]
        total = phi + rest * others + self.logits.difference[query] + self.logits.eps
        return total / self.one

    def _rise(self, m: int, anchors: tuple[tuple[int, int], ...], x: flint.arb) -> flint.arb:
        """Bound how far phi rises on a way x from the first anchor."""
        if len(anchors) == 1:
            return (x * self.most[m]).max(x * self.least[m])
        width = exact(*anchors[1]) - exact(*anchors[0])
        if bool(width == 0):
            return exact(0)
        return x * (self.value(m, anchors[1]) - self.value(m, anchors[0])) / width

    def _value(self, m: int, anchor: tuple[int, int]) -> flint.arb:
        """Enclose phi_m at an anchor."""
        a = exact(*anchor)
        terms = zip(self.logits.constant[m], self.logits.slope[m], strict=True)
        return largest(constant + a * slope for constant, slope in terms)

    def _attention(
        self, query: int, m: int, gap: int, c: int, *, high: bool
    ) -> tuple[flint.arb, flint.arb]:
        """Enclose an end of the attention to m, and 1 less it.

        For the low end m holds the places of least weight and the others the largest score, for
        the high end the other way round.
        """
        places, last, tops, bottoms = self.row(query)
        free = c - (query < m)
        held = self.of.places - free
        order = places[::-1] if high else places
        inside, outside = sum(order[:held], exact(0)), sum(order[held:], exact(0))
        if query < m:
            outside += last
        else:
            inside += last
        error = self.error[query]
        score = self.table[query][m]
        lead = score - bottoms[m - gap] + error if high else score - tops[m - gap] - error
        if bool(lead < 0):
            inside *= lead.exp()
        else:
            outside *= (-lead).exp()
        whole = inside + outside
        return require_finite(inside / whole), require_finite(outside / whole)

    def _row(
        self, query: int
    ) -> tuple[list[flint.arb], flint.arb, list[flint.arb], list[flint.arb]]:
        """Return weights of free places, ascending, and of the last; extremes of scores so far."""
        problem, row = self.of.problem, self.table[query]
        scores = problem.head.positional_score[query]
        weights = exponentials(problem.head, scores)
        order = sorted(range(self.of.places), key=lambda i: int(scores[i]))
        bottoms = [-x for x in running_largest(-x for x in row)]
        return [weights[i] for i in order], weights[-1], running_largest(row), bottoms


def _not_negative(ball: flint.arb) -> flint.arb:
    """Return the ball without what lies below 0: the number in it is known to be >= 0."""
    return ball if bool(ball >= 0) else exact(0).union(ball.upper())
