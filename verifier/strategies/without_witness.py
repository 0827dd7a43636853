"""Strategies that need no hint, and those of them that settle every input."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ballproof.verifier.counting.classes import TabledClass
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import WrongCount
from ballproof.verifier.strategies.base import (
    EXHAUSTIVE_LIMIT,
    Bounds,
    Needs,
    Serves,
    Witness,
    count_classes,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.exact_balls import ExactQuantities
from ballproof.verifier.strategies.faults import keys_added
from ballproof.verifier.strategies.quantities import Quantities
from ballproof.verifier.strategies.relaxations import Case, Step, settles_everything


class WithoutWitness:
    """What strategies have in common whose witness is empty."""

    needs = Needs.TABLES
    losses = None
    precision: int
    steerable = False

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the empty witness: the check needs no hint."""
        return {}

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is empty."""
        return not witness

    def precision_for(self, problem: Problem) -> int:
        """Return the same for every model."""
        return self.precision

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return True: each serves."""
        return True

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return keys, of which there are none."""
        return keys_added()

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> None:
        """Return None: nothing is given up by a witness."""
        return


class SettlesEverything(WithoutWitness):
    """What strategies have in common that count the wrong inputs of every class."""

    serves, most_inputs = Serves.EVERY_TASK, EXHAUSTIVE_LIMIT
    two_sided = True

    def count_class(self, problem: Problem, tabled: TabledClass) -> WrongCount:
        """Return how many inputs of a class are wrong."""
        raise NotImplementedError

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the wrong sequences of every class; both ends are the truth but for ties that
        even 65,536 bits leave open.
        """
        return count_classes(problem, progress, lambda tabled: self.count_class(problem, tabled))

    def quantities(self, problem: Problem, witness: Witness) -> Quantities:
        """Return worst cases, and sums of sampled sequences."""
        return ExactQuantities(problem)

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the truth, which is what the strategy shows."""
        yield from settles_everything(case)
