"""Which of a row of witnesses, each longer to check and better than the one before, to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache

from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.problem import Problem


class Choices:
    """Witnesses by place, the shortest first: what each takes, and which part of inputs it shows.

    `operations` and `right` are estimates, of a sample. That more operations show more inputs right
    is assumed where a place is looked for, and nowhere else.
    """

    def __init__(
        self,
        count: int,
        operations: Callable[[int], int],
        right: Callable[[int], Fraction],
    ) -> None:
        self.count, self.operations, self.right = count, operations, cache(right)

    def chosen(self, problem: Problem, goal: Goal) -> int:
        """Return the place that the goal asks for, and else the first that shows the most.

        Where a goal is out of reach it is the one that comes nearest.
        """
        last = self.count - 1
        if goal.at_least is not None:
            wanted = Fraction(goal.least_count(problem.total), max(problem.task.product, 1))
            return self._first(lambda place: self.right(place) >= wanted, last)
        if goal.max_operations is not None:
            most = goal.max_operations
            last = max(self._first(lambda place: self.operations(place) > most, last + 1) - 1, 0)
        reached = self.right(last)
        return self._first(lambda place: self.right(place) >= reached, last)

    def _first(self, holds: Callable[[int], bool], last: int) -> int:
        """Return the first place that has a property, `last` where none before it has."""
        places: Sequence[int] = range(last + 1)
        low, high = 0, places[-1] if places else 0
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if holds(middle) else (middle + 1, high)
        return low
