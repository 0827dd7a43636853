"""Functions that the same tensors may stand for, in floats: what a difference may come from.

Nothing here bounds anything: a variant that fits the logits of a program is named in the message
that refuses the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.attention_only.layout import (
    B_K,
    B_O,
    B_Q,
    B_U,
    B_V,
    W_E,
    W_K,
    W_O,
    W_POS,
    W_Q,
    W_U,
    W_V,
)
from ballproof.models.architectures.programs import Variant, difference

Floats = NDArray[np.float64]
Change = Callable[[Floats], Floats]
EPSILON = 1e-5
# A parameter is sought on a grid, in logarithms, and then between the neighbours of the best point.
GRID, STEPS = 33, 40


def variants(weights: Weights, inputs: NDArray[np.int64], logits: Floats) -> Iterator[Variant]:
    """Yield the functions of the same tensors that a program with these logits (N, o) may be."""
    program = _Program(weights)
    for name, norm in (("LNPre", _layer_norm), ("RMSPre", _rms_norm)):
        both = program(inputs, first=norm, last=norm)
        yield Variant(f"a normalisation without weights ({name})", both)
        yield Variant(f"{name} before the attention alone", program(inputs, first=norm))
        yield Variant(f"{name} before the unembedding alone", program(inputs, last=norm))
    short = program(inputs, shortformer=True)
    yield Variant("shortformer positions (queries and keys alone see them)", short)
    yield Variant("positions left out", program(inputs, positions=0.0))
    yield Variant("tokens in the reverse order", program(inputs[:, ::-1]))
    yield Variant("attention without biases", program(inputs, biased=False))
    for window in range(1, weights.shape.n_ctx):
        name = f"attention to the last {window} tokens alone, as by a mask"
        yield Variant(name, program(inputs, window=window))
    for words, ends, made in _families(program, inputs, logits, weights.shape.d_head):
        value = _best(made, ends, logits)
        yield Variant(words.format(value), made(value))


def _families(
    program: _Program, inputs: NDArray[np.int64], logits: Floats, d_head: int
) -> Iterator[tuple[str, tuple[float, float], Callable[[float], Floats]]]:
    """Yield the words, the ends and the function of each change that has a parameter."""
    root, largest = d_head**0.5, float(np.abs(logits).max()) or 1.0
    yield (
        "attention scores divided by {:.6g}, not by " + f"{root:.6g}, the square root of d_head",
        (root / 64, root * 64),
        lambda scale: program(inputs, scale=scale),
    )
    plain = program(inputs)
    yield (
        "a soft cap of about {:.4g} on the logits",
        (largest, 64 * largest),
        lambda cap: cap * np.tanh(plain / cap),
    )
    yield (
        "a soft cap of about {:.4g} on the attention scores",
        (1.0, 256.0),
        lambda cap: program(inputs, squash=lambda scores: cap * np.tanh(scores / cap)),
    )


def _best(made: Callable[[float], Floats], ends: tuple[float, float], logits: Floats) -> float:
    """Return the parameter whose logits differ least, by a grid and then by thirds."""

    def miss(value: float) -> float:
        return difference(made(value), logits)

    grid = np.geomspace(*ends, GRID)
    best = int(np.argmin([miss(float(value)) for value in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID - 1)])
    for _ in range(STEPS):
        third = (high - low) / 3
        if miss(low + third) <= miss(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2


class _Program:
    """The forward pass in float64, with one thing changed."""

    def __init__(self, weights: Weights) -> None:
        self.d_head = weights.shape.d_head
        self.w = {name: matrix.to_float() for name, matrix in weights.tensors.items()}

    def __call__(
        self,
        inputs: NDArray[np.int64],
        *,
        first: Change | None = None,
        last: Change | None = None,
        squash: Change | None = None,
        shortformer: bool = False,
        positions: float = 1.0,
        biased: bool = True,
        window: int | None = None,
        scale: float | None = None,
    ) -> Floats:
        w = self.w
        tokens, places = w[W_E][inputs], positions * w[W_POS][None]
        residual = tokens if shortformer else tokens + places
        seen = first(residual) if first else residual
        scored = seen + places if shortformer else seen
        query = scored[:, -1] @ w[W_Q] + biased * w[B_Q]
        keys = scored @ w[W_K] + biased * w[B_K]
        values = seen @ w[W_V] + biased * w[B_V]
        scores = np.einsum("nh,nkh->nk", query, keys) / (scale or self.d_head**0.5)
        scores = squash(scores) if squash else scores
        if window is not None:
            scores[:, :-window] = -np.inf
        attention = np.exp(scores - scores.max(axis=1, keepdims=True))
        attention /= attention.sum(axis=1, keepdims=True)
        mixed = np.einsum("nk,nkh->nh", attention, values)
        final = residual[:, -1] + mixed @ w[W_O] + w[B_O]
        read = last(final) if last else final
        logits: Floats = read @ w[W_U] + w[B_U]
        return logits


def _layer_norm(x: Floats) -> Floats:
    return _rms_norm(x - x.mean(axis=-1, keepdims=True))


def _rms_norm(x: Floats) -> Floats:
    normed: Floats = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
    return normed
