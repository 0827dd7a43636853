"""Mutants of a certificate: what each must answer, and how to make it from another object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ballproof.verifier.strategies.changes import LIMIT, MISSING, Answer, Change, Path, looked_up

MAX_NESTING = 16
# Of a margin's numerator and denominator.
MARGIN_DIGITS = 200

TEXT, CLAIM, PROOF, FORGED, MOVED = (
    "bytes of the file",
    "the statement",
    "the proof's fields",
    "the witness, outside its domain",
    "the witness, inside its domain",
)
KINDS = (TEXT, CLAIM, PROOF, FORGED, MOVED)


@dataclass(frozen=True)
class Mutant:
    """A changed certificate: where and how it was changed, its bytes, the answers it may get.

    `cost` is the share of a whole check that an answer takes, 0 where the file is refused as soon
    as it is read.
    """

    kind: str
    name: str
    make: Callable[[], bytes]
    expected: frozenset[Answer]
    cost: float = 0.0


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return an object as a certificate file."""
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def edited(fields: Any, path: Path, value: Any) -> Any:
    """Return a copy with another value at the path; what is not on the way is shared."""
    if not path:
        return value
    key: Any = path[0]
    copy = dict(fields) if isinstance(fields, dict) else list(fields)
    if len(path) == 1 and value is MISSING:
        del copy[key]
    elif len(path) == 1:
        if isinstance(copy, list) and key == len(copy):
            copy.append(value)
        else:
            copy[key] = value
    else:
        copy[key] = edited(fields[key], path[1:], value)
    return copy


def named(path: Path) -> str:
    """Return a path in words: claim.model.sha256, proof.witness.gaps[3][2][0]."""
    words = ""
    for key in path:
        words += f"[{key}]" if isinstance(key, int) else f".{key}"
    return words.lstrip(".")


def shown(value: Any) -> str:
    """Return a value in a few characters."""
    if value is MISSING:
        return "removed"
    text = json.dumps(value)
    return f"= {text}" if len(text) <= 40 else f"= {text[:32]}... ({len(text)} characters)"


def mutants_of(
    fields: Mapping[str, Any], kind: str, changes: Sequence[Change], cost: float = 0.0
) -> Iterator[Mutant]:
    """Yield the mutants that these changes of a certificate make."""
    for change in changes:
        one = _deepened(change)
        if _unchanged(fields, one):
            continue

        def make(one: Change = one) -> bytes:
            return encoded(edited(fields, one.path, one.value))

        name = f"{named(one.path)} {shown(one.value)}"
        yield Mutant(kind, name, make, one.expected, cost)


def wrong_types(path: Path, value: Any, *expected: Answer) -> list[Change]:
    """Return changes of a value into values of all other types."""
    others = [None, True, [value], {"x": value}, 5 if isinstance(value, str) else str(value)]
    return [Change(path, other, frozenset(expected)) for other in others]


def _deepened(change: Change) -> Change:
    """Return the change as it is answered: too deep a nesting is noticed before all else."""
    if change.value is MISSING or len(change.path) + _nesting(change.value) <= MAX_NESTING:
        return change
    return Change(change.path, change.value, frozenset({LIMIT}))


def _unchanged(fields: Mapping[str, Any], change: Change) -> bool:
    if change.value is MISSING:
        return False
    try:
        old = looked_up(fields, change.path)
    except LookupError:
        return False
    # Not ==, for which True is 1.
    return json.dumps(old) == json.dumps(change.value)


def _nesting(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_nesting, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_nesting, value), default=0)
    return 0
