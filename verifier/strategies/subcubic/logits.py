"""Logit gaps of the subcubic strategies in balls: the direct path, and what is attended to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import flint
import numpy as np

from ballproof.interval.ball import exact, precision, upper_ball
from ballproof.verifier.counting.problem import Integers, Problem
from ballproof.verifier.strategies.subcubic.chains import (
    Balls,
    Direction,
    Ended,
    chain_ranges,
    column,
    mean_row,
    ones,
)
from ballproof.verifier.strategies.subcubic.scores import WORKING_BITS, balls

Row = list[flint.arb]


@dataclass(frozen=True, eq=False)
class Logits:
    """Tables over the rivals j != m, in natural units (times the margin's denominator).

    For attention a to the maximum and others at most m - gamma, every gap is at most
    phi_m(a) + (1-a) others[m][m-gamma] + difference[q] + eps, where
    phi_m(a) = max_j constant[m][j] + a slope[m][j]. `alone[m]` is the largest gap of the sequence
    of m alone.
    """

    constant: list[Row]
    slope: list[Row]
    others: list[Row]
    difference: Row
    alone: Row
    eps: flint.arb


@lru_cache(maxsize=8)
def bounded_logits(problem: Problem, name: str, mu: Direction) -> Logits:
    """Return the tables with the direct-path split `name`; `mu` is the witness of svd-query."""
    with precision(WORKING_BITS):
        return enclosed_logits(problem, name, mu, upper_ball)


def enclosed_logits(problem: Problem, name: str, mu: Direction, ended: Ended) -> Logits:
    """Return the tables at the precision in force; `ended` is applied to the difference."""
    v, head, table = problem.shape.d_vocab, problem.head, problem.tables.direct
    reference, difference = _direct_split(problem, name, mu, ended)
    constant, slope, others, alone = [], [], [], []
    for m in range(v):
        positional = head.positional_output - head.positional_output[:, [m]]
        place = np.delete(positional.max(axis=0), m)
        gains = np.delete(head.output[m] - head.output[m, m], m)
        direct = np.delete(table[m] - table[m, m], m)
        split = [reference[j] - reference[m] for j in range(v) if j != m]
        constant.append([x + y for x, y in zip(split, _exact(problem, place), strict=True)])
        slope.append(_exact(problem, gains))
        gaps = np.delete(head.output - head.output[:, [m]], m, axis=1).max(axis=1)
        others.append(_exact(problem, np.maximum.accumulate(gaps)))
        alone += _exact(problem, np.array([(direct + place + gains).max()], dtype=object))
    eps = _exact(problem, np.array([problem.tables.eps], dtype=object))[0]
    return Logits(constant, slope, others, difference, alone, eps)


def _exact(problem: Problem, numbers: Integers) -> Row:
    return [exact(int(x), problem.tables.logit_exponent) for x in numbers]


def _direct_split(problem: Problem, name: str, mu: Direction, ended: Ended) -> tuple[Row, Row]:
    """Return mu_j (v) and diff_q (v) with D[q,j] - D[q,m] <= mu_j - mu_m + diff_q."""
    v, denominator = problem.shape.d_vocab, problem.margin.denominator
    if name.endswith("max-diff-exact"):
        ranges = problem.tables.direct.max(axis=1) - problem.tables.direct.min(axis=1)
        if name.startswith("global"):
            ranges = np.full(v, ranges.max(), dtype=object)
        return [exact(0)] * v, _exact(problem, ranges)
    reference, chain = direct_chain(problem, name, mu)
    constant = reference * chain[-1] + balls(problem.weights.factors.unembedding_bias)
    difference = chain_ranges(chain, 0, ended)
    return [denominator * x for x in constant.entries()], [denominator * x for x in difference]


def direct_chain(problem: Problem, name: str, mu: Direction) -> tuple[Balls, list[Balls]]:
    """Return a reference row (1,d) of A' by the handling `name`, and A' without it, and W_U."""
    rows = direct_rows(problem)
    reference = flint.arb_mat(1, problem.shape.d_model)
    if name == "mean-query":
        reference = mean_row(rows)
    elif name == "svd-query":
        reference = column(mu).transpose()
    rest = rows - ones(rows.nrows()) * reference
    return reference, [rest, balls(problem.weights.factors.unembedding)]


def direct_rows(problem: Problem) -> flint.arb_mat:
    """Return A' (v,d), what reaches the unembedding past attention."""
    return balls(problem.weights.factors.direct)
