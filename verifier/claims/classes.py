"""The classes that a claim speaks of: sequences by query, maximum, tokens below it, and gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb


@dataclass(frozen=True)
class SequenceClass:
    """All sequences of one query and maximum whose free positions hold m or a token of 0..`top`.

    Of the free positions at least `fewest` and at most `most` hold a token of 0..`top` (-1: there
    is none); the others hold the maximum.
    """

    query: int
    maximum: int
    top: int
    fewest: int
    most: int
    places: int

    @property
    def size(self) -> int:
        """How many sequences the class has; never 0."""
        counts = range(self.fewest, self.most + 1)
        return sum(comb(self.places, c) * (self.top + 1) ** c for c in counts)

    def first(self) -> tuple[int, ...]:
        """Return one sequence of the class."""
        below = self.fewest
        return (0,) * below + (self.maximum,) * (self.places - below) + (self.query,)


def resolved(
    query: int, maximum: int, below: int | None, gap: int, n_ctx: int
) -> SequenceClass | str:
    """Return the class, or a sentence that says why it holds no sequence.

    `below` counts the tokens that differ from the maximum, the query among them; None leaves it
    open. Each of them is at most maximum - gap.
    """
    places, own, top = n_ctx - 1, int(query < maximum), maximum - gap
    if query > maximum:
        return f"the query {query} is above the maximum {maximum}"
    if own and query > top:
        return f"the query {query} is inside the gap, above {maximum} - {gap}"
    if own and below == 0:
        return f"the query {query} differs from the maximum, so that below is at least 1"
    if below is None:
        fewest, most = 0, places - own
    else:
        fewest = most = below - own
    if most < 0 or most > places - own:
        return f"no token is left to be the maximum {maximum}"
    if fewest and top < 0:
        return f"no token is as low as {maximum} - {gap}"
    return SequenceClass(query, maximum, max(top, -1), fewest, most if top >= 0 else 0, places)


def all_resolved(
    query: int | None, maximum: int | None, below: int | None, gap: int, n_ctx: int, d_vocab: int
) -> Iterator[SequenceClass | str]:
    """Yield the classes of a claim that may leave its query or its maximum open.

    With both given, an empty class is yielded as the sentence that says so.
    """
    named = query is not None and maximum is not None
    for m in range(d_vocab) if maximum is None else (maximum,):
        for q in range(m + 1) if query is None else (query,):
            found = resolved(q, m, below, gap, n_ctx)
            if named or isinstance(found, SequenceClass):
                yield found
