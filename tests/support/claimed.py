"""The truth of a claim about any model and task, by literal evaluation of every input."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import lru_cache
from math import prod
from random import Random
from typing import Any

import numpy as np

import explain
from files.claims import Pins
from files.verdict import Refusal, Theorem
from support.certify import BUFFERS, PARTS, digest, shapes, split_weights, task_of
from support.layered import Layered
from support.networks import Network, exceeds, inputs_of, right_and_open
from support.oracle import count_correct, oracle_of
from support.rules import definition
from support.toy import ToyModel

Fields = dict[str, Any]
# What numpy's dtype is for a safetensors dtype.
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
DTYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}
MOST_INPUTS = 300


class FalseAnswer(AssertionError):
    """The checker said what is not true; the message says what and of which model."""


def demand(holds: bool, sentence: str) -> None:
    """Raise FalseAnswer unless it holds."""
    if not holds:
        raise FalseAnswer(sentence)


def tensors_of(data: bytes) -> dict[str, np.ndarray]:
    """Return the tensors of a good weights file, buffers left out, bfloat16 as float32."""
    header, data = split_weights(data)
    tensors = {}
    for name in header.keys() - {"__metadata__", *BUFFERS}:
        entry = header[name]
        start, end = entry["data_offsets"]
        words = np.frombuffer(data[start:end], DTYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            words = (words.astype("<u4") << 16).view("<f4")
        tensors[name] = words.reshape(entry["shape"])
    return tensors


def sizes_of(data: bytes, parts: list[Fields], places: int) -> dict[str, int]:
    """Return the sizes of weights with these parts; `places` counts where there is no W_pos."""
    if parts == PARTS:
        return shapes(data)
    names = {part["part"] for part in parts}
    shape = {name.split(".")[-1]: w.shape for name, w in tensors_of(data).items()}
    if "pair" in names:
        (v, d), (m, out) = shape["W_a" if "W_a" in shape else "W_E"], shape["W_out"]
        return {"d_vocab": v, "n_ctx": 2, "d_model": d, "d_mlp": m, "d_vocab_out": out}
    (v, d), (heads, _, h), out = shape["W_E"], shape["W_Q"], shape["W_U"][1]
    counted = [part["part"] for part in parts].count("attention")
    readout = parts[-1] == {"part": "readout", "position": "last"}
    activations = {part["activation"] for part in parts if part["part"] == "mlp"}
    if counted > 1 or "norm" in names or not readout or activations - {"relu"}:
        v_and_d = {"d_vocab": v, "n_ctx": places, "d_model": d, "n_layers": counted}
        inner = {"n_heads": heads, "d_head": h, "d_mlp": shape.get("W_in", (0, 0))[1]}
        return v_and_d | inner | {"d_vocab_out": out}
    inner = {"n_heads": heads, "d_head": h, "d_mlp": shape.get("W_in", (0, 0))[1]}
    places = shape["W_pos"][0] if "positions" in names else places
    return {"d_vocab": v, "n_ctx": places, "d_model": d} | inner | {"d_vocab_out": out}


def is_plain(claim: Fields) -> bool:
    """Say whether a claim is about the largest token, over all inputs, of a model of one head."""
    model = claim["model"]
    return model["parts"] == PARTS and claim["task"] == task_of(model["sizes"])


def ends_of(data: bytes, claim: Fields, more: Fraction = Fraction(0)) -> tuple[int, int]:
    """Return how many inputs are right in real arithmetic by the margin and `more`.

    At least and at most: they differ by exact ties of exponentials, which balls do not tell.
    """
    model, margin = claim["model"], Fraction(claim["margin"]) + more
    words = (json.dumps(x) for x in (claim["task"], model["parts"], model["sizes"]))
    return _ends(data, margin, *words)


@lru_cache(maxsize=4096)
def _ends(data: bytes, margin: Fraction, text: str, parts: str, sizes: str) -> tuple[int, int]:
    task = json.loads(text)
    if json.loads(parts) != PARTS:
        kind = Layered if "n_layers" in json.loads(sizes) else Network
        network = kind(tensors_of(data), json.loads(parts), json.loads(sizes))
        return right_and_open(network, task, definition, margin)
    model = _model(data)
    if task == task_of(shapes(data)):
        right = count_correct(model, margin)
    else:
        right = sum(_is_right(model, task, x, margin) for x in inputs_of(task))
    return right, right


@lru_cache(maxsize=64)
def _model(data: bytes) -> ToyModel:
    return ToyModel(tensors_of(data))


def _is_right(model: ToyModel, task: Fields, tokens: tuple[int, ...], margin: Fraction) -> bool:
    label, answers = definition(task, [tokens[i] for i in task["reads"]]), range(*task["answers"])
    return label in answers and oracle_of(model).is_correct(tokens, margin, label, answers)


def hold_claim(data: bytes, claim: Fields, answer: Theorem | Refusal, eps: Fraction | None) -> None:
    """Raise FalseAnswer unless what is accepted, or said to be established, is true.

    `eps` is how far gaps of the float32 program may be from the real ones, where there is one.
    """
    total = prod(past - first for first, past in claim["task"]["positions"])
    if isinstance(answer, Theorem):
        model, places = claim["model"], len(claim["task"]["positions"])
        demand((answer.sha256, answer.total) == (digest(data), total), "about other weights")
        own = sizes_of(data, model["parts"], places)
        demand(model["sizes"] == own, f"sizes {model['sizes']} of {own}")
        demand(answer.tally <= answer.operations, "the tally is above the budget")
        low, high = answer.correct_at_least, answer.correct_at_most
    else:
        low, high = (int(answer.established[f"correct_at_{end}"]) for end in ("least", "most"))
    if total > MOST_INPUTS:
        return
    real = claim["semantics"] == "real"
    demand(real or eps is not None, "the float32 program is accepted, and there is none")
    slack = Fraction(0) if real else Fraction(eps or 0)
    most, least = ends_of(data, claim, slack)[1], ends_of(data, claim, -slack)[0]
    words = f"{json.dumps(claim['task'])[:300]}, margin {claim['margin']}"
    demand(low <= most, f"at least {low} of {words}: they are {most}")
    demand(high == total or least <= high, f"at most {high} of {words}: they are {least}")


def hold_explained(data: bytes, cert: bytes, rng: Random, count: int) -> None:
    """Raise FalseAnswer unless random inputs that are explained as counted are right."""
    claim = json.loads(cert)["claim"]
    task, model, margin = claim["task"], claim["model"], Fraction(claim["margin"])
    asked = [tuple(rng.randrange(*span) for span in task["positions"]) for _ in range(count)]
    for why in explain.explanations(data, cert, Pins(), asked):
        json.dumps(why.fields())
        if why.counted:
            label = definition(task, [why.sequence[i] for i in task["reads"]])
            answers = range(*task["answers"])
            if model["parts"] == PARTS:
                right = _is_right(_model(data), task, why.sequence, margin)
            else:
                network = Network(tensors_of(data), model["parts"], model["sizes"])
                lead = network.lead(why.sequence, label, answers) if label in answers else None
                right = label in answers and exceeds(lead, margin) is not False
            demand(right, f"counted, but not right: {why.line()}")
