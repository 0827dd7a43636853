"""Mutants of a certificate's bytes: what a lenient reader would let pass."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from verifier.audit.mutant import (
    LIMIT,
    MAX_NESTING,
    SYNTAX,
    TEXT,
    Answer,
    Mutant,
    Path,
    edited,
    encoded,
    looked_up,
    named,
)

CUTS = 40
_MARK = "\0mark"
_MARKED = json.dumps(_MARK).encode()
OBJECTS: tuple[Path, ...] = (
    (),
    ("claim",),
    ("claim", "model"),
    ("proof",),
    ("proof", "witness"),
)
INTEGERS: tuple[Path, ...] = (
    *(("claim", "model", key) for key in ("d_vocab", "n_ctx", "d_model", "d_head")),
    ("proof", "precision"),
)


def text_mutants(data: bytes, fields: Mapping[str, Any], rng: Random) -> Iterator[Mutant]:
    """Yield truncations, bytes before and behind, repeated keys, numbers in other spellings."""
    core = data.removesuffix(b"\n")
    places = {0, 1, len(core) - 1, *(rng.randrange(len(core)) for _ in range(CUTS))}
    for place in sorted(places):
        yield _literal(f"cut off after {place} bytes", core[:place])
    yield from _surrounded(core)
    for path in OBJECTS:
        yield from _repeated_keys(fields, path)
    for path in INTEGERS:
        yield from _spellings(fields, path)
    yield from _nested(fields)


def _literal(name: str, data: bytes, expected: Answer = SYNTAX) -> Mutant:
    return Mutant(TEXT, name, lambda: data, frozenset({expected}))


def _surrounded(core: bytes) -> Iterator[Mutant]:
    """Yield mutants with bytes before or behind the object, or in another encoding."""
    for name, before in (("a byte-order mark", b"\xef\xbb\xbf"), ("a space", b" ")):
        yield _literal(f"{name} before the object", before + core)
    for before in (b"\n", b"\0", b"[", b"//\n"):
        yield _literal(f"{before!r} before the object", before + core)
    for behind in (b" ", b"\r\n", b"\n\n", b"\0", b"{}", b"}", b",", b"0", b"#", b"\n" + core):
        yield _literal(f"{behind[:8]!r} behind the object", core + behind)
    yield _literal("a comma before the last brace", core[:-1] + b",}")
    yield _literal("a comment before the last brace", core[:-1] + b"/**/}")
    yield _literal("single quotes", core.replace(b'"', b"'"))
    yield _literal("a byte that is not UTF-8", core[:2] + b"\xff" + core[2:])
    yield _literal("encoded in UTF-16", core.decode().encode("utf-16"))
    yield _literal("in a list", b"[" + core + b"]")


def _repeated_keys(fields: Mapping[str, Any], path: Path) -> Iterator[Mutant]:
    """Yield mutants in which an object holds a key twice, with the same or another value."""
    for key, value in looked_up(fields, path).items():
        for other in (value, None):
            marked = encoded(edited(fields, (*path, _MARK), other))
            twice = marked.replace(_MARKED, json.dumps(key).encode())
            yield _literal(f"the key {named((*path, key))} twice", twice)


def _spellings(fields: Mapping[str, Any], path: Path) -> Iterator[Mutant]:
    """Yield mutants in which an integer is written in a way that is not allowed."""
    number = looked_up(fields, path)
    for text in (
        f"{number}.0",
        f"{number}e0",
        f"0{number}",
        f"+{number}",
        "-0",
        "NaN",
        "-Infinity",
    ):
        yield _written(fields, path, text, SYNTAX)
    yield _written(fields, path, "9" * 2001, LIMIT)


def _written(fields: Mapping[str, Any], path: Path, text: str, expected: Answer) -> Mutant:
    marked = encoded(edited(fields, path, _MARK))
    shown = text if len(text) < 20 else f"{len(text)} digits"
    return _literal(
        f"{named(path)} written {shown}", marked.replace(_MARKED, text.encode()), expected
    )


def _nested(fields: Mapping[str, Any]) -> Iterator[Mutant]:
    """Yield mutants with a value that is nested one level too deep, or far too deep."""
    for depth in (MAX_NESTING, 100_000):
        text = "[" * depth + "]" * depth
        yield _written(fields, ("proof", "witness"), text, LIMIT)
