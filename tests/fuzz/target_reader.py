"""Target `reader`: any bytes as weights file and as certificate.

An input is the length of the weights in four little-endian bytes, the weights, the certificate.
The certificate is asked for as it is, and with its digest, sizes, task and total fixed up to the
weights, so that changed weights get past the comparison.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import lru_cache
from math import prod
from random import Random
from typing import Any

from support.certify import PARTS, digest, encoded, shapes, task_of
from support.claimed import MOST_INPUTS, hold_claim, hold_explained, sizes_of
from support.seeds import Seed
from support.truth import Truth, ask, hold_answer, read_toy

from files.verdict import Refusal, Theorem

MAX_OPERATIONS = 200_000
MAX_SEQUENCES = 300
Mutate = Callable[[bytes, int], bytes]


def packed(weights: bytes, cert: bytes) -> bytes:
    """Return the input that stands for two files."""
    return len(weights).to_bytes(4, "little") + weights + cert


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return the weights and the certificate of an input."""
    end = 4 + int.from_bytes(data[:4], "little")
    return data[4:end], data[end:]


def seed_input(index: int, seed: Seed) -> bytes:
    """Return the input of a valid certificate and its weights."""
    fields = json.loads(json.dumps(seed.fields))
    fields["proof"]["operations"] = str(min(int(fields["proof"]["operations"]), MAX_OPERATIONS))
    return packed(seed.truth.weights, encoded(fields))


def one_input(data: bytes) -> None:
    """Ask the checker; anything but an answer that is true is an error."""
    weights, cert = split(data)
    for text in dict.fromkeys([cert, fixed_up(weights, cert)]):
        answer = ask(weights, text, MAX_OPERATIONS)
        if not isinstance(answer, Refusal) or answer.reason == "count":
            hold(weights, text, answer, Random(zlib.crc32(data)))


def hold(weights: bytes, cert: bytes, answer: Theorem | Refusal, rng: Random) -> None:
    """Raise FalseAnswer unless an answer about weights that the checker has read is true."""
    claim = json.loads(cert)["claim"]
    if claim["model"]["parts"] == PARTS:
        truth = truth_of(weights)
        if truth:
            hold_answer(truth, cert, answer, rng, 1)
        return
    hold_claim(weights, claim, answer, None)
    if isinstance(answer, Theorem) and answer.total <= MOST_INPUTS:
        hold_explained(weights, cert, rng, 1)


@lru_cache(maxsize=32)
def truth_of(weights: bytes) -> Truth | None:
    """Return the truth about weights that the checker has read, if they are few and plain."""
    sizes = shapes(weights)
    model = read_toy(weights) if sizes["d_vocab"] ** sizes["n_ctx"] <= MAX_SEQUENCES else None
    return Truth(model, weights) if model else None


def fixed_up(weights: bytes, cert: bytes) -> bytes:
    """Return the certificate as a statement about the weights, or as it is if it cannot be."""
    try:
        fields = json.loads(cert)
        claim = fields["claim"]
        parts, task = claim["model"]["parts"], claim["task"]
        if parts != PARTS:
            sizes = sizes_of(weights, parts, len(task["positions"]))
            claim["model"] = {"sha256": digest(weights), "parts": parts, "sizes": sizes}
            total = prod(past - first for first, past in task["positions"])
            return encoded(fields | {"claim": _clipped(claim, str(total))})
        sizes = shapes(weights)
        claim["model"] = {"sha256": digest(weights), "parts": PARTS, "sizes": sizes}
        claim["task"] = task_of(sizes)
        total = str(sizes["d_vocab"] ** sizes["n_ctx"]) if sizes["n_ctx"] < 3000 else "1"
        return encoded(fields | {"claim": _clipped(claim, total)})
    except Exception:  # What the checker says of it is asked for in any case.
        return cert


def _clipped(claim: dict[str, Any], total: str) -> dict[str, Any]:
    ends = {key: str(min(int(claim[key]), int(total))) for key in claim if key.startswith("corr")}
    return {**claim, "total": total, **ends}


def mutator(data: bytes, max_size: int, seed: int, mutate: Mutate) -> bytes:
    """Return an input with one of its two files changed by libFuzzer, the other left whole."""
    weights, cert = split(data)
    rng = Random(seed)
    if rng.random() < 0.5:
        return packed(weights, mutate(cert, max(max_size - 4 - len(weights), 1)))[:max_size]
    head = 8 + int.from_bytes(weights[:8], "little")
    if rng.random() < 0.5 and 8 < head < len(weights):
        header = mutate(weights[8:head], head)
        if rng.random() < 0.9:
            weights = len(header).to_bytes(8, "little") + header + weights[head:]
        else:
            weights = weights[:8] + header + weights[head:]
    elif head < len(weights) and rng.random() < 0.7:
        body = mutate(weights[head:], len(weights) - head)
        weights = weights[:head] + body.ljust(len(weights) - head, b"\0")
    else:
        weights = mutate(weights, max(max_size - 4 - len(cert), 1))
    return packed(weights, cert)[:max_size]
