"""Ladders: one search and one bound; the strategy says which counting rules the witness may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import (
    EXHAUSTIVE_LIMIT,
    Bounds,
    Group,
    InAuto,
    Needs,
    NotOfTheStudy,
    Serves,
    Witness,
)
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.ladder.balls import LadderQuantities
from ballproof.verifier.strategies.ladder.bound import count_wrong
from ballproof.verifier.strategies.ladder.candidates import Rules
from ballproof.verifier.strategies.ladder.costs import path_tables_cost
from ballproof.verifier.strategies.ladder.domain import RULES
from ballproof.verifier.strategies.ladder.exponentials import WIDE_BITS
from ballproof.verifier.strategies.ladder.merged import Limits
from ballproof.verifier.strategies.ladder.mutations import rules_of, witness_changes
from ballproof.verifier.strategies.ladder.slack import COUNTING, POOLS, given_up, ladder_slack
from ballproof.verifier.strategies.ladder.steer import explored, has_wide, one_sided, two_sided
from ballproof.verifier.strategies.relaxations import CLAIM, UNCOUNTED, Case, Step

GROUP = Group(
    "ladder",
    "ours: short proofs at any context length, steered by --max-operations or --at-least",
    9,
)
BELOW_RATE = 64
# Unless asked for, no longer proof: it would gain little and take minutes to check. An operation
# on wide numbers takes longer. Counts from below are a small part of it.
LONGEST, LONGEST_WIDE = 1_700_000_000, 1_000_000_000
BELOW_SHARE, BELOW_LEAST = 0.1, 10_000_000
# Of more tokens than `MANY` those farther from the label than `NEAR` are tried in one cell first.
MANY, NEAR = 64, 28
# Operations that the whole accuracy is worth where walks of merged atoms are tried.
WORTH, WORTH_OF_MANY = 1e12, 2e12
# What these keep apart, from short to long, of all rivals together and of one.
KEPT = tuple(map(Limits, (8, 16, 32, 64, 64, 128), (8, 8, 8, 8, 16, 16)))
KEPT_ALONE = tuple(map(Limits, (8, 16, 32, 64), (8, 12, 16, 32)))


@dataclass(frozen=True)
class Ladder(NotOfTheStudy):
    """Pools of queries, thresholds, survivors, and a count of what is left (T3 to T11, T18)."""

    name: str
    complexity: str
    summary: str
    walks: bool
    moments: bool
    grids: bool
    precision: int = 64
    in_auto: InAuto = InAuto.NEVER
    group: Group = GROUP
    family: str = "ladder"
    two_sided: bool = True
    losses: None = None
    steerable: bool = True
    needs: Needs = Needs.TABLES
    serves: Serves = Serves.EVERY_TASK
    most_inputs: None = None

    def least_operations(self, problem: Problem) -> int:
        """Count the path tables only."""
        return path_tables_cost(problem.shape, len(problem.task.answers))

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the witness that meets the goal by the search's own estimates.

        Where nothing limits the length, it counts from below as well.
        """
        if len(problem.task.answers) == 1:
            return {"labels": []}  # No rival.
        options = explored(problem, self._rules(problem), progress)
        if goal.max_operations is None and goal.at_least is None:
            choice = options.best(goal)
            longest = LONGEST_WIDE if self.precision_for(problem) > self.precision else LONGEST
            if choice.operations > longest:
                choice = options.best(Goal(max_operations=longest))
            most = max(BELOW_SHARE * choice.operations, BELOW_LEAST)
            return two_sided(choice.witness, BELOW_RATE, problem.shape.n_ctx - 1, most)
        return one_sided(options.best(goal).witness)

    def _rules(self, problem: Problem) -> Rules:
        """Walks serve up to 2^32 inputs; beyond, those of merged atoms, moments and grids."""
        if self.walks and problem.total <= EXHAUSTIVE_LIMIT:
            return Rules(walk=True, moment=False, grid=False)
        if self.walks:
            many = problem.shape.d_vocab > MANY
            before = ((NEAR, True),) if many else ()
            return Rules(
                walk=False,
                moment=True,
                grid=False,
                filters=(6,),
                finer=((6, False), (14, True), *before, (None, True)),
                divide=False,
                worth=WORTH_OF_MANY if many else WORTH,
                kept=KEPT,
                kept_alone=KEPT_ALONE,
            )
        finer = ((6, False), (14, True), (28, True), (None, True))
        return Rules(
            walk=False,
            moment=self.moments,
            grid=self.grids,
            filters=(6,),
            finer=finer,
            divide=False,
        )

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the sequences that the witness leaves open; sound for any witness."""
        wrong = count_wrong(problem, witness, progress)
        return Bounds(problem.total - wrong.possible, problem.total - wrong.certain)

    def quantities(self, problem: Problem, witness: Witness) -> LadderQuantities:
        """Return the worst cases that the tree of the witness leads to."""
        return LadderQuantities(problem, witness)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness is a ladder's, with rules of this one."""
        return "labels" in witness and rules_of(witness) <= set(RULES[self.name])

    def precision_for(self, problem: Problem) -> int:
        """Return more where scores are so far apart that a label's weight would be rounded much."""
        far = self.walks and problem.total > EXHAUSTIVE_LIMIT and has_wide(problem)
        return WIDE_BITS if far else self.precision

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return True: each serves."""
        return True

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return changes of pools and groups, at some places of the tree."""
        return witness_changes(problem, witness, set(RULES[self.name]), rng)

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the bound of the witness, and where the truth is known by class what it lacks."""
        count = self.bound(case.problem, case.witness, case.phase()).correct_at_least
        yield CLAIM, count
        if case.wrong is not None:
            lacking = ladder_slack(case.problem, case.witness, case.wrong, case.phase())
            for cause in (UNCOUNTED, COUNTING, POOLS):
                count += lacking[cause]
                yield cause, count

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> int:
        """Return how many inputs are in classes, or parts of them, that no pool counts."""
        return given_up(problem, witness, progress)


LADDERS = (
    Ladder(
        "ladder",
        "v^2 d, and what survives",
        "pools of queries, thresholds, then walks, merged or not, or moments where it is worth it",
        walks=True,
        moments=True,
        grids=True,
        in_auto=InAuto.FIRST,
    ),
    Ladder(
        "moment",
        "v^2 d, and what survives",
        "the ladder's pools, then exponential moments: no count of inputs at any size",
        walks=False,
        moments=True,
        grids=False,
    ),
    Ladder(
        "grid",
        "v^2 d, and what survives",
        "the ladder's pools, then exact counts on a grid of sums",
        walks=False,
        moments=False,
        grids=True,
    ),
)
