"""Every input of a domain, one after the other, pass after pass until it is settled (M2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks import Task
from ballproof.verifier.counting.fixed_point import LANES, FixedPoint, Settled
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.inputs import NO_ANSWER, Evaluated, Inputs
from ballproof.verifier.counting.mixing import Numbers, Tokens
from ballproof.verifier.counting.program import DomainProgram
from ballproof.verifier.counting.rational import Rational
from ballproof.verifier.counting.wrong_count import WrongCount

MOST_PASSES = 4
# Numbers of one array operation: as many as stay in a core's cache; of Python integers fewer.
BLOCK, WIDE_BLOCK = 1 << 16, 1 << 15


class Pass(Protocol):
    """Something that decides inputs, or leaves them open."""

    def settle(self, tokens: Tokens, own: NDArray[np.int64], margin: Fraction) -> Settled:
        """Decide inputs (N, k) whose labels are these columns (N,)."""


class Enumeration:
    """The inputs of a task's domain, counted by passes with lanes of 64, 128, 256, 512 bits.

    An input whose label is no answer is wrong, and right where there is a single answer. What is
    open after the last pass is decided exactly where the program has no exponential, and otherwise
    counts as right at one end and as wrong at the other. Counts are kept.
    """

    def __init__(self, program: DomainProgram, task: Task, margin: Fraction) -> None:
        self.program, self.task, self.margin = program, task, margin
        self.inputs = Inputs(task)
        self._counts: list[WrongCount] = []
        self._later: list[Pass] = []

    @property
    def most_passes(self) -> int:
        """How many passes can differ: without exponentials exact integers follow the first."""
        return MOST_PASSES if self.program.heads else 1

    def count(self, passes: int, progress: Progress) -> WrongCount:
        """Return how many inputs are wrong after so many passes, at least and at most."""
        wanted = min(passes, self.most_passes)
        if len(self._counts) < wanted:
            self._counts = self._run(wanted, progress, math.inf)
        return self._counts[wanted - 1]

    def passes(self, progress: Progress, most_operations: float) -> int:
        """Return after how many passes no further one settles any input.

        Passes after the first that need more operations than this are not made.
        """
        self._counts = self._run(self.most_passes, progress, most_operations)
        return self._counts.index(self._counts[-1]) + 1

    def leads(self) -> Iterator[Evaluated]:
        """Yield the inputs with a label among the answers, their leads and errors, in blocks.

        Floats of the first pass, for pictures and tables, infinite where they are beyond floats;
        there are two answers or more.
        """
        first = self._first
        for tokens in self.blocks():
            own = self.columns(tokens)
            asked = own >= 0
            found = first.leads(tokens[asked], own[asked])
            leads = np.where(found.proved, self._logits(found.leads, first.unit), np.nan)
            errors = self._logits(found.errors, first.unit)
            yield Evaluated(self.inputs.named(tokens[asked]), leads, errors)

    def decided(self, inputs: Tokens, margin: Fraction | None = None) -> Settled:
        """Decide single inputs (N, k), not too many, by as many passes as there are.

        Those that no pass decides are open, and so are those without a label. Another margin than
        the problem's may be given, below 0 too.
        """
        margin = self.margin if margin is None else margin
        tokens = inputs - self.inputs.firsts
        own, passes = self.columns(tokens), MOST_PASSES if self.program.heads else 2
        right, wrong = np.zeros(len(own), dtype=np.bool_), own == NO_ANSWER
        right |= (own >= 0) & (self.program.answers == 1)
        for place in range(passes):
            left = np.flatnonzero((own >= 0) & ~right & ~wrong)
            if len(left):
                found = self._pass(place).settle(tokens[left], own[left], margin)
                right[left], wrong[left] = found.right, found.wrong
        return Settled(right, wrong)

    def _logits(self, numbers: Numbers, unit: int) -> NDArray[np.float64]:
        """Return numbers in 2^-unit as logits."""
        with np.errstate(over="ignore"):
            scaled: NDArray[np.float64] = np.ldexp(numbers.astype(np.float64), -unit)
        return scaled / self.program.denominator

    def _run(self, passes: int, progress: Progress, most_operations: float) -> list[WrongCount]:
        """Return the counts after one pass, two, and so on, as many as the operations allow."""
        done, run = 0, _Run(self.program.operations, most_operations, passes)
        if not self.program.heads:
            run = _Run(self.program.operations, math.inf, 2)
        for tokens in self.blocks():
            own = self.columns(tokens)
            run.lost += int((own == NO_ANSWER).sum())
            answered = own >= 0
            run.answered += int(answered.sum())
            if self.program.answers > 1:
                self._settle(run, tokens[answered], own[answered])
            else:
                run.right[0] += int(answered.sum())
            done += len(tokens)
            progress(done, self.task.product)
        counts = run.counts()
        return counts if self.program.heads else counts[-1:]

    def _settle(self, run: _Run, tokens: Tokens, own: NDArray[np.int64]) -> None:
        """Decide inputs that have rivals, by one pass after the other."""
        for place in itertools.count():
            if not len(own) or not run.begins(place, len(own)):
                return
            step = self._pass(place)
            # Python integers take much room.
            rows = max(len(own) if place == 0 else WIDE_BLOCK // self.program.width, 1)
            left = []
            for start in range(0, len(own), rows):
                part = slice(start, start + rows)
                found = step.settle(tokens[part], own[part], self.margin)
                run.add(place, found)
                left.append(~(found.right | found.wrong))
            remaining = np.concatenate(left)
            tokens, own = tokens[remaining], own[remaining]

    def _pass(self, place: int) -> Pass:
        """Return a pass, made when an input first needs it."""
        if place == 0:
            return self._first
        if place > len(self._later):
            exact = not self.program.heads
            self._later.append(
                Rational(self.program) if exact else FixedPoint(self.program, LANES << place)
            )
        return self._later[place - 1]

    @cached_property
    def _first(self) -> FixedPoint:
        return FixedPoint(self.program, LANES)

    def blocks(self) -> Iterator[Tokens]:
        """Yield the domain's sequences (N, k) in lexicographic order, tokens by their places."""
        return self.inputs.blocks(max(BLOCK // self.program.width, 1))

    def columns(self, tokens: Tokens) -> NDArray[np.int64]:
        """Return the column of each label (N,), NO_ANSWER or NO_LABEL where there is none."""
        return self.inputs.columns(tokens)


class _Run:
    """What is known while inputs are counted: of each pass, what it settled and spent."""

    def __init__(self, operations: int, most_operations: float, passes: int) -> None:
        self.operations, self.most_operations = operations, most_operations
        self.lost = self.answered = 0
        self.right, self.wrong, self.spent = [0] * passes, [0] * passes, [0] * passes

    def begins(self, place: int, inputs: int) -> bool:
        """Return whether a pass is to be made, and give up it and all after it if it costs more."""
        if place >= len(self.right):
            return False
        self.spent[place] += inputs * self.operations
        if place and self.spent[place] > self.most_operations:
            del self.right[place:], self.wrong[place:], self.spent[place:]
            return False
        return True

    def add(self, place: int, settled: Settled) -> None:
        """Take what a pass settled into account."""
        self.right[place] += int(settled.right.sum())
        self.wrong[place] += int(settled.wrong.sum())

    def counts(self) -> list[WrongCount]:
        """Return how many inputs are wrong after each pass."""
        right, wrong = itertools.accumulate(self.right), itertools.accumulate(self.wrong)
        return [
            WrongCount(self.lost + certain, self.lost + self.answered - sure)
            for sure, certain in zip(right, wrong, strict=True)
        ]
