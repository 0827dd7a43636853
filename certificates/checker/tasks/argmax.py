"""The rule `argmax`: the label is the place, among the tokens read, of the r-th largest.

Of equal tokens the first comes first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tasks.rule import State, Usual, of_tokens, singles


class Argmax(NamedTuple):
    """A token is ahead of the one at the label's place if it is larger, or equal and before it.

    States: until that token x is read, (None, the r largest bounds), where each token read will be
    ahead if x is at most its bound; then (x, how many tokens read are ahead).
    """

    rank: int

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """The places compete."""
        name = "argmax" if self.rank == 1 else f"argmax-{self.rank}"
        return of_tokens(name, reads, d_vocab, range(reads))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the r-th of the places, in descending order of their tokens, first on ties."""
        return sorted(range(len(tokens)), key=lambda place: -tokens[place])[self.rank - 1]

    def labels(self, tokens: range, reads: int) -> range:
        """Return the places."""
        return range(reads)

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Every token is a kind of its own."""
        return singles(tokens)

    def start(self, label: int) -> State:
        """No token was read."""
        return (None, ())

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the state after this token, None once r tokens are ahead."""
        placed, known = state
        bound = token if index < label else token - 1
        if placed is None and index != label:
            return (None, tuple(sorted((*known, bound), reverse=True)[: self.rank]))
        ahead = sum(token <= x for x in known) if placed is None else known + (placed <= bound)
        placed = token if placed is None else placed
        return None if ahead == self.rank else (placed, ahead)

    def accepts(self, label: int, state: State) -> bool:
        """The token at the label's place is the r-th largest if r - 1 are ahead of it."""
        placed, ahead = state
        return bool(placed is not None and ahead == self.rank - 1)
