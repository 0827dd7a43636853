"""Recompute `cubic`: F at the least and the largest weight of the places below the maximum."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

import flint
import numpy as np

from ballproof.interval.ball import exact, precision
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

# Item of the sequence whose free tokens are all the maximum.
ALL_MAXIMUM = (0, 0, 0)


class _Query(NamedTuple):
    """Weights of one query: of tokens, of free places in ascending order, of its own place."""

    tokens: list[flint.arb]
    places: list[flint.arb]
    last: flint.arb


class CubicQuantities:
    """F_t(B) for each class, number c of free tokens below m, token t < m and end of B.

    An item is (c, t, end); end 0 is the least weight of c places, 1 the largest.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.places = problem.shape.n_ctx - 1
        self.one = flint.arb(problem.tables.one)
        self._query = lru_cache(maxsize=2 * problem.shape.d_vocab)(self._enclosed)
        self._gaps = lru_cache(maxsize=2)(self._joint_gaps)

    @property
    def what(self) -> str:
        """What the quantities are."""
        return "F at both ends per class, number of tokens below the maximum, and token"

    @property
    def alone(self) -> Counted:
        """Every input is in a class."""
        return Counted(0, 0)

    def parts(self) -> list[Part]:
        """Return the classes."""
        return class_parts(self.problem, lambda c: 16 * max(self.places, 1) * (c.label + 1))

    def items(self, part: Part, _bits: int) -> list[Item]:
        """Return all items of the class."""
        query, m = part.name
        return [
            ALL_MAXIMUM,
            *(
                (c, token, end)
                for c in range(1, self.places + (query == m))
                for token in range(m)
                for end in (0, 1)
            ),
        ]

    def balls(self, part: Part, items: Iterable[Any], bits: int) -> dict[Item, flint.arb]:
        """Enclose F_t(B) at its ends: what c tokens below m weigh, and what the others do."""
        query, m = part.name
        with precision(bits):
            weights, bounds, n = self._query(query, bits), self._bounds(query, m), self.places
            own = weights.tokens[query] * weights.last * bounds[query]
            terms = [weight * gap for weight, gap in zip(weights.tokens, bounds, strict=False)]
            light, heavy = _sums(weights.places), _sums(weights.places[::-1])
            base = {
                (c, end): own + terms[m] * others[n - c]
                for c in range(n + 1)
                for end, others in enumerate((heavy, light))
            }
            ends = light, heavy
            return {
                (c, token, end): (base[c, end] + terms[token] * ends[end][c]) / self.one
                for c, token, end in items
            }

    def name(self, item: Any) -> str:
        """Name an end of F."""
        if item == ALL_MAXIMUM:
            return "F at B = 0"
        c, token, end = item
        return f"F of token {token} at the {('least', 'largest')[end]} B of {c} positions"

    def counted(self, part: Part, balls: Balls) -> Counted:
        """Return C(n,c) |G|^c over all c, with the tokens that are good, and may be good.

        Where F of no token below m is not negative the certificate settles the sequence exactly.
        """
        query, m = part.name
        least, most = int(negative(balls[ALL_MAXIMUM])), 1
        for c in range(1, self.places + (query == m)):
            ends = [(balls[c, token, 0], balls[c, token, 1]) for token in range(m)]
            good = sum(all(map(negative, pair)) for pair in ends)
            bad = sum(any(map(nonnegative, pair)) for pair in ends)
            least += comb(self.places, c) * good**c
            most += comb(self.places, c) * (m - bad) ** c
        return Counted(least, most)

    def _bounds(self, query: int, m: int) -> list[int]:
        """Return u(t) for t = 0..m, exactly."""
        row, eps = self.problem.tables.direct[query], self.problem.tables.eps
        direct = int(np.delete(row, m).max() - row[m])
        return [direct + eps + gap for gap in self._gaps(m)]

    def _joint_gaps(self, m: int) -> list[int]:
        """Return h(t) for t = 0..m: the largest gap over rivals, at its worst place."""
        head = self.problem.head
        positional = (head.positional_output - head.positional_output[:, [m]]).max(axis=0)
        output = head.output[: m + 1]
        gaps = np.delete(output - output[:, [m]] + positional, m, axis=1).max(axis=1)
        return [int(gap) for gap in gaps]

    def _enclosed(self, query: int, _bits: int) -> _Query:
        """Enclose the weights; places are in the order of their exact scores."""
        head = self.problem.head
        tokens = exponentials(head, head.score[query])
        scores = head.positional_score[query]
        places = exponentials(head, scores)
        order = sorted(range(self.places), key=lambda i: int(scores[i]))
        return _Query(tokens, [places[i] for i in order], places[-1])


def _sums(numbers: list[flint.arb]) -> list[flint.arb]:
    """Return the sums of the first 0, 1, .. numbers."""
    sums = [exact(0)]
    for number in numbers:
        sums.append(sums[-1] + number)
    return sums
