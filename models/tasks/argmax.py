"""The rule `argmax`: the label is the place of the r-th largest token, the first on ties.

Places count the positions read. They are ordered by token, descending, then by place; the label is
the r-th of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ballproof.models.tasks.rule import Rule, State


@dataclass(frozen=True)
class Argmax(Rule):
    """The state counts the tokens ahead of the label's place, and holds that place's token.

    An earlier place is ahead if its token is at least as large, a later one if it is larger. Until
    the label's token x is known, the state is the r largest bounds: the token is ahead if x is
    at most its bound.
    """

    name = "argmax"
    rank: int = 1

    @property
    def full_name(self) -> str:
        """Name with the rank, if it is not the first."""
        return "argmax" if self.rank == 1 else f"argmax-{self.rank}"

    def label(self, values: Sequence[int]) -> int:
        """Return the place of the r-th largest token."""
        order = sorted(range(len(values)), key=lambda place: (-values[place], place))
        return order[self.rank - 1]

    def labels(self, tokens: range, reads: int) -> range:
        """Return the places."""
        return range(reads)

    def answers(self, outputs: int, reads: int) -> range:
        """Return the places."""
        return range(reads)

    def start(self, wanted: int) -> State:
        """Return that the label's token is not known, and no other token either."""
        return None, ()

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the state after one token more, None where r tokens are ahead."""
        own, rest = state
        bound = token if place < wanted else token - 1
        if place == wanted:
            own, rest = token, sum(token <= other for other in rest)
        elif own is None:
            return None, tuple(sorted((*rest, bound), reverse=True)[: self.rank])
        else:
            rest += own <= bound
        return (own, rest) if rest < self.rank else None

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether r - 1 tokens are ahead of the label's."""
        return bool(state == (state[0], self.rank - 1))
