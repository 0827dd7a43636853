"""The untrusted search for directions: singular vectors in floats, rounded to dyadics.

Nothing here bounds anything: whatever directions come out, the bounds built on them are sound.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import precision
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.subcubic.chains import Direction, product
from ballproof.verifier.strategies.subcubic.logits import direct_rows
from ballproof.verifier.strategies.subcubic.names import PEEL_PAIR
from ballproof.verifier.strategies.subcubic.scores import WORKING_BITS, Directions, factors

Floats = NDArray[np.float64]
Dyadic = tuple[int, int]
DIRECTION_BITS = 20
SQUARINGS = 5


def to_floats(matrix: flint.arb_mat) -> Floats:
    """Return the midpoints as float64, for search only."""
    entries = np.array([float(x.mid()) for x in matrix.entries()], dtype=np.float64)
    finite: Floats = np.nan_to_num(entries.reshape(matrix.nrows(), matrix.ncols()))
    return finite


def dyadics(values: Floats, bits: int) -> Direction:
    """Return dyadics of `bits` bits relative to the largest of the values."""
    values = np.nan_to_num(values)
    largest = float(np.abs(values).max(initial=0.0))
    exponent = int(np.frexp(largest)[1]) - bits if largest else 0
    return tuple(normal(round(math.ldexp(float(x), -exponent)), exponent) for x in values)


def normal(mantissa: int, exponent: int) -> Dyadic:
    """Return a dyadic in its one spelling: an odd mantissa, or (0, 0)."""
    if mantissa == 0:
        return 0, 0
    twos = (mantissa & -mantissa).bit_length() - 1
    return mantissa >> twos, exponent + twos


def _leading(matrix: Floats, count: int) -> list[Direction]:
    """Return the `count` leading left singular directions, never zero."""
    scale = np.abs(matrix).max(initial=0.0)
    u = np.linalg.svd(matrix / scale if scale else matrix, full_matrices=True)[0]
    columns = [u[:, min(i, u.shape[1] - 1)] for i in range(count)]
    return [dyadics(column, DIRECTION_BITS) for column in columns]


def query_key_table(problem: Problem) -> Floats:
    """Return A Q K^T B^T / sqrt(d_head) (v,v) in floats: the scores without the biases."""
    with precision(WORKING_BITS):
        return to_floats(product(factors(problem).chain))


def directions(problem: Problem, score_error: str) -> Directions:
    """Return the directions of a score-error handling: singular vectors, rounded."""
    if score_error == "exact":
        return Directions()
    if score_error in PEEL_PAIR:
        return _of_pair(problem, SQUARINGS if score_error == "svd" else 0)
    return _of_chain(problem)


@lru_cache(maxsize=4)
def _of_pair(problem: Problem, squarings: int) -> Directions:
    if squarings:
        return replace(_of_pair(problem, 0), squarings=squarings)
    table = query_key_table(problem)
    return Directions(tuple(_leading(table, 1)), tuple(_leading(table.T, 1)))


@lru_cache(maxsize=2)
def _of_chain(problem: Problem) -> Directions:
    a, q, kt, bt = (to_floats(factor) for factor in factors(problem).chain)
    return Directions(
        tuple(_leading(a, 2)),
        tuple(_leading(bt.T, 2)),
        (_leading(q, 1)[0], _leading(kt.T, 1)[0]),
    )


@lru_cache(maxsize=4)
def reference_row(problem: Problem) -> Direction:
    """Return the witness of svd-query: the leading direction of A', with the best sign and scale.

    The scale minimises the sum of the bounds diff_q = sum_l |A'[q,l] - s x_l| range(U[l]), U
    being the unembedding: a weighted median.
    """
    with precision(WORKING_BITS):
        rows = to_floats(direct_rows(problem))
    unembed = problem.weights.factors.unembedding.to_float()
    scale = np.abs(rows).max(initial=0.0) or 1.0
    direction = np.linalg.svd(rows / scale)[2][0]
    weights = np.abs(direction) * np.ptp(unembed, axis=1)
    used = np.abs(direction) > 1e-9
    if not used.any() or not np.isfinite(weights).all():
        return dyadics(direction, DIRECTION_BITS)
    scales = (rows[:, used] / direction[used]).ravel()
    order = np.argsort(scales)
    mass = np.tile(weights[used], rows.shape[0])[order].cumsum()
    scale = scales[order][np.searchsorted(mass, mass[-1] / 2)]
    return dyadics(scale * direction, DIRECTION_BITS)
