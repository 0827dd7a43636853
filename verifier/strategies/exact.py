"""The exact count: rule rivals out by their worst case, branch and count over the others."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ballproof.models.architectures import Shape
from ballproof.verifier.counting.branch import count_wrong
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import (
    Bounds,
    Group,
    InAuto,
    Witness,
    count_classes,
    exhaustive_obstacle,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.exact_balls import ExactQuantities
from ballproof.verifier.strategies.faults import keys_added
from ballproof.verifier.strategies.relaxations import Case, Step, settles_everything


class Exact:
    """Separable tables for every token and rival (T1), worst case (T3), branch and count (T7)."""

    name = "exact"
    complexity = "v^3 k, and the branches"
    summary = "worst case per rival, then branch and count: both ends, ties decided"
    precision = 48
    group = Group("exact", "ours: two-sided and exact", 8)
    family = "exact"
    of_study = False
    in_auto = InAuto.ALWAYS
    two_sided = True
    losses = None
    steerable = False

    def unexplained_dimension(self, shape: Shape) -> None:
        """Return None: the study has no such strategy, and no rule for it."""
        return

    def obstacle(self, problem: Problem) -> str | None:
        """Return why there are too many inputs to be settled, or None."""
        return exhaustive_obstacle(problem)

    def least_operations(self, problem: Problem) -> int:
        """Count the worst-case tables only: 6 per class, rival, token and position, for max."""
        if not problem.is_max_of_all:
            return 0
        shape = problem.shape
        tokens = sum((m + 1) ** 2 for m in range(shape.d_vocab))
        return 6 * tokens * shape.d_vocab * (shape.n_ctx - 1)

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the empty witness: the check needs no hint."""
        return {}

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the wrong sequences of every class; both ends are the truth but for ties that
        even 65,536 bits leave open.
        """

        return count_classes(
            problem,
            progress,
            lambda tabled: count_wrong(problem, tabled),
        )

    def quantities(self, problem: Problem, witness: Witness) -> ExactQuantities:
        """Return worst cases, and sums of sampled sequences."""
        return ExactQuantities(problem)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is empty."""
        return not witness

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return keys, of which there are none."""
        return keys_added()

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the truth, which is what the strategy shows."""
        yield from settles_everything(case)

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> None:
        """Return None: nothing is given up by a witness."""
        return
