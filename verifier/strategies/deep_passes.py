"""The witness of `enumerate` for deep models: passes of fixed point, each with bits of its own."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from ballproof.verifier.counting.deep.choice import (
    LEAST_BITS,
    MOST_BITS,
    MOST_READOUT,
    NARROW,
    NARROW_SUM,
    WIDE,
    WIDE_FINE,
)
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Bounds, Witness
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    MISSING,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    WitnessChanges,
)
from ballproof.verifier.strategies.faults import integer_faults, object_faults

MOST_PASSES = 4
KEYS = ("width", "bits", "fine", "readout")
# Scores of narrow lanes are sums of products of two vectors.
MOST_NARROW_BITS = (NARROW - 2 - 4) // 2
PATH = (*WITNESS_PATH, "passes")


def search(problem: Problem, progress: Progress) -> Witness:
    """Return the passes that an estimate of the checker's radii asks for."""
    if problem.answers == 1:
        return {"passes": [dict(zip(KEYS, (WIDE, MOST_BITS // 2, WIDE_FINE, 0), strict=True))]}
    chosen = problem.deep.witness(progress)
    return {"passes": [one._asdict() for one in chosen.passes]}


def bound(problem: Problem, progress: Progress) -> Bounds:
    """Count the wrong inputs in doubles and balls: what passes leave open, the checker says."""
    if problem.answers == 1:
        lost = problem.total - problem.deep.answered()
        return Bounds(problem.total - lost, problem.total - lost)
    wrong = problem.deep.count(progress)
    return Bounds(problem.total - wrong.possible, problem.total - wrong.certain)


def fits(witness: Witness) -> bool:
    """Return whether the witness is 1 to 4 passes whose widths do not fall, within the limits."""
    passes = witness.get("passes")
    if set(witness) != {"passes"} or not isinstance(passes, list):
        return False
    if not 1 <= len(passes) <= MOST_PASSES or not all(map(_is_pass, passes)):
        return False
    widths = [one["width"] for one in passes]
    return widths == sorted(widths)


def serves_precision(witness: Witness, bits: int) -> bool:
    """Return whether they are the width of the first pass."""
    return bool(witness["passes"][0]["width"] == bits)


def changes(witness: Witness, rng: Random) -> WitnessChanges:
    """Return passes outside of the limits, and other ones within them."""
    passes = witness["passes"]
    others: list[Any] = [[], None, {}, 1, "x", passes * 5]
    outside = [Change(PATH, other, OUTSIDE) for other in others]
    outside += list(object_faults(WITNESS_PATH, witness))
    for place, one in enumerate(passes):
        outside += _faults((*PATH, place), one)
    place = rng.randrange(len(passes))
    return WitnessChanges(outside, list(_others(place, passes[place])))


def _faults(path: tuple[str | int, ...], one: dict[str, int]) -> Iterator[Change]:
    yield from object_faults(path, one)
    for key, (low, high) in _ranges(one["width"]).items():
        yield from integer_faults((*path, key), one[key], low, high)
    for width in (0, 32, 96, 256, "64", True, None):
        yield Change((*path, "width"), width, OUTSIDE)


def _others(place: int, one: dict[str, int]) -> Iterator[Change]:
    """Yield fewer and more bits: they prove as much, or less."""
    for key in ("bits", "readout"):
        low, high = _ranges(one["width"])[key]
        for other in {one[key] - 1, one[key] + 1, one[key] - 6}:
            changed = one | {key: other}
            if low <= other <= high and _is_pass(changed):
                yield Change((*PATH, place, key), other, COMPUTED | OUTSIDE)
    yield Change((*PATH, place), MISSING, COMPUTED | OUTSIDE)


def _ranges(width: int) -> dict[str, tuple[int, int]]:
    """Return the ends of each number of a pass, as if it were alone."""
    most = MOST_BITS if width == WIDE else MOST_NARROW_BITS
    fine = (WIDE_FINE, WIDE_FINE) if width == WIDE else (0, NARROW_SUM)
    least = LEAST_BITS[WIDE if width == WIDE else NARROW]
    return {"bits": (least, most), "fine": fine, "readout": (0, MOST_READOUT)}


def _is_pass(one: Any) -> bool:
    if not isinstance(one, dict) or set(one) != set(KEYS):
        return False
    if any(type(one[key]) is not int for key in KEYS) or one["width"] not in (NARROW, WIDE):
        return False
    inside = all(low <= one[key] <= high for key, (low, high) in _ranges(one["width"]).items())
    return inside and (one["width"] == WIDE or one["bits"] + one["fine"] <= NARROW_SUM)
