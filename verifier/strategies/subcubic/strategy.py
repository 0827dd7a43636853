"""The subcubic strategies: one object for each combination of the study's ideas, and ours."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ballproof.models.architectures import Shape
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import (
    Bounds,
    Group,
    InAuto,
    Needs,
    Serves,
    Witness,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.relaxations import Case, Step
from ballproof.verifier.strategies.subcubic.balls import SubcubicQuantities
from ballproof.verifier.strategies.subcubic.counting import Settled, settled
from ballproof.verifier.strategies.subcubic.domain import fields_of
from ballproof.verifier.strategies.subcubic.logits import bounded_logits
from ballproof.verifier.strategies.subcubic.losses import losses_of
from ballproof.verifier.strategies.subcubic.mutations import witness_changes
from ballproof.verifier.strategies.subcubic.names import ALL, Parts
from ballproof.verifier.strategies.subcubic.relaxations import subcubic_steps
from ballproof.verifier.strategies.subcubic.scores import bounded_scores
from ballproof.verifier.strategies.subcubic.search import search
from ballproof.verifier.strategies.subcubic.witness import decode, encode

PRECISION = 48
# As the study orders them.
GROUPS = {
    name: Group(name, explanation, place)
    for place, (name, explanation) in enumerate(
        (
            ("subcubic", "scores multiplied out, direct path multiplied out"),
            ("low-rank QK", "scores by terms of rank one and a bound on the rest"),
            ("low-rank EU", "direct path by a reference row"),
            ("low-rank QK and EU", "both of these"),
            (
                "quadratic QK",
                "the rest of the scores bounded factor by factor, without a product",
            ),
            ("quadratic QK and EU", "the same, and the direct path by a reference row"),
        ),
        start=2,
    )
}


class Subcubic:
    """subcubic/<direct>/<attention>/<score error>."""

    precision = PRECISION
    steerable = False
    family = "subcubic"
    in_auto = InAuto.WHERE_MUCH_IS_OPEN
    two_sided = False
    needs, serves, most_inputs = Needs.FACTORS, Serves.MAX_OF_ALL, None

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.name, self.summary = parts.name, parts.summary
        self.complexity, self.group = parts.complexity, GROUPS[parts.group]
        self.of_study = parts.attention != "chord"  # Ours.
        self.losses = losses_of

    def least_operations(self, problem: Problem) -> int:
        """Count what all subcubic strategies share: scores, logits, weights of positions."""
        shape = problem.shape
        v, k, d, h = shape.d_vocab, shape.n_ctx, shape.d_model, shape.d_head
        scores = 5 * v * d + 3 * k * d + 2 * v * d * h + h * k * (2 * d - 1) + 2 * v * h * k
        values = d * d * (2 * h - 1) + d * v * (2 * d - 1) + (2 * v * v + k * v) * (2 * d - 1)
        tables = 2 * v * d + 2 * d * h + 2 * v * k * v + 14 * v * v
        peeling = 4 * (5 * v * d + 2 * v + h * (2 * d - 1) + d * (2 * h - 1) + v * (2 * d - 1) - d)
        split = min(peeling, 2 * v * h * (2 * d - 1))
        return scores + values + tables + split + v * (7 * v + 6 * k)

    def unexplained_dimension(self, shape: Shape) -> int:
        """Return the study's count of numbers that the proof treats case by case."""
        return self.parts.unexplained_dimension(shape.d_vocab, shape.d_model)

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return directions, anchors and gaps found in floats, rounded to dyadics."""
        return encode(self.parts, search(problem, self.parts))

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the classes that the witness settles; sound for any witness."""
        if problem.shape.d_vocab == 1:
            return Bounds(1, 1)  # No rival, and one input.
        return Bounds(sum(count for *_, count in self.settled(problem, witness)), problem.total)

    def settled(self, problem: Problem, witness: Witness) -> list[Settled]:
        """Return the entries that the witness settles; they are of different sequences."""
        found = decode(self.parts, witness, problem.shape)
        scores = bounded_scores(problem, self.parts.score_error, found.directions)
        logits = bounded_logits(problem, self.parts.direct, found.mu)
        return settled(scores, logits, found.anchors, found.gaps)

    def quantities(self, problem: Problem, witness: Witness) -> SubcubicQuantities:
        """Return the bounds on the logit gap at both ends of the attention."""
        found = decode(self.parts, witness, problem.shape)
        return SubcubicQuantities(problem, self.parts, found)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness has the keys of this strategy."""
        return witness.keys() == fields_of(self.parts).keys()

    def precision_for(self, problem: Problem) -> int:
        """Return the same for every model."""
        return self.precision

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return True: each serves."""
        return True

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return changes of gaps, directions and anchors."""
        return witness_changes(problem, fields_of(self.parts), witness, rng)

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield counts of better witnesses, then of strategies that relax less."""
        yield from subcubic_steps(self, case)

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> None:
        """Return None: what the witness gives up it gives up by its gaps, and by failed bounds."""
        return


SUBCUBIC = tuple(Subcubic(parts) for parts in ALL)
