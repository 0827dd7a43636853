"""What a rule is: the label of the tokens read, and an automaton that recognises one label."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

# What a rule remembers of the tokens read: anything that can be a key, but not None.
State = Any


class Usual(NamedTuple):
    """What a rule's name alone says of a task: whatever differs stands in brackets.

    `settings` are parameters of the rule that stand there always. A position that is read has the
    tokens `read`, another one the tokens `other`. Read are the first positions, or `all_read`.
    """

    name: str
    settings: tuple[str, ...]
    read: range
    other: range
    answers: range
    all_read: bool = False


class Rule(Protocol):
    """A rule on the tokens at the positions read; the query, if it is read, is read first.

    Theorem of each file: for every label, reading the tokens from `start` by `step` ends in a state
    that `accepts` exactly if the label is `label(tokens)`; None is a state that never does. `step`
    treats all tokens of one of the `kinds` alike. `index` counts the positions read.
    """

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """Return the name, and what it says of a model of these sizes and so many positions."""

    def label(self, tokens: Sequence[int]) -> int | None:
        """Return the label of the tokens at the positions read: the definition.

        None of a `Partial` rule: an input without a label is outside the domain.
        """

    def labels(self, tokens: range, reads: int) -> range:
        """Return a range with every label that `reads` tokens of this range can have."""

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Cut a range into ranges of tokens that are alike for this label."""

    def start(self, label: int) -> State:
        """Return the state before any token is read."""

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the state after this token, None if the label is lost."""

    def accepts(self, label: int, state: State) -> bool:
        """Say whether the tokens read have the label."""


@runtime_checkable
class Partial(Protocol):
    """A rule that gives some inputs no label.

    Theorem: reading the tokens by their places, from `opening` by `reading`, ends in a state and
    not in None exactly if they have a label; from None no end with a label can be reached.
    """

    def opening(self) -> State:
        """Return the state before any token is read."""

    def reading(self, state: State, remaining: int, token: int) -> State | None:
        """Return the state after this token, with so many to follow, None if no end has a label."""


def of_tokens(name: str, reads: int, d_vocab: int, answers: range) -> Usual:
    """Return what is usual for rules that are about all tokens and positions."""
    tokens = range(d_vocab)
    return Usual(f"{name}-of-{reads}", (), tokens, tokens, answers, all_read=True)


def around(label: int, tokens: range) -> list[range]:
    """Return the tokens below a token, the token, and those above it."""
    low, high = (max(tokens.start, min(end, tokens.stop)) for end in (label, label + 1))
    parts = range(tokens.start, low), range(low, high), range(high, tokens.stop)
    return [part for part in parts if part]


def singles(tokens: range) -> list[range]:
    """Return each token as a kind of its own."""
    return [range(token, token + 1) for token in tokens]
