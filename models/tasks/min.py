"""The rule `min`: the label is the smallest token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks.rule import Rule, State


@dataclass(frozen=True)
class Min(Rule):
    """The state says whether the label was among the tokens; a smaller one ends it."""

    name = "min"

    def label(self, values: Sequence[int]) -> int:
        """Return the smallest token."""
        return min(values)

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the smallest token of each row."""
        labels: NDArray[np.int64] = values.min(axis=1)
        return labels

    def start(self, wanted: int) -> State:
        """Return that the label was not seen."""
        return False

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return whether the label was seen, None after a smaller token."""
        return None if token < wanted else state or token == wanted

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the label was seen."""
        return bool(state)
