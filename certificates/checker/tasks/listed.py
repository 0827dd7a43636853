"""The rule `table`: the label of each input is listed."""

import hashlib
import json
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from files.strictjson import small
from files.verdict import decline_unless
from tasks.rule import State, Usual, singles

MAX_LABELS = LARGEST = 2**20


class Labels(NamedTuple):
    """A label for each choice of tokens, the last position read fastest, and these tokens."""

    listed: list[int]
    tokens: tuple[range, ...]


class Table(NamedTuple):
    """States: the tokens read, as pairs of position and token, the query first."""

    table: Labels

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """All tokens and outputs; the table is named by a digest of its compact JSON."""
        text = json.dumps(self.table.listed, separators=(",", ":")).encode()
        tokens, digest = range(d_vocab), hashlib.sha256(text).hexdigest()
        name, settings = f"table-of-{reads}", (f"sha256={digest}",)
        return Usual(name, settings, tokens, tokens, range(d_vocab_out), all_read=True)

    def label(self, tokens: Sequence[int]) -> int:
        """Return the label that is listed for these tokens."""
        place = 0
        for token, span in zip(tokens, self.table.tokens, strict=True):
            place = place * len(span) + token - span.start
        return self.table.listed[place]

    def labels(self, tokens: range, reads: int) -> range:
        """Return a range with every label of the list."""
        return range(max(self.table.listed) + 1)

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Every token is a kind of its own."""
        return singles(tokens)

    def start(self, label: int) -> State:
        """No token was read."""
        return ()

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the tokens with this one."""
        return (*state, (index, token))

    def accepts(self, label: int, state: State) -> bool:
        """The label of these tokens is the one."""
        return self.label([token for _, token in sorted(state)]) == label


def labels(value: Any, read: Sequence[range], what: str) -> Labels:
    """Return the table over the tokens of the positions read."""
    entries = prod(map(len, read))
    decline_unless(entries <= MAX_LABELS, "limit", f"{what}: more than {MAX_LABELS} labels.")
    good = isinstance(value, list) and len(value) == entries
    decline_unless(good, "syntax", f"{what}: a list of {entries} labels is expected.")
    return Labels([small(item, 0, LARGEST - 1, what) for item in value], tuple(read))
