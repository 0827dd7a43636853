"""One case of the arena, and the small changes that most of them are made of."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from arena_models import toy, weights
from support.certify import certificate, encoded, verdict
from support.oracle import count_correct

Fields = dict[str, Any]

SYNTAX, LIMIT, UNSUPPORTED = (2, "syntax"), (2, "limit"), (2, "unsupported")
DIGEST, STATEMENT, PIN = (1, "digest"), (1, "statement"), (1, "pin")
WITNESS, BUDGET, COUNT = (1, "witness"), (1, "budget"), (1, "count")
VERIFIED, USAGE = (0, None), (64, None)


@dataclass(frozen=True)
class Case:
    """Two files, the arguments after them, and the answer that the format gives.

    `model` and `certificate` are bytes, the name of a shared model, or a path that is written to
    the manifest as it stands. `false`: the statement is not true, whatever the method. `tally`: the
    answer hangs on how the reference checker counts operations.
    """

    name: str
    about: str
    model: str | bytes
    certificate: str | bytes
    answer: tuple[int, str | None]
    arguments: tuple[str, ...] = ()
    false: bool = False
    tally: bool = False


@cache
def truth(name: str) -> int:
    """Return how many inputs a shared model gets right at margin 0, by enumeration."""
    return count_correct(toy(name))


def fields(name: str, strategy: str = "exact", **options: Any) -> Fields:
    """Return a certificate for a shared model; without counts, the true ones at both ends."""
    if options.keys().isdisjoint({"at_least", "at_most", "margin"}):
        options |= {"at_least": truth(name), "at_most": truth(name)}
    return certificate(weights(name), strategy, **options)


def get(value: Any, path: tuple[Any, ...]) -> Any:
    """Return what stands at a path of keys and indices."""
    for key in path:
        value = value[key]
    return value


def changed(cert: Fields, path: tuple[Any, ...], value: Any) -> Fields:
    """Return a copy with another value at the path; it must differ from the original."""
    copy = deepcopy(cert)
    get(copy, path[:-1])[path[-1]] = value
    assert json.dumps(copy) != json.dumps(cert), f"{path}: the change changes nothing"
    return copy


def without(cert: Fields, path: tuple[Any, ...]) -> Fields:
    """Return a copy that lacks what stands at the path."""
    copy = deepcopy(cert)
    del get(copy, path[:-1])[path[-1]]
    return copy


def claim(cert: Fields, **values: Any) -> Fields:
    """Return a copy with other values in the claim, its model or its sizes, by their keys."""
    for key, value in values.items():
        model = cert["claim"]["model"]
        inner = ("model", "sizes") if key in model["sizes"] else ("model",) if key in model else ()
        cert = changed(cert, ("claim", *inner, key), value)
    return cert


def proof(cert: Fields, **values: Any) -> Fields:
    """Return a copy with other values in the proof."""
    for key, value in values.items():
        cert = changed(cert, ("proof", key), value)
    return cert


def tally(model: bytes, cert: Fields) -> int:
    """Return the operations that the reference checker spends on a certificate it verifies."""
    found = verdict(model, encoded(cert))
    assert found.theorem, found
    return found.theorem.tally


def text(cert: Fields, **options: Any) -> bytes:
    """Return a certificate as compact JSON, or as json.dumps is told."""
    return json.dumps(cert, **({"separators": (",", ":")} | options)).encode()
