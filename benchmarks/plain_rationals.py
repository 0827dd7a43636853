"""What a user would write to be sure of one input: the whole model in rational numbers, plainly.

Every number is a fraction; after each part it is rounded to 2^-96, exponentials and roots are
fractions as near as that. No radius is kept: the time is what is of interest, and it flatters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np

BITS = 96
Row = list[Fraction]
Arrays = Mapping[str, np.ndarray]


def logits(parts: Sequence[Mapping[str, Any]], tensors: Arrays, tokens: Sequence[int]) -> Row:
    """Return the logits of one input; NotImplementedError for an activation other than ReLU."""
    embedding, positions = tensors["embed.W_E"], tensors.get("pos_embed.W_pos")
    rows = [_exact(embedding[token]) for token in tokens]
    if positions is not None:
        rows = [_plus(row, _exact(positions[i])) for i, row in enumerate(rows)]
    normed, layer = rows, -1
    following = [str(part["part"]) for part in parts[1:]]
    for part, after in zip(parts, [*following, ""], strict=True):
        stem = f"blocks.{layer}"
        match part["part"]:
            case "readout":
                break
            case "norm":
                name = {"attention": f"blocks.{layer + 1}.ln1", "mlp": f"{stem}.ln2"}
                normed = [_normed(row, part, tensors, name.get(after, "ln_final")) for row in rows]
                continue
            case "attention":
                layer += 1
                added = _attended(normed, part, tensors, f"blocks.{layer}.attn")
                rows = [_plus(row, more) for row, more in zip(rows, added, strict=True)]
            case "mlp":
                if part["activation"] != "relu" or part.get("gated"):
                    raise NotImplementedError(part["activation"])
                rows = [
                    _plus(row, _mlp(read, tensors, f"{stem}.mlp"))
                    for row, read in zip(rows, normed, strict=True)
                ]
        normed = rows
    return _readout(normed, parts[-1], tensors)


def _exact(numbers: np.ndarray) -> Row:
    return [Fraction(float(x)) for x in numbers]


def _rounded(x: Fraction) -> Fraction:
    return Fraction((x.numerator << BITS) // x.denominator, 1 << BITS)


def _plus(one: Row, other: Row) -> Row:
    return [a + b for a, b in zip(one, other, strict=True)]


def _linear(row: Row, matrix: np.ndarray, bias: np.ndarray | None) -> Row:
    columns = [_exact(column) for column in matrix.T]
    sums = [sum(a * b for a, b in zip(row, column, strict=True)) for column in columns]
    start = [Fraction(0)] * len(columns) if bias is None else _exact(bias)
    return [_rounded(a + b) for a, b in zip(sums, start, strict=True)]


def _normed(row: Row, part: Mapping[str, Any], tensors: Arrays, name: str) -> Row:
    mean = sum(row) / len(row) if part["kind"] == "layer" else Fraction(0)
    away = [x - mean for x in row]
    square = sum(x * x for x in away) / len(row) + Fraction(part["eps"])
    root = _root(square)
    weight = tensors.get(f"{name}.w", np.ones(len(row)))
    bias = tensors.get(f"{name}.b", np.zeros(len(row)))
    scaled = [_rounded(x / root) * w for x, w in zip(away, _exact(weight), strict=True)]
    return [_rounded(x) for x in _plus(scaled, _exact(bias))]


def _root(x: Fraction) -> Fraction:
    return Fraction(isqrt((x.numerator << 2 * BITS) // x.denominator), 1 << BITS)


def _exp(x: Fraction) -> Fraction:
    """Return e^x for x <= 0: a series of a 2^-k part of it, squared k times."""
    halvings = max(int(-x).bit_length() + 4, 0)
    small, term, total = _rounded(x / (1 << halvings)), Fraction(1), Fraction(1)
    for n in range(1, 24):
        term = _rounded(term * small / n)
        total += term
    for _ in range(halvings):
        total = _rounded(total * total)
    return total


def _attended(rows: list[Row], part: Mapping[str, Any], tensors: Arrays, stem: str) -> list[Row]:
    share = Fraction(part.get("softmax", 1))
    added: list[Row] = []
    for head in range(part["heads"]):
        q, k, v = (
            [
                _linear(row, tensors[f"{stem}.W_{x}"][head], _bias(tensors, f"{stem}.b_{x}", head))
                for row in rows
            ]
            for x in "QKV"
        )
        scale = _root(Fraction(len(q[0])))
        for i in range(len(rows)):
            seen = i + 1 if part["mask"] == "causal" else len(rows)
            scores = [
                sum(a * b for a, b in zip(q[i], k[j], strict=True)) / scale for j in range(seen)
            ]
            powers = [_exp(_rounded(score - max(scores))) for score in scores]
            total = sum(powers)
            uniform = (1 - share) / (seen if part.get("normalised") else 1)
            weights = [_rounded(share * power / total + uniform) for power in powers]
            mixed = [
                _rounded(sum(w * v[j][c] for j, w in enumerate(weights))) for c in range(len(v[0]))
            ]
            out = _linear(mixed, tensors[f"{stem}.W_O"][head], None)
            if head == 0:
                added.append(_plus(out, _exact(tensors.get(f"{stem}.b_O", np.zeros(len(out))))))
            else:
                added[i] = _plus(added[i], out)
    return added


def _bias(tensors: Arrays, name: str, head: int) -> np.ndarray | None:
    return tensors[name][head] if name in tensors else None


def _mlp(row: Row, tensors: Arrays, stem: str) -> Row:
    inner = _linear(row, tensors[f"{stem}.W_in"], tensors.get(f"{stem}.b_in"))
    active = [max(x, Fraction(0)) for x in inner]
    return _linear(active, tensors[f"{stem}.W_out"], tensors.get(f"{stem}.b_out"))


def _readout(rows: list[Row], part: Mapping[str, Any], tensors: Arrays) -> Row:
    position = part["position"]
    if position in ("sum", "mean"):
        read = [sum(column) for column in zip(*rows, strict=True)]
        read = [x / len(rows) for x in read] if position == "mean" else read
    else:
        read = rows[-1 if position == "last" else position]
    for j in range(1, part.get("layers", 1)):
        read = _linear(read, tensors[f"readout.W_hidden.{j}"], tensors.get(f"readout.b_hidden.{j}"))
        read = [max(x, Fraction(0)) for x in read]
    return _linear(read, tensors["unembed.W_U"], tensors.get("unembed.b_U"))
