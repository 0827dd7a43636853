"""The rule `balanced`: the label says whether the tokens read are a balanced word of brackets."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from files.strictjson import small
from files.verdict import decline_unless
from tasks.rule import State, Usual, singles

LARGEST, MOST_LABELS = 2**20, 2**10


class Balanced(NamedTuple):
    """States: the query read first, or None; and the brackets open, -1 if the word cannot close.

    `outcomes` are the labels of other words and of balanced ones.
    """

    opening_token: int
    closing_token: int
    outcomes: tuple[int, int]

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """The brackets 0 and 1, and the labels 0 and 1; the labels compete."""
        a, b, labels = self.opening_token, self.closing_token, self.outcomes
        stated = (f"open={a}", f"close={b}", f"labels={labels[0]},{labels[1]}")
        settings = () if (a, b, labels) == (0, 1, (0, 1)) else stated
        tokens = range(min(a, b), max(a, b) + 1)
        answers = range(min(labels), max(labels) + 1)
        return Usual(f"balanced-{reads}", settings, tokens, tokens, answers, all_read=True)

    def label(self, tokens: Sequence[int]) -> int:
        """Return the second label of a word in which brackets open and close in order."""
        depth = 0
        for token in tokens:
            depth = self._deeper(depth, token)
        return self.outcomes[depth == 0]

    def labels(self, tokens: range, reads: int) -> range:
        """Return a range with both labels."""
        return range(min(self.outcomes), max(self.outcomes) + 1)

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Every token is a kind of its own."""
        return singles(tokens)

    def start(self, label: int) -> State:
        """No token was read."""
        return ()

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the state after this token: the first one read is the query, or at place 0."""
        if not state:
            return (token, 0) if index else (None, self._deeper(0, token))
        return (state[0], self._deeper(state[1], token))

    def accepts(self, label: int, state: State) -> bool:
        """The label is that of the word with the query at its end."""
        query, depth = state
        depth = depth if query is None else self._deeper(depth, query)
        return self.outcomes[depth == 0] == label

    def _deeper(self, depth: int, token: int) -> int:
        """Return the brackets that are open after this token, -1 where the word cannot close."""
        change = {self.opening_token: 1, self.closing_token: -1}.get(token)
        return -1 if depth < 0 or change is None else depth + change


def bracket(value: Any, read: Sequence[range], what: str) -> int:
    """Return a token."""
    return small(value, 0, LARGEST - 1, what)


def outcomes(value: Any, read: Sequence[range], what: str) -> tuple[int, int]:
    """Return two different labels."""
    good = isinstance(value, list) and len(value) == 2 and value[0] != value[1]
    decline_unless(good, "syntax", f"{what}: two different labels are expected.")
    first, second = (small(label, 0, MOST_LABELS - 1, what) for label in value)
    return first, second


def rule(opening_token: int, closing_token: int, labels: tuple[int, int]) -> Balanced:
    """Return the rule of two different brackets."""
    sentence = "claim.task.close: another token than the one that opens is expected."
    decline_unless(opening_token != closing_token, "syntax", sentence)
    return Balanced(opening_token, closing_token, labels)
