"""Weights files that are none, or none of this model, beside a good certificate."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from arena_case import LIMIT, SYNTAX, UNSUPPORTED, Case
from arena_models import weights
from support.certify import join_weights, split_weights

W_U, W_K = "unembed.W_U", "blocks.0.attn.W_K"
ENTRY_FAULTS: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "dtype-f64": ({"dtype": "F64"}, SYNTAX),
    "dtype-f8": ({"dtype": "F8_E4M3"}, UNSUPPORTED),
    "dtype-complex": ({"dtype": "C64"}, UNSUPPORTED),
    "dtype-lower": ({"dtype": "f32"}, UNSUPPORTED),
    "dtype-number": ({"dtype": 5}, UNSUPPORTED),
    "dtype-list": ({"dtype": ["F32"]}, UNSUPPORTED),
    "dtype-null": ({"dtype": None}, UNSUPPORTED),
    "shape-transposed": ({"shape": [5, 4]}, UNSUPPORTED),
    "shape-flat": ({"shape": [20]}, UNSUPPORTED),
    "shape-axis-more": ({"shape": [4, 5, 1]}, UNSUPPORTED),
    "shape-empty": ({"shape": []}, SYNTAX),
    "shape-true": ({"shape": [4, True]}, SYNTAX),
    "shape-negative": ({"shape": [-4, -5]}, SYNTAX),
    "shape-text": ({"shape": "45"}, SYNTAX),
    "shape-null": ({"shape": None}, SYNTAX),
    "shape-float": ({"shape": [4.0, 5]}, SYNTAX),
    "shape-huge": ({"shape": [2**70, 2**70]}, LIMIT),
    "shape-huge-times-zero": ({"shape": [2**40, 0]}, LIMIT),
    "shape-wraps": ({"shape": [2**28, 2**28, 2**28]}, SYNTAX),
    "shape-nine-axes": ({"shape": [1, 1, 1, 1, 1, 1, 1, 4, 5]}, LIMIT),
    "shape-endless": ({"shape": [1] * 900}, LIMIT),
    "shape-zero": ({"shape": [0, 5]}, SYNTAX),
    "offsets-start": ({"data_offsets": [0, 80]}, SYNTAX),
    "offsets-crossed": ({"data_offsets": [80, 0]}, SYNTAX),
    "offsets-huge": ({"data_offsets": [0, 10**30]}, SYNTAX),
    "offsets-one": ({"data_offsets": [0]}, SYNTAX),
    "offsets-three": ({"data_offsets": [0, 80, 80]}, SYNTAX),
    "offsets-negative": ({"data_offsets": [-80, 0]}, SYNTAX),
    "offsets-null": ({"data_offsets": None}, SYNTAX),
    "key-added": ({"extra": 1}, SYNTAX),
}


def broken_weights() -> Iterator[Case]:
    """Yield cases whose certificate is the good one of the unspoilt model."""
    for maker in (_lengths, _headers, _entries, _names, _values):
        for name, about, data, answer in maker():
            yield Case(f"weights.{name}", about, data, "base", answer)


Spoilt = Iterator[tuple[str, str, bytes, tuple[int, str]]]


def flat_model(v: int, k: int) -> bytes:
    """Return a model of width 1 whose weights are all zero, in single bytes."""
    shapes = {"embed.W_E": [v, 1], "pos_embed.W_pos": [k, 1], "unembed.W_U": [1, v]}
    shapes |= {f"blocks.0.attn.W_{x}": [1, 1, 1] for x in "QKVO"}
    body, header = b"", {}
    for name, shape in shapes.items():
        size = shape[0] * shape[-1]
        header[name] = {
            "dtype": "I8",
            "shape": shape,
            "data_offsets": [len(body), len(body) + size],
        }
        body += bytes(size)
    return join_weights(header, body)


def _parts() -> tuple[dict[str, Any], bytes]:
    return split_weights(weights("trained"))


def _lengths() -> Spoilt:
    whole = weights("trained")
    for end in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        yield f"cut.{end:03}", "Cut short.", whole[:end], SYNTAX
    for index, length in enumerate((0, 1, 2**24, 2**31, 2**63, 2**64 - 1)):
        about = "A header length that is not the header's."
        yield f"length.{index}", about, length.to_bytes(8, "little") + whole[8:], SYNTAX
    swapped = int.from_bytes(whole[:8], "little").to_bytes(8, "big") + whole[8:]
    yield "length.big-endian", "A big-endian length.", swapped, SYNTAX
    for name, tail in {"nul": b"\0", "itself": whole}.items():
        yield f"tail.{name}", "Bytes after the last tensor.", whole + tail, SYNTAX
    yield "empty-header", "No tensors.", join_weights({}, b""), UNSUPPORTED
    yield "spaces", "A header of spaces.", join_weights(b" " * 64, b""), SYNTAX
    yield "pickle", "Another format.", b"\x80\x04\x95" + bytes(61), SYNTAX


def _headers() -> Spoilt:
    header, body = _parts()
    good = json.dumps(header)
    deep = "[" * 20 + "]" * 20
    for name, words, answer in (
        ("list", f"[{good}]", SYNTAX),
        ("space-first", " " + good, SYNTAX),
        ("mark", "\ufeff" + good, SYNTAX),
        ("two-newlines", good + "\n\n", SYNTAX),
        ("nul", good + "\0", SYNTAX),
        ("twice", good[:-1] + f', "{W_U}": {json.dumps(header[W_U])}}}', SYNTAX),
        ("twice-metadata", '{"__metadata__": {}, "__metadata__": {}, ' + good[1:], SYNTAX),
        ("deep", good[:-1] + f', "__metadata__": {deep}}}', LIMIT),
        ("digits", good.replace("[4, 5]", f"[4, {'7' * 2001}]"), LIMIT),
        ("float", good.replace("[4, 5]", "[4, 5.0]"), SYNTAX),
        ("nan", good.replace("[4, 5]", "[4, NaN]"), SYNTAX),
        ("minus-zero", good.replace("[4, 5]", "[4, -0]"), SYNTAX),
        ("cut", good[:-1], SYNTAX),
    ):
        about = "A header that is not the one JSON object that it must be."
        yield f"header.{name}", about, join_weights(words.encode(), body), answer
    for name, value in {"null": None, "list": [], "number": {"x": 1}, "nested": {"x": {}}}.items():
        spoilt = join_weights({"__metadata__": value, **header}, body)
        yield f"metadata.{name}", "Metadata that is no object of strings.", spoilt, SYNTAX
    utf_8 = good.encode().replace(b"unembed", b"un\xffmbed")
    yield "header.utf-8", "A header that is not UTF-8.", join_weights(utf_8, body), SYNTAX


def _entries() -> Spoilt:
    for name, (changes, answer) in ENTRY_FAULTS.items():
        header, body = _parts()
        header[W_U] |= changes
        about = "An entry of the header that does not describe its data."
        yield f"entry.{name}", about, join_weights(header, body), answer
    header, body = _parts()
    for name, value in {"null": None, "list": [], "text": "x", "empty": {}}.items():
        yield f"entry.{name}", "No entry.", join_weights(header | {W_U: value}, body), SYNTAX
    overlap = deepcopy(header)
    overlap[W_K]["data_offsets"] = overlap["blocks.0.attn.W_Q"]["data_offsets"]
    about = "Two tensors over the same bytes, and a hole."
    yield "overlap", about, join_weights(overlap, body), SYNTAX
    hole = {
        name: entry | {"data_offsets": [x + 4 for x in entry["data_offsets"]]}
        for name, entry in header.items()
    }
    yield "hole", "A hole at the start.", join_weights(hole, bytes(4) + body), SYNTAX
    zero = {"dtype": "F32", "shape": [2**28, 0], "data_offsets": [0, 0]}
    empty = dict.fromkeys(header, zero)
    yield "no-size", "Sizes of zero and of 2^28.", join_weights(empty, b""), UNSUPPORTED


def _names() -> Spoilt:
    header, body = _parts()
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    for name in (W_U, W_K, "embed.W_E", "pos_embed.W_pos"):
        missing = {key: entry for key, entry in header.items() if key != name}
        renamed = missing | {name.lower(): header[name]}
        about = f"{name} is missing."
        yield f"missing.{name}", about, join_weights(missing | {name: empty}, b""), SYNTAX
        yield (
            f"renamed.{name}",
            f"{name} under another name.",
            join_weights(renamed, body),
            UNSUPPORTED,
        )
    for label, name in {
        "unknown": "blocks.1.attn.W_Q",
        "layer-norm": "ln_final.w",
        "empty": "",
        "surrogate": "\ud800",
        "nul": "embed.W_E\0",
        "space": "embed.W_E ",
    }.items():
        spoilt = join_weights(header | {name: empty}, body)
        yield f"name.{label}", "A tensor that this model does not have.", spoilt, UNSUPPORTED


def _values() -> Spoilt:
    header, body = _parts()
    for name in (W_U, "blocks.0.attn.W_Q", "unembed.b_U"):
        start = header[name]["data_offsets"][0]
        for label, bits in {
            "nan": 0x7FC00000,
            "signalling": 0x7F800001,
            "infinity": 0xFF800000,
        }.items():
            data = body[:start] + struct.pack("<I", bits) + body[start + 4 :]
            about = f"{name} holds a NaN or an infinity."
            yield f"value.{name}.{label}", about, join_weights(header, data), UNSUPPORTED
    ignored = {"dtype": "F32", "shape": [1, 2], "data_offsets": [len(body), len(body) + 8]}
    data = body + struct.pack("<ff", float("nan"), 1)
    about = "A NaN in b_K, which has no influence, is refused all the same."
    spoilt = join_weights(header | {"blocks.0.attn.b_K": ignored}, data)
    yield "value.b_K.nan", about, spoilt, UNSUPPORTED
    truth = {"dtype": "BOOL", "shape": [1, 2], "data_offsets": [len(body), len(body) + 2]}
    spoilt = join_weights(header | {"blocks.0.attn.b_Q": truth}, body + b"\0\1")
    yield "value.bool", "Truth values for numbers.", spoilt, UNSUPPORTED
