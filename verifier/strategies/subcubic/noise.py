"""How far the bounds on row ranges exceed the true ranges, multiplication by multiplication.

The product lemma bounds range((X Y)[q]) by sum_l |X[q,l]| range(Y[l]): it adds up what in a matrix
without structure mostly cancels. Nothing is proved by these figures; the ranges are enclosed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flint

from ballproof.interval.ball import precision
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.subcubic.chains import (
    Balls,
    chain_ranges,
    ones,
    product,
    row_ranges,
    weighted,
)
from ballproof.verifier.strategies.subcubic.directions import directions, reference_row
from ballproof.verifier.strategies.subcubic.logits import direct_chain, direct_rows
from ballproof.verifier.strategies.subcubic.names import SCORE_ERROR
from ballproof.verifier.strategies.subcubic.scores import (
    WORKING_BITS,
    balls,
    error_ranges,
    factors,
    peeled,
)

RECURSIVE = "max-diff-subproduct-recursive"
# What is multiplied, from the right: B, K, Q and A are the factors of M without what was peeled.
PRODUCTS = ("KᵀBᵀ", "QKᵀBᵀ", "AQKᵀBᵀ")
DIRECT = ("max-diff-exact", "max-diff", "mean-query", "svd-query")
DIGITS = 6


@dataclass(frozen=True, eq=False)
class Multiplication:
    """One product X Y, for each row q of X in balls; `inner` is the number of rows of Y.

    `true` encloses range((X Y)[q]). `bound` is the product lemma's from the bounds of Y's rows, and
    `single` from their true ranges, so that true <= single <= bound. `independent` is
    sqrt(sum_l X[q,l]^2 range(Y[l])^2): what the range would be if the rows of Y were independent
    noise, whose spreads add up in squares.
    """

    inner: int
    true: list[flint.arb]
    bound: list[flint.arb]
    single: list[flint.arb]
    independent: list[flint.arb]


def multiplications(chain: Sequence[Balls]) -> list[Multiplication]:
    """Return the multiplications of a chain from the right, at the precision in force."""
    made, behind = [], chain[-1]
    bounds = truths = row_ranges(behind)
    for factor in reversed(chain[:-1]):
        inner = behind.nrows()
        single = weighted(factor, truths)
        squares = weighted(_squared(factor), [r * r for r in truths])
        bounds = weighted(factor, bounds)
        behind = factor * behind
        truths = row_ranges(behind)
        spread = [flint.arb.sqrt(flint.arb.max(x, flint.arb(0))) for x in squares]
        made.append(Multiplication(inner, truths, bounds, single, spread))
    return made


def noise(problem: Problem) -> dict[str, Any]:
    """Return the figures of a model with the tables of one head, as JSON.

    `factors` has an entry for each multiplication of the query-key path by the recursive handling:
    `excess`, the mean bound over the mean true range; `step`, the same of this factor alone; and
    `independent`, what `step` would be for independent noise. `scores` and `direct` have, by name
    of the handling, the mean `bound` and `true` range of a row of what it bounds, in natural units,
    and their ratio `excess`. A ratio to 0 is None. Rounded to six digits.
    """
    with precision(WORKING_BITS):
        return {
            "factors": _recursive(problem),
            "scores": {name: _scores(problem, name) for name in SCORE_ERROR if name != "exact"},
            "direct": {name: _direct(problem, name) for name in DIRECT},
        }


def _recursive(problem: Problem) -> list[dict[str, Any]]:
    chain = peeled(factors(problem), directions(problem, RECURSIVE))[1]
    return [
        {
            "product": name,
            "inner": one.inner,
            "excess": _ratio(one.bound, one.true),
            "step": _ratio(one.single, one.true),
            "independent": _ratio(one.single, one.independent),
        }
        for name, one in zip(PRODUCTS, multiplications(chain), strict=True)
    ]


def _scores(problem: Problem, name: str) -> dict[str, Any]:
    found = directions(problem, name)
    chain = peeled(factors(problem), found)[1]
    return _figures(error_ranges(name, chain, found.squarings), row_ranges(product(chain)))


def _direct(problem: Problem, name: str) -> dict[str, Any]:
    if name == "max-diff-exact":
        # The bias is in the table whose ranges this handling takes.
        rows, last = direct_rows(problem), problem.weights.factors
        bias = ones(rows.nrows()) * balls(last.unembedding_bias)
        true = row_ranges(rows * balls(last.unembedding) + bias)
        return _figures(true, true)
    _, chain = direct_chain(problem, name, reference_row(problem) if name == "svd-query" else ())
    return _figures(chain_ranges(chain, 0), row_ranges(product(chain)))


def _figures(bound: list[flint.arb], true: list[flint.arb]) -> dict[str, Any]:
    count = len(true)
    return {
        "bound": _rounded(_total(bound) / count),
        "true": _rounded(_total(true) / count),
        "excess": _ratio(bound, true),
    }


def _squared(matrix: Balls) -> Balls:
    return flint.arb_mat(matrix.nrows(), matrix.ncols(), [x * x for x in matrix.entries()])


def _total(values: list[flint.arb]) -> flint.arb:
    return sum(values, flint.arb(0))


def _ratio(above: list[flint.arb], below: list[flint.arb]) -> float | None:
    divisor = _total(below)
    return _rounded(_total(above) / divisor) if divisor > 0 else None


def _rounded(ball: flint.arb) -> float | None:
    """Return the midpoint to DIGITS digits, or None where it is not finite."""
    value = float(ball.mid())
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
