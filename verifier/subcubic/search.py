"""The untrusted search for a subcubic witness, in vectorised floats: all gaps at once.

Nothing here bounds anything. What it finds is rounded to dyadics and then proven, or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import flint
import numpy as np
from numpy.typing import NDArray

from verifier.problem import Problem
from verifier.subcubic.chains import Direction
from verifier.subcubic.directions import (
    Dyadic,
    Floats,
    directions,
    normal,
    reference_row,
    to_floats,
)
from verifier.subcubic.logits import Logits, bounded_logits
from verifier.subcubic.names import Parts
from verifier.subcubic.scores import Directions, Scores, bounded_scores

Bools = NDArray[np.bool_]
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


@dataclass(frozen=True, eq=False)
class _Attention:
    """Attention ends for every class and gap, per number c: arrays (q, m, gamma - 1)."""

    low: list[Floats]
    high: list[Floats]


@lru_cache(maxsize=2)
def _attention(scores: Scores) -> _Attention:
    """Return the ends of the attention to the maximum in floats, for all gaps at once."""
    positional = to_floats(scores.positional)
    light, heavy = (np.exp(-gap) for gap in _score_gaps(scores))
    weights = np.exp(positional - positional.max(axis=1, keepdims=True))
    free, last = np.sort(weights[:, :-1], axis=1), weights[:, -1:]
    least, most = _partial_sums(free), _partial_sums(free[:, ::-1])
    v, n = free.shape
    q = np.arange(v)[:, None]
    own = (q < q.T).astype(int)  # Whether the query is one of the c.
    ends = _Attention([], [])
    for c in range(1, n + 1):
        others, held = c - own, n - c + own
        for target, inside, outside, factor in (
            (ends.low, least, most, light),
            (ends.high, most, least, heavy),
        ):
            a = inside[q, held] + (1 - own) * last
            b = outside[q, others] + own * last
            target.append(1 / (1 + (b / np.maximum(a, 1e-300))[:, :, None] * factor))
    return ends


def _score_gaps(scores: Scores) -> tuple[Floats, Floats]:
    """Return the least and the largest gap between the score of m and of tokens <= m - gamma."""
    approximate = to_floats(scores.approximate)
    error = np.array([float(x.mid()) for x in scores.error])[:, None]
    tokens = np.arange(len(error))
    upto = np.maximum(tokens[:, None] - tokens[None, :] - 1, 0)
    largest = np.maximum.accumulate(approximate, axis=1)[:, upto]
    smallest = np.minimum.accumulate(approximate, axis=1)[:, upto]
    return (approximate - error)[:, :, None] - largest, (approximate + error)[:, :, None] - smallest


def _partial_sums(rows: Floats) -> Floats:
    """Return the sums of the first 0, 1, .. entries of each row."""
    return np.concatenate([np.zeros((len(rows), 1)), rows.cumsum(axis=1)], axis=1)


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
    tables = _tables(logits)
    choices = [_Choice(tables, parts.attention, v, n, c) for c in range(1, n + 1)]
    attention = _attention(scores)
    for c, choice in enumerate(choices):
        choice.choose(attention.low[c], attention.high[c])
    return Found(
        chosen,
        mu,
        [[choice.anchors[m] for choice in choices] for m in range(v)],
        [[[int(choice.gaps[q, m]) for choice in choices] for q in range(m + 1)] for m in range(v)],
    )


_ANY: dict[str, tuple[Dyadic, ...]] = {
    "mean+diff": ((0, 0),),
    "drop-average": ((0, 0),),
    "chord": ((0, 0), (1, 0)),
}


@dataclass(frozen=True, eq=False)
class _Tables:
    """The logits in floats: constant and slope (v, v-1), others (v, v), difference + eps (v)."""

    constant: Floats
    slope: Floats
    others: Floats
    rest: Floats


@lru_cache(maxsize=8)
def _tables(logits: Logits) -> _Tables:
    def floats(rows: list[list[flint.arb]]) -> Floats:
        return np.array([[float(x.mid()) for x in row] for row in rows])

    eps = float(logits.eps.mid())
    rest = np.array([float(x.mid()) for x in logits.difference]) + eps
    return _Tables(floats(logits.constant), floats(logits.slope), floats(logits.others), rest)


class _Choice:
    """The gaps (q, m) and the anchors per m for one number c of tokens below the maximum."""

    def __init__(self, tables: _Tables, kind: str, v: int, n: int, c: int) -> None:
        self.tables, self.kind = tables, kind
        q, m, gamma = np.ogrid[:v, :v, 1 : v + 1]
        self.allowed: Bools = np.where(q < m, gamma <= m - q, (q == m) & (gamma <= m))
        free = np.where(q < m, c - 1, c)
        ways = np.array([comb(n, k) for k in range(n + 1)], dtype=np.float64)
        self.count: Floats = ways[free] * np.maximum(m - gamma + 1, 0.0) ** free
        self.gaps = np.tile(np.arange(1, v + 1), (v, 1))
        self.anchors: list[tuple[Dyadic, ...]] = [_ANY[kind]] * v
        self.best = np.full(v, -1.0)

    def choose(self, low: Floats, high: Floats) -> None:
        """Try anchors and keep for each m those that certify the most sequences."""
        v = len(self.best)
        upto = np.maximum(np.arange(v)[:, None] - np.arange(1, v + 1)[None, :], 0)
        others = np.take_along_axis(self.tables.others, upto, axis=1)
        linear = [(1 - a) * others[None] + self.tables.rest[:, None, None] for a in (low, high)]
        slack = 1e-12 * (1 + np.abs(linear[0]))
        for anchors in self._candidates():
            values = [
                self._curve(a, anchors) + rest + slack
                for a, rest in zip((low, high), linear, strict=True)
            ]
            worst: Floats = np.maximum(values[0], values[1])
            fits: Bools = self.allowed & (worst < 0)
            if self.kind == "chord":
                fits &= (low >= anchors[0][None, :, None]) & (high <= anchors[1][None, :, None])
            self._keep(fits, anchors)

    def _keep(self, fits: Bools, anchors: list[Floats]) -> None:
        """Keep the smallest fitting gap of each class where these anchors do better."""
        v = len(self.best)
        first = fits.argmax(axis=2)
        found: Bools = np.asarray(fits.any(axis=2))
        gain = np.where(found, np.take_along_axis(self.count, first[:, :, None], 2)[:, :, 0], 0.0)
        total = gain.sum(axis=0)
        given_up = np.minimum(np.arange(v) + 1, v)
        for m in np.flatnonzero(total > self.best):
            self.best[m] = total[m]
            self.gaps[:, m] = np.where(found[:, m], first[:, m] + 1, given_up[m])
            self.anchors[m] = tuple(_anchor(float(anchor[m])) for anchor in anchors)

    def _curve(self, a: Floats, anchors: list[Floats]) -> Floats:
        """Return the bound on phi at attention a for these anchors, per m."""
        values = [self._phi(anchor)[None, :, None] for anchor in anchors]
        x = a - anchors[0][None, :, None]
        if self.kind == "chord":
            width = np.maximum(anchors[1] - anchors[0], 2.0**-ANCHOR_BITS)[None, :, None]
            chord: Floats = values[0] + (values[1] - values[0]) * x / width
            return chord
        slope = self.tables.slope
        most, least = slope.max(axis=1)[None, :, None], slope.min(axis=1)[None, :, None]
        bound: Floats = values[0] + np.maximum(x * most, x * least)
        return bound

    def _phi(self, anchor: Floats) -> Floats:
        values: Floats = (self.tables.constant + anchor[:, None] * self.tables.slope).max(axis=1)
        return values

    def _candidates(self) -> list[list[Floats]]:
        v = len(self.best)
        if self.kind == "drop-average":
            return [[np.zeros(v)]]
        if self.kind == "mean+diff":
            return [[np.full(v, anchor)] for anchor in ANCHORS]
        return [[np.full(v, low), np.full(v, 1.0)] for low in ANCHORS]


def _anchor(value: float) -> Dyadic:
    """Return a float that is a multiple of 2**-ANCHOR_BITS as a dyadic."""
    return normal(round(value * 2**ANCHOR_BITS), -ANCHOR_BITS)
