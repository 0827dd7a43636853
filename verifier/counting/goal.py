"""What a search is asked for: the most operations, the least accuracy, or neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

Progress = Callable[[int, int], None]


def silent(done: int, every: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Goal:
    """`max_operations` asks for the best bound within them, `at_least` for the shortest proof.

    A search that cannot be steered ignores it.
    """

    max_operations: int | None = None
    at_least: Fraction | None = None

    def least_count(self, total: int) -> int:
        """Return how many of `total` inputs have to be right."""
        return ceil((self.at_least or Fraction(0)) * total)
