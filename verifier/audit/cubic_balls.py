"""Recompute `cubic`: F at the least and the largest weight of the places below the maximum."""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import NamedTuple

import flint
import numpy as np

from interval.ball import exact, precision
from verifier.attention import exponentials
from verifier.audit.quantities import (
    Balls,
    Counted,
    Item,
    Part,
    class_parts,
    negative,
    nonnegative,
)
from verifier.problem import Problem

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
        return class_parts(self.problem, lambda m: 16 * max(self.places, 1) * (m + 1))

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

    def ball(self, part: Part, item: Item, bits: int) -> flint.arb:
        """Enclose F_t(B) at one end."""
        (query, m), (c, token, end) = part.name, item  # type: ignore[misc]
        with precision(bits):
            weights, bounds = self._query(query, bits), self._bounds(query, m)
            chosen = weights.places[:c] if end == 0 else weights.places[self.places - c :]
            others = weights.places[c:] if end == 0 else weights.places[: self.places - c]
            total = weights.tokens[query] * weights.last * bounds[query]
            total += weights.tokens[m] * bounds[m] * sum(others, exact(0))
            total += weights.tokens[token] * bounds[token] * sum(chosen, exact(0))
            return total / flint.arb(self.problem.one)

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
        direct = np.delete(self.problem.direct[query], m).max() - self.problem.direct[query, m]
        return [int(direct) + self.problem.eps + gap for gap in self._gaps(m)]

    def _joint_gaps(self, m: int) -> list[int]:
        """Return h(t) for t = 0..m: the largest gap over rivals, at its worst place."""
        problem = self.problem
        places = (problem.places - problem.places[:, [m]]).max(axis=0)
        output = problem.output[: m + 1]
        gaps = np.delete(output - output[:, [m]] + places, m, axis=1).max(axis=1)
        return [int(gap) for gap in gaps]

    def _enclosed(self, query: int, _bits: int) -> _Query:
        """Enclose the weights; places are in the order of their exact scores."""
        tokens = exponentials(self.problem, self.problem.score[query])
        scores = self.problem.positional_score[query]
        places = exponentials(self.problem, scores)
        order = sorted(range(self.places), key=lambda i: int(scores[i]))
        return _Query(tokens, [places[i] for i in order], places[-1])
