"""The rule `max`: the label is the largest of the tokens read."""

from collections.abc import Sequence

from tasks.rule import State, Usual, around, of_tokens


class Maximum:
    """States: whether the label has been read; a larger token loses it."""

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """All tokens compete."""
        return of_tokens("max", reads, d_vocab, range(d_vocab_out))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the largest token."""
        return max(tokens)

    def labels(self, tokens: range, reads: int) -> range:
        """Return the tokens: each may be the largest."""
        return tokens

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Tokens below, equal to and above the label are alike."""
        return around(label, tokens)

    def start(self, label: int) -> State:
        """The label has not been read."""
        return False

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return whether the label has been read, None after a larger token."""
        return None if token > label else bool(state) or token == label

    def accepts(self, label: int, state: State) -> bool:
        """The largest token is the label if it was read and none above it was."""
        return bool(state)
