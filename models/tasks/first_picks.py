"""The rule `first-picks`: the first token says whether the largest or the smallest is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.errors import ModelError
from ballproof.models.tasks.rule import Rule, State


@dataclass(frozen=True)
class FirstPicks(Rule):
    """The label is the largest of the tokens after the first where that is the first of `picks`.

    Where it is the second, the label is the smallest. The state is the first token, None before it
    is read, and whether a token below the label was read, one equal to it, and one above.
    """

    name = "first-picks"
    picks: tuple[int, int]

    def title(self, reads: int) -> str:
        """Return first-picks-of-n for n tokens after the first."""
        return f"first-picks-of-{reads - 1}"

    def details(self) -> list[str]:
        """Return the two tokens."""
        return [f"picks={self.picks[0]},{self.picks[1]}"]

    def parameters(self) -> dict[str, object]:
        """Return the two tokens."""
        return {"picks": list(self.picks)}

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Refuse two tokens that are one, another first token, and one without any after it."""
        largest, smallest = self.picks
        held = positions[reads[0]]
        if largest == smallest or len(held) > 2 or not {*held} <= {*self.picks}:
            raise ModelError(
                f"The task picks by the tokens {largest} and {smallest}, where two tokens are, and "
                f"its first position holds {held.start} to {held.stop - 1}, where nothing else may "
                "be."
            )
        if len(reads) < 2:
            raise ModelError("The task reads one position, where two at least are.")

    def label(self, values: Sequence[int]) -> int:
        """Return the largest or the smallest token after the first."""
        first, *rest = values
        return max(rest) if first == self.picks[0] else min(rest)

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the label of each row."""
        first, rest = values[:, 0], values[:, 1:]
        labels: NDArray[np.int64]
        labels = np.where(first == self.picks[0], rest.max(axis=1), rest.min(axis=1))
        return labels

    def start(self, wanted: int) -> State:
        """Return that nothing was read."""
        return None, False, False, False

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the state with this token, None where the label is out of reach."""
        first, below, equal, above = state
        if place == 0:
            first = token
        else:
            below, above = below or token < wanted, above or token > wanted
            equal = equal or token == wanted
        if first is None:
            return first, below, equal, above
        beyond = above if first == self.picks[0] else below
        # On the other side of the label any token will do.
        return None if beyond else (first, False, equal, False)

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether a token is the label."""
        return state[0] is not None and bool(state[2])
