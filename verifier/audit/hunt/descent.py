"""Local search where there are too many inputs to try all: one token at a time, many starts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures import Shape
from ballproof.verifier.audit.hunt.candidates import Collector, strata_of
from ballproof.verifier.audit.hunt.floats import (
    FloatModel,
    Floats,
    QueryTables,
    Tokens,
    finite_or_zero,
)

STARTS = 96
SWEEPS = 2
# A change of one token is tried for at most so many tokens.
CHOICES = 64


def descend(
    model: FloatModel,
    query: int,
    effort: int,
    rng: np.random.Generator,
    collector: Collector,
) -> None:
    """Search among the sequences with this last token; the collector takes all that are seen.

    Coordinate descent: for one position after the other, each token is tried in its place, and the
    best stays. Half of the starts go for the smallest margin, half for the nearest to a tie. A
    sequence keeps its maximum, so that every class that was started in is searched.
    """
    shape = model.shape
    tokens = starts(query, max(2, STARTS * effort * 64 // (10 * shape.d_vocab)), shape, rng)
    tables = model.of_query(query)
    nearest = np.arange(len(tokens)) % 2 == 1
    _see(collector, finite_or_zero(model.margins(tokens)), tokens)
    for _ in range(SWEEPS):
        for place in rng.permutation(shape.n_ctx - 1).tolist():
            choices = np.sort(rng.permutation(shape.d_vocab)[:CHOICES])
            tokens = _step(model, tables, tokens, place, choices, nearest, collector)


def starts(query: int, count: int, shape: Shape, rng: np.random.Generator) -> Tokens:
    """Return random sequences (count,k) of a query, spread over maxima and over how often each."""
    v, n = shape.d_vocab, shape.n_ctx - 1
    maximum = query + rng.permutation(np.arange(count) % (v - query))
    tokens = rng.integers(0, maximum[:, None] + 1, (count, n))
    # Worst cases repeat themselves: in half of the starts all other tokens are the same.
    alike = rng.random(count) < 0.5
    if n:
        tokens[alike] = tokens[alike, :1]
    held = rng.integers(0, n + 1, count)
    held = np.where(maximum > query, np.maximum(held, 1), held)
    ranks = rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
    tokens = np.where(ranks < held[:, None], maximum[:, None], tokens)
    return np.concatenate([tokens, np.full((count, 1), query)], axis=1)


def _step(
    model: FloatModel,
    tables: QueryTables,
    tokens: Tokens,
    place: int,
    choices: Tokens,
    nearest: NDArray[np.bool_],
    collector: Collector,
) -> Tokens:
    """Try each choice at one position of every sequence; return the sequences with the best."""
    count, maximum = len(tokens), tokens.max(axis=1)
    changed = np.repeat(tokens[:, None, :], len(choices) + 1, axis=1)
    changed[:, 1:, place] = choices  # The first stays as it is.
    flat = changed.reshape(-1, tokens.shape[1])
    margins = _sums(model, tables, tokens, place, choices)
    faint = np.flatnonzero(np.isnan(margins))
    if len(faint):
        margins[faint] = model.margins(flat[faint])
    margins = finite_or_zero(margins)
    stays = flat.max(axis=1) == np.repeat(maximum, len(choices) + 1)
    kept = np.flatnonzero(stays)
    _see(collector, margins[kept], flat[kept])
    goals = np.where(stays, margins, np.inf).reshape(count, -1)
    goals[nearest] = np.abs(goals[nearest])
    best: Tokens = changed[np.arange(count), goals.argmin(axis=1)]
    return best


def _sums(
    model: FloatModel, tables: QueryTables, tokens: Tokens, place: int, choices: Tokens
) -> Floats:
    """Return the margins (N (C+1),) of each sequence and of its changes at one position."""
    positions = np.arange(tokens.shape[1])
    rest = positions != place
    columns = np.concatenate([tokens[:, place, None], np.tile(choices, (len(tokens), 1))], axis=1)
    with np.errstate(all="ignore"):
        parts = tables.parts[positions[rest], tokens[:, rest]].sum(axis=1)
        weights = tables.weights[positions[rest], tokens[:, rest]].sum(axis=1)
        parts = parts[:, None] + tables.parts[place, columns]
        weights = weights[:, None] + tables.weights[place, columns]
    labels = np.maximum(tokens[:, rest].max(axis=1)[:, None], columns)
    return model.from_sums(parts.reshape(-1, model.shape.d_vocab), weights.ravel(), labels.ravel())


def _see(collector: Collector, margins: Floats, tokens: Tokens) -> None:
    collector.add(margins, strata_of(tokens), lambda index: tokens[index])
