"""What a rule is: a label for the tokens that are read, and an automaton for each label (T13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures.architecture import Shape

# Hashable; its parts are the rule's own business. None says that the label is out of reach.
State = Any
# Wanted of an automaton: a label, whichever. Only partial rules are asked for it.
ANY = -1


@dataclass(frozen=True)
class Rule:
    """A rule by its definition alone: `label` of the tokens read, by position.

    The automaton of a label takes the tokens one by one: the query's first, if it is read, then the
    others by position. A state None ends it. `place` counts the positions read: 0 is the first, the
    query's is the last. The automaton here remembers all tokens: right for every rule, small for
    none. A rule for many inputs replaces it; the tests hold it against `label`.
    """

    name: ClassVar[str]
    partial: ClassVar[bool] = False  # Some inputs may have no label.

    @property
    def full_name(self) -> str:
        """Name with what sets this rule apart from others of its kind, as in rank-2."""
        return self.name

    def label(self, values: Sequence[int]) -> int | None:
        """Return the right answer for these tokens, or None if the rule has none for them."""
        raise NotImplementedError

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the label of each row of tokens read (N, reads), -1 for none."""
        labels = map(self.label, values.tolist())
        known = (-1 if label is None else label for label in labels)
        return np.fromiter(known, dtype=np.int64, count=len(values))

    def start(self, wanted: int) -> State:
        """Return the state before the first token."""
        return ()

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the state after one token more."""
        return tuple(sorted((*state, (place, token))))

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the label is `wanted` after all tokens led to this state."""
        return is_wanted(wanted, self.label([token for _, token in state]))

    def labels(self, tokens: range, reads: int) -> range:
        """Return a range that holds every label, for tokens of this range at so many positions."""
        return tokens

    def answers(self, outputs: int, reads: int) -> range:
        """Return the answers that compete unless a task says otherwise."""
        return range(outputs)

    def usual_reads(self, n_ctx: int, count: int | None = None) -> tuple[int, ...]:
        """Return the positions that are read unless a task says otherwise, of which it says how
        many there are, or not.
        """
        return tuple(range(n_ctx))

    def usual_tokens(self, d_vocab: int, read: bool) -> range:
        """Return the tokens of a position, read or not, unless a task says otherwise."""
        return range(d_vocab)

    def title(self, reads: int) -> str:
        """Return the name of a task that reads so many positions, without brackets."""
        return f"{self.full_name}-of-{reads}"

    def title_for(self, reads: int, shape: Shape) -> str:
        """Return that name for models of these sizes."""
        return self.title(reads)

    def details(self) -> list[str]:
        """Return what stands first in the brackets of a task's name."""
        return []

    def parameters(self) -> dict[str, object]:
        """Return what a certificate states of the rule beside its name."""
        return asdict(self)

    def may_have_label(self, values: Sequence[int], reads: int) -> bool:
        """Say whether some input of so many tokens read has a label that begins with these, fewer.

        Where the answer is no, there is none; a yes promises nothing.
        """
        return True

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Raise ModelError if the rule cannot read these positions."""


def is_wanted(wanted: int, label: int | None) -> bool:
    """Say whether a label is the one that is wanted, or is one at all where any is."""
    return label is not None if wanted == ANY else label == wanted
