"""The rule `balanced`: the label says whether the tokens are a balanced word of two brackets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.errors import ModelError
from ballproof.models.tasks.rule import Rule, State

# The checker's limits.
MAX_LABEL, MAX_BRACKET = 2**10, 2**20
# The word is not balanced, whatever follows.
_BROKEN = -1


@dataclass(frozen=True)
class Balanced(Rule):
    """The label is labels[1] for a balanced word of `open` and `close`, labels[0] for others.

    Other tokens are in no balanced word. The state is the number of brackets that are open, and how
    many have to be open in the end: 1 where the query, a closing one, came first.
    """

    name = "balanced"
    open: int = 0
    close: int = 1
    outcomes: tuple[int, int] = (0, 1)

    def title(self, reads: int) -> str:
        """Return balanced-n."""
        return f"balanced-{reads}"

    def details(self) -> list[str]:
        """Return brackets and labels, if they are not the usual ones."""
        if self == Balanced():
            return []
        labels = ",".join(map(str, self.outcomes))
        return [f"open={self.open}", f"close={self.close}", f"labels={labels}"]

    def parameters(self) -> dict[str, object]:
        """Return brackets and labels."""
        return {"open": self.open, "close": self.close, "labels": list(self.outcomes)}

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Refuse brackets that are one, and labels that are one or none."""
        two = self.open, self.close
        if self.open == self.close or not 0 <= min(two) <= max(two) < MAX_BRACKET:
            raise ModelError(
                f"The task has the brackets {self.open} and {self.close}, where two tokens are."
            )
        one, other = self.outcomes
        if one == other or not 0 <= min(one, other) <= max(one, other) < MAX_LABEL:
            raise ModelError(
                f"The task has the labels {one} and {other}, where two numbers below {MAX_LABEL} "
                "are."
            )

    def label(self, values: Sequence[int]) -> int:
        """Return the second label for a balanced word, else the first."""
        depth = 0
        for value in values:
            depth = self._deeper(depth, value)
        return self.outcomes[depth == 0]

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the label of each row."""
        steps = np.where(values == self.open, 1, np.where(values == self.close, -1, -len(values.T)))
        depths = steps.cumsum(axis=1)
        balanced = (depths.min(axis=1) >= 0) & (depths[:, -1] == 0)
        return np.where(balanced, self.outcomes[1], self.outcomes[0])

    def labels(self, tokens: range, reads: int) -> range:
        """Return a range that holds both labels."""
        return range(min(self.outcomes), max(self.outcomes) + 1)

    def answers(self, outputs: int, reads: int) -> range:
        """Return the labels, and what lies between them."""
        return range(min(self.outcomes), max(self.outcomes) + 1)

    def usual_tokens(self, d_vocab: int, read: bool) -> range:
        """Return the brackets, and what lies between them, where a position is read."""
        both = range(min(self.open, self.close), max(self.open, self.close) + 1)
        return both if read else range(d_vocab)

    def start(self, wanted: int) -> State:
        """Return that nothing is open; None stands for a query that may still come first."""
        return (0, None) if wanted in self.outcomes else None

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the state with this token, None where the label is out of reach."""
        depth, last = state
        if last is None and place > 0:
            depth, last = (0, 1) if token == self.close else (_BROKEN, 0)
        else:
            depth, last = self._deeper(depth, token), last or 0
        if depth == _BROKEN:
            return (_BROKEN, 0) if wanted == self.outcomes[0] else None
        return depth, last

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the word is balanced, as the label says, or is not."""
        depth, last = state
        return bool((depth == (last or 0)) == (wanted == self.outcomes[1]))

    def _deeper(self, depth: int, token: int) -> int:
        """Return the depth after a token."""
        if depth == _BROKEN or token not in (self.open, self.close):
            return _BROKEN
        return depth + 1 if token == self.open else depth - 1
