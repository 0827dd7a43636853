"""Changes of witnesses of classes: what leaves their domain, and what stays inside."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from ballproof.verifier.strategies.base import Witness
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    Path,
    WitnessChanges,
)
from ballproof.verifier.strategies.domains import MAX_SIZE, Fields, sizes_of
from ballproof.verifier.strategies.faults import fields_faults, integer_faults, object_faults, some
from ballproof.verifier.strategies.split_domain import MAX_NUMBER, TOKEN, WITH_RATE, WITHOUT_RATE

CLASSES: Path = (*WITNESS_PATH, "classes")
# Classes of which each field is changed.
TRIED = 2


def changes_of(witness: Witness, rng: Random) -> WitnessChanges:
    """Return changes of a witness; whether it has a rate tells whose it is."""
    fields: Fields = WITH_RATE if "rate" in witness else WITHOUT_RATE
    outside = list(fields_faults(WITNESS_PATH, witness, fields, sizes_of(0, 0)))
    classes = witness["classes"]
    inside = [Change((*WITNESS_PATH, "unit"), witness["unit"] + 1, COMPUTED | OUTSIDE)]
    if classes:
        outside.append(Change(CLASSES, [*classes, classes[0]], OUTSIDE))
        inside.append(Change(CLASSES, classes[1:], COMPUTED))
        inside.append(Change(CLASSES, [], COMPUTED))
    for place in some(range(len(classes)), TRIED, rng):
        outside += _faults((*CLASSES, place), classes[place])
        inside += _moved((*CLASSES, place), classes[place], rng)
    return WitnessChanges(outside, inside)


def _faults(path: Path, class_: dict[str, Any]) -> Iterator[Change]:
    """Yield a class with other keys, with numbers that are none, and with too few or too many."""
    yield from object_faults(path, class_)
    for key in ("thresholds", "low", "high"):
        rows = class_[key]
        spoilt: list[Any] = [None, {}, [None], [[None]], [["1"]], [[True]], [[MAX_NUMBER + 1]]]
        for other in spoilt:
            yield Change((*path, key), other, OUTSIDE)
        if rows and rows[0]:
            yield Change((*path, key), [rows[0][:-1], *rows[1:]], OUTSIDE)
            yield Change((*path, key), [*rows, rows[0]], OUTSIDE)
            yield Change((*path, key), rows[1:], OUTSIDE)
    for key in ("query", "label"):
        yield from integer_faults((*path, key), class_[key], TOKEN.least, MAX_SIZE)


def _moved(path: Path, class_: dict[str, Any], rng: Random) -> Iterator[Change]:
    """Yield a class with a number moved, which proves as much, or less, or nothing."""
    for key in ("thresholds", "low", "high"):
        rows = deepcopy(class_[key])
        if rows and rows[0]:
            row = rng.choice(rows)
            row[rng.randrange(len(row))] += rng.choice((-1, 1)) << rng.randrange(12)
            yield Change((*path, key), rows, COMPUTED | OUTSIDE)
