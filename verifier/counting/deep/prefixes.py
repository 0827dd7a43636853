"""Blocks of inputs as trees: what prefixes they have, and of which each goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Prefixes:
    """The different prefixes of sorted inputs (N, n), by length.

    Of those of length i + 1, `rows[i]` are the inputs that each first occurs in, and `of[i]` (N,)
    says which one every input begins with: consecutive numbers from 0.
    """

    rows: tuple[Places, ...]
    of: tuple[Places, ...]

    @classmethod
    def among(cls, inputs: Places) -> Prefixes:
        """Return the prefixes of inputs (N, n) in lexicographic order, of which there is one."""
        rows, of = [], []
        new = np.zeros(len(inputs), dtype=np.bool_)
        new[0] = True
        for column in inputs.T:
            new[1:] |= column[1:] != column[:-1]
            rows.append(np.flatnonzero(new))
            of.append(np.cumsum(new) - 1)
        return cls(tuple(rows), tuple(of))

    @property
    def count(self) -> int:
        """Return how many there are of all lengths."""
        return sum(len(rows) for rows in self.rows)

    def ancestors(self, i: int, j: int) -> Places:
        """Return which prefix of length j + 1 each prefix of length i + 1 begins with."""
        found: Places = self.of[j][self.rows[i]]
        return found
