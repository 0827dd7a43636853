"""Scan a model's inputs in float64: all of them where they are few enough, else by descent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks import default
from ballproof.models.tasks.max import Max
from ballproof.models.weights import Weights
from ballproof.verifier.audit.hunt.candidates import Candidates, Collector, strata_of
from ballproof.verifier.audit.hunt.descent import descend
from ballproof.verifier.audit.hunt.floats import (
    BLOCK,
    FloatModel,
    Floats,
    QueryTables,
    Tokens,
    finite_or_zero,
)
from ballproof.verifier.counting.goal import Progress, silent

EVERY = 1 << 22
NEAR = 400
Short = NDArray[np.int16]


def scan(
    weights: Weights, margin: Fraction, effort: int, seed: int, progress: Progress = silent
) -> Candidates:
    """Return the candidates among all inputs, or among those that a local search comes by.

    All v^k are tried if they are at most `effort` times EVERY. Floats choose, they decide nothing.
    """
    model = FloatModel(weights, margin)
    shape = weights.shape
    collector = Collector(shape, NEAR * effort, model.tolerance)
    exhaustive = default(Max(), shape).total <= effort * EVERY
    # A query whose every sequence is tried needs no seed.
    for query in range(shape.d_vocab):
        collector.start_query()
        if exhaustive:
            _enumerate(model, query, collector)
        else:
            descend(model, query, effort, np.random.default_rng([seed, query]), collector)
        progress(query + 1, shape.d_vocab)
    return collector.candidates(exhaustive=exhaustive)


@dataclass(frozen=True, eq=False)
class _Part:
    """All choices (N,) of tokens at some positions: what they add up to, and their strata."""

    tokens: Short
    parts: Floats
    weights: Floats
    maximum: Short
    others: Short
    second: Short

    @property
    def size(self) -> int:
        return int(self.tokens.shape[1])


def _enumerate(model: FloatModel, query: int, collector: Collector) -> None:
    """Try every sequence with this last token, a block at a time."""
    tables, n = model.of_query(query), model.shape.n_ctx - 1
    inner = _inner_positions(model.shape.d_vocab, n)
    head = _all_choices(model, tables, range(n - inner))
    tail = _all_choices(model, tables, range(n - inner, n), query)
    for row in range(len(head.tokens)):
        with np.errstate(all="ignore"):
            parts, weights = head.parts[row] + tail.parts, head.weights[row] + tail.weights
        strata = _merged_strata(head, row, tail)
        margins = model.from_sums(parts, weights, strata[0].astype(np.int64))

        def tokens_of(index: NDArray[np.intp], row: int = row) -> Tokens:
            before = np.broadcast_to(head.tokens[row], (len(index), head.size))
            return np.concatenate([before, tail.tokens[index]], axis=1).astype(np.int64)

        faint = np.flatnonzero(np.isnan(margins))
        if len(faint):
            margins[faint] = model.margins(tokens_of(faint))
        collector.add(finite_or_zero(margins), strata, tokens_of)


def _inner_positions(v: int, n: int) -> int:
    """Return how many positions are enumerated in one array: the last ones."""
    inner = 0
    while inner < n and v ** (inner + 2) <= BLOCK:
        inner += 1
    return inner


def _all_choices(
    model: FloatModel, tables: QueryTables, positions: range, query: int | None = None
) -> _Part:
    """Return all choices at these positions, the query's own behind them if it is given."""
    v = model.shape.d_vocab
    tokens = np.zeros((1, 0), np.int16)
    parts, weights = np.zeros((1, v)), np.zeros(1)
    places = [(i, np.arange(v)) for i in positions]
    if query is not None:
        places.append((model.shape.n_ctx - 1, np.array([query])))
    with np.errstate(all="ignore"):
        for i, choices in places:
            parts = (parts[:, None] + tables.parts[i, choices]).reshape(-1, v)
            weights = (weights[:, None] + tables.weights[i, choices]).ravel()
            before = np.repeat(tokens, len(choices), axis=0)
            own = np.tile(choices.astype(np.int16), len(tokens))
            tokens = np.concatenate([before, own[:, None]], axis=1)
    if not tokens.shape[1]:
        nothing = np.full(1, -1, np.int16)
        return _Part(tokens, parts, weights, nothing, np.zeros(1, np.int16), nothing)
    strata = (part.astype(np.int16) for part in strata_of(tokens.astype(np.int64)))
    return _Part(tokens, parts, weights, *strata)


def _merged_strata(head: _Part, row: int, tail: _Part) -> tuple[Short, Short, Short]:
    """Return the strata of one choice of the head before every choice of the tail."""
    top, others, second = int(head.maximum[row]), int(head.others[row]), int(head.second[row])
    above, same = tail.maximum > top, tail.maximum == top
    count = np.where(
        above,
        tail.others + np.int16(head.size),
        np.where(same, tail.others + np.int16(others), np.int16(others + tail.size)),
    )
    runner_up = np.where(
        above,
        np.maximum(tail.second, np.int16(top)),
        np.maximum(np.where(same, tail.second, tail.maximum), np.int16(second)),
    )
    return np.maximum(tail.maximum, np.int16(top)), count, runner_up
