"""The numbers on whose signs a certificate rests, as balls at any precision."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import flint

from ballproof.models.tasks import Class
from ballproof.verifier.counting.problem import Problem

# Names one quantity within its class or label; equal items are the same number.
Item = Hashable
Balls = Mapping[Any, flint.arb]


class Counted(NamedTuple):
    """How many inputs of a part the certificate's rules count as right, at least and at most.

    Between them are those whose deciding quantities have no sign yet, or were not looked at.
    """

    least: int
    most: int


class Part(NamedTuple):
    """What is recomputed as one: a class (q, m) or a label; `cost` in operations on balls."""

    name: tuple[int, ...]
    size: int
    cost: int


class Quantities(Protocol):
    """The quantities of one certificate.

    Each is one real number, defined by the weights and the witness alone. Balls of it at two
    precisions therefore overlap. A negative one shows inputs right.
    """

    @property
    def what(self) -> str:
        """What the quantities are, for print."""

    @property
    def alone(self) -> Counted:
        """What is counted without any quantity."""

    def parts(self) -> list[Part]:
        """Return all parts, in order; together with `alone` they hold every input once."""

    def items(self, part: Part, bits: int) -> Sequence[Item]:
        """Return the quantities of a part, found at this precision where decisions lead on."""

    def balls(self, part: Part, items: Sequence[Item], bits: int) -> dict[Item, flint.arb]:
        """Enclose quantities of a part with this many bits."""

    def name(self, item: Any) -> str:
        """Return what a quantity is called in print, within its part."""

    def counted(self, part: Part, balls: Balls) -> Counted:
        """Return what follows for the part from enclosures of its items."""


def negative(ball: flint.arb | None) -> bool:
    """Return whether the ball is there and certainly below 0."""
    return ball is not None and bool(ball < 0)


def nonnegative(ball: flint.arb | None) -> bool:
    """Return whether the ball is there and certainly at or above 0."""
    return ball is not None and bool(ball >= 0)


def class_parts(problem: Problem, cost: Callable[[Class], int]) -> list[Part]:
    """Return the classes (q, m) that hold any input, each with its `cost`."""
    return [
        Part((class_.query, class_.label), class_.size, cost(class_))
        for class_ in problem.task.classes()
    ]
