"""The cubic strategy of the study, each step proven: good sets of tokens, counted."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

import flint
import numpy as np

from ballproof.interval.ball import (
    ascending,
    certainly_negative,
    exact,
    lower_end,
    precision,
    upper_end,
)
from ballproof.models.architectures import Shape
from ballproof.verifier.counting.attention import Attention, exponentials
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.signs import wrong
from ballproof.verifier.counting.tables import IntegerHead
from ballproof.verifier.strategies.base import (
    Bounds,
    Group,
    InAuto,
    Serves,
    Witness,
    classes,
)
from ballproof.verifier.strategies.cubic_balls import CubicQuantities
from ballproof.verifier.strategies.relaxations import CLAIM, POSITIONS, Case, Step
from ballproof.verifier.strategies.without_witness import WithoutWitness

WORKING_BITS = 64
LANE_BITS = 60


class Cubic(WithoutWitness):
    """Pessimise positions and rivals apart, find for each class the tokens that do no harm."""

    name = "cubic"
    complexity = "v^3 k^2"
    summary = "positions and rivals pessimised apart, good tokens counted: a lower bound"
    precision = 64
    group = Group("cubic", "positions and rivals pessimised apart", 1)
    family = "cubic"
    of_study = True
    in_auto = InAuto.ALWAYS
    two_sided = False
    serves, most_inputs = Serves.MAX_OF_ALL, None

    def unexplained_dimension(self, shape: Shape) -> int:
        """Return 3 v^2 + 2 k v: the tables that are taken entry by entry."""
        return 3 * shape.d_vocab**2 + 2 * shape.n_ctx * shape.d_vocab

    def least_operations(self, problem: Problem) -> int:
        """Count the good-set tests only: 4 per class, token and number of free tokens below m."""
        shape = problem.shape
        tokens = sum((m + 1) * m for m in range(shape.d_vocab))
        return 4 * tokens * max(shape.n_ctx - 2, 0)

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the sequences made of good tokens; no upper end but the number of all inputs."""
        v = problem.shape.d_vocab
        if v == 1:
            return Bounds(1, 1)
        with precision(WORKING_BITS):
            attention = [_Attention(problem.head, query) for query in range(v)]
            right = 0
            for maximum, queries in classes(v, progress):
                gaps = _joint_gaps(problem, maximum)
                filled = problem.task.acceptors(maximum)
                for query in queries:
                    if query in filled:
                        right += _count_class(problem, attention[query], query, maximum, gaps)
        return Bounds(right, problem.total)

    def quantities(self, problem: Problem, witness: Witness) -> CubicQuantities:
        """Return F at both ends of the weight of the tokens below the maximum."""
        return CubicQuantities(problem)

    def relaxations(self, case: Case) -> Iterator[Step]:
        """Yield the bound, then the count with positions exact."""
        yield CLAIM, self.bound(case.problem, {}, case.phase()).correct_at_least
        if case.right is not None:
            yield POSITIONS, case.rivals_alone()


class _Attention:
    """Balls a(t) = exp S[q,t] and p_i = exp R[q,i] of one query, up to common factors."""

    def __init__(self, head: IntegerHead, query: int) -> None:
        self.tokens = exponentials(head, head.score[query])
        *self.places, self.last = exponentials(head, head.positional_score[query])
        self.lanes = Attention(head, query)


def _joint_gaps(problem: Problem, maximum: int) -> list[int]:
    """Return h(t) = max over j != m of V[t,j]-V[t,m] + max over i of P[i,j]-P[i,m], t = 0..m."""
    head, own = problem.head, slice(maximum, maximum + 1)
    positional = (head.positional_output - head.positional_output[:, own]).max(axis=0)
    output = head.output[: maximum + 1]
    joint = np.delete(output - output[:, own] + positional, maximum, axis=1)
    return [int(gap) for gap in joint.max(axis=1)]


def _count_class(
    problem: Problem, attention: _Attention, query: int, maximum: int, gaps: list[int]
) -> int:
    """Return how many sequences of the class are certainly right.

    For each number c of free tokens below m: C(n, c) |G|^c, G being the tokens t whose
    F_t(B) = a(q) p_{k-1} u(q) + a(m) u(m) (T-B) + a(t) u(t) B is negative at the smallest and the
    largest weight B of c free positions. F_t is linear in B, and a mixture of good tokens is a
    convex combination of theirs, so all such sequences are right.
    """
    row = problem.tables.direct[query]
    gap = int(np.delete(row, maximum).max()) - int(row[maximum]) + problem.tables.eps
    bounds = [gap + h for h in gaps]
    places = len(attention.places)
    lows = ascending(lower_end(p) for p in attention.places)
    highs = ascending(upper_end(p) for p in attention.places)[::-1]
    right = int(_all_maximum_is_right(problem, attention.lanes, query, maximum))
    for c in range(1, places + 1 if query == maximum else places):
        ends = [sum(lows[:c], exact(0)), sum(highs[:c], exact(0))]
        good = _good_tokens(attention, query, maximum, bounds, ends)
        right += comb(places, c) * good**c
    return right


def _good_tokens(
    attention: _Attention, query: int, maximum: int, bounds: list[int], ends: list[flint.arb]
) -> int:
    total = sum(attention.places, exact(0))
    own = attention.tokens[query] * attention.last * bounds[query]
    pull = attention.tokens[maximum] * bounds[maximum]
    bases = [(weight, own + pull * (total - weight)) for weight in ends]
    good = 0
    for token in range(maximum):
        term = attention.tokens[token] * bounds[token]
        good += all(certainly_negative(base + term * weight) for weight, base in bases)
    return good


def _all_maximum_is_right(problem: Problem, lanes: Attention, query: int, maximum: int) -> bool:
    """Return whether the one sequence whose free tokens are all m is right (T1)."""
    sequence = [maximum] * (problem.shape.n_ctx - 1) + [query]
    # One token at each free position, and the query's.
    low, high = lanes.lanes(range(maximum, maximum + 1), LANE_BITS)
    tables, head = problem.tables, problem.head
    sums = head.output[sequence] + head.positional_output + tables.direct[query]
    gaps = sums - sums[:, maximum : maximum + 1] + tables.eps
    # Python integers from here on: exact whatever the size of the gaps.
    weights = np.where(gaps > 0, high[:, None], low[:, None]).astype(object)
    reached = np.flatnonzero((weights * gaps).sum(axis=0) >= 0)
    rivals = [int(j) for j in reached if j != maximum]
    return wrong(problem, sequence, rivals) is False
