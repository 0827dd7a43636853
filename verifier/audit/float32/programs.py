"""The float32 program of T12 in several orders of summation, to hold T12 against.

Nothing here is a bound: these are the programs that a bound is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.layout import B_K, B_O, B_Q, B_U, B_V, W_E, W_K, W_O, W_POS, W_Q, W_U, W_V
from ballproof.models.weights import Weights

Floats = NDArray[np.float32]
Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Program:
    """One way to run the model in float32: from sequences (n,k) to logits (n,v)."""

    name: str
    logits: Callable[[Tokens], Floats]


def programs(weights: Weights, seed: int = 0) -> Iterator[Program]:
    """Yield the program with numpy in four orders of summation."""
    frozen = arrays(weights)
    random = np.random.default_rng(seed)

    def shuffled(terms: list[Floats]) -> Floats:
        return _sequential([terms[i] for i in random.permutation(len(terms))])

    yield Program("from the first term", _forward(frozen, _sequential))
    yield Program("from the last term", _forward(frozen, lambda terms: _sequential(terms[::-1])))
    yield Program("in pairs", _forward(frozen, _pairwise))
    yield Program("in random order", _forward(frozen, shuffled))


def arrays(weights: Weights) -> dict[str, Floats]:
    """Return the tensors in float32."""
    return {name: m.to_float().astype(np.float32) for name, m in weights.tensors.items()}


Total = Callable[[list[Floats]], Floats]


def _sequential(terms: list[Floats]) -> Floats:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _pairwise(terms: list[Floats]) -> Floats:
    while len(terms) > 1:
        paired = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = paired + terms[len(paired) * 2 :]
    return terms[0]


def _forward(w: dict[str, Floats], total: Total) -> Callable[[Tokens], Floats]:
    """Return the model with every sum taken by `total`, a bias being one of the terms."""

    def layer(x: Floats, weight: Floats, bias: Floats) -> Floats:
        terms = [x[..., i, None] * weight[i] for i in range(len(weight))]
        return total([*terms, np.broadcast_to(bias[0], terms[0].shape)])

    def logits(sequences: Tokens) -> Floats:
        x = w[W_E][sequences] + w[W_POS]
        query = layer(x[:, -1], w[W_Q], w[B_Q])
        keys, values = layer(x, w[W_K], w[B_K]), layer(x, w[W_V], w[B_V])
        scores = total([query[:, None, i] * keys[:, :, i] for i in range(query.shape[1])])
        scores = scores / np.sqrt(np.float32(query.shape[1]))
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        attention = powers / total(list(powers.T))[:, None]
        mixed = total([attention[:, i, None] * values[:, i] for i in range(values.shape[1])])
        return layer(x[:, -1] + layer(mixed, w[W_O], w[B_O]), w[W_U], w[B_U])

    return logits
