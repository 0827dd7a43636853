"""What a scan keeps of the sequences it has seen: near ties, and the smallest margin of each
stratum.

A stratum is all that classes of proofs are made of: the query, the maximum, how many tokens are
not the maximum, and the largest of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures import Shape
from ballproof.verifier.audit.hunt.floats import Floats, Tokens

Kept = NDArray[np.int16]
TokensOf = Callable[[NDArray[np.intp]], Tokens]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Sequences (N,k) with their margins (N,) in floating point, smallest margin first.

    `near` are those nearest to a tie on either side, `strata` the smallest margin above a tie of
    each stratum. `tried`, `wrong`, `close` count all sequences seen: repeats included
    unless `exhaustive`, and `close` those too close to tell.
    """

    near: Tokens
    near_margins: Floats
    strata: Tokens
    stratum_margins: Floats
    tried: int
    wrong: int
    close: int
    exhaustive: bool


def strata_of(tokens: Tokens) -> tuple[Tokens, Tokens, Tokens]:
    """Return of sequences (N,k) the maximum, how many tokens differ from it, the largest of these.

    The last is -1 where all are the maximum.
    """
    maximum = tokens.max(axis=1)
    other = tokens != maximum[:, None]
    return maximum, other.sum(axis=1), np.where(other, tokens, -1).max(axis=1)


@dataclass(eq=False)
class Collector:
    """Takes the margins of batches of sequences, those of one query after those of another."""

    shape: Shape
    keep: int
    tolerance: float
    tried: int = 0
    wrong: int = 0
    close: int = 0
    _near: list[tuple[Floats, Kept]] = field(default_factory=list)
    _strata: list[tuple[Floats, Kept]] = field(default_factory=list)
    _reach: float = np.inf
    _best: Floats = field(default_factory=lambda: np.zeros(0))
    _holders: Kept = field(default_factory=lambda: np.zeros((0, 0), np.int16))

    def start_query(self) -> None:
        """Begin with the sequences of another query."""
        self._end_query()
        strata = self.shape.d_vocab * (self.shape.n_ctx + 1) * (self.shape.d_vocab + 1)
        self._best = np.full(strata, np.inf)
        self._holders = np.zeros((strata, self.shape.n_ctx), np.int16)

    def add(
        self,
        margins: Floats,
        strata: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
        tokens_of: TokensOf,
    ) -> None:
        """Take a batch: margins (N,), `strata` of its sequences, and what returns them by index."""
        self.tried += len(margins)
        self.wrong += int((margins < -self.tolerance).sum())
        self.close += int((np.abs(margins) <= self.tolerance).sum())
        near = np.flatnonzero(np.abs(margins) < self._reach)
        if len(near):
            self._near.append((margins[near], tokens_of(near).astype(np.int16)))
            self._thin()
        self._add_strata(margins, strata, tokens_of)

    def candidates(self, *, exhaustive: bool) -> Candidates:
        """Return what was kept."""
        self._end_query()
        self._thin(0)
        near, strata = (_sorted(kept, self.shape.n_ctx) for kept in (self._near, self._strata))
        return Candidates(*near, *strata, self.tried, self.wrong, self.close, exhaustive)

    def _add_strata(
        self,
        margins: Floats,
        strata: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
        tokens_of: TokensOf,
    ) -> None:
        maximum, others, second = (part.astype(np.int64) for part in strata)
        width = self.shape.d_vocab + 1
        keys = (maximum * (self.shape.n_ctx + 1) + others) * width + second + 1
        better = np.flatnonzero((margins > 0) & (margins < self._best[keys]))
        if not len(better):
            return
        keys, margins = keys[better], margins[better]
        np.minimum.at(self._best, keys, margins)
        winners = np.flatnonzero(margins == self._best[keys])
        self._holders[keys[winners]] = tokens_of(better[winners])

    def _end_query(self) -> None:
        found = np.flatnonzero(np.isfinite(self._best))
        if len(found):
            self._strata.append((self._best[found], self._holders[found]))
        self._best = np.zeros(0)

    def _thin(self, slack: int = 3) -> None:
        """Forget all but the nearest, once there are `slack` times too many."""
        held = sum(len(margins) for margins, _ in self._near)
        if held <= self.keep * (1 + slack):
            return
        tokens, margins = _sorted(self._near, self.shape.n_ctx)
        order = np.argsort(np.abs(margins), kind="stable")[: self.keep]
        self._near = [(margins[order], tokens[order].astype(np.int16))]
        if len(order) == self.keep:
            self._reach = float(np.abs(margins[order[-1]]))


def _sorted(kept: list[tuple[Floats, Kept]], n_ctx: int) -> tuple[Tokens, Floats]:
    """Return the distinct sequences of all batches, smallest margin first."""
    if not kept:
        return np.zeros((0, n_ctx), np.int64), np.zeros(0)
    margins = np.concatenate([m for m, _ in kept])
    tokens = np.concatenate([t for _, t in kept]).astype(np.int64)
    _, first = np.unique(tokens, axis=0, return_index=True)
    order = first[np.argsort(margins[first], kind="stable")]
    return tokens[order], margins[order]
