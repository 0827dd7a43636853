"""Witnesses for the subcubic strategies: wild ones that obey the format, and ones that prove much.

No witness can make a bound unsound, so the wild ones are as far from a good choice as the format
allows; the plausible ones come from floats and certify many classes of a good model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from ballproof.verifier.strategies.subcubic.domain import SQUARINGS, fields_of, terms
from ballproof.verifier.strategies.subcubic.names import ATTENTION, DIRECT, SCORE_ERROR, Parts
from support.toy import ToyModel

Dyadic = list[Any]
Witness = dict[str, Any]
# How many directions are peeled from each end of the product of the scores.
_PEELED_PAIR = ("svd", "max-diff", "mean+max-diff", "max-diff-exact")
_LONGER = (name for name in SCORE_ERROR if "subproduct" in name)
TERMS = {name: terms(name) for name in ("exact", *_PEELED_PAIR, *_LONGER)}
DIRECT, ATTENTION = tuple(DIRECT), tuple(ATTENTION)
SUBCUBIC = tuple(f"subcubic/{d}/{a}/{s}" for d in DIRECT for a in ATTENTION for s in TERMS)


def keys_of(name: str) -> list[str]:
    """Return the witness keys of a strategy."""
    return list(fields_of(Parts(*name.split("/")[1:])))


def dyadic(number: Fraction | int | float) -> Dyadic:
    """Return a number whose denominator is a power of two as a certificate writes it."""
    number = Fraction(number)
    mantissa, exponent = number.numerator, 1 - number.denominator.bit_length()
    if mantissa == 0:
        return ["0", 0]
    twos = (mantissa & -mantissa).bit_length() - 1
    assert number.denominator & (number.denominator - 1) == 0
    return [str(mantissa >> twos), exponent + twos]


def dyadics(numbers: Iterable[Fraction | int | float]) -> list[Dyadic]:
    return [dyadic(x) for x in numbers]


def value(number: Dyadic) -> Fraction:
    """Return the number that a certificate writes as a dyadic."""
    return int(number[0]) * Fraction(2) ** number[1]


def constant_gaps(v: int, k: int, gap: int) -> list[list[list[int]]]:
    return [[[gap] * (k - 1) for _ in range(m + 1)] for m in range(v)]


def wild(rng: Random, name: str, model: ToyModel) -> Witness:
    """Return a random witness, of any scale and shape that the format allows."""
    v, n, d = model.d_vocab, model.n_ctx - 1, model.d_model
    terms = TERMS[name.split("/")[3]]
    makers: dict[str, Callable[[], Any]] = {
        "gaps": lambda: _gaps(rng, v, n),
        "query_directions": lambda: [_direction(rng, v) for _ in range(terms)],
        "key_directions": lambda: [_direction(rng, v) for _ in range(terms)],
        "matrix_directions": lambda: [_direction(rng, d) for _ in range(2)],
        "squarings": lambda: rng.randint(SQUARINGS.least, SQUARINGS.most),
        "mu": lambda: _vector(rng, d),
        "a_star": lambda: _table(_vector(rng, v * n, attention=True), v, n),
        "chord": lambda: _table(_chords(rng, v * n), v, n),
    }
    return {key: makers[key]() for key in keys_of(name)}


def _table(flat: list[Any], v: int, n: int) -> list[list[Any]]:
    return [flat[m * n : (m + 1) * n] for m in range(v)]


def _gaps(rng: Random, v: int, n: int) -> list[list[list[int]]]:
    style = rng.choice(["ones", "small", "small", "any", "any", "inside"])

    def gap(m: int) -> int:
        if style == "ones":
            return 1
        if style == "small" and rng.random() < 0.8:
            return rng.randint(1, min(2, v))
        return rng.randint(1, max(m, 1) if style == "inside" else v)

    return [[[gap(m) for _ in range(n)] for _ in range(m + 1)] for m in range(v)]


def _vector(rng: Random, size: int, *, attention: bool = False) -> list[Dyadic]:
    """Return dyadics in a style of their own: plain, sparse, equal, far apart or far from 1."""
    style = rng.choice(["fractions"] * 3 + ["sparse", "equal", "long", "spread", "far"])
    if attention and rng.random() < 0.6:
        return dyadics(Fraction(rng.randint(0, 64), 64) for _ in range(size))
    if style == "equal":
        return [_fraction(rng)] * size
    if style == "sparse":
        return [_fraction(rng) if rng.random() < 0.3 else ["0", 0] for _ in range(size)]
    if style == "long":
        return dyadics(rng.randint(-(2**900), 2**900) for _ in range(size))
    numbers = [_fraction(rng) for _ in range(size)]
    centre, reach = {"spread": (0, 400), "far": (rng.choice([-1, 1]) * 1_000, 0)}.get(style, (0, 0))
    shifts = [centre + rng.randint(-reach, reach) for _ in numbers]
    return [
        [text, exponent + shift] if text != "0" else ["0", 0]
        for (text, exponent), shift in zip(numbers, shifts, strict=True)
    ]


def _fraction(rng: Random) -> Dyadic:
    return dyadic(Fraction(rng.randint(-64, 64), 2 ** rng.randint(0, 6)))


def _direction(rng: Random, size: int) -> list[Dyadic]:
    while True:
        direction = _vector(rng, size)
        if any(text != "0" for text, _ in direction):
            return direction


def _chords(rng: Random, count: int) -> list[list[Dyadic]]:
    """Return pairs of ends: about [0, 1], narrow, degenerate, or anything in order."""
    pairs = []
    for _ in range(count):
        style = rng.choice(["wide", "wide", "narrow", "point", "any"])
        low = Fraction(rng.randint(0, 64), 64)
        high = {"narrow": low + Fraction(1, 2 ** rng.randint(3, 60)), "point": low}.get(style, low)
        if style == "wide":
            low, high = Fraction(rng.randint(-8, 8), 64), 1 + Fraction(rng.randint(-8, 8), 64)
        if style == "any":
            low, high = sorted(value(_fraction(rng)) for _ in range(2))
        pairs.append([dyadic(low), dyadic(high)])
    return pairs


def plausible(rng: Random, name: str, model: ToyModel) -> Witness:
    """Return a witness worked out in floats: singular directions, mean query, likely attention."""
    v, n = model.d_vocab, model.n_ctx - 1
    w = floats(model)
    a, b = w["W_E"] + w["W_pos"][-1], w["W_E"] + w["W_pos"].mean(axis=0)
    scores = TERMS[name.split("/")[3]]
    product = a @ w["W_Q"] @ w["W_K"].T @ b.T
    left, right = (product, product.T) if scores == 1 else (a, b)
    centre = [Fraction(n + 1 - c, n + 1) for c in range(1, n + 1)]
    likely = [
        [_rounded(max(float(x), rng.choice([0.5, 0.9, 1]))) for x in centre] for _ in range(v)
    ]
    makers: dict[str, Callable[[], Any]] = {
        "gaps": lambda: constant_gaps(v, n + 1, 1),
        "query_directions": lambda: _singular(left, scores),
        "key_directions": lambda: _singular(right, scores),
        "matrix_directions": lambda: _singular(w["W_Q"], 1) + _singular(w["W_K"], 1),
        "squarings": lambda: rng.choice([3, 4, 5]),
        "mu": lambda: [_rounded(x) for x in (a + w["b_V"] @ w["W_O"] + w["b_O"]).mean(axis=0)],
        "a_star": lambda: likely,
        "chord": lambda: [[[dyadic(_low(rng)), dyadic(1)] for _ in range(n)] for _ in range(v)],
    }
    return {key: makers[key]() for key in keys_of(name)}


def _low(rng: Random) -> Fraction:
    return Fraction(rng.choice([0, 0, 1, 16, 32]), 64)


def floats(model: ToyModel) -> dict[str, np.ndarray]:
    """Return the weights by short name in floats that no product overflows."""
    d, h = model.d_model, model.d_head
    outputs = model.get("W_U").shape[1]
    sizes = {"b_Q": h, "b_V": h, "b_O": d, "b_U": outputs}
    names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", *sizes)
    found = {}
    for name in names:
        tensor = model.get(name)
        array = np.zeros(sizes[name]) if tensor is None else tensor.astype(float)
        found[name] = np.clip(array[0] if array.ndim == 3 else array, -1e30, 1e30)
        if name in sizes:
            found[name] = found[name].reshape(-1)
    return found


def _rounded(number: float) -> Dyadic:
    """Return a float with 20 bits kept; what is not finite or negligible becomes 0."""
    if not np.isfinite(number) or abs(number) < 1e-30:
        return ["0", 0]
    mantissa, exponent = np.frexp(number)
    return dyadic(Fraction(round(float(mantissa) * 2**20)) * Fraction(2) ** (int(exponent) - 20))


def _singular(matrix: np.ndarray, count: int) -> list[list[Dyadic]]:
    """Return the leading left singular vectors, or the constant vector where there is none."""
    vectors = np.linalg.svd(matrix)[0].T if np.isfinite(matrix).all() else np.zeros((0, 0))
    found = []
    for index in range(count):
        direction = [_rounded(x) for x in vectors[index]] if index < len(vectors) else []
        nonzero = any(text != "0" for text, _ in direction)
        found.append(direction if nonzero else [["1", 0]] * len(matrix))
    return found
