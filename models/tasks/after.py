"""The rule `after`: the label is the token that stood after the query's first occurrence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures.architecture import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks.rule import ANY, Rule, State, is_wanted

REPEATS = "repeats"
# Whether the query was read.
_UNASKED, _ASKED = False, True


@dataclass(frozen=True)
class After(Rule):
    """The query is the last token read, and looked for among the others, the last one left out.

    An input in which it is not found has no label; if `distinct`, nor has one whose tokens repeat
    before the query.

    The state is the query, what was found so far, and the tokens so far as bits where they have to
    differ. Found is 0 for nothing, 1 for the query in the token before, 2 for the label after it.
    Where the query is not the first token to come, the state is all of them.
    """

    name = "after"
    partial = True
    distinct: bool

    def title_for(self, reads: int, shape: Shape) -> str:
        """Return after-n-of-v for v tokens."""
        return f"after-{reads}-of-{shape.d_vocab}"

    def details(self) -> list[str]:
        """Return that tokens may repeat, if they may."""
        return [] if self.distinct else [REPEATS]

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Refuse fewer positions than an input with a label needs."""
        if len(reads) < 3:
            raise ModelError(
                f"The task reads {len(reads)} positions, where 3 at least are: a token, the one "
                "after it, and the token again."
            )

    def label(self, values: Sequence[int]) -> int | None:
        """Return the token after the first occurrence of the last one, None if there is none."""
        *before, query = values
        if self.distinct and len(set(before)) < len(before):
            return None
        found = (before[i + 1] for i in range(len(before) - 1) if before[i] == query)
        return next(found, None)

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the label of each row, -1 for none."""
        before, query = values[:, :-1], values[:, -1:]
        found = before[:, :-1] == query
        first = found.argmax(axis=1)[:, None] + 1
        known = found.any(axis=1)
        if self.distinct:
            ordered = np.sort(before, axis=1)
            known &= (ordered[:, 1:] != ordered[:, :-1]).all(axis=1)
        return np.where(known, np.take_along_axis(before, first, axis=1)[:, 0], -1)

    def may_have_label(self, values: Sequence[int], reads: int) -> bool:
        """Say whether these first tokens, the query not among them, do not repeat."""
        return not self.distinct or len(set(values)) == len(values)

    def start(self, wanted: int) -> State:
        """Return that nothing was read."""
        return _UNASKED, ()

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the state with this token, None where the label is out of reach."""
        kind, known = state
        if kind == _ASKED:
            return self._found(wanted, known, token)
        if place > 0 and not known:
            return (_ASKED, (token, 0, 0))
        return _UNASKED, (*known, token)

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the label was found."""
        kind, known = state
        return known[1] == 2 if kind == _ASKED else is_wanted(wanted, self.label(known))

    def _found(self, wanted: int, known: State, token: int) -> State:
        query, found, seen = known
        if found == 1 and wanted not in (ANY, token):
            return None
        if self.distinct and (seen >> token & 1 or (token == wanted and not found)):
            return None
        found = 2 if found else int(token == query)
        return _ASKED, (query, found, seen | 1 << token if self.distinct else 0)
