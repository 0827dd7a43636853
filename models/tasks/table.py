"""The rule `table`: the label of every input is listed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ballproof.models.errors import ModelError
from ballproof.models.tasks.rule import Rule, State

MAX_LABELS = 2**20


@dataclass(frozen=True)
class Table(Rule):
    """The state is the number of the input, of the tokens so far; `ranges` are those read.

    Inputs are numbered by the tokens that are read, the last position's changing fastest.
    """

    name = "table"
    listed: tuple[int, ...]
    ranges: tuple[range, ...]

    def details(self) -> list[str]:
        """Return the digest of the labels."""
        text = json.dumps(list(self.listed), separators=(",", ":"))
        return [f"sha256={hashlib.sha256(text.encode()).hexdigest()}"]

    def parameters(self) -> dict[str, object]:
        """Return the labels."""
        return {"labels": list(self.listed)}

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Refuse another number of labels than of inputs, and labels that are none."""
        expected = prod(len(positions[position]) for position in reads)
        if self.ranges != tuple(positions[position] for position in reads):
            raise ValueError("The table is of other tokens than the task reads.")
        if len(self.listed) != expected or expected > MAX_LABELS:
            raise ModelError(
                f"The task lists {len(self.listed)} labels, where {expected} are expected, one for "
                "all tokens that are read, 2^20 at most."
            )
        for label in self.listed:
            if not 0 <= label < MAX_LABELS:
                raise ModelError(f"The task has the label {label}, where 0 to 2^20 - 1 is.")

    def label(self, values: Sequence[int]) -> int:
        """Return the label that is listed."""
        return self.listed[sum(self._share(i, value) for i, value in enumerate(values))]

    def labels(self, tokens: range, reads: int) -> range:
        """Return a range to the largest label."""
        return range(max(self.listed) + 1)

    def start(self, wanted: int) -> State:
        """Return the number 0."""
        return 0

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the number with this token's share."""
        return state + self._share(place, token)

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the input of this number has the label."""
        return self.listed[state] == wanted

    def _share(self, place: int, token: int) -> int:
        inner = prod(len(each) for each in self.ranges[place + 1 :])
        return (token - self.ranges[place].start) * inner
