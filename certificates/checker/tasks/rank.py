"""The rule `rank`: the label is the r-th largest of the tokens read, equal ones counted each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from files.strictjson import small
from tasks.rule import State, Usual, around, of_tokens

MAX_RANK = 8


def rank(value: Any, read: Sequence[range], what: str) -> int:
    """Return r: so many positions are read at least."""
    return small(value, 1, min(MAX_RANK, len(read)), what)


class Rank(NamedTuple):
    """States: how many tokens above the label were read, and how many equal to it, up to r."""

    rank: int

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """All tokens compete."""
        return of_tokens(f"rank-{self.rank}", reads, d_vocab, range(d_vocab_out))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the r-th of the tokens in descending order."""
        return sorted(tokens, reverse=True)[self.rank - 1]

    def labels(self, tokens: range, reads: int) -> range:
        """Return the tokens: each may be the r-th largest."""
        return tokens

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Tokens below, equal to and above the label are alike."""
        return around(label, tokens)

    def start(self, label: int) -> State:
        """No token was read."""
        return (0, 0)

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the counts after this token, None once r tokens are above the label."""
        above, equal = state
        above += token > label
        # More equal tokens than are needed make no difference.
        equal = min(equal + (token == label), self.rank - above)
        return None if above == self.rank else (above, equal)

    def accepts(self, label: int, state: State) -> bool:
        """The label is r-th if fewer than r tokens are above it and r are not below it."""
        above, equal = state
        return bool(above + equal == self.rank)
