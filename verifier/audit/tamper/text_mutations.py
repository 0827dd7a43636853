"""Mutants of a certificate's bytes: what a lenient reader would let pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

from ballproof.verifier.audit.tamper.mutant import MAX_NESTING, TEXT, Mutant, edited, encoded, named
from ballproof.verifier.strategies.changes import LIMIT, SYNTAX, Answer, Path, looked_up

CUTS = 40
_MARK = "\0mark"
_MARKED = json.dumps(_MARK).encode()
SIZES: Path = ("claim", "model", "sizes")
OBJECTS: tuple[Path, ...] = (
    (),
    ("claim",),
    ("claim", "model"),
    SIZES,
    ("claim", "model", "parts", 2),
    ("claim", "task"),
    ("proof",),
    ("proof", "witness"),
)
INTEGERS: tuple[Path, ...] = (
    ("claim", "task", "positions", 0, 1),
    ("claim", "task", "reads", 0),
    ("claim", "task", "answers", 1),
    ("proof", "tally"),
    ("proof", "precision"),
)


def text_mutants(data: bytes, fields: Mapping[str, Any], rng: Random) -> Iterator[Mutant]:
    """Yield truncations, bytes before and behind, repeated keys, numbers in other spellings."""
    core = data.removesuffix(b"\n")
    places = {0, 1, len(core) - 1, *(rng.randrange(len(core)) for _ in range(CUTS))}
    for place in sorted(places):
        yield _text(f"cut off after {place} bytes", partial(_cut, core, place))
    yield from _surrounded(core)
    for path in OBJECTS:
        yield from _repeated_keys(fields, path)
    sizes = looked_up(fields, SIZES)
    for path in (*INTEGERS, *((*SIZES, key) for key in sizes)):
        yield from _spellings(fields, path)
    yield from _nested(fields)


def _text(name: str, make: Callable[[], bytes], expected: Answer = SYNTAX) -> Mutant:
    # Made when it is tried: a certificate may have megabytes.
    return Mutant(TEXT, name, make, frozenset({expected}))


def _cut(core: bytes, place: int) -> bytes:
    return core[:place]


def _joined(before: bytes, core: bytes, behind: bytes) -> bytes:
    return before + core + behind


def _surrounded(core: bytes) -> Iterator[Mutant]:
    """Yield mutants with bytes before or behind the object, or in another encoding."""
    for before in (b"\xef\xbb\xbf", b" ", b"\n", b"\0", b"[", b"//\n"):
        yield _text(f"{before!r} before the object", partial(_joined, before, core, b""))
    for behind in (b" ", b"\r\n", b"\n\n", b"\0", b"{}", b"}", b",", b"0", b"#", b"\n{"):
        yield _text(f"{behind!r} behind the object", partial(_joined, b"", core, behind))
    others: dict[str, Callable[[], bytes]] = {
        "the object twice": lambda: core + b"\n" + core,
        "a comma before the last brace": lambda: core[:-1] + b",}",
        "a comment before the last brace": lambda: core[:-1] + b"/**/}",
        "single quotes": lambda: core.replace(b'"', b"'"),
        "a byte that is not UTF-8": lambda: core[:2] + b"\xff" + core[2:],
        "encoded in UTF-16": lambda: core.decode().encode("utf-16"),
        "in a list": lambda: b"[" + core + b"]",
    }
    for name, make in others.items():
        yield _text(name, make)


def _repeated_keys(fields: Mapping[str, Any], path: Path) -> Iterator[Mutant]:
    """Yield mutants in which an object holds a key twice, with the same or another value."""
    for key, value in looked_up(fields, path).items():
        name = f"the key {named((*path, key))} twice"
        for other in (value, None):
            place = (*path, _MARK)
            yield _text(name, partial(_marked, fields, place, other, json.dumps(key)))


def _spellings(fields: Mapping[str, Any], path: Path) -> Iterator[Mutant]:
    """Yield mutants in which an integer is written in a way that is not allowed."""
    number = looked_up(fields, path)
    spelt = (f"{number}.0", f"{number}e0", f"0{number}", f"+{number}", "-0", "NaN", "-Infinity")
    for text in spelt:
        yield _written(fields, path, text, SYNTAX)
    yield _written(fields, path, "9" * 2001, LIMIT)


def _written(fields: Mapping[str, Any], path: Path, text: str, expected: Answer) -> Mutant:
    shown = text if len(text) < 20 else f"with {len(text)} characters"
    name = f"{named(path)} written {shown}"
    return _text(name, partial(_marked, fields, path, _MARK, text), expected)


def _marked(fields: Mapping[str, Any], path: Path, value: Any, text: str) -> bytes:
    """Return the certificate with a marked key or value, and the mark replaced by this text."""
    return encoded(edited(fields, path, value)).replace(_MARKED, text.encode())


def _nested(fields: Mapping[str, Any]) -> Iterator[Mutant]:
    """Yield mutants with a value that is nested one level too deep, or far too deep."""
    for depth in (MAX_NESTING, 100_000):
        text = "[" * depth + "]" * depth
        yield _written(fields, ("proof", "witness"), text, LIMIT)
