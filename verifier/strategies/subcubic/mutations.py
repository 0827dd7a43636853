"""Mutants of the witness of a subcubic strategy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    LIMIT,
    WITNESS,
    WITNESS_PATH,
    Change,
    Path,
    WitnessChanges,
    looked_up,
)
from ballproof.verifier.strategies.domains import Fields, Sizes, sizes_of
from ballproof.verifier.strategies.faults import (
    domain_faults,
    dyadic_faults,
    fields_faults,
    list_faults,
    shifted,
    some,
)
from ballproof.verifier.strategies.subcubic.domain import GAP, MAX_SQUARINGS

PLACES = 6
DIRECTIONS = ("query_directions", "key_directions", "matrix_directions")
ZERO = ["0", 0]


def witness_changes(
    problem: Problem, fields: Fields, witness: dict[str, Any], rng: Random
) -> WitnessChanges:
    """Return changes that leave the domain of the witness, and changes that stay inside."""
    v, n = problem.shape.d_vocab, problem.shape.n_ctx - 1
    sizes = sizes_of(v, n, problem.shape.d_model)
    return WitnessChanges(
        list(_outside(fields, witness, sizes, rng)), list(_inside(witness, v, n, rng))
    )


def _outside(
    fields: Fields, witness: dict[str, Any], sizes: Sizes, rng: Random
) -> Iterator[Change]:
    """Yield changes that leave the domain of the witness, each at some places."""
    yield from fields_faults(WITNESS_PATH, witness, fields, sizes)
    yield from _gap_faults(witness["gaps"], sizes, rng)
    for path in some(_dyadic_paths(witness), PLACES, rng):
        yield from dyadic_faults((*WITNESS_PATH, *path), looked_up(witness, path))
    for key in DIRECTIONS:
        for index, direction in enumerate(witness.get(key, [])):
            path = (*WITNESS_PATH, key, index)
            yield from list_faults(path, direction, fixed=True)
            yield Change(path, [ZERO] * len(direction), frozenset({WITNESS}))
            yield from _too_far(path, direction)
    yield from _chord_faults(witness.get("chord", []), rng)


def _gap_faults(gaps: Any, sizes: Sizes, rng: Random) -> Iterator[Change]:
    v, n = sizes["v"], sizes["n"]
    cells = [(m, q) for m in range(v) for q in range(m + 1)]
    for m, q in some(cells, PLACES, rng):
        yield from list_faults((*WITNESS_PATH, "gaps", m), gaps[m], fixed=True)
        yield from list_faults((*WITNESS_PATH, "gaps", m, q), gaps[m][q], fixed=True)
        for c in some(list(range(n)), 1, rng):
            path = (*WITNESS_PATH, "gaps", m, q, c)
            yield from domain_faults(path, gaps[m][q][c], GAP, sizes)


def _too_far(path: Path, direction: list[Any]) -> Iterator[Change]:
    """Yield a direction with numbers so far apart that no common unit holds them."""
    far = [["1", -20_000], ["1", 20_000], *direction[2:]]
    if len(direction) >= 2:
        yield Change(path, far, frozenset({LIMIT}))


def _chord_faults(chord: list[Any], rng: Random) -> Iterator[Change]:
    cells = [(m, c) for m, row in enumerate(chord) for c in range(len(row))]
    for m, c in some(cells, PLACES, rng):
        path, (low, high) = (*WITNESS_PATH, "chord", m, c), chord[m][c]
        yield from list_faults(path, [low, high], fixed=True)
        if low != high:
            yield Change(path, [high, low], frozenset({WITNESS}))


def _inside(witness: dict[str, Any], v: int, n: int, rng: Random) -> Iterator[Change]:
    """Yield changes inside the domain: the witness may prove as much as before, or less."""
    gaps: list[Path] = [("gaps", m, q, c) for m in range(v) for q in range(m + 1) for c in range(n)]
    for path in some(gaps, 2 * PLACES, rng):
        gap = looked_up(witness, path)
        yield from _computed(path, [g for g in (gap - 1, gap + 1) if 1 <= g <= v])
    for path in some(_dyadic_paths(witness), 2 * PLACES, rng):
        other = shifted(looked_up(witness, path))
        if path[0] != "chord" or _ordered(looked_up(witness, path[:-1]), path[-1], other):
            yield from _computed(path, [other])
    for key in DIRECTIONS:
        if len(witness.get(key, [])) == 2:
            yield from _computed((key,), [witness[key][::-1]])
        for index, direction in enumerate(witness.get(key, [])):
            yield from _computed((key, index), [direction[::-1], [["1", 0]] * len(direction)])
    if "squarings" in witness:
        p = witness["squarings"]
        yield from _computed(
            ("squarings",), [x for x in (p - 1, p + 1, 0, MAX_SQUARINGS) if 0 <= x <= MAX_SQUARINGS]
        )
    if "mu" in witness:
        yield from _computed(("mu",), [[ZERO] * len(witness["mu"]), witness["mu"][::-1]])
    for key in ("a_star", "chord"):
        if key in witness:
            yield from _computed((key,), [witness[key][::-1]])
    for gap in sorted({1, v}):
        same = [[[gap] * n for _ in range(m + 1)] for m in range(v)]
        yield from _computed(("gaps",), [same])


def _ordered(chord: list[Any], end: int | str, value: list[Any]) -> bool:
    """Return whether a chord is still in order with another value at one of its ends."""
    low, high = (
        Fraction(int(mantissa)) * Fraction(2) ** exponent
        for mantissa, exponent in (value if place == end else chord[place] for place in (0, 1))
    )
    return bool(low <= high)


def _computed(path: Path, values: list[Any]) -> Iterator[Change]:
    for value in values:
        yield Change((*WITNESS_PATH, *path), value, COMPUTED)


def _dyadic_paths(witness: dict[str, Any]) -> list[Path]:
    """Return the paths of all dyadics."""
    paths: list[Path] = []
    waiting: list[tuple[Path, Any]] = [
        ((key,), value) for key, value in witness.items() if key not in ("gaps", "squarings")
    ]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value[0], str) if value else False:
            paths.append(path)
        else:
            waiting += [((*path, place), item) for place, item in enumerate(value)]
    return sorted(paths, key=str)
