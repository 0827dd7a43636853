"""How many bits a model needs: the exact count of right inputs of its weights rounded to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ballproof.models.quantisation import Granularity, quantised
from ballproof.models.weights import Weights
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.pipeline import NotProven, Outcome, Proven
from ballproof.verifier.proving.settling import settle
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies import settling_strategy, strategy_named
from ballproof.verifier.strategies.base import Strategy
from ballproof.verifier.strategies.obstacles import obstacle

FEW_BITS = 4


@dataclass(frozen=True)
class RoundedModel:
    """A model whose matrices are rounded to `bits`, and what is certified of its own file."""

    bits: int
    granularity: Granularity
    weights: Weights
    outcome: Outcome

    @property
    def proven(self) -> Proven | None:
        """The verified certificate; None where there is none."""
        return None if isinstance(self.outcome, NotProven) else self.outcome

    @property
    def accuracy(self) -> Fraction | None:
        """The share of inputs that are certainly right, None where there is no certificate."""
        claim = self.proven and self.proven.claim
        return Fraction(claim.correct_at_least, claim.total) if claim else None

    @property
    def stem(self) -> str:
        """The name of its files."""
        return f"{self.bits:02d}-bits-by-{self.granularity}"

    def fields(self) -> dict[str, Any]:
        """Return the point for machines; counts are decimal strings."""
        fields: dict[str, Any] = {"bits": self.bits, "granularity": self.granularity}
        if isinstance(self.outcome, NotProven):
            return {**fields, "sha256": self.weights.digest, "not_applicable": self.outcome.reason}
        claim = self.outcome.claim
        accuracy = share(claim.correct_at_least, claim.total)
        return {**fields, "accuracy": accuracy, **self.outcome.fields()}


def rounded_models(
    problem: Problem,
    bits: Sequence[int],
    granularities: Sequence[Granularity],
    max_operations: int,
    progress: Progress,
) -> list[RoundedModel]:
    """Return the model of the problem rounded to each number of bits, with its exact count.

    Each certificate is about the rounded file, with the problem's task and margin. The counts are
    those of a strategy that settles every input: exact, but for near ties of exponentials
    where the model has no tables of one head.
    """
    wanted = [(b, granularity) for granularity in granularities for b in bits]
    models = [quantised(problem.weights, *one, problem.task_name) for one in wanted]
    posed = (pose(one, problem.margin, task=problem.task) for one in models)
    settled = ((one, _strategy(one, b)) for one, (b, _) in zip(posed, wanted, strict=True))
    outcomes = settle(settled, len(models), max_operations, progress)
    return [
        RoundedModel(*one, weights, outcome)
        for one, weights, outcome in zip(wanted, models, outcomes, strict=True)
    ]


def _strategy(problem: Problem, bits: int) -> Strategy:
    """Return the strategy that counts a rounded model.

    Of few bits most rivals win somewhere: there it is faster to evaluate every input against every
    rival, where that serves the model, than to look for those that cannot win.
    """
    every = strategy_named("brute-force")
    hard = bits <= FEW_BITS and obstacle(every, problem) is None
    return every if hard else settling_strategy(problem)


def fewest_bits(
    models: Sequence[RoundedModel], granularity: Granularity, at_least: Fraction
) -> int | None:
    """Return the fewest bits tried from which on every model keeps the bound; None if none does.

    A model of fewer bits may keep it by chance, while one of more does not: it does not count.
    """
    fewest = None
    for model in sorted(models, key=lambda one: -one.bits):
        if model.granularity != granularity:
            continue
        if model.accuracy is None or model.accuracy < at_least:
            break
        fewest = model.bits
    return fewest
