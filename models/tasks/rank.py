"""The rule `rank`: the label is the r-th largest token, copies counted: 2 of (5, 5, 3) is 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks.rule import Rule, State


@dataclass(frozen=True)
class Rank(Rule):
    """The state counts the larger tokens, fewer than r, and those equal to the label, up to r."""

    name = "rank"
    rank: int

    @property
    def full_name(self) -> str:
        """Name with the rank."""
        return f"rank-{self.rank}"

    def label(self, values: Sequence[int]) -> int:
        """Return the r-th largest token."""
        return sorted(values, reverse=True)[self.rank - 1]

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the r-th largest token of each row."""
        labels: NDArray[np.int64] = np.sort(values, axis=1)[:, -self.rank]
        return labels

    def start(self, wanted: int) -> State:
        """Return no larger token and none that is equal."""
        return 0, 0

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the counts with this token."""
        larger, equal = state
        larger, equal = larger + (token > wanted), min(equal + (token == wanted), self.rank)
        return (larger, equal) if larger < self.rank else None

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the r-th largest is the label: larger < r <= larger + equal."""
        larger, equal = state
        return bool(larger + equal >= self.rank)
