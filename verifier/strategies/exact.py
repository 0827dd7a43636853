"""The exact count: rule rivals out by their worst case, branch and count over the others."""

from __future__ import annotations

from ballproof.verifier.counting.branch import count_wrong
from ballproof.verifier.counting.classes import TabledClass
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import WrongCount
from ballproof.verifier.strategies.base import Group, InAuto, NotOfTheStudy
from ballproof.verifier.strategies.without_witness import SettlesEverything


class Exact(NotOfTheStudy, SettlesEverything):
    """Separable tables for every token and rival (T1), worst case (T3), branch and count (T7)."""

    name = "exact"
    complexity = "v^3 k, and the branches"
    summary = "worst case per rival, then branch and count: both ends, ties decided"
    precision = 48
    group = Group("exact", "ours: two-sided and exact", 8)
    family = "exact"
    in_auto = InAuto.ALWAYS

    def least_operations(self, problem: Problem) -> int:
        """Count the worst-case tables only: 6 per class, rival, token and position, for max."""
        if not problem.is_max_of_all:
            return 0
        shape = problem.shape
        tokens = sum((m + 1) ** 2 for m in range(shape.d_vocab))
        return 6 * tokens * shape.d_vocab * (shape.n_ctx - 1)

    def count_class(self, problem: Problem, tabled: TabledClass) -> WrongCount:
        """Return how many inputs of a class are wrong."""
        return count_wrong(problem, tabled)
