"""What compact strategies have in common: a search among witnesses, and one pass that counts.

Compact by a small factor only, 1.3 to 2.4 of what evaluating every input takes where measured:
every input is visited.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Protocol

from ballproof.interval.fixed import RangeError
from ballproof.verifier.counting.enumeration import Pass
from ballproof.verifier.counting.fixed_point import LANES
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.one_pass import Undecided, count_wrong
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Bounds, Group, Needs, Witness
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.every_input import EveryInput
from ballproof.verifier.strategies.quantities import Quantities
from ballproof.verifier.strategies.relaxations import CLAIM, Case, Relaxation, Step

GROUP = Group("compact", "ours: every input, at a part of what it takes to evaluate it", 11)


class Kind(Protocol):
    """One compact strategy: its witnesses, what they show, and what the audit asks of it."""

    @property
    def name(self) -> str:
        """Name of the strategy."""

    @property
    def complexity(self) -> str:
        """Order of work."""

    @property
    def summary(self) -> str:
        """One line that explains it."""

    @property
    def relaxed(self) -> Relaxation:
        """What the proof charges at its worst."""

    def search(self, problem: Problem, goal: Goal) -> Witness:
        """Return the witness that the goal asks for."""

    def of_one_answer(self, problem: Problem) -> Witness:
        """Return a witness where there is no rival."""

    def least_operations(self, problem: Problem) -> int:
        """Return a lower bound of what the checker will count, nearly."""

    def step(self, problem: Problem, witness: Witness) -> Pass:
        """Return what decides inputs; RangeError where its numbers do not fit."""

    def quantities(self, problem: Problem, witness: Witness) -> Quantities:
        """Return what decides sampled inputs, in balls."""

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness has this strategy's keys."""

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return changes of a witness."""


class Compact(EveryInput):
    """A strategy that charges part of what neurons do at its worst."""

    group, family = GROUP, "compact"
    # Both ends are sound, but only evaluating every input in full is sure to bring them together.
    two_sided = False
    needs = Needs.ONE_LAYER
    steerable = True

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.name, self.complexity, self.summary = kind.name, kind.complexity, kind.summary

    def least_operations(self, problem: Problem) -> int:
        """Return the kind's lower bound, nearly."""
        return self.kind.least_operations(problem)

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the witness that meets the goal as far as sampled inputs tell.

        Without a goal it is the shortest to check of those that show the most inputs right.
        """
        if problem.answers == 1:
            return self.kind.of_one_answer(problem)
        return self.kind.search(problem, goal)

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count inputs; those that the witness leaves open count at the worse end."""
        step: Pass = Undecided()
        if problem.answers > 1:
            with suppress(RangeError):
                step = self.kind.step(problem, witness)
        wrong = count_wrong(problem, step, progress)
        return Bounds(problem.total - wrong.possible, problem.total - wrong.certain)

    def quantities(self, problem: Problem, witness: Witness) -> Quantities:
        """Return what decides for every rival on sampled inputs."""
        return self.kind.quantities(problem, witness)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is, by its keys, one of this strategy."""
        return self.kind.fits(witness)

    def precision_for(self, problem: Problem) -> int:
        """Return the same for every model."""
        return self.precision

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return whether they are a multiple of 64."""
        return bits % LANES == 0

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return changes of a witness, served or not."""
        return self.kind.changes(problem, witness, rng)

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the bound of the witness, and the truth where it is known."""
        yield CLAIM, self.bound(case.problem, case.witness, case.phase()).correct_at_least
        if case.right is not None:
            yield self.kind.relaxed, case.right
