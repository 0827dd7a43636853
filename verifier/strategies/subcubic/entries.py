"""The classes (q, m) and the gaps that leave any sequence, in one flat order for the search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Entries:
    """Class after class by m, then q <= m; in a class an entry for each gap 1, 2, .., ascending.

    A class has m - q entries if q < m, and m if q = m: about v^3/6 in all, where an array over
    q, m and the gap would have v^3. Per class (v (v+1)/2): `query`, `maximum`, whether the query
    is `below` the maximum (1 or 0), number of `gaps`, place of the first entry (`start`). Per
    entry: `upto`, the largest other token m - gap.
    """

    query: Indices
    maximum: Indices
    below: Indices
    gaps: Indices
    start: Indices
    upto: Indices

    def of_classes(self, values: Floats | Indices) -> Floats:
        """Return for each entry the value of its class."""
        spread: Floats = np.repeat(values, self.gaps)
        return spread

    def of_maxima(self, values: Floats) -> Floats:
        """Return for each entry the value of its maximum."""
        ends = np.append(self.start, len(self.upto))
        first = np.arange(len(values) + 1) * np.arange(1, len(values) + 2) // 2
        spread: Floats = np.repeat(values, np.diff(ends[first]))
        return spread

    def at_upto(self, table: Floats, rows: Indices) -> Floats:
        """Return for each entry the table's number in the row of its class, column `upto`."""
        places = np.repeat(rows * table.shape[1], self.gaps)
        places += self.upto
        found: Floats = table.ravel()[places]
        return found

    def first(self, fits: Bools) -> Indices:
        """Return for each class how many entries precede its first that fits; -1 if none does."""
        places = np.append(np.flatnonzero(fits), len(fits))
        before = places[places.searchsorted(self.start)] - self.start
        return np.where(before < self.gaps, before, -1)


@lru_cache(maxsize=1)
def entries(v: int) -> Entries:
    """Return the flat order for v tokens."""
    maximum, query = np.tril_indices(v)
    below = (query < maximum).astype(np.intp)
    gaps = maximum - query * below
    start = gaps.cumsum() - gaps
    # Counts down from m - 1, class by class.
    upto = np.repeat(start + maximum - 1, gaps) - np.arange(gaps.sum())
    return Entries(query, maximum, below, gaps, start, upto)
