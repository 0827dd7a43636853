"""A model, a task and a margin, frozen, and the exact integers that strategies start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from ballproof.models.architectures import Shape
from ballproof.models.architectures.layers.final_norm import without_final_norm
from ballproof.models.tasks import Task, default
from ballproof.models.tasks.max import Max
from ballproof.models.weights import Weights
from ballproof.verifier.counting.deep.enumeration import DeepEnumeration
from ballproof.verifier.counting.enumeration import Enumeration
from ballproof.verifier.counting.float32 import SEMANTICS, deviation
from ballproof.verifier.counting.program import DomainProgram, domain_program
from ballproof.verifier.counting.tables import IntegerHead, Integers, IntegerTables, integer_tables

__all__ = ["Integers", "Problem", "opposite", "pose"]


@dataclass(frozen=True, eq=False)
class Problem:
    """A model and a task: to count the inputs that are right in real numbers with this `margin`.

    The claim that follows is about the margin `claimed` in these `semantics`: in float32 (T12) the
    margin is larger than it by the program's deviation. `total` is the number of all inputs of the
    task's domain.
    """

    weights: Weights
    task: Task
    margin: Fraction
    claimed: Fraction
    semantics: str
    total: int

    @cached_property
    def tables(self) -> IntegerTables:
        """The tables and the margin as integers; ValueError where the architecture has none."""
        return integer_tables(self.weights.tables, self.margin, self.task.answers)

    @cached_property
    def program(self) -> DomainProgram:
        """The program on the task's domain; ValueError where the architecture has none."""
        return domain_program(self.weights, self.task)

    @cached_property
    def without_norm(self) -> Problem:
        """The same question of a layer without its final norm, or this problem (T17)."""
        found = None
        if self.is_deep and self.margin == 0:
            found = without_final_norm(self.weights, self.task.answers)
        return self if found is None else replace(self, weights=found)

    @cached_property
    def enumeration(self) -> Enumeration:
        """The inputs, evaluated one by one; counts are kept."""
        return Enumeration(self.program, self.task, self.margin)

    @property
    def is_deep(self) -> bool:
        """Whether the model is evaluated part by part: it has neither tables nor a program."""
        architecture = self.weights.architecture
        return architecture.tables is None and architecture.program is None

    @cached_property
    def deep(self) -> DeepEnumeration:
        """The inputs of a deep model, evaluated by prefixes; counts are kept."""
        return DeepEnumeration(self.weights, self.task, self.margin)

    @property
    def evaluated(self) -> DeepEnumeration | Enumeration:
        """The inputs, evaluated one by one, of a model of either kind."""
        return self.deep if self.is_deep else self.enumeration

    @property
    def head(self) -> IntegerHead:
        """The tables of the one head, where the model has one."""
        return self.tables.head

    @property
    def shape(self) -> Shape:
        """Sizes of the model."""
        return self.weights.shape

    @property
    def answers(self) -> int:
        """Number of answers, the columns of the tables; a single one has no rival."""
        return len(self.task.answers)

    @property
    def task_name(self) -> str:
        """Name of the task for a model of these sizes."""
        return self.task.name(self.shape)

    @property
    def is_max_of_all(self) -> bool:
        """Whether the task is the largest of all tokens, every input and answer included."""
        return self.task == default(Max(), self.shape) and self.answers == self.shape.d_vocab

    def column(self, label: int | None) -> int | None:
        """Return the column of a label in the tables, or None if it is no answer."""
        answers = self.task.answers
        return label - answers.start if label is not None and label in answers else None

    def label_column(self, sequence: Sequence[int]) -> int | None:
        """Return the column of an input's label, or None if it is no answer."""
        return self.column(self.task.label(sequence))


def pose(
    weights: Weights,
    margin: Fraction = Fraction(0),
    semantics: str = "real",
    task: Task | None = None,
) -> Problem:
    """Return the problem of counting the inputs that are right with this margin (>= 0).

    Left out, the task is to name the largest of all tokens. With the semantics float32 an input
    has to be right by the program's deviation more (T12). Raises ModelError where these weights
    have no float32 program, and where there are more inputs than the checker counts.
    """
    if semantics not in SEMANTICS:
        raise ValueError(f"The semantics {semantics!r} are none of {', '.join(SEMANTICS)}.")
    eps = deviation(weights) if semantics == "float32" else Fraction(0)
    asked = default(Max(), weights.shape) if task is None else task
    return _posed(weights, asked, margin + eps, margin, semantics)


def opposite(problem: Problem) -> Problem:
    """Return the problem whose upper end serves the claim: right by the deviation less (T12)."""
    margin = 2 * problem.claimed - problem.margin
    return _posed(problem.weights, problem.task, margin, problem.claimed, problem.semantics)


def _posed(
    weights: Weights, task: Task, margin: Fraction, claimed: Fraction, semantics: str
) -> Problem:
    return Problem(weights, task, margin, claimed, semantics, task.total)
