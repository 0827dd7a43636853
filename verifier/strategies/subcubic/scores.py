"""Scores of the subcubic strategies in balls: M = M~ + Err, and the ranges of Err's rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import flint

from ballproof.interval.ball import precision, upper_ball
from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.subcubic.chains import (
    Balls,
    Direction,
    Ended,
    chain_ranges,
    column,
    ones,
    peel,
    product,
    row_ranges,
    spectral_range,
)

WORKING_BITS = 256


@dataclass(frozen=True)
class Directions:
    """The part of a witness that the scores depend on; what a strategy does not use is empty."""

    query: tuple[Direction, ...] = ()
    key: tuple[Direction, ...] = ()
    matrix: tuple[Direction, ...] = ()
    squarings: int = 0


@dataclass(frozen=True, eq=False)
class Scores:
    """M~ (v,v), an upper bound on the range of each row of M - M~ (v), and the rest R' (v,k)."""

    approximate: Balls
    error: list[flint.arb]
    positional: Balls


@dataclass(frozen=True, eq=False)
class Factors:
    """The factors of M = A Q K^T B^T / sqrt(d_head), in balls.

    A (v,d) are the rows that ask, `queried`; Q and K (d,h) make queries and keys. B (v,d) is the
    embedding plus the mean of the positions; 1/sqrt(d_head) is put into B^T, `keyed_transposed`,
    and into `rest_transposed`, which is (positions - mean)^T.
    """

    queried: Balls
    query: Balls
    key_transposed: Balls
    keyed_transposed: Balls
    rest_transposed: Balls
    query_bias: Balls

    @property
    def chain(self) -> list[Balls]:
        """The four factors of M."""
        return [self.queried, self.query, self.key_transposed, self.keyed_transposed]


def balls(matrix: DyadicMatrix) -> Balls:
    """Return an exact matrix as balls, at the precision in force."""
    return flint.arb_mat(matrix.mantissa) * flint.arb((1, matrix.exponent))


@lru_cache(maxsize=2)
def factors(problem: Problem) -> Factors:
    """Return the factors of the scores."""
    with precision(WORKING_BITS):
        return enclosed_factors(problem)


def enclosed_factors(problem: Problem) -> Factors:
    """Return the factors of the scores at the precision in force."""
    exact, shape = problem.weights.factors, problem.shape
    count = shape.n_ctx
    ones = DyadicMatrix.from_ints([[1] * count])
    total = ones @ exact.positions
    keyed = exact.embedding.scaled(count).plus_row(total)
    rest = exact.positions.scaled(count).plus_row(-total)
    scale = 1 / (count * flint.arb(shape.d_head).sqrt())
    return Factors(
        balls(exact.queried),
        balls(exact.query),
        balls(exact.key.transpose()),
        balls(keyed.transpose()) * scale,
        balls(rest.transpose()) * scale,
        balls(exact.query_bias),
    )


@lru_cache(maxsize=32)
def bounded_scores(problem: Problem, name: str, directions: Directions) -> Scores:
    """Return the scores with the score-error handling `name`, sound for any directions."""
    with precision(WORKING_BITS):
        return enclosed_scores(factors(problem), name, directions, upper_ball)


def enclosed_scores(parts: Factors, name: str, directions: Directions, ended: Ended) -> Scores:
    """Return the scores at the precision in force; `ended` is applied to the ranges of Err."""
    approximate, error = _approximation(parts, name, directions, ended)
    bias = parts.query_bias * parts.key_transposed * parts.keyed_transposed
    every = ones(approximate.nrows())
    queries = parts.queried * parts.query + every * parts.query_bias
    positional = queries * (parts.key_transposed * parts.rest_transposed)
    return Scores(approximate + every * bias, error, positional)


def _approximation(
    parts: Factors, name: str, directions: Directions, ended: Ended
) -> tuple[Balls, list[flint.arb]]:
    if name == "exact":
        approximate = product(_pair(parts))
        return approximate, [flint.arb(0)] * approximate.nrows()
    approximate, chain = peeled(parts, directions)
    return approximate, error_ranges(name, chain, directions.squarings, ended)


def _pair(parts: Factors) -> list[Balls]:
    return [parts.queried * parts.query, parts.key_transposed * parts.keyed_transposed]


def peeled(parts: Factors, directions: Directions) -> tuple[Balls, list[Balls]]:
    """Return M~ (v,v) and the factors of the error M - M~, two or four."""
    if directions.matrix:
        return _peeled_chain(parts.chain, directions)
    return _peeled_pair(_pair(parts), directions)


def _peeled_pair(pair: list[Balls], directions: Directions) -> tuple[Balls, list[Balls]]:
    """Return L0 N + L' N0 and the residual factors L', N': M~ keeps the cross terms."""
    left, right = pair
    (u,), (w,) = directions.query, directions.key
    row, left_rest = peel(left, u)
    key_row, right_rest = peel(right.transpose(), w)
    approximate = column(u) * (row * right)
    approximate += (left_rest * key_row.transpose()) * column(w).transpose()
    return approximate, [left_rest, right_rest.transpose()]


def _peeled_chain(chain: list[Balls], directions: Directions) -> tuple[Balls, list[Balls]]:
    """Peel two directions from A and B, one from Q and K; return the six terms and the rest."""
    a, q, kt, bt = chain
    terms: list[tuple[Balls, Balls]] = []
    for u in directions.query:
        row, a = peel(a, u)
        terms.append((column(u), product([row, q, kt, bt])))
    b = bt.transpose()
    for w in directions.key:
        row, b = peel(b, w)
        left = a * (q * (kt * row.transpose()))
        terms.append((left, column(w).transpose()))
    g, f = directions.matrix
    row, q_rest = peel(q, g)
    terms.append((a * column(g), product([row, kt, b.transpose()])))
    row, k_rest = peel(kt.transpose(), f)
    terms.append((a * (q_rest * row.transpose()), column(f).transpose() * b.transpose()))
    approximate = terms[0][0] * terms[0][1]
    for left, right in terms[1:]:
        approximate += left * right
    return approximate, [a, q_rest, k_rest.transpose(), b.transpose()]


def error_ranges(
    name: str, chain: list[Balls], squarings: int, ended: Ended = upper_ball
) -> list[flint.arb]:
    """Return for each row of the factors' product an upper bound on its range, as `name` does."""
    if name == "svd":
        return [spectral_range(chain[0], chain[1], squarings, ended)] * chain[0].nrows()
    if name == "max-diff-exact":
        return row_ranges(product(chain))
    means = len(chain) - 1 if name.startswith("mean-recursive") else int(name.startswith("mean"))
    if not name.endswith("-subproduct"):
        return chain_ranges(chain, means, ended)
    cuts = [
        chain_ranges([product(chain[:cut]), product(chain[cut:])], means, ended)
        for cut in range(1, len(chain))
    ]
    return [_smallest(bounds) for bounds in zip(*cuts, strict=True)]


def _smallest(bounds: tuple[flint.arb, ...]) -> flint.arb:
    result = bounds[0]
    for bound in bounds[1:]:
        result = result.min(bound)
    return result
