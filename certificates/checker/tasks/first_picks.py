"""The rule `first-picks`: the first token read says whether the label is the max or the min.

The label is the largest, or the smallest, of the other tokens read.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from files.verdict import decline_unless
from tasks.rule import State, Usual, around, of_tokens


class FirstPicks(NamedTuple):
    """States: the first token if it was read, and which of the other tokens there were.

    Of these: above the label, equal to it, below it; what the first token rules out is forgotten.
    """

    largest: int
    smallest: int

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """All tokens compete."""
        usual = of_tokens("first-picks", reads - 1, d_vocab, range(d_vocab_out))
        return usual._replace(settings=(f"picks={self.largest},{self.smallest}",))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the largest of the tokens after the first, or the smallest."""
        return (max if tokens[0] == self.largest else min)(tokens[1:])

    def labels(self, tokens: range, reads: int) -> range:
        """Return the tokens."""
        return tokens

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Tokens below, equal to and above the label are alike, the two first ones apart."""
        parts = around(label, tokens)
        for first in sorted((self.largest, self.smallest)):
            parts = [part for span in parts for part in around(first, span)]
        return parts

    def start(self, label: int) -> State:
        """No token was read."""
        return (None, False, False, False)

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the state after this token, None once the label is lost."""
        first, above, equal, below = state
        if index == 0:
            first = token
        else:
            above, equal = above or token > label, equal or token == label
            below = below or token < label
        if first is None:
            return (first, above, equal, below)
        if above if first == self.largest else below:
            return None
        return (first, False, equal, False)

    def accepts(self, label: int, state: State) -> bool:
        """Some token is equal to the label, and none is beyond it."""
        return bool(state[0] is not None and state[2])


def picks(value: Any, read: Sequence[range], what: str) -> tuple[int, int]:
    """Return the token that says max and the one that says min; the first position holds no others.

    Two positions or more are read.
    """
    fits = isinstance(value, list) and len(value) == 2 and all(type(x) is int for x in value)
    decline_unless(fits, "syntax", f"{what}: two tokens are expected.")
    held = value[0] != value[1] and {*read[0]} <= {*value} if len(read[0]) <= 2 else False
    sentence = f"{what}: the first position read holds other tokens."
    decline_unless(bool(held), "unsupported", sentence)
    decline_unless(len(read) > 1, "unsupported", f"{what}: two positions or more are read.")
    return value[0], value[1]


def rule(chosen: tuple[int, int]) -> FirstPicks:
    """Return the rule of two tokens."""
    return FirstPicks(*chosen)
