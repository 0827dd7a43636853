"""Target `witness`: well-formed certificates of every family, changed value by value.

An input is a line with the number of a tiny model (`support.seeds.small_models`), then the
certificate. The mutator changes the certificate as an object, and the statement stays about the
model, so that most inputs reach the bounds.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from random import Random

from support.certify import encoded
from support.mutations import change_claim, fix_model, mutate
from support.seeds import Seed, seeds, truths
from support.truth import ask, hold_answer

MAX_OPERATIONS = 400_000
SEEDS = 150


def seed_input(index: int, seed: Seed) -> bytes:
    """Return the input of a valid certificate for the model of this number."""
    return f"{index}\n".encode() + encoded(seed.fields)


def split(data: bytes) -> tuple[int, bytes]:
    """Return the number of the model and the certificate."""
    number, _, cert = data.partition(b"\n")
    known = len(truths())
    return (int(number) % known if number.isdigit() and len(number) < 5 else 0), cert


def one_input(data: bytes) -> None:
    """Ask the checker; anything but an answer that is true is an error."""
    index, cert = split(data)
    truth = truths()[index]
    answer = ask(truth.weights, cert, MAX_OPERATIONS)
    hold_answer(truth, cert, answer, Random(zlib.crc32(data)))


@cache
def known() -> list[tuple[int, Seed]]:
    """Return the valid certificates that parts are taken from."""
    return seeds(Random(0), SEEDS)


def mutator(data: bytes, max_size: int, seed: int, mutate_bytes: object = None) -> bytes:
    """Return an input whose certificate was changed as an object."""
    rng = Random(seed)
    index, cert = split(data)
    try:
        fields = json.loads(cert)
        assert isinstance(fields, dict)
    except (ValueError, RecursionError, AssertionError):
        index, restart = rng.choice(known())
        return seed_input(index, restart)[:max_size]
    _, other = rng.choice(known())
    mutate(rng, fields, other, most=3)
    _, own = rng.choice([pair for pair in known() if pair[0] == index])
    for repair, share in ((fix_model, 0.9), (change_claim, 0.3)):
        if rng.random() < share:
            _repaired(repair, rng, fields, own)
    text = f"{index}\n".encode() + json.dumps(fields).encode()
    return text if len(text) <= max_size else data


def _repaired(repair, rng: Random, fields: dict, own: Seed) -> None:
    try:
        repair(rng, fields, own)
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # The statement is too broken to be repaired.
