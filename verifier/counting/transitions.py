"""An acceptor's arcs as arrays, over tokens one by one or over cells of tokens (T10, T13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.models.tasks import Acceptor

States = NDArray[np.int64]
_LEAST, _MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Transitions:
    """Where each column leads from each state of each level: `targets[i]` (states, C), -1 for none.

    A column is a cell: a range of tokens with equal arcs at every level. `sizes` are the numbers of
    tokens. `completions[i][s]` is the number of inputs, token by token, from state s of level i.
    """

    targets: tuple[States, ...]
    sizes: tuple[int, ...]
    completions: tuple[tuple[int, ...], ...]

    @classmethod
    def of_tokens(cls, acceptor: Acceptor, tokens: range) -> Transitions:
        """Return the transitions of these tokens, each a cell of its own."""
        levels = range(len(acceptor.arcs))
        targets = tuple(acceptor.targets(level, tokens.stop)[:, tokens.start :] for level in levels)
        return cls(targets, (1,) * len(tokens), acceptor.completions)

    @classmethod
    def of_cells(cls, acceptor: Acceptor, cells: Sequence[range]) -> Transitions:
        """Return the transitions of these cells; ValueError if a cell's tokens differ in an arc."""
        past = max((cell.stop for cell in cells), default=0)
        targets = []
        for level in range(len(acceptor.arcs)):
            table = acceptor.targets(level, past)
            for cell in cells:
                if (table[:, cell.start : cell.stop] != table[:, [cell.start]]).any():
                    raise ValueError(f"The tokens {cell.start} to {cell.stop - 1} are not alike.")
            targets.append(table[:, [cell.start for cell in cells]])
        return cls(tuple(targets), tuple(map(len, cells)), acceptor.completions)

    @property
    def levels(self) -> int:
        """Return n, the number of positions before the query."""
        return len(self.targets)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """Return (n, C): whether a column has an arc at a level."""
        allowed = np.zeros((self.levels, len(self.sizes)), dtype=np.bool_)
        for level, table in enumerate(self.targets):
            allowed[level] = (table >= 0).any(axis=0)
        return allowed

    @cached_property
    def kinds(self) -> NDArray[np.int64]:
        """Return where the runs of columns begin that have equal arcs at every level."""
        columns = len(self.sizes)
        changes = np.zeros(columns, dtype=np.bool_)
        changes[:1] = True
        for table in self.targets:
            changes[1:] |= (table[:, 1:] != table[:, :-1]).any(axis=0)
        return np.flatnonzero(changes)

    @cached_property
    def _kind_targets(self) -> tuple[States, ...]:
        return tuple(table[:, self.kinds] for table in self.targets)

    def largest(self, entries: Lanes) -> list[Lanes]:
        """Return (states, J) by level 0..n: the most that completions add, of entries (n, C, J).

        Theorem (T3, T7): the fold of (max, +). One column of entries is of one rival. From the
        start it is the largest sum of the class, exactly.
        """
        return self._folded(entries, np.maximum, _LEAST)

    def smallest(self, entries: Lanes) -> list[Lanes]:
        """Return (states, J) by level 0..n: the least that completions add."""
        return self._folded(entries, np.minimum, _MOST)

    def _folded(self, entries: Lanes, extreme: np.ufunc, none: int) -> list[Lanes]:
        rivals = entries.shape[2]
        values: list[Lanes] = [np.zeros((1, rivals), dtype=np.int64)]
        if not self.levels:
            return values
        kinds = extreme.reduceat(entries, self.kinds, axis=1)
        for level in reversed(range(self.levels)):
            targets = self._kind_targets[level]
            sums = kinds[level] + values[0][targets]
            sums[targets < 0] = none
            values.insert(0, extreme.reduce(sums, axis=1))
        return values
