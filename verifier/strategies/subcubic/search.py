"""The untrusted search for a subcubic witness, in vectorised floats: all gaps at once.

Nothing here bounds anything. What it finds is rounded to dyadics and then proven, or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import flint
import numpy as np

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.subcubic.attention import attention
from ballproof.verifier.strategies.subcubic.chains import Direction
from ballproof.verifier.strategies.subcubic.directions import (
    Dyadic,
    directions,
    normal,
    reference_row,
)
from ballproof.verifier.strategies.subcubic.entries import Entries, Floats, Indices, entries
from ballproof.verifier.strategies.subcubic.logits import Logits, bounded_logits
from ballproof.verifier.strategies.subcubic.names import DIRECT, Parts
from ballproof.verifier.strategies.subcubic.scores import Directions, bounded_scores

ANCHOR_BITS = 24
# Attentions that are tried as anchors for each (m, c), dense towards 1; multiples of 2**-16.
ANCHORS = tuple(1 - round(2.0**16 * 0.8 * 0.62**i) / 2.0**16 for i in range(12))
Gaps = list[list[list[int]]]


@dataclass(frozen=True)
class Found:
    """A witness: directions, mu, anchors per (m, c) of one or two attentions, and the gap table."""

    directions: Directions
    mu: Direction
    anchors: list[list[tuple[Dyadic, ...]]]
    gaps: Gaps


def search(problem: Problem, parts: Parts) -> Found:
    """Return a witness for one subcubic strategy."""
    # Weights beyond the floats' range make for a poor witness, not for an error.
    with np.errstate(all="ignore"):
        return _search(problem, parts)


def _search(problem: Problem, parts: Parts) -> Found:
    chosen = directions(problem, parts.score_error)
    mu = reference_row(problem) if parts.direct == "svd-query" else ()
    v, n = problem.shape.d_vocab, problem.shape.n_ctx - 1
    if v == 1:
        return Found(chosen, mu, [[_ANY[parts.attention]] * n], [[[1] * n]])
    scores = bounded_scores(problem, parts.score_error, chosen)
    logits = bounded_logits(problem, parts.direct, mu)
    curves = _Curves(_tables(logits), parts.attention, entries(v))
    shares = attention(scores)
    choices = [_Choice(curves, n, c) for c in range(1, n + 1)]
    for c, choice in enumerate(choices, start=1):
        choice.choose(*shares.ends(curves.order, c))
    gaps = np.array([choice.gaps for choice in choices], dtype=np.intp)
    table = gaps.reshape(n, v * (v + 1) // 2).T.tolist()
    return Found(
        chosen,
        mu,
        [[_anchors(parts.attention, choice.anchor[m]) for choice in choices] for m in range(v)],
        [table[m * (m + 1) // 2 : (m + 1) * (m + 2) // 2] for m in range(v)],
    )


_ANY: dict[str, tuple[Dyadic, ...]] = {
    "mean+diff": ((0, 0),),
    "drop-average": ((0, 0),),
    "chord": ((0, 0), (1, 0)),
}


@dataclass(frozen=True, eq=False)
class _Tables:
    """The logits in floats: phi per anchor (v), steepest slopes (v), others (v, v), the rest (v).

    `rest` is the difference + eps.
    """

    phi: dict[float, Floats]
    most: Floats
    least: Floats
    others: Floats
    rest: Floats


@lru_cache(maxsize=len(DIRECT))
def _tables(logits: Logits) -> _Tables:
    def floats(rows: list[list[flint.arb]]) -> Floats:
        return np.array([[float(x.mid()) for x in row] for row in rows])

    constant, slope = floats(logits.constant), floats(logits.slope)
    phi = {a: (constant + a * slope).max(axis=1) for a in (0.0, *ANCHORS, 1.0)}
    rest = np.array([float(x.mid()) for x in logits.difference]) + float(logits.eps.mid())
    return _Tables(phi, slope.max(axis=1), slope.min(axis=1), floats(logits.others), rest)


class _Curves:
    """The bound on the logit gap for one handling of the attention, per entry."""

    def __init__(self, tables: _Tables, kind: str, order: Entries) -> None:
        self.tables, self.kind, self.order = tables, kind, order
        self.others = order.at_upto(tables.others, order.maximum)
        self.rest = order.of_classes(tables.rest[order.query])
        self.most, self.least = order.of_maxima(tables.most), order.of_maxima(tables.least)

    def linear(self, a: Floats) -> Floats:
        """Return the part of the bound that is linear in the attention."""
        result = 1 - a
        result *= self.others
        result += self.rest
        return result

    def above(self, x: Floats, anchor: float) -> Floats:
        """Return the bound on phi at x above the anchor, in the array x."""
        value = self.tables.phi[anchor]
        if self.kind == "chord":
            x *= self.order.of_maxima(self.tables.phi[1.0] - value)
            x /= max(1 - anchor, 2.0**-ANCHOR_BITS)
        else:
            other = x * self.least
            x *= self.most
            np.maximum(x, other, out=x)
        x += self.order.of_maxima(value)
        return x


class _Choice:
    """The gap per class and the anchor per m for one number c of tokens below the maximum."""

    def __init__(self, curves: _Curves, n: int, c: int) -> None:
        self.curves, self.order = curves, curves.order
        v = len(curves.tables.rest)
        self.free = c - self.order.below
        sizes, powers = np.arange(v + 1.0), np.arange(n + 1)[:, None]
        ways = np.array([comb(n, k) for k in range(n + 1)], dtype=np.float64)[:, None]
        # Sequences whose free tokens below the maximum are one of `size`.
        self.counts: Floats = ways * sizes**powers
        self.gaps: Indices = np.ones(len(self.order.gaps), dtype=np.intp)
        self.anchor = np.zeros(v)
        self.best = np.full(v, -1.0)

    def choose(self, low: Floats, high: Floats) -> None:
        """Try anchors and keep for each m the one that certifies the most sequences."""
        curves = self.curves
        linear = curves.linear(low), curves.linear(high)
        slack = np.abs(linear[0])
        slack += 1
        slack *= 1e-12
        for anchor in ANCHORS if curves.kind != "drop-average" else (0.0,):
            fits = np.ones(len(low), dtype=np.bool_)
            for a, rest in zip((low, high), linear, strict=True):
                worst = curves.above(a - anchor, anchor)
                worst += rest
                worst += slack
                fits &= worst < 0
            if curves.kind == "chord":
                fits &= low >= anchor
                fits &= high <= 1
            self._keep(self.order.first(fits), anchor)

    def _keep(self, first: Indices, anchor: float) -> None:
        """Keep the smallest fitting gap of each class where this anchor does better."""
        order = self.order
        found = first >= 0
        gain = np.where(found, self.counts[self.free, order.maximum - first], 0.0)
        total = np.bincount(order.maximum, weights=gain, minlength=len(self.best))
        better = total > self.best
        self.best[better], self.anchor[better] = total[better], anchor
        given_up = np.minimum(order.maximum + 1, len(self.best))
        gaps = np.where(found, first + 1, given_up)
        self.gaps = np.where(better[order.maximum], gaps, self.gaps)


def _anchors(kind: str, value: float) -> tuple[Dyadic, ...]:
    """Return the anchors of the witness: a multiple of 2**-ANCHOR_BITS, and 1 for a chord."""
    anchor = normal(round(value * 2**ANCHOR_BITS), -ANCHOR_BITS)
    return (anchor, (1, 0)) if kind == "chord" else (anchor,)
