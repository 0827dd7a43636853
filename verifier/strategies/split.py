"""Several heads and an MLP, class by class: `split`, and what `exact` shares with it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.relaxed.bound import Relaxed, wrong_in
from ballproof.verifier.counting.relaxed.search import classes_found, units_of
from ballproof.verifier.strategies.base import (
    Bounds,
    Group,
    InAuto,
    Needs,
    NotOfTheStudy,
    Serves,
    Witness,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.enumerate_balls import EnumerateQuantities
from ballproof.verifier.strategies.relaxations import CLAIM, RIVALS, Case, Step
from ballproof.verifier.strategies.split_changes import changes_of
from ballproof.verifier.strategies.split_domain import CLASS, WITH_RATE, WITHOUT_RATE

GROUP = Group("split", "ours: several heads and an MLP, class by class", 12)
# Tables of grids are wide: what a narrow one does not see of a class is lost.
PRECISION, WIDEST, RATE = 32, 64, 240


def search(problem: Problem, rate: int | None, progress: Progress) -> Witness:
    """Return thresholds and ends for every class; for grids if there is a rate, else for walks."""
    relaxed = Relaxed(problem.without_norm)
    if not relaxed.summands.finite:
        return {"unit": 0, **({} if rate is None else {"rate": rate}), "classes": []}
    precision = PRECISION if rate is None else WIDEST
    unit, _ = units_of(relaxed, precision)
    stated = {"unit": unit} if rate is None else {"unit": unit, "rate": rate}
    return {**stated, "classes": list(classes_found(relaxed, precision, rate, progress))}


def bound(problem: Problem, witness: Witness, progress: Progress) -> Bounds:
    """Return what a witness shows; without a rate both ends are the truth but for near ties."""
    wrong = wrong_in(Relaxed(problem.without_norm), witness, progress)
    return Bounds(problem.total - wrong.possible, problem.total - wrong.certain)


def fits(witness: Witness, *, rate: bool) -> bool:
    """Return whether the witness has the keys of one with a rate, or of one without."""
    classes = witness.get("classes")
    return (
        set(witness) == set(WITH_RATE if rate else WITHOUT_RATE)
        and isinstance(classes, list)
        and all(isinstance(each, dict) and set(each) == set(CLASS) for each in classes)
    )


class Split(NotOfTheStudy):
    """Thresholds for each head, and a grid's count of what no threshold clears (T14, T15, T6)."""

    name = "split"
    complexity = "H v^3 k, and the grids"
    summary = "a threshold per head and rival, then grids: several heads and an MLP, any length"
    group, family = GROUP, "split"
    in_auto = InAuto.WITHOUT_TABLES
    needs, serves, most_inputs = Needs.SUMMANDS, Serves.EVERY_TASK, None
    two_sided, steerable = False, False
    losses = None

    def least_operations(self, problem: Problem) -> int:
        """Return nothing that is sure: classes are cheap or not."""
        return 0

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return thresholds and ends for every class, with the rate of their grids."""
        return search(problem, RATE, progress)

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count what may be wrong by grids; nothing is certain but labels that are no answers."""
        return bound(problem, witness, progress)

    def quantities(self, problem: Problem, witness: Witness) -> EnumerateQuantities:
        """Return the gaps of every rival on sampled inputs."""
        return EnumerateQuantities(problem)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness has a rate, and classes."""
        return fits(witness, rate=True)

    def precision_for(self, problem: Problem) -> int:
        """Return the same for every model."""
        return WIDEST

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return whether tables may have so many bits."""
        return bits <= WIDEST

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return changes of a witness, served or not."""
        return changes_of(witness, rng)

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the bound of the witness, and the truth where it is known."""
        yield CLAIM, self.bound(case.problem, case.witness, case.phase()).correct_at_least
        if case.right is not None:
            yield RIVALS, case.right

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> int:
        """Return how many inputs are in classes that the witness leaves out."""
        stated = {(each["query"], each["label"]) for each in witness["classes"]}
        classes = problem.task.classes()
        return sum(each.size for each in classes if (each.query, each.label) not in stated)
