"""A model, a task and a margin, frozen into the exact integers that every strategy starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.layout import Shape
from ballproof.models.paths import path_tables
from ballproof.models.tasks import Task, default
from ballproof.models.tasks.max import Max
from ballproof.models.weights import Weights
from ballproof.verifier.counting.float32 import SEMANTICS, deviation

Integers = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Problem:
    """The path tables of a model as arrays of Python integers, in two common units, and a task.

    The problem is to count the inputs that are right in real numbers with this `margin`. The claim
    that follows is about the margin `claimed` in these `semantics`: in float32 (T12) the margin
    is larger than it by the program's deviation.

    `direct` D (v,a), `output` V (v,a), `places` P (k,a) and the margin `eps` are in units of
    2**logit_exponent, after multiplication by the margin's denominator; `one` is 1 in that unit.
    Their a columns are the task's answers alone: see `column`. `score` (v,v) and `positional_score`
    (v,k) are sqrt(d_head) times S and R in units of 2**score_exponent. `total` is the number of all
    inputs of the task's domain.
    """

    weights: Weights
    task: Task
    margin: Fraction
    direct: Integers
    output: Integers
    places: Integers
    eps: int
    one: int
    logit_exponent: int
    score: Integers
    positional_score: Integers
    score_exponent: int
    claimed: Fraction
    semantics: str
    total: int

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
    total = task.total
    paths = path_tables(weights)
    one = DyadicMatrix.from_ints([[1]])
    logits, unit = _common([paths.direct, paths.output, paths.positional_output, one])
    answers = slice(task.answers.start, task.answers.stop)
    direct, output, places = (margin.denominator * table[:, answers] for table in logits[:3])
    eps = margin.numerator * int(logits[3][0, 0])
    unit_one = margin.denominator * int(logits[3][0, 0])
    (score, positional), exponent = _common([paths.score, paths.positional_score])
    tables = (direct, output, places, eps, unit_one, unit, score, positional, exponent)
    return Problem(weights, task, margin, *tables, claimed, semantics, total)


def _common(matrices: list[DyadicMatrix]) -> tuple[list[Integers], int]:
    """Return the matrices in units of their lowest exponent, and that exponent."""
    exponent = min(matrix.exponent for matrix in matrices)
    return [_integers(matrix, matrix.exponent - exponent) for matrix in matrices], exponent


def _integers(matrix: DyadicMatrix, shift: int) -> Integers:
    integers: Integers = np.array(matrix.tolist(), dtype=object) * (1 << shift)
    return integers
