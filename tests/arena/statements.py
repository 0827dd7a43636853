"""The verdict line of a verified certificate, which the format fixes to the letter.

Written for the runner, after the format's page, and apart from any checker.
"""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from itertools import pairwise
from typing import Any

Fields = dict[str, Any]


def statement(cert: Fields) -> str:
    """Return the last line that a checker prints for a certificate that it verifies."""
    claim, total = cert["claim"], int(cert["claim"]["total"])
    share = int(claim["correct_at_least"]) * 10**5 // total
    most = int(claim["correct_at_most"])
    upper = f", at most {most}" if most < total else ""
    return (
        f"s VERIFIED {question(claim)} of {words(claim['model']['parts'])} "
        f"sha256:{claim['model']['sha256']} {claim['semantics']} "
        f"margin {claim['margin']}: at least {claim['correct_at_least']} of {total} correct "
        f"(>= {share // 10**5}.{share % 10**5:05d}){upper}, "
        f"{cert['proof']['operations']} operations"
    )


def words(parts: list[Fields]) -> str:
    """Return the parts of a model with their settings, layers that are all alike written once."""
    said = [_WORDS.get(part["part"], lambda part: part["part"])(part) for part in parts]
    names = [part["part"] for part in parts]
    if not _is_one_layer(parts):
        causal = any(part.get("mask") == "causal" for part in parts)
        said = [x.replace("/n_ctx", "/seen") if causal else x for x in said]
    starts = [i - (names[i - 1] == "norm") for i, x in enumerate(names) if x == "attention"]
    end = len(parts) - 1 - (names[-2] == "norm")
    layers = [said[a:b] for a, b in pairwise([*starts, end])]
    if len(layers) > 1 and all(layer == layers[0] for layer in layers):
        said[starts[0] : end] = [f"{len(layers)}*({','.join(layers[0])})"]
    return ",".join(said)


def _is_one_layer(parts: list[Fields]) -> bool:
    """Say whether all that a model attends from is its last position, which sees every other."""
    names = [part["part"] for part in parts]
    relus = [{"part": "mlp", "activation": "relu"}] * names.count("mlp")
    plain = relus == [part for part in parts if part["part"] == "mlp"] and "norm" not in names
    last = parts[-1] == {"part": "readout", "position": "last"}
    return names.count("attention") == 1 and plain and last


def _attention(part: Fields) -> str:
    heads = "1-head" if part["heads"] == 1 else f"{part['heads']}-heads"
    mask = {"none": "full"}.get(part["mask"], part["mask"])
    share = ""
    if "softmax" in part:
        rest = 1 - Fraction(part["softmax"])
        share = f",{part['softmax']}*softmax+{rest}" + "/n_ctx" * part["normalised"]
    return f"attention({heads},{mask},{part['scale']}{share})"


def _mlp(part: Fields) -> str:
    layers = f",{part['layers']}-layers" if part.get("layers", 1) > 1 else ""
    return f"mlp({part['activation']}{layers}{',gated' * part.get('gated', False)})"


def _readout(part: Fields) -> str:
    layers = f",{part['layers']}-layers" if "layers" in part else ""
    return f"readout({part['position']}{layers})" if "position" in part else "readout"


_WORDS = {
    "attention": _attention,
    "mlp": _mlp,
    "pair": lambda part: f"pair({part['inputs']})",
    "norm": lambda part: f"norm({part['kind']},{part['eps']})",
    "readout": _readout,
}


def question(claim: Fields) -> str:
    """Return the name of a claim's task; what is not usual of the rule is in brackets."""
    task, sizes = claim["task"], claim["model"]["sizes"]
    name, parts, read, other, answers, all_read = _USUAL.get(task["rule"], _ordered)(task, sizes)
    reads, places = task["reads"], len(task["positions"])
    usual = [read if i in reads else other for i in range(places)]
    if task["positions"] != usual:
        parts.append("positions=" + ",".join(map(_inclusive, task["positions"])))
    if reads != list(range(places if all_read else len(reads))):
        parts.append("reads=" + ",".join(map(str, reads)))
    if task["answers"] != answers:
        parts.append("answers=" + _inclusive(task["answers"]))
    return name + (f"[{';'.join(parts)}]" if parts else "")


def _inclusive(ends: list[int]) -> str:
    return f"{ends[0]}..{ends[1] - 1}"


# Name, settings, tokens of positions that are read and of others, answers, whether all are read.
_Usual = tuple[str, list[str], list[int], list[int], list[int], bool]


def _ordered(task: Fields, sizes: Fields) -> _Usual:
    rule, reads, tokens = task["rule"], len(task["reads"]), [0, sizes["d_vocab"]]
    ranked = rule == "rank" or task.get("rank", 1) > 1
    name = f"{rule}-{task['rank']}" if ranked else rule
    answers = [0, reads if rule == "argmax" else sizes["d_vocab_out"]]
    return f"{name}-of-{reads}", [], tokens, tokens, answers, True


def _sum(task: Fields, sizes: Fields) -> _Usual:
    p, reads, factors = task["modulus"], len(task["reads"]), task["coefficients"]
    name = f"add-mod-{p}" if reads == 2 else f"sum-mod-{p}-of-{reads}"
    settings = ["coefficients=" + ",".join(map(str, factors))] if set(factors) != {1} else []
    return name, settings, [0, p], [p, p + 1], [0, p], False


def _product(task: Fields, sizes: Fields) -> _Usual:
    group, reads, order = task["group"], len(task["reads"]), task["order"]
    name = f"product-in-{group.lower()}" + (f"-of-{reads}" if reads != 2 else "")
    settings = [f"side={task['side']}"] if task["side"] != "x(y)" else []
    if order != "lexicographic":
        settings.append("order=" + _digest(order)[:16])
    size = order_of(group)
    return name, settings, [0, size], [size, size + 1], [0, size], False


def order_of(group: str) -> int:
    """Return how many elements a group has."""
    n = int(group[1:])
    factorial = 1
    for factor in range(2, n + 1 if group[0] in "SA" else 2):
        factorial *= factor
    even = factorial // 2 if n > 1 else 1
    return {"C": n, "D": 2 * n, "S": factorial, "A": even}[group[0]]


def _table(task: Fields, sizes: Fields) -> _Usual:
    tokens = [0, sizes["d_vocab"]]
    settings = ["sha256=" + _digest(task["labels"])]
    name = f"table-of-{len(task['reads'])}"
    return name, settings, tokens, tokens, [0, sizes["d_vocab_out"]], True


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()


_USUAL = {"sum": _sum, "product": _product, "table": _table}
