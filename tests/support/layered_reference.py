"""Numbers of the rules of layers in sequence, to the digit: digests by rule and setting.

In tests/ `PYTHONPATH=../certificates/checker python -m support.layered_reference` writes the file
tests/data/layered-reference.json anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from arithmetic.maps import Map, NoRoom
from arithmetic.matrices import Matrix
from arithmetic.powers import base_two, root_tables
from arithmetic.vectors import Vectors
from counting import activations, gelu
from counting.activations import _constants, radius, values_of
from counting.norms import Normaliser
from parts.layers import Norm

PATH = Path(__file__).resolve().parents[1] / "data" / "layered-reference.json"
# Bits of an entry and of the fine unit beyond, by the width of lanes.
UNITS = [(64, 21, 10), (64, 29, 16), (128, 44, 30), (128, 60, 40)]
NAMES = ("relu", "gelu", "gelu-tanh", "silu")
NORMS = [("layer", "1/100000"), ("layer", "0"), ("rms", "1/100000"), ("rms", "3/7")]


def entries(unit: int, seed: int, count: int = 40) -> list[int]:
    """Return entries of many sizes, and those beside 0, beside a knot and at the last of all."""
    rng, one = Random(seed), 1 << unit
    some = [rng.randint(-one << rng.randrange(5), one << rng.randrange(5)) for _ in range(count)]
    knot = 1 << unit - gelu.STEP
    near = [x + d for x in (0, knot, knot // 2, 10 * one, 3 * knot >> 1) for d in (-1, 0, 1)]
    return [*some, *near, *(-x for x in near)]


def polynomials() -> Any:
    return [gelu._polynomials(7), gelu._polynomials(3)]


def at_knots() -> Any:
    """Return the density, the series and the polynomials at the first, some, and the last knot."""
    made = gelu._polynomials(7)
    return [
        [gelu._density(x), gelu._series(x), [gelu._at(made[k], x) for k in made]]
        for x in (0, 1, 2, 255, 256, 1279, 2559, 2560)
    ]


def coefficients() -> Any:
    """Return the first rows of the tables: the rest is made in the same way."""
    kept = gelu.KNOTS
    gelu.KNOTS = 5
    try:
        return [gelu.taylor_rows.__wrapped__(unit, gelu.ORDERS[w]) for w, unit, _ in UNITS]
    finally:
        gelu.KNOTS = kept


def rows_of_no_function(unit: int, order: int) -> list[list[int]]:
    """Return coefficients at random in place of a table that takes seconds to make."""
    rng = Random(unit)
    return [[rng.randrange(1 << unit) for _ in range(order + 1)] for _ in range(gelu.KNOTS + 1)]


def activation(name: str) -> Any:
    """Return values and radii; those of gelu are of the rule with other coefficients."""
    kept = activations.taylor_rows
    activations.taylor_rows = rows_of_no_function
    try:
        return values_and_radii(name)
    finally:
        activations.taylor_rows = kept


def values_and_radii(name: str) -> Any:
    found = []
    for turn, (width, unit, _) in enumerate(UNITS):
        values = values_of(name, unit, width)
        x = entries(unit, turn)
        # What is off depends on the largest of all.
        found += [values(x), *(values([v]) for v in x), *(values([1, -abs(v)]) for v in x)]
    return found, [radius(name, rho) for rho in (0, 1, 7, 8, 969, 999, 1000, 10**9 + 1)]


def constants() -> Any:
    return [_constants.__wrapped__(name) for name in ("gelu-tanh", "silu")]


def norms(kind: str, eps: str) -> Any:
    found: list[Any] = []
    for turn, (width, unit, fine) in enumerate(UNITS):
        for size in (1, 2, 3, 8):
            made = Normaliser(Norm(kind, Fraction(eps)), size, unit, fine)
            for rho in (0, 3, 1 << fine, 1 << fine + unit):
                for x in (entries(unit, turn, 4)[:size], [1] + [0] * (size - 1), [-3] * size):
                    for scale in (1, 1 << width // 8):
                        try:
                            found.append(tuple(made.normed([v * scale for v in x], rho)))
                        except NoRoom:
                            found.append(None)
    return found


def maps() -> Any:
    found = []
    rng = Random(7)
    for width, unit, fine in UNITS:
        for exponent in (-fine - 7, -fine, -5, 2):
            rows = [[rng.randint(-(2**12), 2**12) for _ in range(3)] for _ in range(4)]
            bias = Matrix([[rng.randint(-(2**12), 2**12) for _ in range(3)]], exponent)
            made = Map(Matrix(rows, exponent), bias, unit, fine, width)
            radii = [made.radius(a, b) for a in (0, 1, 1000) for b in (0, 1, 1 << unit)]
            x = [rng.randint(-9, 9) for _ in range(4)]
            total = made.apply(x, 5) if made.room >= 0 else None
            found.append([made.heaviest, made.off, made.load, made.room, radii, total])
    return found


def powers() -> Any:
    tables = [root_tables.__wrapped__(bits, count) for bits, count in ((44, 3), (64, 5))]
    return [tables, [base_two.__wrapped__(square) for square in (1, 2, 3, 16, 64)]]


def lanes() -> Any:
    """Return what lanes give back of vectors, those of 0, 1 and -1 among them."""
    found = []
    for width, shift in ((64, 1), (64, 20), (128, 64)):
        made = Vectors(5, width, shift)
        for x in ([0, 1, -1, 2, -2], [5, -9, 1, 0, 3]):
            for by in (0, shift, shift - 1):
                vector = made.pack_long([v << by for v in x])
                reads = [made.rounded, made.exact, made.rectified]
                found.append([vector, *(list(read(vector)) for read in reads)])
    return found


RULES: dict[str, Callable[[], Any]] = {
    "polynomials": polynomials,
    "gelu at knots": at_knots,
    "coefficients": coefficients,
    "constants": constants,
    "maps": maps,
    "powers": powers,
    "lanes": lanes,
    **{f"activation {name}": lambda name=name: activation(name) for name in NAMES},
    **{f"norm {k} {e}": lambda k=k, e=e: norms(k, e) for k, e in NORMS},
}


def digest(rule: str) -> str:
    """Return a digest of all numbers of a rule."""
    return hashlib.sha256(repr(RULES[rule]()).encode()).hexdigest()[:16]


def read() -> dict[str, str]:
    """Return the digests by rule."""
    found: dict[str, str] = json.loads(PATH.read_text())
    return found


if __name__ == "__main__":
    PATH.write_text(json.dumps({rule: digest(rule) for rule in RULES}, indent=1) + "\n")
