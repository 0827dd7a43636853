"""How many inputs are wrong, as well as a count tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WrongCount:
    """How many sequences are wrong: `certain` at least and `possible` at most."""

    certain: int
    possible: int

    def __add__(self, other: WrongCount) -> WrongCount:
        return WrongCount(self.certain + other.certain, self.possible + other.possible)


NOTHING = WrongCount(0, 0)
