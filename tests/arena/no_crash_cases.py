"""Files that no checker may crash on, hang on, or verify: certificates, letter by letter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from arena_case import (
    LIMIT,
    SYNTAX,
    UNSUPPORTED,
    WITNESS,
    Case,
    Fields,
    changed,
    text,
    without,
)
from broken_weights import broken_weights
from hostile_certificates import Answer, base, hostile_certificates, plain, raw

NUMBERS = ("NaN", "Infinity", "-Infinity", "1.0", "1e3", "1E400", "-0", "-0.0", "0.1", "1e-5")
BAD_NUMBERS = ("01", "+1", "0x1", ".5", "1.", "1_0", "\uff11", "--1", "1e", "True", "undefined")
BAD_COUNTS = (
    "",
    "01",
    "+1",
    "-1",
    "1.0",
    " 1",
    "1 ",
    "1\n",
    "1_0",
    "0x1",
    "1e3",
    "\u0661",
    "\uff11",
)
BAD_RATIONALS = (
    "",
    "1/1",
    "2/4",
    "0/1",
    "0/7",
    "1/0",
    "1/-2",
    "0.1",
    "-0",
    "1/2/3",
    "1 / 2",
    "inf",
    "nan",
)
LEAVES: dict[tuple[str, ...], Answer] = {
    ("format",): UNSUPPORTED,
    ("claim", "model", "sha256"): SYNTAX,
    **{
        ("claim", "model", "sizes", key): SYNTAX
        for key in ("d_vocab", "n_ctx", "d_model", "d_head", "d_vocab_out")
    },
    **{("claim", "task", key): SYNTAX for key in ("rule", "positions", "reads", "answers")},
    **{
        ("claim", key): SYNTAX
        for key in ("task", "semantics", "margin", "total", "correct_at_least", "correct_at_most")
    },
    **{
        ("proof", key): SYNTAX
        for key in ("tally", "strategy", "precision", "operations", "witness")
    },
}
TYPES: dict[str, Any] = {"null": None, "true": True, "list": [], "nested": [[{}]]}


def no_crash_cases() -> Iterator[Case]:
    """Yield all cases of the category."""
    for maker in (bytes_that_are_no_object, encodings, numbers, nesting, keys, types, texts):
        yield from maker()
    yield from hostile_certificates()
    yield from broken_weights()


def bytes_that_are_no_object() -> Iterator[Case]:
    whole = plain()
    for index, data in enumerate(
        (b"", b"\n", b" ", b"{", b"}", b"[]", b"null", b"0", b'""', b'{"', b'{"\\', b"\xff", b"\0")
    ):
        yield raw(f"scrap.{index:02}", "No JSON object.", data)
    for index, data in enumerate(
        (
            b"{}",
            b"{}\n",
            b'{"a":1}',
            b"{'format':1}",
            b'{"a":1,}',
            b'{"a" 1}',
            b'{"a":tru}',
            b"{a:1}",
        )
    ):
        yield raw(f"object.{index}", "No certificate, or no JSON.", data)
    for end in (1, 10, 100, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        yield raw(f"cut.{end:03}", "Cut short.", whole[:end])
    for name, tail in {
        "two-newlines": b"\n\n",
        "crlf": b"\r\n",
        "space": b" ",
        "nul": b"\0",
        "object": b"{}",
        "itself": whole,
        "newline-object": b"\n{}",
        "comma": b",",
        "invalid": b"\xff",
        "space-newline": b" \n",
    }.items():
        yield raw(f"tail.{name}", "Bytes after the object.", whole + tail)
    for name, front in {
        "space": b" ",
        "newline": b"\n",
        "nul": b"\0",
        "comment": b"// x\n",
    }.items():
        yield raw(f"front.{name}", "Bytes before the object.", front + whole)
    yield raw("list", "A list that holds the certificate.", b"[" + whole + b"]")
    yield raw("comment", "A comment.", whole.replace(b",", b",/* x */", 1))
    yield raw("single-quotes", "Single quotes.", whole.replace(b'"', b"'"))
    yield raw("trailing-comma", "A comma before a brace.", whole.replace(b"}}", b",}}"))
    yield raw("nul-bytes", "Nothing but NUL.", b"\0" * 1000)
    about = "The two files the wrong way round."
    yield Case("swapped", about, whole, "models/trained.safetensors", SYNTAX)
    yield raw("weights", "The weights as the certificate.", b"\x10\0\0\0\0\0\0\0{}")


def encodings() -> Iterator[Case]:
    words = plain().decode()
    for name in ("utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le"):
        yield raw(f"encoding.{name}", "Another encoding.", words.encode(name))
    yield raw("encoding.utf-16", "UTF-16 with its mark.", b"\xff\xfe" + words.encode("utf-16-le"))
    for name, data in {
        "stray": b"\x80",
        "overlong": b"\xc0\xaf",
        "surrogate": b"\xed\xa0\x80",
        "beyond": b"\xf4\x90\x80\x80",
        "cut": b"\xe2\x82",
        "latin": b"\xe9",
    }.items():
        spoilt = plain().replace(b'"max', b'"max' + data)
        yield raw(f"utf-8.{name}", "Bytes that are not UTF-8 in a string.", spoilt)
    for name, data in {"nul": b"\0", "tab": b"\t", "newline": b"\n", "escape": b"\\x41"}.items():
        spoilt = plain().replace(b'"max', b'"max' + data)
        yield raw(f"string.{name}", "A raw control character or an unknown escape.", spoilt)
    spoilt = plain().replace(b'"max', b'"max\\u0000')
    yield raw("string.escaped-nul", "NUL as an escape: another rule.", spoilt, UNSUPPORTED)
    for name, data in {"form-feed": b"\f", "no-break": "\u00a0".encode(), "nul": b"\0"}.items():
        spoilt = plain().replace(b",", b"," + data, 1)
        yield raw(f"blank.{name}", "White space that is not JSON's.", spoilt)


def numbers() -> Iterator[Case]:
    for index, number in enumerate((*NUMBERS, *BAD_NUMBERS)):
        about = f"A number that is not an exact integer: {ascii(number)[1:-1]}."
        inner = plain().replace(b'"witness":{}', f'"witness":{{"x":[{number}]}}'.encode())
        yield raw(f"number.witness.{index:02}", about, inner)
        outer = plain().replace(b'"precision":64', f'"precision":{number}'.encode())
        yield raw(f"number.precision.{index:02}", about, outer)
    for digits in (2001,):
        inner = plain().replace(b'"witness":{}', b'"witness":{"x":%s}' % (b"7" * digits))
        yield raw(f"digits.integer.{digits}", "An integer of too many digits.", inner, LIMIT)
        for key in ("total", "operations", "margin"):
            spoilt = re.sub(
                rb'"%s":"\d+"' % key.encode(), b'"%s":"%s"' % (key.encode(), b"7" * digits), plain()
            )
            yield raw(f"digits.{key}.{digits}", "A string of too many digits.", spoilt, LIMIT)
    allowed = plain().replace(b'"witness":{}', b'"witness":{"x":%s}' % (b"7" * 2000))
    yield raw("digits.allowed", "2,000 digits may be read.", allowed, WITNESS)


def nesting() -> Iterator[Case]:
    for name, opening, closing in (("lists", "[", "]"), ("objects", '{"a":', "}")):
        for depth in (15, 2000):
            deep = (opening * depth + "1" + closing * depth).encode()
            spoilt = plain().replace(b'"witness":{}', b'"witness":' + deep)
            about = "Brackets nested deeper than 16."
            yield raw(f"nesting.{name}.{depth}", about, spoilt, LIMIT)
        spoilt = plain().replace(b'"witness":{}', b'"witness":' + (opening * 1000).encode())
        yield raw(f"nesting.{name}.open", "Brackets that are never closed.", spoilt, LIMIT)
    harmless = plain().replace(b'"witness":{}', b'"witness":{"' + b"[{" * 100 + b'\\"[[":"[["}')
    yield raw("nesting.in-a-string", "Brackets in a string do not nest.", harmless, WITNESS)
    for index, unit in enumerate(('"', "\\", '\\"', '"\\', "[]", '"",', "\\u0022")):
        many = b'{"' + unit.encode() * (3000 // len(unit))
        yield raw(f"quotes.{index}", "Many quotes, backslashes or brackets.", many)


def keys() -> Iterator[Case]:
    sizes, task = ("claim", "model", "sizes"), ("claim", "task")
    for path in ((), ("claim",), ("claim", "model"), sizes, task, ("proof",)):
        holder = base()
        for key in path:
            holder = holder[key]
        label = ".".join(("top", *path))
        for key in holder:
            yield raw(
                f"missing.{label}.{key}", "A key is missing.", text(without(base(), (*path, key)))
            )
        for key in ("note", "", "Claim", "format "):
            name = f"added.{label}.{key.strip() or 'empty'}{'-space' * key.endswith(' ')}"
            yield raw(name, "A key too many.", text(changed(base(), (*path, key), "x")))
    for key in ("format", "claim", "sha256", "task", "total", "proof", "witness", "operations"):
        start = json.dumps(key).encode() + b":"
        value = json.dumps(_find(base(), key), separators=(",", ":")).encode()
        same = plain().replace(start, start + value + b"," + start, 1)
        other = plain().replace(start, start + b"0," + start, 1)
        escaped = f'"\\u{ord(key[0]):04x}{key[1:]}":'.encode()
        hidden = plain().replace(start, escaped + value + b"," + start, 1)
        yield raw(f"twice.{key}.same", "A key twice, with the same value.", same)
        yield raw(f"twice.{key}.other", "A key twice, with another value.", other)
        yield raw(f"twice.{key}.escaped", "A key twice, once in escapes.", hidden)
    inner = plain().replace(b'"witness":{}', b'"witness":{"x":{"a":1,"a":1}}')
    yield raw("twice.inside", "A key twice, deep in the witness.", inner)


def _find(cert: Fields, key: str) -> Any:
    for holder in (cert, cert["claim"], cert["claim"]["model"], cert["proof"]):
        if key in holder:
            return holder[key]
    raise KeyError(key)


def types() -> Iterator[Case]:
    for path, answer in LEAVES.items():
        label = ".".join(path)
        for name, value in TYPES.items():
            spoilt = text(changed(base(), path, value))
            yield raw(f"type.{label}.{name}", "A value of another type.", spoilt, answer)
    for path in (("claim", "total"), ("claim", "margin"), ("proof", "operations")):
        spoilt = text(changed(base(), path, 0))
        yield raw(f"type.{'.'.join(path)}.integer", "An integer for a string.", spoilt)
    for path in (("claim", "model", "sizes", "n_ctx"), ("proof", "precision")):
        spoilt = text(changed(base(), path, "64"))
        yield raw(f"type.{'.'.join(path)}.string", "A string for an integer.", spoilt)
    for path in (("claim",), ("claim", "model"), ("claim", "model", "sizes"), ("proof",)):
        for name, value in {**TYPES, "text": "x"}.items():
            spoilt = text(changed(base(), path, value))
            yield raw(f"type.{'.'.join(path)}.{name}", "No object.", spoilt)


def texts() -> Iterator[Case]:
    for key, listed in (("total", BAD_COUNTS), ("correct_at_least", BAD_COUNTS[:6])):
        for index, value in enumerate(listed):
            spoilt = text(changed(base(), ("claim", key), value))
            yield raw(f"count.{key}.{index:02}", "No count in its only spelling.", spoilt)
    for index, value in enumerate((*BAD_COUNTS[:8], "10**3")):
        spoilt = text(changed(base(), ("proof", "operations"), value))
        yield raw(f"count.operations.{index:02}", "No count in its only spelling.", spoilt)
    for index, value in enumerate(BAD_RATIONALS):
        spoilt = text(changed(base(), ("claim", "margin"), value))
        yield raw(f"margin.{index:02}", "No rational in its only spelling.", spoilt)
    sha256 = base()["claim"]["model"]["sha256"]
    for name, value in {
        "upper": sha256.upper(),
        "short": sha256[:-1],
        "long": sha256 + "0",
        "prefix": "sha256:" + sha256[7:],
        "newline": sha256 + "\n",
        "other-digits": "\u0661" * 64,
        "empty": "",
    }.items():
        spoilt = text(changed(base(), ("claim", "model", "sha256"), value))
        yield raw(f"digest.{name}", "No 64 digits of 0-9a-f.", spoilt)
    for index, value in enumerate(("ballproof-certificate/1", "ballproof-certificate/2 ", "", "2")):
        spoilt = text(changed(base(), ("format",), value))
        yield raw(f"format.{index}", "Another format.", spoilt, UNSUPPORTED)
