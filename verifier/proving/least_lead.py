"""The least lead as a certified number: the largest margin, in decimals, that loses no input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.pipeline import NotApplicableError, Proven

# Digits of a margin, and of the number what the checker's radius may take.
MOST_DIGITS, RADII = 12, 8
# How often a margin is lowered where the checker counts less than the prover.
ATTEMPTS = 3
# Of models with a program, inputs that are evaluated for their leads.
MOST_INPUTS = 2**24


@dataclass(frozen=True)
class Raising:
    """A problem whose margin is to be raised: a lower bound of the right inputs' leads is known.

    `radius` is what the checker's leads may be off by, as far as an estimate tells.
    """

    problem: Problem
    least: float
    radius: float

    def proven(self, prove: Callable[[Problem], Proven]) -> Proven:
        """Return a proof with the largest margin, in decimals, at which the checker counts as many.

        Where it counts fewer inputs right than there are, a margin with a digit less is tried.
        """
        digits = min(max(math.ceil(-math.log10(RADII * self.radius)), 1), MOST_DIGITS)
        for taken in range(ATTEMPTS):
            margin = self._decimal(max(digits - taken, 1))
            found = prove(replace(self.problem, margin=margin, claimed=margin))
            if found.note is None or margin == self.problem.margin:
                break
        return found

    def _decimal(self, digits: int) -> Fraction:
        """Return what is claimed: rounded down to so many digits, the margin unless above it."""
        number = Fraction(self.least - RADII * self.radius)
        rounded = Fraction(math.floor(number * 10**digits), 10**digits)
        return max(rounded, self.problem.margin)


def decimal(number: Fraction) -> str:
    """Return a number >= 0 as a decimal, or as n/d where it has more digits than a margin."""
    scaled = number * 10**MOST_DIGITS
    if scaled.denominator != 1:
        return str(number)
    whole, rest = divmod(scaled.numerator, 10**MOST_DIGITS)
    return f"{whole}.{rest:0{MOST_DIGITS}d}".rstrip("0").rstrip(".")


def raising(problem: Problem, progress: Progress) -> Raising:
    """Return how far the margin can be raised so that every input right at it exceeds the new one.

    Found in doubles and balls; what is claimed the checker counts. Raises NotApplicableError where
    no input is right, or where the model's inputs are not evaluated one by one.
    """
    if problem.semantics != "real":
        raise NotApplicableError("The least lead is one in real numbers: it goes with no float32.")
    return Raising(problem, *_least(problem, progress))


def _least(problem: Problem, progress: Progress) -> tuple[float, float]:
    """Return a lower bound of the right inputs' leads, and the checker's radius there."""
    if problem.answers == 1:
        raise NotApplicableError("The task has a single answer, which has no lead.")
    if problem.is_deep:
        least = problem.deep.least_lead(progress)
        radius = problem.deep.radius_there(progress)
    else:
        least, radius = _of_program(problem, progress), 2.0**-40
    if least is None:
        raise NotApplicableError("No input is right, so that there is no least lead.")
    if not math.isfinite(radius):
        raise NotApplicableError("The checker's radius is not bounded by an estimate.")
    return least, max(radius, 2.0**-48)


def _of_program(problem: Problem, progress: Progress) -> float | None:
    """Return the same of a model with a program, by one pass of fixed point."""
    if problem.weights.architecture.program is None or problem.task.product > MOST_INPUTS:
        raise NotApplicableError(
            "The least lead is found input by input, and there are too many or no program."
        )
    least, done, margin = np.inf, 0, float(problem.margin)
    for found in problem.enumeration.leads():
        low = found.leads - 1.001 * found.errors
        if not (np.isfinite(low)).all():
            raise NotApplicableError("The least lead is not known: some leads are not bounded.")
        right = low[low > margin]
        least = float(np.min(right, initial=least))
        done += len(found.inputs)
        progress(done, problem.task.product)
    return least if np.isfinite(least) else None
