"""The rule `min`: the label is the smallest of the tokens read."""

from collections.abc import Sequence

from tasks.rule import State, Usual, around, of_tokens


class Minimum:
    """States: whether the label has been read; a smaller token loses it."""

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """All tokens compete."""
        return of_tokens("min", reads, d_vocab, range(d_vocab_out))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the smallest token."""
        return min(tokens)

    def labels(self, tokens: range, reads: int) -> range:
        """Return the tokens: each may be the smallest."""
        return tokens

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Tokens below, equal to and above the label are alike."""
        return around(label, tokens)

    def start(self, label: int) -> State:
        """The label has not been read."""
        return False

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return whether the label has been read, None after a smaller token."""
        return None if token < label else bool(state) or token == label

    def accepts(self, label: int, state: State) -> bool:
        """The smallest token is the label if it was read and none below it was."""
        return bool(state)
