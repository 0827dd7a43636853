"""One case of the arena, and the small changes that most of them are made of."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from support.certify import BUFFERS, certificate, encoded, split_weights, verdict
from support.oracle import count_correct
from support.toy import ToyModel

ARENA = Path(__file__).resolve().parent
MODELS = ARENA / "models"
Fields = dict[str, Any]

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
DTYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}
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
def toy(name: str) -> ToyModel:
    """Return a shared model by the name of its file."""
    return toy_of((MODELS / f"{name}.safetensors").read_bytes())


def toy_of(weights: bytes) -> ToyModel:
    """Return the model of a good weights file, buffers left out, bfloat16 as float32."""
    header, data = split_weights(weights)
    tensors = {}
    for name in header.keys() - {"__metadata__", *BUFFERS}:
        entry = header[name]
        start, end = entry["data_offsets"]
        words = np.frombuffer(data[start:end], DTYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            words = (words.astype("<u4") << 16).view("<f4")
        tensors[name] = words.reshape(entry["shape"])
    return ToyModel(tensors)


@cache
def weights(name: str) -> bytes:
    """Return the bytes of a shared model."""
    return (MODELS / f"{name}.safetensors").read_bytes()


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
    """Return a copy with other values in the claim, or in its model where the key is one of it."""
    for key, value in values.items():
        inner = ("model",) if key in cert["claim"]["model"] else ()
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
