"""The sequence of a class on which one rival does best, found by exact comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from typing import Any

import flint

from ballproof.interval.ball import certainly_negative, certainly_positive, exact, precision
from ballproof.verifier.claims.budget import Deadline
from ballproof.verifier.claims.classes import SequenceClass
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.signs import LAST_BITS, Term, sign_of_sum

COMPARING_BITS = 128


class UndecidedSignError(RuntimeError):
    """The sign of a sum of exponentials needs more bits than are tried."""


@dataclass(frozen=True)
class Entry:
    """The term of T1 of one token at one position: exactly, and enclosed up to a common factor."""

    token: int
    term: Term
    ball: flint.arb


class Contest:
    """One class and one threshold: who exceeds it, and where.

    For a rival j the term of token t at free position i is w_i(t) (f_i(t) - threshold), f as in T1
    with margin 0. The sum over the positions has the sign of logits[j] - logits[m] - threshold.
    """

    def __init__(
        self, problem: Problem, group: SequenceClass, threshold: Fraction, deadline: Deadline
    ) -> None:
        self.problem, self.group, self.deadline = problem, group, deadline
        self.factor = threshold.denominator
        self.offset = -threshold.numerator * problem.tables.one
        head = problem.head
        scores, positional = head.score[group.query], head.positional_score[group.query]
        tokens = [*range(group.top + 1), group.maximum, group.query]
        reference = max(int(scores[t]) for t in tokens) + max(int(r) for r in positional)
        self.tokens = {t: int(scores[t]) for t in tokens}
        self.places = [int(r) for r in positional]
        with precision(COMPARING_BITS):
            self.token_weights = {t: self._weight(s - reference) for t, s in self.tokens.items()}
            self.place_weights = [self._weight(s) for s in self.places]

    def best(self, rival: int) -> tuple[tuple[int, ...], int]:
        """Return a sequence of the class with the largest sum for this rival, and its sign.

        Theorem: the sum is one of independent choices, so the largest takes at each position the
        largest term, and replaces m where that gains most, as often as the class allows and
        demands. Raises UndecidedSignError where a comparison needs more bits than are tried.
        """
        group = self.group
        own = [self._entry(rival, i, group.maximum) for i in range(group.places)]
        chosen = list(own)
        if group.most:
            found = [self._largest(rival, i) for i in range(group.places)]
            order = sorted(range(group.places), key=self._by_gain(found, own), reverse=True)
            gains = sum(self._sign(((1, found[i]), (-1, own[i]))) > 0 for i in order)
            for i in order[: min(max(gains, group.fewest), group.most)]:
                chosen[i] = found[i]
        last = self._entry(rival, group.places, group.query)
        sign = self._sign((1, entry) for entry in (*chosen, last))
        return (*(entry.token for entry in chosen), group.query), sign

    def _largest(self, rival: int, place: int) -> Entry:
        best = self._entry(rival, place, 0)
        for token in range(1, self.group.top + 1):
            entry = self._entry(rival, place, token)
            # Equal entries, those of equal tokens for instance, need no comparison.
            if entry.term != best.term and self._sign(((1, entry), (-1, best))) > 0:
                best = entry
        return best

    def _by_gain(self, found: list[Entry], own: list[Entry]) -> Callable[[int], Any]:
        """Return a key that sorts positions by what their largest entry gains over m's."""

        def order(a: int, b: int) -> int:
            return self._sign(((1, found[a]), (-1, own[a]), (-1, found[b]), (1, own[b])))

        return cmp_to_key(order)

    def _entry(self, rival: int, place: int, token: int) -> Entry:
        problem, m, q = self.problem, self.group.maximum, self.group.query
        rows = problem.head.output[token], problem.head.positional_output[place]
        gap = sum(int(row[rival] - row[m]) for row in (*rows, problem.tables.direct[q]))
        gap = gap * self.factor + self.offset
        with precision(COMPARING_BITS):
            ball = self.token_weights[token] * self.place_weights[place] * exact(gap)
        return Entry(token, (self.tokens[token] + self.places[place], gap), ball)

    def _weight(self, score: int) -> flint.arb:
        root = flint.arb(self.problem.head.d_head).sqrt()
        return (exact(score, self.problem.head.score_exponent) / root).exp()

    def _sign(self, signed: Iterable[tuple[int, Entry]]) -> int:
        """Return the sign of a sum of entries, each taken with its sign."""
        self.deadline.require()
        parts = list(signed)
        with precision(COMPARING_BITS):
            total = sum((sign * entry.ball for sign, entry in parts), flint.arb(0))
        if certainly_negative(total):
            return -1
        if certainly_positive(total):
            return 1
        terms = [(entry.term[0], sign * entry.term[1]) for sign, entry in parts]
        found = sign_of_sum(self.problem, terms)
        if found is None:
            raise UndecidedSignError(f"a sign needs more than {LAST_BITS} bits")
        return found
