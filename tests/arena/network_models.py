"""Shared models of the arena with heads, MLPs or pairs of tokens, and the tasks asked of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import permutations
from random import Random
from typing import Any

import numpy as np
from support.networks import Network, claim_of, one_layer, pair, right_and_open
from support.rules import definition

Fields = dict[str, Any]

ONE_LAYER: dict[str, tuple[dict[str, Any], str]] = {
    "heads": ({}, "Two heads and an MLP, all biases."),
    "three-heads": ({"heads": 3, "m": 0}, "Three heads, no MLP."),
    "one-head-mlp": ({"heads": 1}, "One head and an MLP."),
    "no-positions": ({"positions": False, "k": 3, "mask": "none"}, "No positions, no mask."),
    "full": ({"mask": "none"}, "Two heads without a mask."),
    "half-uniform": ({"share": "1/2"}, "Half of softmax, half at every position."),
    "half-normalised": ({"share": "1/2", "normalised": True}, "Half of softmax, half of 1/n_ctx."),
    "beyond-softmax": ({"share": "3/2"}, "One and a half times softmax, less a half everywhere."),
    "uniform": ({"share": "0", "integers": True}, "No softmax: every number rational, with ties."),
    "tied-heads": ({"integers": True, "m": 2}, "Small integers: ties that exponentials hide."),
    "no-biases": ({"biases": False}, "Two heads and an MLP, no bias."),
    "large-weights": ({"scale": 1.1, "heads": 3}, "Three heads whose attention is nearly hard."),
    "huge-scores": ({"scale": 6.0}, "Scores far apart: `enumerate` leaves inputs open."),
    "tiny-weights": ({"scale": 1e-12}, "Weights so small that leads are 1e-12 and less."),
    "fixed-query": ({"k": 3, "v": 4, "outputs": 4}, "Three positions, the last for a sign."),
}
PAIRS: dict[str, tuple[dict[str, Any], str]] = {
    "pair-added": ({}, "Two embeddings added."),
    "pair-sum": ({"inputs": "sum"}, "The sum of two embeddings, then a matrix."),
    "pair-concatenated": ({"inputs": "concatenated"}, "Two embeddings side by side."),
    "pair-shared": ({"inputs": "sum", "shared": True}, "One embedding for both tokens."),
    "pair-deep": ({"layers": 3, "inputs": "sum"}, "Three hidden layers."),
    "pair-ties": ({"integers": True}, "Small integers: exact ties, and a tie is wrong."),
    "pair-no-biases": ({"biases": False}, "No bias."),
}
ABOUT = {name: about for name, (_, about) in (ONE_LAYER | PAIRS).items()} | {
    "zero-network-biases": "`no-biases` with its absent biases written out as zeros.",
    "pair-zero-biases": "`pair-no-biases` with its absent biases written out as zeros.",
    "merged-heads": "The matrices of `heads` as one head of twice the width.",
    "stated-parts": "`half-uniform` with its parts in the metadata.",
    "shown-mask": "`heads` with a mask that hides nothing of the last row.",
    "clock": "Adds modulo 3, right on every input by a lead of 1.",
    "cosets": "Multiplies in S3, right on every input by a lead of 1.",
}
# Models some of whose inputs the strategy leaves open.
OPEN = ("huge-scores",)
ATTENTION = "blocks.0.attn."


@cache
def network(name: str) -> Network:
    """Return a shared model by its name."""
    if name in ONE_LAYER:
        return one_layer(len(name), **({"v": 4, "outputs": 4, "m": 3} | ONE_LAYER[name][0]))
    if name in PAIRS:
        return pair(len(name), **PAIRS[name][0])
    return _MADE[name]()


def _added(name: str, **tensors: np.ndarray) -> Network:
    found = network(name)
    return replace(found, tensors=found.tensors | tensors)


def _with_zeros(name: str, full: str) -> Network:
    """Return the network with zeros for the biases that another one has."""
    own, other = network(name), network(full)
    missing = {x: 0 * tensor for x, tensor in other.tensors.items() if x not in own.tensors}
    return _added(name, **missing)


def _merged() -> Network:
    """Return `heads` with its two heads as one; scores are then added, not kept apart."""
    found = network("heads")
    tensors = dict(found.tensors)
    for x in ("W_Q", "W_K", "W_V", "b_Q", "b_K", "b_V"):
        tensors[ATTENTION + x] = np.concatenate([*tensors[ATTENTION + x]], axis=-1)[np.newaxis]
    tensors[ATTENTION + "W_O"] = np.concatenate([*tensors[ATTENTION + "W_O"]], axis=0)[np.newaxis]
    sizes = found.sizes | {"n_heads": 1, "d_head": 2 * found.sizes["d_head"]}
    return Network(tensors, with_part(found.parts, "attention", heads=1), sizes)


def with_part(parts: list[Fields], name: str, **settings: Any) -> list[Fields]:
    """Return the parts with other settings of one of them."""
    return [part | settings if part["part"] == name else part for part in parts]


def _stated() -> Network:
    found = network("half-uniform")
    return replace(found, metadata={"parts": json.dumps(found.parts, separators=(",", ":"))})


def masked(last: list[int]) -> Network:
    """Return `heads` with a buffer of the mask whose last row is this."""
    return _added("heads", **{"blocks.0.attn.mask": np.array([[1, 0], last], dtype=bool)})


def of_table(labels: list[list[int]]) -> Network:
    """Return a network with a neuron for each pair of tokens, which is right by a lead of 1."""
    v = len(labels)
    first, second, bias = np.zeros((v, v * v)), np.zeros((v, v * v)), -np.ones(v * v)
    out = np.zeros((v * v, v))
    for a in range(v):
        for b in range(v):
            first[a, a * v + b] = second[b, a * v + b] = out[a * v + b, labels[a][b]] = 1
    tensors = {"W_a": first, "W_b": second, "b_in": bias, "W_out": out}
    parts = pair(0).parts
    sizes = {"d_vocab": v, "n_ctx": 2, "d_model": v * v, "d_mlp": v * v, "d_vocab_out": v}
    return Network({x: w.astype(np.float32) for x, w in tensors.items()}, parts, sizes)


def _cosets() -> Network:
    elements = list(permutations(range(3)))
    products = [[tuple(x[i] for i in y) for y in elements] for x in elements]
    return of_table([[elements.index(z) for z in row] for row in products])


_MADE: dict[str, Callable[[], Network]] = {
    "zero-network-biases": lambda: _with_zeros("no-biases", "heads"),
    "pair-zero-biases": lambda: _with_zeros("pair-no-biases", "pair-added"),
    "merged-heads": _merged,
    "stated-parts": _stated,
    "shown-mask": lambda: masked([1, 1]),
    "clock": lambda: of_table([[(a + b) % 3 for b in range(3)] for a in range(3)]),
    "cosets": _cosets,
}


def whole(found: Network, rule: str, **fields: Any) -> Fields:
    """Return a task over all tokens and outputs of a network; fields replace or add parts."""
    v, k, outputs = (found.sizes[x] for x in ("d_vocab", "n_ctx", "d_vocab_out"))
    usual = {"positions": [[0, v]] * k, "reads": list(range(k)), "answers": [0, outputs]}
    return {"rule": rule, **usual, **fields}


def table(found: Network, seed: int = 0, **fields: Any) -> Fields:
    """Return a task with labels at random, some of which are no answer if answers are narrowed."""
    task = whole(found, "table", **fields)
    entries = np.prod([past - first for first, past in task["positions"]])
    labels = [Random(f"{seed} {i}").randrange(found.sizes["d_vocab_out"]) for i in range(entries)]
    return task | {"labels": labels}


def added(found: Network, modulus: int, *coefficients: int, **fields: Any) -> Fields:
    """Return a sum of as many positions as there are coefficients."""
    return whole(found, "sum", modulus=modulus, coefficients=list(coefficients), **fields)


def multiplied(found: Network, group: str, side: str = "x(y)", **fields: Any) -> Fields:
    """Return products in a group."""
    order = fields.pop("order", "lexicographic")
    return whole(found, "product", group=group, order=order, side=side, **fields)


@cache
def _ends(name: str, text: str, margin: str) -> tuple[int, int]:
    task = json.loads(text)
    return right_and_open(network(name), task, definition, Fraction(margin))


def ends(name: str, task: Fields, margin: str = "0") -> tuple[int, int]:
    """Return how many inputs are right, at least and at most, by literal evaluation."""
    return _ends(name, json.dumps(task), margin)


def stated(
    name: str, task: Fields, counts: tuple[int, int] | None = None, **options: Any
) -> Fields:
    """Return a certificate for a shared network, of the true counts if none are given."""
    counts = ends(name, task, options.get("margin", "0")) if counts is None else counts
    return claim_of(network(name), task, counts, **({"passes": 2} | options))
