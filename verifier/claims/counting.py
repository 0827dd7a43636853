"""How many of all sequences are correct, as well as it can be known: for claims about the whole."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ballproof.models.tasks import Task
from ballproof.models.weights import Weights
from ballproof.verifier.claims.budget import OutOfTimeError
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.pipeline import NotApplicableError
from ballproof.verifier.proving.steering import prove
from ballproof.verifier.strategies import STRATEGIES, settling_strategy
from ballproof.verifier.strategies.base import InAuto
from ballproof.verifier.strategies.obstacles import obstacle


@dataclass(frozen=True)
class Known:
    """Ends around the number of correct sequences, and a phrase that says who found them."""

    at_least: int
    at_most: int
    by: str


def known_count(
    weights: Weights, task: Task, margin: Fraction, max_operations: int, progress: Progress
) -> Known:
    """Return the exact count up to 2^32 sequences, a ladder's two ends beyond.

    Without tables of one head it is both ends of `enumerate`.

    Both are certificates that the standalone checker has verified. Where none is to be had the ends
    are 0 and all, and `by` says why.
    """
    problem = pose(weights, margin, task=task)
    strategy = next(
        one
        for one in (settling_strategy(problem), *STRATEGIES)
        if one.two_sided and one.in_auto is not InAuto.NEVER and obstacle(one, problem) is None
    )
    try:
        claim = prove(problem, strategy, max_operations, progress).claim
    except (NotApplicableError, OutOfTimeError) as error:
        return Known(0, problem.total, f"nothing: {error}")
    return Known(
        claim.correct_at_least,
        claim.correct_at_most,
        f"a verified certificate of the strategy {strategy.name}",
    )
