"""The exact count: rule rivals out by their worst case, branch and count over the others."""

from __future__ import annotations

from random import Random

from ballproof.verifier.counting.branch import count_wrong
from ballproof.verifier.counting.classes import TabledClass
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import WrongCount
from ballproof.verifier.strategies import split
from ballproof.verifier.strategies.base import (
    Bounds,
    Group,
    InAuto,
    Needs,
    NotOfTheStudy,
    Witness,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.enumerate_balls import EnumerateQuantities
from ballproof.verifier.strategies.obstacles import has_tables
from ballproof.verifier.strategies.quantities import Quantities
from ballproof.verifier.strategies.split_changes import changes_of
from ballproof.verifier.strategies.without_witness import SettlesEverything


class Exact(NotOfTheStudy, SettlesEverything):
    """Separable tables for every token and rival (T1), worst case (T3), branch and count (T7).

    For several heads or an MLP thresholds and intervals (T14, T15) are the witness, and the inputs
    that a walk leaves are evaluated (T16).
    """

    name = "exact"
    complexity = "v^3 k, and the branches"
    summary = "worst case per rival, then branch and count: both ends, ties decided"
    precision = 48
    group = Group("exact", "ours: two-sided and exact", 8)
    family = "exact"
    in_auto = InAuto.ALWAYS
    needs = Needs.CLASSES

    def least_operations(self, problem: Problem) -> int:
        """Count the worst-case tables only: 6 per class, rival, token and position, for max."""
        if not has_tables(problem) or not problem.is_max_of_all:
            return 0
        shape = problem.shape
        tokens = sum((m + 1) ** 2 for m in range(shape.d_vocab))
        return 6 * tokens * shape.d_vocab * (shape.n_ctx - 1)

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the empty witness for one head, else thresholds and ends for every class."""
        return {} if has_tables(problem) else split.search(problem, None, progress)

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the wrong inputs of every class.

        Both ends are the truth but for near ties that many bits leave open.
        """
        if has_tables(problem):
            return super().bound(problem, witness, progress)
        return split.bound(problem, witness, progress)

    def count_class(self, problem: Problem, tabled: TabledClass) -> WrongCount:
        """Return how many inputs of a class are wrong."""
        return count_wrong(problem, tabled)

    def precision_for(self, problem: Problem) -> int:
        """Return the bits of tables, which are narrow where what they leave is evaluated."""
        return self.precision if has_tables(problem) else split.PRECISION

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return whether tables may have so many bits: any number of them for one head."""
        return not witness or bits <= split.WIDEST

    def quantities(self, problem: Problem, witness: Witness) -> Quantities:
        """Return worst cases and sums, or the gaps of every rival on sampled inputs."""
        if has_tables(problem):
            return super().quantities(problem, witness)
        return EnumerateQuantities(problem)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is empty, or one of classes."""
        return not witness or split.fits(witness, rate=False)

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return keys that the empty witness does not have, or changes of classes."""
        return changes_of(witness, rng) if witness else super().changes(problem, witness, rng)
