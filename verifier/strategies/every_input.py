"""What strategies have in common that evaluate every input of a program."""

from __future__ import annotations

from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import (
    EXHAUSTIVE_LIMIT,
    InAuto,
    NotOfTheStudy,
    Serves,
    Witness,
)


class EveryInput(NotOfTheStudy):
    """A strategy for any task, and first of all for models without the tables of one head."""

    precision = 64
    in_auto = InAuto.WITHOUT_TABLES
    serves, most_inputs = Serves.EVERY_TASK, EXHAUSTIVE_LIMIT
    losses = None

    def precision_for(self, problem: Problem) -> int:
        """Return the same for every model."""
        return self.precision

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> None:
        """Return None: nothing is given up by a witness."""
        return
