"""`prove`: a certificate that the standalone checker has verified, as an object."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ballproof.models.files import write_atomically
from ballproof.models.task_choice import choose_task
from ballproof.models.tasks import Task
from ballproof.verifier.api.cards import card, shown
from ballproof.verifier.api.models import Model, load
from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS
from ballproof.verifier.proving.least_lead import raising
from ballproof.verifier.proving.pipeline import Proven, draft, verify
from ballproof.verifier.proving.searches import Search, run_search, search_named
from ballproof.verifier.proving.shares import share
from ballproof.verifier.proving.steering import prove as prove_to_goal
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Strategy

Number = str | int | Fraction


@dataclass(frozen=True, eq=False)
class Proof:
    """A certificate, verified by the checker in a process of its own, and what it says.

    At least `correct_at_least` and at most `correct_at_most` of `total` inputs of the task are
    right by more than `margin`, in these `semantics`. `assumed` are what nothing in the model's
    file states: of its function, of its task.
    """

    model: Model
    certificate: bytes
    task: str
    strategy: str
    semantics: str
    margin: Fraction
    total: int
    correct_at_least: int
    correct_at_most: int
    operations: int
    unexplained_dimension: int | None
    seconds_to_prove: float
    seconds_to_check: float
    note: str | None
    assumed: tuple[str, ...]

    @property
    def accuracy(self) -> Fraction:
        """The share of inputs that are certainly right, as an exact fraction."""
        return Fraction(self.correct_at_least, self.total)

    @property
    def is_exact(self) -> bool:
        """Whether both ends are one number: how many inputs are right is known."""
        return self.correct_at_least == self.correct_at_most

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the certificate, for `ballproof check MODEL CERTIFICATE` and `check`."""
        write_atomically(path, self.certificate)
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """Return the statement and the figures for machines; counts are decimal strings."""
        return {
            "model": self.model.name,
            "sha256": self.model.sha256,
            "task": self.task,
            "strategy": self.strategy,
            "semantics": self.semantics,
            "margin": str(self.margin),
            "total": str(self.total),
            "correct_at_least": str(self.correct_at_least),
            "correct_at_most": str(self.correct_at_most),
            "operations": str(self.operations),
            "unexplained_dimension": self.unexplained_dimension,
            "bytes": len(self.certificate),
            "seconds_to_prove": round(self.seconds_to_prove, 3),
            "seconds_to_check": round(self.seconds_to_check, 3),
            "note": self.note,
            "assumed": list(self.assumed),
        }

    @property
    def statement(self) -> str:
        """What is proved, in a line."""
        line = f"at least {self.correct_at_least} of {self.total} inputs right"
        line += f" (>= {share(self.correct_at_least, self.total)})"
        if self.is_exact:
            return f"{line}, exactly"
        open_above = self.correct_at_most == self.total
        return line if open_above else f"{line}, at most {self.correct_at_most}"

    def __repr__(self) -> str:
        return f"Proof({self.task}, {self.strategy}: {self.statement})"

    def _repr_html_(self) -> str:
        seconds = f"{self.seconds_to_prove:.2f} to prove, {self.seconds_to_check:.2f} to check"
        facts = {
            "proved": self.statement,
            "margin": self.margin or None,
            "semantics": self.semantics,
            "strategy": self.strategy,
            "operations": f"{self.operations:,}",
            "seconds": seconds,
            "certificate": f"{len(self.certificate):,} bytes, verified",
            "note": self.note,
            "assumed": "; ".join(self.assumed),
        }
        return card(f"{self.task} of {self.model.name}", facts)


def prove(
    model: Any,
    *,
    task: str | Task | None = None,
    strategy: str = "auto",
    at_least: Number | None = None,
    margin: Number = 0,
    semantics: str = "real",
    least_lead: bool = False,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
    progress: bool = False,
) -> Proof:
    """Return a verified proof of how many inputs of the task the model gets right.

    `model` is whatever `load` takes. `task` is a name as in min-of-4, or a Task; left out, it is
    what the zoo or the file states, else max-of-k. `strategy` is the name of one (`exact`,
    `cubic`, `ladder`, ...), or of a search: `auto` takes the best bound within `max_operations`, or
    the shortest proof of the accuracy `at_least`. `margin` and `at_least` are exact: "0.999",
    Fraction(999, 1000) or an integer, no floats. `least_lead` raises the margin to a decimal that
    every right input's lead exceeds, which the proof then says of each. `progress` shows a bar on
    standard error.

    Raises ModelError for a model or task that is not supported, UnknownStrategyError, and
    NotApplicableError where the strategy does not apply or the goal is not reached.
    """
    loaded = load(model)
    weights = loaded.weights
    chosen = choose_task(weights, task if isinstance(task, str) else None)
    asked = task if isinstance(task, Task) else chosen.task
    problem = pose(weights, exact_number(margin, "margin"), semantics, asked)
    aim = None if at_least is None else exact_number(at_least, "at_least")
    goal = Goal(max_operations if max_operations < DEFAULT_MAX_OPERATIONS else None, aim)
    how = search_named(strategy) or strategy_named(strategy)
    if aim is not None and not isinstance(how, Search) and not how.steerable:
        raise ValueError(f"{how.name} proves what it proves: `at_least` goes with a search.")
    if least_lead:
        with shown("finding the least lead", progress) as report:
            raised = raising(problem, report)
        proven = raised.proven(lambda one: _proven(one, how, goal, max_operations, progress))
    else:
        proven = _proven(problem, how, goal, max_operations, progress)
    stated = "" if isinstance(task, Task) else chosen.assumption
    assumed = tuple(line for line in (stated, loaded.assumed) if line)
    return _proof(loaded, proven, assumed)


def exact_number(value: Number, name: str) -> Fraction:
    """Return a number that was written exactly; a float is not the number that somebody wrote."""
    if isinstance(value, bool | float) or not isinstance(value, str | int | Fraction):
        raise TypeError(f"{name} is {value!r}: state it exactly, as in '0.999' or Fraction(1, 3).")
    try:
        number = Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{name} is {value!r}, where a number like '0.999' is expected.") from None
    if number < 0:
        raise ValueError(f"{name} is {value}, where a number >= 0 is expected.")
    return number


def _proven(
    problem: Problem, how: Search | Strategy, goal: Goal, max_operations: int, progress: bool
) -> Proven:
    with shown(f"proving and checking ({how.name})", progress) as report:
        if isinstance(how, Search):
            return run_search(problem, how, goal, max_operations, report)
        if how.steerable:
            return prove_to_goal(problem, how, max_operations, report, goal)
        return verify(draft(problem, how, max_operations, report))


def _proof(model: Model, proven: Proven, assumed: tuple[str, ...]) -> Proof:
    claim, proof = proven.claim, proven.proof
    return Proof(
        model,
        proven.certificate,
        proven.task,
        proof.strategy,
        claim.semantics,
        claim.margin,
        claim.total,
        claim.correct_at_least,
        claim.correct_at_most,
        proof.operations,
        proven.unexplained_dimension,
        proven.seconds_to_prove,
        proven.seconds_to_check,
        proven.note,
        assumed,
    )
