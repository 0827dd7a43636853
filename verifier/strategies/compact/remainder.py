"""`remainder`: the linear part of each neuron in the tables, the rest through a low rank (M3)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from random import Random

import numpy as np

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.interval.fixed import RangeError
from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.one_pass import Before, sampled
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.remainder import Linear, LinearPart, Remainder
from ballproof.verifier.strategies.base import Witness
from ballproof.verifier.strategies.changes import (
    WITNESS_PATH,
    WitnessChanges,
)
from ballproof.verifier.strategies.compact.balls import RemainderQuantities
from ballproof.verifier.strategies.compact.changes import add_matrix_changes
from ballproof.verifier.strategies.compact.choices import Choices
from ballproof.verifier.strategies.compact.costs import least_operations, remainder_operations
from ballproof.verifier.strategies.compact.domain import MOST_RANK, REMAINDER
from ballproof.verifier.strategies.compact.fits import linear_fit, low_rank
from ballproof.verifier.strategies.compact.matrices import Scaled, read, written
from ballproof.verifier.strategies.faults import object_faults
from ballproof.verifier.strategies.relaxations import Relaxation

# Inputs that slopes are fitted on and ranks are tried on.
SAMPLE, SEED = 4096, 15
EMPTY = {"exponent": 0, "rows": list[list[int]]()}


class RemainderKind:
    """Witnesses of a slope and an intercept for each neuron, and two factors of low rank."""

    name, most_bits = "remainder", 1024
    complexity = "inputs times ((m + a) (H k + r))"
    summary = "neurons by a linear fit, what remains through a low rank, the rest at its worst"
    relaxed = Relaxation(
        "low rank", "what output weights have beyond the low rank is charged neuron by neuron"
    )

    def search(self, problem: Problem, goal: Goal) -> Witness:
        """Fit the neurons on sampled inputs, and take the rank that the goal asks for."""
        try:
            return _search(problem).witness(goal)
        except RangeError:
            return self.of_one_answer(problem)

    def of_one_answer(self, problem: Problem) -> Witness:
        """Return slopes of 0 and no rank."""
        row = written(np.zeros((1, problem.program.neurons)))
        return {"kappa": row, "mu": row, "u": EMPTY, "v": EMPTY}

    def least_operations(self, problem: Problem) -> int:
        """Count the sums of every input, the tables left out."""
        return least_operations(problem)

    def step(self, problem: Problem, witness: Witness) -> Remainder:
        """Return M3 for this witness."""
        part = LinearPart(problem.program, _linear(problem, witness))
        return Remainder(part, product_of(problem, witness))

    def quantities(self, problem: Problem, witness: Witness) -> RemainderQuantities:
        """Return what decides for every rival on sampled inputs."""
        rest = problem.program.layers[-1][0] - product_of(problem, witness)
        return RemainderQuantities(problem, _linear(problem, witness), rest)

    def fits(self, witness: Witness) -> bool:
        """Return whether the witness has the four matrices."""
        return set(witness) == set(REMAINDER)

    def changes(self, problem: Problem, witness: Witness, rng: Random) -> WitnessChanges:
        """Return matrices outside of their domain, and other numbers in them."""
        changes = WitnessChanges(list(object_faults(WITNESS_PATH, witness)), [])
        for key in REMAINDER:
            add_matrix_changes(changes, problem, key, witness[key], rng)
        return changes


def product_of(problem: Problem, witness: Witness) -> DyadicMatrix:
    """Return U V (m, a) exactly."""
    m, a, rank = problem.program.neurons, problem.answers, len(witness["v"]["rows"])
    if not rank:
        return DyadicMatrix.zeros(m, a)
    return read(witness["u"], m, rank) @ read(witness["v"], rank, a)


def _linear(problem: Problem, witness: Witness) -> Linear:
    m = problem.program.neurons
    return Linear(read(witness["kappa"], 1, m), read(witness["mu"], 1, m))


@lru_cache(maxsize=1)
def _search(problem: Problem) -> _Search:
    """Return what is known of a problem's ranks: one goal often follows another."""
    return _Search(problem)


class _Search:
    """The ranks that a model may be given: one linear part, and of each rank the best factors."""

    def __init__(self, problem: Problem) -> None:
        self.problem, program = problem, problem.program
        self.tokens, self.own, self.weight = sampled(problem, SAMPLE, SEED)
        before = Before(program)
        pre = before.of(self.tokens).neurons.astype(np.float64)
        kappa, mu = linear_fit(pre) if len(pre) else (np.zeros(program.neurons),) * 2
        # The fit is of integers, and a slope has no unit.
        self.fixed = {
            "kappa": written(kappa[None]),
            "mu": written(mu[None], -before.neuron_unit),
        }
        left = np.abs(np.maximum(pre, 0) - mu - kappa * pre)
        self.sizes = left.mean(axis=0) if len(pre) else np.ones(program.neurons)
        self.part = LinearPart(program, _linear(problem, self.fixed))
        self.weights = Scaled.of(self.part.weights)
        most = min(MOST_RANK, program.neurons, problem.answers - 1)
        self.choices = Choices(most + 1, self._operations, self._right)

    def witness(self, goal: Goal) -> Witness:
        """Return the witness of the rank that the goal asks for."""
        return self._of_rank(self.choices.chosen(self.problem, goal))

    def _operations(self, rank: int) -> int:
        return remainder_operations(self.problem, rank)

    def _right(self, rank: int) -> Fraction:
        """Return the part of sampled inputs that a rank shows right."""
        try:
            step = Remainder(self.part, product_of(self.problem, self._of_rank(rank)))
        except RangeError:
            return Fraction(0)
        found = step.settle(self.tokens, self.own, self.problem.margin)
        return int(found.right.sum()) * self.weight

    def _of_rank(self, rank: int) -> Witness:
        if not rank:
            return {**self.fixed, "u": EMPTY, "v": EMPTY}
        left, right = low_rank(self.weights.floats, self.sizes, rank)
        return {**self.fixed, "u": written(left, self.weights.exponent), "v": written(right)}
