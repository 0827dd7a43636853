"""Certificates that read well and ask for too much, hostile arguments, and large files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accept_cases import strongest
from arena_case import (
    BUDGET,
    LIMIT,
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
from support.ladders import group, only, pool

Answer = tuple[int, str | None]


def hostile_certificates() -> Iterator[Case]:
    """Yield the cases of this file."""
    for maker in (sizes, parts, tasks, surrogates, witness_limits, work, usage, large):
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
    for key in ("d_vocab", "n_ctx", "d_model", "d_head", "d_vocab_out"):
        for index, value in enumerate((0, -1, 2**28 + 1, 10**1999)):
            spoilt = text(changed(base(), ("claim", "model", "sizes", key), value))
            yield raw(f"size.{key}.{index}", "A size outside 1 .. 2^28.", spoilt, LIMIT)
    for value in (0, -64, 31, 1025, 10**1999):
        spoilt = text(proof(base(), precision=value))
        name = f"precision.{value if abs(value) < 10**6 else 'huge'}"
        yield raw(name, "A precision outside 32 .. 1024.", spoilt, LIMIT)
    for index, value in enumerate((str(10**11 + 1), "9" * 2000)):
        spoilt = text(proof(base(), operations=value))
        yield raw(f"budget.{index}", "A budget above the default limit.", spoilt, LIMIT)


def parts() -> Iterator[Case]:
    """Models of parts that are not served, or that have other sizes."""
    path = ("claim", "model", "parts")
    known = base()["claim"]["model"]["parts"]
    attention = known[2]
    lists = {
        "none": [],
        "fewer": known[:-1],
        "more": [*known, known[-1]],
        "null-behind": [*known, None],
        "mlp": [*known[:3], {"part": "mlp"}, known[3]],
        "seventeen-layers": [*known[:2], *[known[2]] * 17, known[3]],
        "reversed": known[::-1],
        "words": ["embed", "positions", "attention", "readout"],
        "null": None,
        "object": {},
        "heads": [*known[:2], attention | {"heads": 2}, known[3]],
        "heads-true": [*known[:2], attention | {"heads": True}, known[3]],
        "mask": [*known[:2], attention | {"mask": "none"}, known[3]],
        "scale": [*known[:2], attention | {"scale": "1"}, known[3]],
        "rotary": [*known[:2], attention | {"rotary": 1}, known[3]],
        "key-missing": [*known[:2], {"part": "attention", "heads": 1}, known[3]],
        "readout": [*known[:3], {"part": "readout", "position": "first"}],
        "long-name": [{"part": "x" * 300}, *known[1:]],
    }
    for name, value in lists.items():
        data = text(changed(base(), path, value))
        if name in ("heads", "mask"):
            about = "Parts of an architecture whose sizes are not stated."
            yield raw(f"parts.{name}", about, data, SYNTAX)
        else:
            yield raw(f"parts.{name}", "Parts that this version does not serve.", data, UNSUPPORTED)
    for value in (0, 2, -1, 10**1999):
        name = f"tally.{value if value < 10**6 else 'huge'}"
        yield raw(name, "Another tally.", text(proof(base(), tally=value)), LIMIT)


TASKS: dict[str, tuple[tuple[str, ...], Any, Answer]] = {
    "word": ((), "max-of-3", SYNTAX),
    "empty": ((), {}, SYNTAX),
    "rule.case": (("rule",), "Max", UNSUPPORTED),
    "rule.median": (("rule",), "median", UNSUPPORTED),
    "rule.sum": (("rule",), "sum", SYNTAX),
    "rule.empty": (("rule",), "", UNSUPPORTED),
    "rule.long": (("rule",), "max" * 100, UNSUPPORTED),
    "rule.rank": (("rule",), "rank", SYNTAX),
    "rank.added": (("rank",), 1, SYNTAX),
    "positions.none": (("positions",), [], SYNTAX),
    "positions.numbers": (("positions",), [0, 5], SYNTAX),
    "positions.one-end": (("positions",), [[0], [0, 5], [0, 5]], SYNTAX),
    "positions.text": (("positions",), [["0", "5"]] * 3, SYNTAX),
    "positions.true": (("positions",), [[False, True]] * 3, SYNTAX),
    "positions.empty": (("positions",), [[0, 5], [2, 2], [0, 5]], LIMIT),
    "positions.crossed": (("positions",), [[5, 0], [0, 5], [0, 5]], LIMIT),
    "positions.negative": (("positions",), [[-1, 4], [0, 5], [0, 5]], LIMIT),
    "positions.huge": (("positions",), [[0, 2**28 + 1], [0, 5], [0, 5]], LIMIT),
    "reads.none": (("reads",), [], SYNTAX),
    "reads.twice": (("reads",), [0, 0], SYNTAX),
    "reads.unsorted": (("reads",), [1, 0], SYNTAX),
    "reads.true": (("reads",), [True], SYNTAX),
    "reads.negative": (("reads",), [-1, 0], LIMIT),
    "reads.beyond": (("reads",), [0, 3], LIMIT),
    "answers.empty": (("answers",), [3, 3], LIMIT),
    "answers.negative": (("answers",), [-1, 5], LIMIT),
    "answers.huge": (("answers",), [0, 10**1999], LIMIT),
    "answers.list": (("answers",), [0, 1, 2], SYNTAX),
}
RANKS: dict[str, tuple[Any, Answer]] = {
    "zero": (0, LIMIT),
    "negative": (-1, LIMIT),
    "nine": (9, LIMIT),
    "true": (True, SYNTAX),
    "text": ("1", SYNTAX),
    "four-of-three": (4, LIMIT),
}


def tasks() -> Iterator[Case]:
    """Tasks that are none."""
    for name, (path, value, answer) in TASKS.items():
        spoilt = text(changed(base(), ("claim", "task", *path), value))
        yield raw(f"task.{name}", "No task of this version.", spoilt, answer)
    for rule in ("rank", "argmax"):
        for name, (value, answer) in RANKS.items():
            task = base()["claim"]["task"] | {"rule": rule, "rank": value}
            spoilt = text(changed(base(), ("claim", "task"), task))
            yield raw(f"task.{rule}.{name}", "No rank of these positions.", spoilt, answer)


def surrogates() -> Iterator[Case]:
    lone = "\ud83d"
    for path, answer in {
        ("format",): UNSUPPORTED,
        ("claim", "model", "sha256"): SYNTAX,
        ("claim", "task"): SYNTAX,
        ("claim", "task", "rule"): UNSUPPORTED,
        ("claim", "model", "parts"): UNSUPPORTED,
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
    node = pool(0, 0)
    for _ in range(6):
        node = pool(0, 0, subpools=[node])
    deep = fields("small", "ladder", witness=only(3, node))
    yield raw("pools.deep", "Pools seven deep.", text(deep), LIMIT, "small")
    many = fields("small", "exact", witness={f"k{i}": [] for i in range(200)})
    yield raw("witness.keys", "200 keys that are not used.", text(many), WITNESS, "small")


def work() -> Iterator[Case]:
    """Honest files that ask for too much: positions, inputs, table sizes, walks."""
    walked = flat_model(2, 501)
    rival = group("branch", [0])
    both = only(1, pool(1, 1, groups=[rival]))
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
        "certificate-of-quotes": LIMIT,
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
