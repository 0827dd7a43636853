"""T7, branch and count, in int64 lanes: a whole level of prefixes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.separable import ClassTables
from ballproof.verifier.counting.signs import wrong

# Prefixes expanded in one array operation; bounds memory, not the result.
BLOCK = 1 << 14


@dataclass(frozen=True)
class WrongCount:
    """How many sequences are wrong: `certain` at least and `possible` at most."""

    certain: int
    possible: int

    def __add__(self, other: WrongCount) -> WrongCount:
        return WrongCount(self.certain + other.certain, self.possible + other.possible)


@dataclass(frozen=True)
class _Prefixes:
    """Prefixes of equal length: tokens (N, depth), sums so far per rival (N, J) below and above."""

    tokens: NDArray[np.int64]
    low: Lanes
    high: Lanes
    holds: NDArray[np.bool_]

    def take(self, index: NDArray[np.bool_] | slice) -> _Prefixes:
        return _Prefixes(self.tokens[index], self.low[index], self.high[index], self.holds[index])


class BranchAndCount:
    """Counts the sequences of one class on which some of `rivals` wins.

    Theorem (T7): a prefix is right with every completion if for every rival the sum so far plus the
    largest completion in the upper tables is negative; it is wrong with every completion if for
    some rival the sum plus the smallest completion in the lower tables is >= 0.
    """

    def __init__(self, problem: Problem, tables: ClassTables, rivals: list[int]) -> None:
        self.problem, self.rivals = problem, rivals
        self.query, self.maximum = tables.query, tables.maximum
        self.places = problem.shape.n_ctx - 1
        self.low, self.high = tables.low[:, :, rivals], tables.high[:, :, rivals]
        self.start = (tables.query_low[rivals], tables.query_high[rivals])
        self.least = _after(self.low.min(axis=1))
        self.most = _after(self.high.max(axis=1))

    def count(self) -> WrongCount:
        """Return the number of wrong sequences, at least and at most (mostly the same)."""
        low, high = self.start
        root = _Prefixes(
            np.zeros((1, 0), dtype=np.int64),
            low[None],
            high[None],
            np.array([self.query == self.maximum]),
        )
        return self._count(root, 0)

    def _count(self, prefixes: _Prefixes, depth: int) -> WrongCount:
        """Count the wrong completions of these prefixes, block by block."""
        alive = ((prefixes.high + self.most[depth]) >= 0).any(axis=1)
        prefixes = prefixes.take(alive)
        lost = ((prefixes.low + self.least[depth]) >= 0).any(axis=1)
        certain = self._completions(prefixes.holds[lost], depth)
        result = WrongCount(certain, certain)
        rest = prefixes.take(~lost)
        if depth == self.places:
            return result + self._settle(rest)
        for block in _blocks(rest):
            result += self._count(self._expand(block, depth), depth + 1)
        return result

    def _completions(self, holds: NDArray[np.bool_], depth: int) -> int:
        """Return how many sequences start with these prefixes; some place must hold m."""
        left = self.places - depth
        every, without = (self.maximum + 1) ** left, self.maximum**left
        held = int(holds.sum())
        return int(held * every + (len(holds) - held) * (every - without))

    def _expand(self, prefixes: _Prefixes, depth: int) -> _Prefixes:
        """Return all one-token extensions that can still be completed within the class."""
        count, tokens = len(prefixes.holds), np.arange(self.maximum + 1)
        low = prefixes.low[:, None, :] + self.low[depth][None]
        high = prefixes.high[:, None, :] + self.high[depth][None]
        holds = prefixes.holds[:, None] | (tokens == self.maximum)[None]
        extended = np.concatenate(
            [
                np.repeat(prefixes.tokens, len(tokens), axis=0),
                np.tile(tokens, count)[:, None],
            ],
            axis=1,
        )
        rivals = len(self.rivals)
        result = _Prefixes(
            extended, low.reshape(-1, rivals), high.reshape(-1, rivals), holds.reshape(-1)
        )
        return result.take(result.holds) if depth + 1 == self.places else result

    def _settle(self, sequences: _Prefixes) -> WrongCount:
        """Decide single sequences by exact arithmetic."""
        result = WrongCount(0, 0)
        for free in sequences.tokens.tolist():
            verdict = wrong(self.problem, (*free, self.query), self.rivals)
            result += WrongCount(int(verdict is True), int(verdict is not False))
        return result


def _after(extremes: Lanes) -> Lanes:
    """Return (n+1, J): what the positions from each depth on can add; 0 after the last."""
    zero = np.zeros((1, extremes.shape[1]), dtype=np.int64)
    return np.concatenate([np.cumsum(extremes[::-1], axis=0)[::-1], zero])


def _blocks(prefixes: _Prefixes) -> Iterator[_Prefixes]:
    for start in range(0, len(prefixes.holds), BLOCK):
        yield prefixes.take(slice(start, start + BLOCK))
