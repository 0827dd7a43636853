"""Certificates that read well and ask for too much, hostile arguments, and large files."""

from __future__ import annotations

from collections.abc import Iterator

from accept_cases import strongest
from arena_case import (
    BUDGET,
    LIMIT,
    STATEMENT,
    SYNTAX,
    UNSUPPORTED,
    USAGE,
    WITNESS,
    Case,
    Fields,
    changed,
    fields,
    proof,
    text,
)
from arena_models import weights
from broken_weights import flat_model
from support.certify import certificate
from support.ladders import group, pool

Answer = tuple[int, str | None]


def hostile_certificates() -> Iterator[Case]:
    """Yield the cases of this file."""
    for maker in (sizes, surrogates, witness_limits, work, usage, large):
        yield from maker()


def base() -> Fields:
    """Return the good certificate that most cases spoil."""
    return strongest("trained", "exact")


def plain() -> bytes:
    return text(base())


def raw(
    name: str, about: str, data: bytes, answer: Answer = SYNTAX, model: str = "trained"
) -> Case:
    return Case(f"cert.{name}", about, model, data, answer)


def sizes() -> Iterator[Case]:
    for key in ("d_vocab", "n_ctx", "d_model", "d_head"):
        for index, value in enumerate((0, -1, 2**28 + 1, 10**1999)):
            spoilt = text(changed(base(), ("claim", "model", key), value))
            yield raw(f"size.{key}.{index}", "A size outside 1 .. 2^28.", spoilt, LIMIT)
    for value in (0, -64, 31, 1025, 10**1999):
        spoilt = text(proof(base(), precision=value))
        name = f"precision.{value if abs(value) < 10**6 else 'huge'}"
        yield raw(name, "A precision outside 32 .. 1024.", spoilt, LIMIT)
    for index, value in enumerate((str(10**11 + 1), "9" * 2000)):
        spoilt = text(proof(base(), operations=value))
        yield raw(f"budget.{index}", "A budget above the default limit.", spoilt, LIMIT)


def surrogates() -> Iterator[Case]:
    lone = "\ud83d"
    for path, answer in {
        ("format",): UNSUPPORTED,
        ("claim", "model", "sha256"): SYNTAX,
        ("claim", "task"): STATEMENT,
        ("claim", "semantics"): UNSUPPORTED,
        ("claim", "margin"): SYNTAX,
        ("claim", "total"): SYNTAX,
        ("proof", "strategy"): UNSUPPORTED,
        ("proof", "operations"): SYNTAX,
    }.items():
        spoilt = text(changed(base(), path, lone))
        yield raw(f"surrogate.{path[-1]}", "A lone surrogate as an escape.", spoilt, answer)
    for path, answer in (((), SYNTAX), (("claim",), SYNTAX), (("proof", "witness"), WITNESS)):
        spoilt = text(changed(base(), (*path, lone), 1))
        label = ".".join(("key", *path))
        yield raw(f"surrogate.{label}", "A lone surrogate in a key.", spoilt, answer)


def witness_limits() -> Iterator[Case]:
    cert = strongest("small", "subcubic/svd-query/mean+diff/svd")
    mu = ("proof", "witness", "mu")
    wide = [["1", 0], ["1", -1024], ["0", 0]]
    digits = [["7" * 2001, 0], ["1", 0], ["0", 0]]
    spread = [["1", 20_000], ["1", -20_000], ["0", 0]]
    for name, value in {"wide": wide, "digits": digits, "spread": spread}.items():
        about = "Dyadics that need too many bits or digits."
        yield raw(f"dyadic.{name}", about, text(changed(cert, mu, value)), LIMIT, "small")
    node = pool(0, 0, 0)
    for _ in range(6):
        node = pool(0, 0, 0, parts=[node])
    deep = fields("small", "ladder", witness={"first": 0, "maxima": [[], [], [], [node]]})
    yield raw("pools.deep", "Pools seven deep.", text(deep), LIMIT, "small")
    many = fields("small", "exact", witness={f"k{i}": [] for i in range(200)})
    yield raw("witness.keys", "200 keys that are not used.", text(many), WITNESS, "small")


def work() -> Iterator[Case]:
    """Honest files that ask for too much: positions, inputs, table sizes, walks."""
    walked = flat_model(2, 501)
    rival = group("walk", [0])
    both = {"first": 1, "maxima": [[pool(1, 1, 1, groups=[rival])]]}
    for strategy, witness in (("exact", {}), ("brute-force", {}), ("ladder", both)):
        cert = certificate(walked, strategy, operations=10**8, witness=witness, at_least=0)
        about = "501 positions are too many to walk."
        yield Case(f"work.walk.{strategy}", about, walked, text(cert), LIMIT)
    for name, model, about in (
        ("inputs", flat_model(2, 3001), "v^k is too large."),
        ("inputs-of-one", flat_model(1, 6001), "Too many positions, even for one token."),
        ("table", flat_model(2049, 1), "A table of more than 2^22 entries."),
    ):
        small = certificate(flat_model(1, 1), "cubic", at_least=0)
        yield Case(f"work.{name}", about, model, text(small), LIMIT)
    for strategy in ("exact", "brute-force"):
        cert = certificate(weights("long"), strategy, operations=10**6, at_least=0)
        about = "3^40 inputs on a budget of a million."
        tally = strategy == "exact"  # Another count may let some cleverer walk end in time.
        yield Case(f"work.budget.{strategy}", about, "long", text(cert), BUDGET, tally=tally)


def usage() -> Iterator[Case]:
    nowhere = "models/nowhere.safetensors"
    yield Case("usage.no-model", "No such file.", nowhere, "base", USAGE)
    yield Case("usage.no-certificate", "No such file.", "trained", "models/nowhere.cert", USAGE)
    yield Case("usage.folder", "A folder for a file.", "trained", "models", USAGE)
    for index, arguments in enumerate(
        (
            ("--no-such-flag",),
            ("--task",),
            ("--at-least", "1e-3"),
            ("--at-least", "1/0"),
            ("--at-least", "nan"),
            ("--at-least", "-1"),
            ("--margin", "0.1.2"),
            ("--margin", ""),
            ("--margin", "1/3/5"),
            ("--margin", "\u0661"),
            ("--max-operations", "many"),
            ("--max-operations", "1.5"),
            ("third-file",),
        )
    ):
        about = f"Arguments that mean nothing: {ascii(' '.join(arguments))[1:-1]}."
        yield Case(f"usage.arguments.{index:02}", about, "trained", "base", USAGE, arguments)


def large() -> Iterator[Case]:
    """Files that the runner makes."""
    for name, answer in {
        "certificate-over-the-limit": LIMIT,
        "certificate-of-brackets": LIMIT,
        "certificate-of-objects": LIMIT,
        "certificate-of-digits": LIMIT,
        "certificate-of-backslashes": SYNTAX,
        "certificate-of-quotes": SYNTAX,
        "certificate-of-newlines": SYNTAX,
        "certificate-of-nul": SYNTAX,
        "certificate-of-ones": WITNESS,
    }.items():
        about = f"A large file: {name.replace('-', ' ')}."
        yield Case(f"large.{name}", about, "trained", f"large:{name}", answer)
    for name, answer in {
        "weights-over-the-limit": LIMIT,
        "weights-header-over-the-limit": LIMIT,
        "weights-of-brackets": LIMIT,
        "weights-of-one-name": SYNTAX,
        "weights-with-a-tail": SYNTAX,
    }.items():
        about = f"A large file: {name.replace('-', ' ')}."
        yield Case(f"large.{name}", about, f"large:{name}", "base", answer)
