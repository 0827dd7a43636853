"""Valid certificates as strong as their strategy gives, and what a mutant of one must answer."""

import json
from functools import cache
from typing import NamedTuple

from support.certify import (
    ToyModel,
    certificate,
    encoded,
    established,
    holds,
    mean_diff_sign,
    trained_toy,
    verdict,
)

from files.claims import Pins

SYNTAX, LIMIT, UNSUPPORTED = (2, "syntax"), (2, "limit"), (2, "unsupported")
DIGEST, STATEMENT, WITNESS = (1, "digest"), (1, "statement"), (1, "witness")
BUDGET, COUNT, VERIFIED = (1, "budget"), (1, "count"), (0, None)

SIZE_KEYS = ("d_vocab", "n_ctx", "d_model", "d_head", "d_vocab_out")
TASK_KEYS = ("rule", "positions", "reads", "answers")
COUNT_KEYS = ("total", "correct_at_least", "correct_at_most")
LEAVES = (
    ("format",),
    ("claim", "model", "sha256"),
    *(("claim", "model", "sizes", key) for key in SIZE_KEYS),
    ("claim", "task", "rule"),
    *(("claim", key) for key in ("semantics", "margin", *COUNT_KEYS)),
    *(("proof", key) for key in ("tally", "strategy", "precision", "operations", "witness")),
)
OBJECTS = ((), ("claim",), ("claim", "model"), ("claim", "model", "sizes"))
OBJECTS += (("claim", "task"), ("proof",))
NUMBERS = [("claim", key) for key in COUNT_KEYS] + [("proof", "operations")]
SMALL = [("claim", "model", "sizes", key) for key in SIZE_KEYS] + [("proof", "precision")]


class Case(NamedTuple):
    """A model, a certificate as strong as its strategy gives, and both ends of its count."""

    model: ToyModel
    cert: dict
    low: int
    high: int


@cache
def case_of(name: str, strategy: str) -> Case:
    model = {"trained": trained_toy, "sign trap": mean_diff_sign}[name]()
    low, high = established(model, strategy)
    return Case(model, certificate(model, strategy, at_least=low, at_most=high), low, high)


def get(cert, path):
    for key in path:
        cert = cert[key]
    return cert


def changed(cert, path, value):
    """Return a copy with another value at the path; it must differ from the original.

    Only what lies on the path is copied: the rest is shared, and neither is to be changed in place.
    """
    *above, last = path
    copy = holder = _shallow(cert)
    for key in above:
        holder[key] = _shallow(holder[key])
        holder = holder[key]
    present = last in holder if isinstance(holder, dict) else True
    assert not (present and json.dumps(value) == json.dumps(holder[last])), (
        "the mutant is the original"
    )
    holder[last] = value
    return copy


def _shallow(value):
    return dict(value) if isinstance(value, dict) else list(value)


def answer(case, mutant, **pins):
    """Return exit code and reason; whatever is verified must be true."""
    cert = mutant if isinstance(mutant, bytes) else encoded(mutant)
    same = isinstance(mutant, bytes) or mutant == case.cert
    assert not same or cert != encoded(case.cert), "the mutant is the original"
    found = verdict(case.model.bytes(), cert, Pins(**pins))
    assert found.theorem is None or holds(found.theorem, case.model)
    return found.refusal


def name_of(path):
    return ".".join(path)
