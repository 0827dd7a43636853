"""Which path carries the accuracy: Shapley values of certified exact counts of all subsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import factorial
from typing import Any

from ballproof.models.ablation import PATHS, ablated
from ballproof.models.weights import Weights
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.pipeline import NotApplicableError, NotProven, Proven
from ballproof.verifier.proving.settling import settle
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Strategy
from ballproof.verifier.strategies.obstacles import has_tables, obstacle

Kept = frozenset[str]
Counts = Mapping[Kept, int]


def subsets(players: Sequence[str]) -> list[Kept]:
    """Return all subsets, the smaller ones first, each size in the order of the players."""
    sizes = range(len(players) + 1)
    return [frozenset(one) for size in sizes for one in combinations(players, size)]


def shapley_values(players: Sequence[str], counts: Counts) -> dict[str, Fraction]:
    """Return the Shapley value of each player, exactly.

    With n players, phi_i is the sum over the subsets S without i of
    |S|! (n - |S| - 1)! / n! times count(S with i) - count(S): the mean, over all orders of the
    players, of what i adds to those before it. The values add up to count(all) - count(none).
    """
    n = len(players)
    values = {}
    for player in players:
        others = subsets([one for one in players if one != player])
        gains = [(len(s), counts[s | {player}] - counts[s]) for s in others]
        weighted = sum(factorial(size) * factorial(n - size - 1) * gain for size, gain in gains)
        values[player] = Fraction(weighted, factorial(n))
    return values


def interactions(players: Sequence[str], counts: Counts) -> dict[tuple[str, str], Fraction]:
    """Return the Shapley interaction index of each pair, exactly.

    I_ij is the sum over the subsets S without i and j of |S|! (n - |S| - 2)! / (n - 1)! times
    count(S with both) - count(S with i) - count(S with j) + count(S): above 0 where the two do more
    together than apart.
    """
    n = len(players)
    found = {}
    for one, two in combinations(players, 2):
        weighted = 0
        for s in subsets([other for other in players if other not in (one, two)]):
            both = counts[s | {one, two}] - counts[s | {one}] - counts[s | {two}] + counts[s]
            weighted += factorial(len(s)) * factorial(n - len(s) - 2) * both
        found[one, two] = Fraction(weighted, factorial(n - 1))
    return found


@dataclass(frozen=True)
class Subset:
    """A model with some paths kept and means in place of the others, and its certificate."""

    kept: Kept
    weights: Weights
    proven: Proven

    @property
    def count(self) -> int:
        """How many inputs are right, exactly."""
        return self.proven.claim.correct_at_least

    @property
    def paths(self) -> list[str]:
        """The paths that are kept, in their order."""
        return [path for path in PATHS if path in self.kept]

    @property
    def stem(self) -> str:
        """The name of its files."""
        return "+".join(path.replace(" ", "-") for path in self.paths) or "none"


@dataclass(frozen=True)
class Attribution:
    """The exact counts of all subsets of the paths, and what follows from them.

    Values and interactions are numbers of inputs; over `total` they are shares of the accuracy.
    """

    task: str
    total: int
    subsets: tuple[Subset, ...]

    @property
    def counts(self) -> dict[Kept, int]:
        """The number of right inputs of each subset."""
        return {subset.kept: subset.count for subset in self.subsets}

    @property
    def values(self) -> dict[str, Fraction]:
        """The Shapley value of each path; they add up to all paths' count less that of none."""
        return shapley_values(PATHS, self.counts)

    @property
    def interactions(self) -> dict[tuple[str, str], Fraction]:
        """The Shapley interaction index of each pair of paths."""
        return interactions(PATHS, self.counts)

    def fields(self) -> dict[str, Any]:
        """Return everything for machines; counts are decimal strings, values exact fractions."""
        return {
            "task": self.task,
            "total": str(self.total),
            "values": {path: str(value) for path, value in self.values.items()},
            "interactions": [
                {"paths": list(pair), "value": str(value)}
                for pair, value in self.interactions.items()
            ],
            "subsets": [
                {
                    "kept": one.paths,
                    "accuracy": share(one.count, self.total),
                    **one.proven.fields(),
                }
                for one in self.subsets
            ],
        }


def attribute(problem: Problem, max_operations: int, progress: Progress) -> Attribution:
    """Return the attribution of the accuracy at the problem's margin to the paths of one head.

    Every subset is a file of the same architecture with a certificate of its own. With all paths
    kept the tables are those of the model, which is made sure here. Raises NotApplicableError
    where the model is not of one head, or where some count is not found exactly.
    """
    if not has_tables(problem) or problem.weights.architecture.factors is None:
        words = problem.weights.architecture.words
        raise NotApplicableError(f"The paths are those of one head, and the model is {words}.")
    kept = subsets(PATHS)
    models = [ablated(problem.weights, one, problem.task_name) for one in kept]
    _require_same(problem.weights, models[-1])
    posed = (
        (pose(weights, problem.margin, task=problem.task), _strategy(problem, one))
        for one, weights in zip(kept, models, strict=True)
    )
    outcomes = settle(posed, len(models), max_operations, progress)
    found = tuple(
        Subset(one, weights, _exactly(one, outcome))
        for one, weights, outcome in zip(kept, models, outcomes, strict=True)
    )
    return Attribution(problem.task_name, problem.total, found)


def _strategy(problem: Problem, kept: Set[str]) -> Strategy:
    """Return the strategy that counts a subset.

    `exact` is fast where few rivals survive the worst case. Without the scores of tokens, and with
    their values, almost all do: there it is faster to evaluate every input against every rival.
    """
    every = strategy_named("brute-force")
    hard = "OV" in kept and "QK" not in kept and obstacle(every, problem) is None
    return every if hard else strategy_named("exact")


def _exactly(kept: Set[str], outcome: Proven | NotProven) -> Proven:
    named = ", ".join(path for path in PATHS if path in kept) or "none"
    if isinstance(outcome, NotProven):
        raise NotApplicableError(f"With the paths {named} kept: {outcome.reason}")
    claim = outcome.claim
    if claim.correct_at_least != claim.correct_at_most:
        raise NotApplicableError(
            f"With the paths {named} kept the count is not exact: {claim.correct_at_least} to "
            f"{claim.correct_at_most}."
        )
    return outcome


def _require_same(weights: Weights, whole: Weights) -> None:
    ours, theirs = weights.tables, whole.tables
    if ours.direct != theirs.direct or ours.heads[0] != theirs.heads[0]:
        raise RuntimeError("The model of four streams has other tables than the model.")
