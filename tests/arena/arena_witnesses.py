"""Witnesses worked out in exact rationals: the same bytes on every machine.

They are as good as plain power iteration makes them; what they prove is left to the checker.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
from support.ladders import MAX_THRESHOLD, Plausible
from support.toy import ToyModel
from support.witnesses import TERMS, Witness, constant_gaps, dyadic, dyadics, keys_of

BITS, ROUNDS = 10, 6


def exact_weights(model: ToyModel) -> dict[str, np.ndarray]:
    """Return the weights by short name as fractions, no head axis, absent biases as zeros."""
    sizes = {"b_Q": model.d_head, "b_V": model.d_head, "b_O": model.d_model, "b_U": model.d_vocab}
    found = {}
    for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", *sizes):
        tensor = model.get(name)
        array = np.zeros(sizes[name]) if tensor is None else tensor
        array = array[0] if array.ndim == 3 or (name in sizes and array.ndim == 2) else array
        found[name] = np.frompyfunc(Fraction, 1, 1)(array.astype(object))
    return found


def leading(matrix: np.ndarray, count: int) -> list[list[Any]]:
    """Return rough leading left singular vectors as dyadics; ones where the matrix is zero."""
    found = []
    for _ in range(count):
        x = _power(matrix)
        found.append(dyadics(x))
        matrix = matrix - np.outer(x, x @ matrix) / (x @ x)
    return found


def _power(matrix: np.ndarray) -> np.ndarray:
    x = np.array([Fraction(1 + i) for i in range(len(matrix))], object)
    for _ in range(ROUNDS):
        y = matrix @ (matrix.T @ x)
        top = max(abs(number) for number in y)
        if top == 0:
            return np.array([Fraction(1)] * len(matrix), object)
        x = np.array([Fraction(round(number / top * 2**BITS)) for number in y], object)
    return x


def good(name: str, model: ToyModel, seed: int = 0) -> Witness:
    """Return a witness of a subcubic strategy that proves something of a good model."""
    rng, w = Random(seed), exact_weights(model)
    v, n = model.d_vocab, model.n_ctx - 1
    a, b = w["W_E"] + w["W_pos"][-1], w["W_E"] + w["W_pos"].mean(axis=0)
    terms = TERMS[name.split("/")[3]]
    product = a @ w["W_Q"] @ w["W_K"].T @ b.T
    left, right = (a, b) if terms == 2 else (product, product.T)
    centre = (a + w["b_V"] @ w["W_O"] + w["b_O"]).mean(axis=0)
    likely = [dyadic(max(_rounded(Fraction(n + 1 - c, n + 1)), 1 - c % 2)) for c in range(1, n + 1)]
    made = {
        "gaps": constant_gaps(v, n + 1, 1),
        "query_directions": leading(left, terms),
        "key_directions": leading(right, terms),
        "matrix_directions": leading(w["W_Q"], 1) + leading(w["W_K"], 1),
        "squarings": rng.choice([3, 4, 5]),
        "mu": dyadics(map(_rounded, centre)),
        "a_star": [likely] * v,
        "chord": [[[dyadic(Fraction(rng.choice([0, 1, 4]), 8)), dyadic(1)]] * n] * v,
    }
    return {key: made[key] for key in keys_of(name)}


def _rounded(number: Fraction) -> Fraction:
    return Fraction(round(number * 2**BITS), 2**BITS)


def good_ladder(strategy: str, model: ToyModel, seed: int = 0) -> Witness:
    """Return a plausible witness of a ladder whose thresholds come from exact gaps."""
    search = Plausible(Random(seed), strategy, model)
    search.gaps = _direct_gaps(model)
    return search.witness()


def _direct_gaps(model: ToyModel) -> np.ndarray:
    """Return D[q,j] - D[q,m] in 1/1024, rounded down, as integers (q,j,m)."""
    w = exact_weights(model)
    rows = w["W_E"] + w["W_pos"][-1] + w["b_V"] @ w["W_O"] + w["b_O"]
    direct = rows @ w["W_U"] + w["b_U"]
    gaps = 1024 * (direct[:, :, np.newaxis] - direct[:, np.newaxis, :])
    return np.frompyfunc(lambda x: min(max(x // 1, -MAX_THRESHOLD), MAX_THRESHOLD), 1, 1)(gaps)
