"""T7 and T10, branch and count, in int64 lanes: a block of prefixes of one length at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.verifier.counting.classes import TabledClass
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.separable import surviving_rivals
from ballproof.verifier.counting.signs import wrong
from ballproof.verifier.counting.transitions import States, Transitions
from ballproof.verifier.counting.wrong_count import NOTHING, WrongCount

# Sums formed at once: bounds memory, not the result.
BLOCK = 1 << 18
# Sequences settled in one array operation.
SETTLED = 1 << 12

Columns = NDArray[np.int64]
# int64, or Python integers where a class has too many inputs for that.
Numbers = NDArray[np.int64] | NDArray[np.object_]


Settle = Callable[[Columns], WrongCount]


class _Prefixes(NamedTuple):
    """N prefixes of equal length: columns (N, depth) if they are kept, states (N,), the number of
    inputs that each stands for (N,), and sums so far per rival, below and above (J, N).
    """

    columns: Columns
    states: States
    ways: Numbers
    low: Lanes
    high: Lanes

    def take(self, chosen: NDArray[np.bool_] | slice) -> _Prefixes:
        low, high = self.low[:, chosen], self.high[:, chosen]
        return _Prefixes(self.columns[chosen], self.states[chosen], self.ways[chosen], low, high)


class BranchAndCount:
    """Counts the sequences of a class on which some rival wins.

    Theorem (T7): a prefix is right with every completion if for every rival the sum so far plus the
    largest completion in the upper tables is negative; it is wrong with every completion if for
    some rival the sum plus the smallest completion in the lower tables is >= 0. Completions are
    those of the acceptor from the prefix's state.

    `low`, `high` (n, C, J) are entries by position, column and rival, `start` (J,) the query's own.
    Where a column is a cell of several tokens, they hold for each of them (T10). Sequences that the
    tables leave open are given, by column, to `settle`, if there is one, and otherwise count as
    possibly wrong; so does what is left once there were more `operations` than the limit.
    """

    def __init__(
        self,
        transitions: Transitions,
        tables: tuple[Lanes, Lanes],
        start: tuple[Lanes, Lanes],
        settle: Settle | None = None,
        limit: float = float("inf"),
    ) -> None:
        self.transitions, self.start, self.settle, self.limit = transitions, start, settle, limit
        self.low, self.high = tables
        self.least = [values.T for values in transitions.smallest(self.low)]
        self.most = [values.T for values in transitions.largest(self.high)]
        large = transitions.completions[0][0].bit_length() > 62
        kind = object if large else np.int64
        self.sizes: Numbers = np.array(transitions.sizes, dtype=kind)
        self.one: Numbers = np.array([1], dtype=kind)
        self.completions: list[Numbers] = [np.array(c, kind) for c in transitions.completions]
        self.certain = self.possible = 0
        # Six for each rival of a node that can still win at its parent; see `_charge`.
        self.operations = 6 * len(start[0])

    def count(self) -> WrongCount:
        """Return the number of wrong sequences, at least and at most (mostly the same)."""
        low, high = (lanes[:, None] for lanes in self.start)
        if (high + self.most[0] >= 0).any():
            none = np.zeros((1, 0), dtype=np.int64)
            self._visit(_Prefixes(none, np.zeros(1, dtype=np.int64), self.one, low, high), 0)
        return WrongCount(self.certain, self.possible)

    def _visit(self, prefixes: _Prefixes, level: int) -> None:
        """Count below prefixes each of which some rival may still win."""
        least = self.least[level][:, prefixes.states]
        lost = np.any(prefixes.low + least >= 0, axis=0)
        if lost.any():
            self._add(prefixes.take(lost), level, certain=True)
            prefixes = prefixes.take(~lost)
        if not len(prefixes.ways):
            return
        if level == self.transitions.levels and self.settle:
            self._settle(prefixes, self.settle)
        elif level == self.transitions.levels or self.operations > self.limit:
            self._add(prefixes, level, certain=False)
        else:
            self._branch(prefixes, level)

    def _branch(self, prefixes: _Prefixes, level: int) -> None:
        if self.limit < float("inf"):
            self._charge(prefixes, level)
        for block in _blocks(prefixes, self.high[level].size):
            longer = self._extended(block, level)
            if len(longer.ways):
                self._visit(longer, level + 1)

    def _extended(self, prefixes: _Prefixes, level: int) -> _Prefixes:
        """Return the extensions by one column that some rival may still win."""
        targets = self.transitions.targets[level][prefixes.states]
        reached = prefixes.high[:, :, None] + self.high[level].T[:, None, :]
        most = self.most[level + 1]
        reached += most[:, targets] if most.shape[1] > 1 else most[:, :, None]
        # The sign bit of a bitwise "and" is set where every rival's sum is negative.
        alive = (np.bitwise_and.reduce(reached, axis=0) >= 0) & (targets >= 0)
        which, column = np.nonzero(alive)
        columns = np.zeros((len(which), 0), dtype=np.int64)
        if self.settle:
            columns = np.column_stack([prefixes.columns[which], column])
        return _Prefixes(
            columns,
            targets[which, column],
            prefixes.ways[which] * self.sizes[column],
            prefixes.low[:, which] + self.low[level, column].T,
            prefixes.high[:, which] + self.high[level, column].T,
        )

    def _charge(self, prefixes: _Prefixes, level: int) -> None:
        """Count operations as the checker does: rivals that can still win, times what follows."""
        alive = int((prefixes.high + self.most[level][:, prefixes.states] >= 0).sum())
        cells = len(self.sizes)
        last = level + 1 == self.transitions.levels
        self.operations += alive * (2 * (cells.bit_length() + cells) if last else 6 * cells)

    def _add(self, prefixes: _Prefixes, level: int, *, certain: bool) -> None:
        count = int((prefixes.ways * self.completions[level][prefixes.states]).sum())
        self.possible += count
        self.certain += count if certain else 0

    def _settle(self, sequences: _Prefixes, settle: Settle) -> None:
        count = settle(sequences.columns)
        self.certain += count.certain
        self.possible += count.possible


def count_wrong(problem: Problem, tabled: TabledClass) -> WrongCount:
    """Count the wrong sequences of a class: the worst case (T3) first, then branches (T7).

    Sequences that the tables leave open are settled one by one.
    """
    tables = tabled.tables
    rivals = surviving_rivals(tables, tabled.transitions)
    if not rivals:
        return NOTHING

    def settle(columns: Columns) -> WrongCount:
        query = np.full((len(columns), 1), tables.query)
        return settled(problem, tabled, np.hstack([columns + tables.tokens.start, query]))

    entries = tables.low[:, :, rivals], tables.high[:, :, rivals]
    start = tables.query_low[rivals], tables.query_high[rivals]
    return BranchAndCount(tabled.transitions, entries, start, settle).count()


def settled(problem: Problem, tabled: TabledClass, sequences: Columns) -> WrongCount:
    """Count the wrong ones of sequences (N, k) of a class: each on a unit of its own (T2), then
    by exact signs.
    """
    certain = possible = 0
    for start in range(0, len(sequences), SETTLED):
        block = sequences[start : start + SETTLED]
        low, high = tabled.sums(block)
        lost = (low >= 0).any(axis=1)
        certain, possible = certain + int(lost.sum()), possible + int(lost.sum())
        for i in np.flatnonzero(~lost & (high >= 0).any(axis=1)).tolist():
            verdict = wrong(problem, block[i].tolist(), np.flatnonzero(high[i] >= 0).tolist())
            certain += verdict is True
            possible += verdict is not False
    return WrongCount(certain, possible)


def _blocks(prefixes: _Prefixes, width: int) -> Iterator[_Prefixes]:
    many = max(BLOCK // width, 1)
    for start in range(0, len(prefixes.ways), many):
        yield prefixes.take(slice(start, start + many))
