"""The rule `after`: the label is the token after the first earlier place of the last token read.

An input whose last token has no earlier place with a token after it, before the last, has no label;
nor has one, where tokens are to be distinct, that holds a token twice before the last.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from files.verdict import decline_unless
from tasks.rule import State, Usual, of_tokens, singles

WAITS, IS_NEXT, HELD = range(3)


class After(NamedTuple):
    """States: the query or None, what is known of the label, and the other tokens read.

    Of these a set is kept where the query is known and tokens are distinct, nothing where they need
    not be, and the sequence where the query is read last.
    """

    distinct: bool

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """All tokens and outputs."""
        usual = of_tokens("after", reads, d_vocab, range(d_vocab_out))
        settings = () if self.distinct else ("repeats",)
        return usual._replace(name=f"after-{reads}-of-{d_vocab}", settings=settings)

    def label(self, tokens: Sequence[int]) -> int | None:
        """Return the token after the first earlier place of the last one, None without a label."""
        *earlier, query = tokens
        if (self.distinct and len(set(earlier)) < len(earlier)) or query not in earlier[:-1]:
            return None
        return earlier[earlier.index(query) + 1]

    def labels(self, tokens: range, reads: int) -> range:
        """Return the tokens."""
        return tokens

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Every token is a kind of its own."""
        return singles(tokens)

    def start(self, label: int) -> State:
        """No token was read."""
        return (None, WAITS, ())

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the state after this token: the first one read is the query, or at place 0."""
        query, known, others = state
        if query is None and not others and index:
            return (token, WAITS, frozenset())
        if query is None:
            return (None, WAITS, (*others, token))
        if (self.distinct and token in others) or (known == IS_NEXT and token != label):
            return None
        others = others | {token} if self.distinct else others
        known = HELD if known == IS_NEXT else known
        return (query, IS_NEXT if known == WAITS and token == query else known, others)

    def accepts(self, label: int, state: State) -> bool:
        """The label came after the query's first place."""
        query, known, others = state
        return bool(known == HELD or (query is None and others and self.label(others) == label))

    def opening(self) -> State:
        """No token was read, by place."""
        return frozenset()

    def reading(self, state: State, remaining: int, token: int) -> State | None:
        """Return the tokens read that have one after them before the last."""
        if remaining == 0:
            return state if token in state else None
        if self.distinct and token in state:
            return None
        return state if remaining == 1 else state | {token}


def distinct(value: Any, read: Sequence[range], what: str) -> bool:
    """Return whether the tokens before the last one are distinct; there are two or more."""
    decline_unless(type(value) is bool, "syntax", f"{what}: true or false is expected.")
    decline_unless(len(read) > 2, "unsupported", f"{what}: three positions or more are read.")
    return bool(value)
