"""What attention adds, query by query, in floats with a bound of what they may be off by (T14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.program import DomainHead, DomainProgram

Floats = NDArray[np.float64]
# Floats are within this share of the sizes that they are made of; weights below FAINT may be 0.
SHARE, FAINT = 2.0**-36, 1e-290


def faint_of(precision: int) -> float:
    """Return more than what the checker's tables lack of a weight, the largest being 1.

    They give the largest weight of a class `precision - 4` bits, and are off by little over a unit.
    """
    return 2.0 ** (6 - precision)


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of attention of one query: `free[i]` (H, T_i), `own` (H,), the largest about 1.

    Positive, each within 2^-40 of itself, or below FAINT where the true one is.
    """

    free: tuple[Floats, ...]
    own: Floats


class Summands:
    """The softmax heads of a program, and one summand of what is looked up before the query.

    `values[i]` (H, T_i, m+a) are what tokens add at a free position, `own` (Q, H, m+a) what the
    query does: summand h is N_h / Z_h with N_h the sum of weights times values. `divides[h]` says
    whether Z_h is the sum of the weights; of look-ups it is 1, and the query's own weight stands
    for it. `constant` (Q, m+a) is looked up at the query; `layer` (m, a) and `bias` (a,) follow.
    """

    def __init__(self, program: DomainProgram) -> None:
        self.program, self.neurons = program, program.neurons
        uniform = any(part is not None for part in program.lookups[:-1])
        self.count = len(program.heads) + uniform
        self.divides = np.array([True] * len(program.heads) + [False] * uniform)
        self.spans, self.queries = program.positions[:-1], program.positions[-1]
        parts = [head.values for head in program.heads]
        if uniform:
            parts.append((*program.lookups[:-1], None))
        self.values = tuple(self._stacked(parts, i, len(t)) for i, t in enumerate(self.spans))
        self.own = np.swapaxes(self._stacked(parts, -1, len(self.queries)), 0, 1)
        self.constant = self._table(program.lookups[-1], len(self.queries))
        self.layer, self.bias = np.zeros((0, program.answers)), np.zeros(program.answers)
        if program.layers:
            self.layer, self.bias = (
                program.layers[0][0].to_float(),
                program.layers[0][1].to_float()[0],
            )
        self.weights = cache(self._weights)

    @property
    def finite(self) -> bool:
        """Whether every table fits floats."""
        tables = (*self.values, self.own, self.constant, self.layer, self.bias)
        return all(bool((np.abs(table) < 1e100).all()) for table in tables)

    def sizes(self) -> Floats:
        """Return the largest value of each summand (H,), without the sign."""
        tables = [np.abs(each).max(axis=(1, 2), initial=0) for each in self.values]
        found: Floats = np.max([*tables, np.abs(self.own).max(axis=(0, 2), initial=0)], axis=0)
        return found

    def _stacked(self, parts: Sequence[Sequence[DyadicMatrix | None]], i: int, rows: int) -> Floats:
        return np.stack([self._table(part[i], rows) for part in parts])

    def _table(self, part: DyadicMatrix | None, rows: int) -> Floats:
        return np.zeros((rows, self.program.width)) if part is None else part.to_float()

    def _weights(self, query: int) -> Weights:
        """Return the weights of a query, which is told by its place."""
        made = [self._of_head(head, self.queries[query]) for head in self.program.heads]
        own = [weights[-1][query] for weights in made]
        free = []
        for i, span in enumerate(self.spans):
            rows = [weights[i] for weights in made]
            free.append(np.stack([*rows, *[np.ones(len(span))] * (self.count - len(made))]))
        return Weights(tuple(free), np.array([*own, *[1.0] * (self.count - len(made))]))

    def _of_head(self, head: DomainHead, query: int) -> list[Floats]:
        """Return exp of the scores less the largest, by position and token."""
        tokens = _factors(head.score, query, head.d_head)
        places = _factors(head.positional_score, query, head.d_head)
        spans = self.program.positions
        return [tokens[t.start : t.stop] * places[i] for i, t in enumerate(spans)]


def _factors(scores: DyadicMatrix, query: int, d_head: int) -> Floats:
    """Return exp((score - the largest) / sqrt(d_head)); the difference is exact."""
    row = [int(scores.mantissa[query, j]) for j in range(scores.shape[1])]
    top = max(row)
    away = DyadicMatrix.from_ints([[score - top for score in row]], scores.exponent).to_float()[0]
    with np.errstate(under="ignore"):
        factors: Floats = np.exp(away / np.sqrt(d_head))
    return factors
