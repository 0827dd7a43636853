"""Enumeration: one fixed-point program for every input of the domain (M1, M2)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ballproof.verifier.counting.enumeration import MOST_PASSES
from ballproof.verifier.counting.fixed_point import LANES
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies import deep_passes
from ballproof.verifier.strategies.base import Bounds, Group, Needs, Witness
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    WitnessChanges,
)
from ballproof.verifier.strategies.domains import sizes_of
from ballproof.verifier.strategies.enumerate_balls import EnumerateQuantities
from ballproof.verifier.strategies.enumerate_domain import WITNESS
from ballproof.verifier.strategies.every_input import EveryInput
from ballproof.verifier.strategies.faults import fields_faults
from ballproof.verifier.strategies.relaxations import CLAIM, Case, Step

WIDEST = 1_024
# What passes after the first may take, in operations on Python integers: minutes.
MOST_WIDE_OPERATIONS = 10**9


class Enumerate(EveryInput):
    """Evaluate every input with one bound of the error, again with twice the bits where it is open.

    It serves every architecture that has a program, and so those that have no tables of one head.
    """

    name = "enumerate"
    complexity = "inputs times (m a + H k (m + a))"
    summary = "every input in fixed point, for any architecture: both ends"
    group = Group("enumerate", "ours: every input, of models of any architecture", 10)
    family = "enumerate"
    two_sided = True
    needs = Needs.EVALUATION
    steerable = False

    def least_operations(self, problem: Problem) -> int:
        """Count what one pass takes, the tables left out; of deep models no more than is sure."""
        if problem.is_deep:
            return problem.total
        return problem.task.product * problem.program.operations

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the number of passes after which no further one settles any input.

        Of deep models return the passes themselves, with the bits that suffice.
        """
        if problem.is_deep:
            return deep_passes.search(problem, progress)
        if problem.answers == 1:
            return {"passes": 1}
        return {"passes": problem.enumeration.passes(progress, MOST_WIDE_OPERATIONS)}

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the wrong inputs; those that are open after the last pass are open in the count."""
        if problem.is_deep:
            return deep_passes.bound(problem, progress)
        wrong = problem.enumeration.count(witness["passes"], progress)
        return Bounds(problem.total - wrong.possible, problem.total - wrong.certain)

    def quantities(self, problem: Problem, witness: Witness) -> EnumerateQuantities:
        """Return the gaps of every rival on sampled inputs."""
        return EnumerateQuantities(problem)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is a number of passes, or passes of a deep model."""
        if isinstance(witness.get("passes"), list):
            return deep_passes.fits(witness)
        passes = witness.get("passes")
        return set(witness) == set(WITNESS) and type(passes) is int and passes in _PASSES

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return whether they are a multiple of 64, and the last pass has 1,024 at most."""
        if isinstance(witness["passes"], list):
            return deep_passes.serves_precision(witness, bits)
        return bits % LANES == 0 and bits << (witness["passes"] - 1) <= WIDEST

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return other numbers of passes, served or not, and other keys."""
        if problem.is_deep:
            return deep_passes.changes(witness, rng)
        path = (*WITNESS_PATH, "passes")
        # More passes are no witness either where the certificate's lanes are wide.
        served = COMPUTED | OUTSIDE
        outside = fields_faults(WITNESS_PATH, witness, WITNESS, sizes_of(problem.shape.d_vocab, 0))
        inside = [Change(path, passes, served) for passes in _PASSES]
        return WitnessChanges(
            list(outside), [change for change in inside if change.value != witness["passes"]]
        )

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the bound of the witness: what it lacks is nearer to a tie than the lanes tell."""
        yield CLAIM, self.bound(case.problem, case.witness, case.phase()).correct_at_least


_PASSES = range(1, MOST_PASSES + 1)
