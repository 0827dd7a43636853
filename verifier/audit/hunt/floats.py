"""Logit margins of many sequences at a time in float64: where to look, never what holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures import Shape
from ballproof.models.weights import Weights

Floats = NDArray[np.float64]
Tokens = NDArray[np.int64]
# Numbers that one array operation works on; bounds memory, not the result.
BLOCK = 1 << 22
# Sums of weights below this have lost bits to underflow.
FAINT = 1e-280


@dataclass(frozen=True, eq=False)
class QueryTables:
    """Of one query: `weights` w_i(t) (k,v), largest 1; `parts` w_i(t) times the logits (k,v,v).

    The logits of a sequence are the sum of its parts over the sum of its weights.
    """

    query: int
    weights: Floats
    parts: Floats


class FloatModel:
    """A model's path tables in float64, and margins made from them.

    Each row of logits, and each row of scores, is taken relative to its first entry while it is
    still exact: margins and attention do not depend on it, and a huge common constant would absorb
    everything else. What overflows has the margin 0: too close to tell.
    """

    def __init__(self, weights: Weights, margin: Fraction = Fraction(0)) -> None:
        tables = weights.tables
        (head,) = tables.heads
        self.shape: Shape = weights.shape
        self.margin = _float(margin)
        self.direct = _relative(tables.direct)
        self.output = _relative(head.output)
        self.positional_output = _relative(head.positional_output)
        root = math.sqrt(head.d_head)
        self.score = _relative(head.score) / root
        self.positional_score = _relative(head.positional_score) / root

    @property
    def tolerance(self) -> float:
        """A generous guess of how wrong a margin may be by rounding."""
        logits = sum(_reach(t) for t in (self.direct, self.output, self.positional_output))
        scores = _reach(self.score) + _reach(self.positional_score)
        return (1 + logits) * (1e-9 + scores * 2.0**-45)

    def margins(self, tokens: Tokens) -> Floats:
        """Return the margins (N,) of sequences (N,k): the label's logit less the best rival's.

        The certificate's margin is taken off. Infinite without a rival.
        """
        size = max(1, BLOCK // (self.shape.d_vocab + self.shape.n_ctx))
        blocks = [self._margins(tokens[i : i + size]) for i in range(0, len(tokens), size)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def _margins(self, tokens: Tokens) -> Floats:
        v, rows, query = self.shape.d_vocab, np.arange(len(tokens)), tokens[:, -1]
        with np.errstate(all="ignore"):
            scores = self.score[query[:, None], tokens] + self.positional_score[query]
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            weights /= weights.sum(axis=1, keepdims=True)
            places = (rows[:, None] * v + tokens).ravel()
            held = np.bincount(places, weights.ravel(), len(tokens) * v).reshape(-1, v)
            logits = self.direct[query] + held @ self.output + weights @ self.positional_output
            return finite_or_zero(_leads(logits, tokens.max(axis=1)) - self.margin)

    def of_query(self, query: int) -> QueryTables:
        """Return the tables of one query."""
        with np.errstate(all="ignore"):
            scores = self.score[query] + self.positional_score[query][:, None]
            weights = np.exp(scores - scores.max())
            logits = self.direct[query] + self.output + self.positional_output[:, None, :]
            return QueryTables(query, weights, weights[:, :, None] * logits)

    def from_sums(self, parts: Floats, weights: Floats, labels: Tokens) -> Floats:
        """Return margins from sums of parts (N,v), which are overwritten, and of weights (N,).

        NaN where the weights are too faint to divide by: `margins` may know better.
        """
        with np.errstate(all="ignore"):
            leads = _leads(parts, labels) / weights - self.margin
            return np.where(weights > FAINT, leads, np.nan)


def finite_or_zero(margins: Floats) -> Floats:
    """Return the margins with 0, too close to tell, for those that floats cannot hold."""
    return np.nan_to_num(margins, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _leads(logits: Floats, labels: Tokens) -> Floats:
    """Return each label's logit less the best of the others; overwrites the logits."""
    rows = np.arange(len(logits))
    own = logits[rows, labels]
    logits[rows, labels] = -np.inf
    leads: Floats = own - logits.max(axis=1)
    return leads


def _relative(matrix: DyadicMatrix) -> Floats:
    rows = matrix.tolist()
    return DyadicMatrix.from_ints([[x - r[0] for x in r] for r in rows], matrix.exponent).to_float()


def _reach(table: Floats) -> float:
    return float(np.abs(table).max(initial=0.0))


def _float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
