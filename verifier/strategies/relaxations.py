"""What a bound relaxes: the steps from a certificate's count towards the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import WrongCount


class Relaxation(NamedTuple):
    """Something that a bound relaxes, and why it costs inputs."""

    name: str
    explanation: str


# A count, and what the step to it from the count before removed.
Step = tuple[Relaxation, int]
# Of each class (query, maximum) with any wrong input.
WrongByClass = Mapping[tuple[int, int], WrongCount]


@dataclass(frozen=True)
class Case:
    """A certificate whose slack is to be explained.

    `right` and `wrong` are the exact count, in all and by class, where it is known. `phase` returns
    what a piece of work reports to; past its time the report raises, and the chain ends there.
    `rivals_alone` counts the inputs right with nothing but the rivals pessimised.
    """

    problem: Problem
    witness: dict[str, Any]
    right: int | None
    wrong: WrongByClass | None
    phase: Callable[[], Progress]
    rivals_alone: Callable[[], int]


CLAIM = Relaxation("claim", "the certificate states less than its own strategy and witness show")
UNCOUNTED = Relaxation("uncounted classes", "classes, or parts of them, that the witness gives up")
POSITIONS = Relaxation(
    "positions", "each position is taken at its worst, for the weights and for the logits"
)
RIVALS = Relaxation(
    "union over rivals",
    "rivals are bounded together, or their wins are added up though they overlap",
)


def settles_everything(case: Case) -> list[Step]:
    """Return the chain of a strategy that settles every input: the truth is what it shows."""
    return [] if case.right is None else [(CLAIM, case.right)]
