"""What a strategy is: a search for a witness, and a bound that is sound for any witness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Any, NamedTuple, Protocol

from ballproof.models.architectures import Shape
from ballproof.verifier.counting.classes import TabledClass, tabled_classes
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import NOTHING, WrongCount
from ballproof.verifier.strategies.changes import WitnessChanges
from ballproof.verifier.strategies.quantities import Quantities
from ballproof.verifier.strategies.relaxations import Case, Step

Witness = dict[str, Any]
EXHAUSTIVE_LIMIT = 2**32


@dataclass(frozen=True)
class Bounds:
    """How many inputs are right, at least and at most."""

    correct_at_least: int
    correct_at_most: int


class Group(NamedTuple):
    """Strategies that a report shows together, at their `place`; the study's come before ours."""

    name: str
    explanation: str
    place: int


class InAuto(Enum):
    """When the search `auto` tries a strategy.

    Of the steerable ones one is FIRST. NEVER: another shows the same at less length.
    WITHOUT_TABLES: where the model has no tables of one head; where it has, as NEVER.
    """

    FIRST = auto()
    ALWAYS = auto()
    WHERE_MUCH_IS_OPEN = auto()
    WITHOUT_TABLES = auto()
    NEVER = auto()


class Needs(Enum):
    """What a strategy reads of a model; in words for a sentence."""

    TABLES = "the tables of one head"
    FACTORS = "the tables of one head, and the matrices that they are products of"
    CLASSES = "the tables of one head, or heads with one layer of neurons at most"
    SUMMANDS = "heads, and one layer of neurons at most"
    EVALUATION = "a program of look-ups, heads and layers, or layers in sequence"
    ONE_LAYER = "a program with a single layer of neurons"


class Serves(Enum):
    """Which tasks a strategy serves."""

    EVERY_TASK = auto()
    MAX_OF_ALL = auto()


@dataclass(frozen=True)
class Losses:
    """Lost sequences by query, by maximum, and by gap (index g: the next token is m - g)."""

    by_query: tuple[int, ...]
    by_maximum: tuple[int, ...]
    by_gap: tuple[int, ...]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_maximum)


LossesOf = Callable[[Witness, int], Losses]


class Strategy(Protocol):
    """One way to bound the accuracy.

    The order of work is in v = d_vocab and k = n_ctx. `search` is untrusted, and `bound` must be
    sound whatever it finds.
    """

    @property
    def name(self) -> str:
        """Name on the command line and in certificates."""

    @property
    def complexity(self) -> str:
        """Order of work."""

    @property
    def summary(self) -> str:
        """One line that explains the strategy."""

    def precision_for(self, problem: Problem) -> int:
        """Return the first working precision of a certificate, in bits."""

    @property
    def family(self) -> str:
        """The first part of the name, or the name that it shares with its variants."""

    @property
    def group(self) -> Group:
        """The group that a report shows it in."""

    @property
    def of_study(self) -> bool:
        """Whether it is one of the study's."""

    @property
    def in_auto(self) -> InAuto:
        """When the search `auto` tries it."""

    @property
    def two_sided(self) -> bool:
        """Whether it counts from both ends where nothing limits the length."""

    @property
    def needs(self) -> Needs:
        """What it reads of the model."""

    @property
    def serves(self) -> Serves:
        """The tasks that it serves."""

    @property
    def most_inputs(self) -> int | None:
        """The most inputs of a domain that it settles one by one; None for any number."""

    def unexplained_dimension(self, shape: Shape) -> int | None:
        """Return the study's count of what the proof treats case by case; None if undefined."""

    def least_operations(self, problem: Problem) -> int:
        """Return a lower bound on what the checker will count."""

    @property
    def steerable(self) -> bool:
        """Whether the search heeds a goal."""

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return the witness to write into the certificate."""

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Return sound bounds; calls `progress(done, all)` as it goes."""

    # For the audit and the report.

    @property
    def losses(self) -> LossesOf | None:
        """What the witness alone, with n_ctx, tells of the sequences not certified, if it does."""

    def quantities(self, problem: Problem, witness: Witness) -> Quantities:
        """Return the numbers that decide a certificate, in balls; there is a rival."""

    def fits(self, witness: Witness) -> bool:
        """Return whether a witness of some strategy is, by its keys and rules, one of this."""

    def serves_precision(self, witness: Witness, bits: int) -> bool:
        """Return whether a certificate with this witness may state these bits, of 32 to 1024."""

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return changes of a witness, each at some places, for the audit to try."""

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield counts from the certificate's towards the truth, each with what it lacked."""

    def given_up(self, problem: Problem, witness: Witness, progress: Progress) -> int | None:
        """Return how many inputs the witness gives up, or None where that is not to be told."""


def first_precision(strategy: Strategy, problem: Problem, witness: Witness) -> int:
    """Return the first working precision of a certificate: of passes, the first one's width."""
    passes = witness.get("passes")
    if isinstance(passes, list):
        return int(passes[0]["width"])
    return strategy.precision_for(problem)


class NotOfTheStudy:
    """What strategies have in common that the study lacks."""

    of_study = False

    def unexplained_dimension(self, shape: Shape) -> None:
        """Return None: the study has no such strategy, and no rule for it."""
        return


def classes(d_vocab: int, progress: Progress) -> Iterator[tuple[int, range]]:
    """Yield each maximum m with its queries 0..m, reporting progress in classes (q, m)."""
    done, every = 0, d_vocab * (d_vocab + 1) // 2
    for maximum in range(d_vocab):
        yield maximum, range(maximum + 1)
        done += maximum + 1
        progress(done, every)


def count_classes(
    problem: Problem, progress: Progress, count_class: Callable[[TabledClass], WrongCount]
) -> Bounds:
    """Return the bounds that follow from counting the wrong sequences of every class.

    Those of a class whose label is no answer are wrong, and nothing else is where there is a single
    answer.
    """
    wrong = NOTHING
    for label in problem.task.labels:
        if problem.column(label) is None:
            lost = sum(class_.size for class_ in problem.task.classes_of(label))
            wrong += WrongCount(lost, lost)
    for tabled in tabled_classes(problem, progress):
        wrong += count_class(tabled)
    return Bounds(problem.total - wrong.possible, problem.total - wrong.certain)
