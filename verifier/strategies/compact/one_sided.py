"""`one-sided`: what neurons say against the label in full, for it by the strongest alone (M5)."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np

from ballproof.interval.fixed import RangeError
from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.one_pass import sampled
from ballproof.verifier.counting.one_sided import OneSided, Votes
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Witness
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    WitnessChanges,
)
from ballproof.verifier.strategies.compact.balls import OneSidedQuantities
from ballproof.verifier.strategies.compact.choices import Choices
from ballproof.verifier.strategies.compact.costs import least_operations, one_sided_operations
from ballproof.verifier.strategies.compact.domain import ONE_SIDED
from ballproof.verifier.strategies.faults import object_faults
from ballproof.verifier.strategies.relaxations import Relaxation

SAMPLE, SEED = 4096, 15
# Shares, the shortest proof first.
SHARES = (*(Fraction(x, 32) for x in range(32, 0, -1)), Fraction(1, 64), Fraction(0))
UNREADABLE: tuple[object, ...] = (
    "2/4",
    "5/4",
    "-1/2",
    "01/2",
    "1/0",
    "1/1",
    "0.5",
    "",
    " 1",
    1,
    None,
    [],
)


class OneSidedKind:
    """Witnesses of one share: neurons that are weaker than it are not used for a label."""

    name = "one-sided"
    complexity = "inputs times (H k (m + a) + s a), s neurons used"
    summary = "what neurons say for a label by the strongest alone, and against it by all"
    relaxed = Relaxation("neurons left out", "what weak neurons say for a label is not counted")

    def search(self, problem: Problem, goal: Goal) -> Witness:
        """Try shares on sampled inputs."""
        try:
            votes = Votes(problem.program)
        except RangeError:
            return self.of_one_answer(problem)
        tokens, own, weight = sampled(problem, SAMPLE, SEED)
        active = np.maximum(votes.before.of(tokens).neurons, 0)

        def operations(place: int) -> int:
            used = votes.used(active, SHARES[place]).sum(axis=1)
            mean = float(used.mean()) if len(used) else 0.0
            return one_sided_operations(problem, mean)

        def right(place: int) -> Fraction:
            found = OneSided(votes, SHARES[place]).settle(tokens, own, problem.margin)
            return int(found.right.sum()) * weight

        place = Choices(len(SHARES), operations, right).chosen(problem, goal)
        return {"share": str(SHARES[place])}

    def of_one_answer(self, problem: Problem) -> Witness:
        """Return the share of 0."""
        return {"share": "0"}

    def least_operations(self, problem: Problem) -> int:
        """Count the sums of every input, the tables left out."""
        return least_operations(problem)

    def step(self, problem: Problem, witness: Witness) -> OneSided:
        """Return M5 for this share."""
        return OneSided(Votes(problem.program), Fraction(witness["share"]))

    def quantities(self, problem: Problem, witness: Witness) -> OneSidedQuantities:
        """Return what decides for every rival on sampled inputs."""
        return OneSidedQuantities(problem, Fraction(witness["share"]))

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is a share."""
        return set(witness) == set(ONE_SIDED)

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return shares that are none, and others."""
        path = (*WITNESS_PATH, "share")
        outside = list(object_faults(WITNESS_PATH, witness))
        outside += [Change(path, text, OUTSIDE) for text in UNREADABLE]
        others = [str(share) for share in rng.sample(SHARES, 4)]
        inside = [Change(path, text, COMPUTED) for text in others if text != witness["share"]]
        return WitnessChanges(outside, inside)
