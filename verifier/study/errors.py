"""The sequences on which a model is wrong, one by one, for models small enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.verifier.counting.classes import tabled_classes
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.separable import ClassTables, surviving_rivals
from ballproof.verifier.counting.signs import wrong
from ballproof.verifier.counting.transitions import Transitions

LIMIT = 2**26
# Prefixes extended in one array operation: bounds memory, not the result.
BLOCK = 1 << 12
Tokens = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Prefixes:
    """Tokens (N, depth) and upper sums so far per surviving rival (N, J)."""

    tokens: Tokens
    sums: Lanes


def wrong_sequences(problem: Problem) -> dict[str, object] | None:
    """Return how many sequences are wrong, and where, for the largest of all tokens.

    None for another task, beyond 2^26 sequences and for k = 1.

    `by_query` and `by_maximum` are indexed by token. `by_gap[g]` counts the sequences whose largest
    token below the maximum m is m - g, and `by_gap[0]` those of m alone. Decided in integer lanes
    rounded outward, and exactly where those overlap; what stays undecided counts as wrong.
    """
    v, k = problem.shape.d_vocab, problem.shape.n_ctx
    if problem.total > LIMIT or k < 2 or not problem.is_max_of_all:
        return None
    counts = {name: np.zeros(v, dtype=np.int64) for name in ("query", "maximum", "gap")}
    for _, tables, transitions, _ in tabled_classes(problem, silent):
        for tokens in _wrong_of_class(problem, tables, transitions):
            gaps = _gaps(tokens, tables)
            counts["query"][tables.query] += len(tokens)
            counts["maximum"][tables.label] += len(tokens)
            counts["gap"] += np.bincount(gaps, minlength=v)
    listed = {f"by_{name}": values.tolist() for name, values in counts.items()}
    return {"total": int(counts["query"].sum()), **listed}


def _wrong_of_class(
    problem: Problem, tables: ClassTables, transitions: Transitions
) -> Iterator[Tokens]:
    """Yield the free tokens (N, n) of the wrong sequences, block by block."""
    rivals = surviving_rivals(tables, transitions)
    if not rivals:
        return
    start = _Prefixes(np.zeros((1, 0), np.int64), tables.query_high[None, rivals])
    for tokens in _extended(tables, tables.high[:, :, rivals], start):
        certain = _certainly_wrong(tables, rivals, tokens)
        for i in np.flatnonzero(~certain):
            sequence = (*tokens[i].tolist(), tables.query)
            certain[i] = wrong(problem, sequence, rivals) is not False
        yield tokens[certain]


def _certainly_wrong(tables: ClassTables, rivals: list[int], tokens: Tokens) -> Bools:
    """Return whether the lower tables let some rival win (the dual of T2)."""
    certain: Bools = np.zeros(len(tokens), dtype=np.bool_)
    for rival in rivals:
        sums = np.full(len(tokens), tables.query_low[rival])
        for place, column in enumerate(tokens.T):
            sums += tables.low[place, column, rival]
        certain |= sums >= 0
    return certain


def _extended(tables: ClassTables, high: Lanes, prefixes: _Prefixes) -> Iterator[Tokens]:
    """Yield what may be wrong of all that starts with these prefixes; `high` is (n, m+1, J)."""
    depth = prefixes.tokens.shape[1]
    completion = high[depth:].max(axis=1).sum(axis=0)
    alive = (prefixes.sums + completion >= 0).any(axis=1)
    tokens, sums = prefixes.tokens[alive], prefixes.sums[alive]
    for start in range(0, len(tokens), BLOCK):
        block = _Prefixes(tokens[start : start + BLOCK], sums[start : start + BLOCK])
        if depth + 1 == len(high):
            yield _completed(tables, high[depth], block)
        else:
            longer = (block.sums[:, None] + high[depth]).reshape(-1, high.shape[2])
            every = np.ones((len(block.tokens), high.shape[1]), dtype=np.bool_)
            yield from _extended(tables, high, _Prefixes(_with_last(block.tokens, every), longer))


def _completed(tables: ClassTables, last: Lanes, prefixes: _Prefixes) -> Tokens:
    """Return what may be wrong of the class, where the last token lacks yet; `last` is (m+1, J)."""
    open_ = np.zeros((len(prefixes.tokens), len(last)), dtype=np.bool_)
    # Rival by rival: most prefixes are alive for few of them.
    for sums, added in zip(prefixes.sums.T, last.T, strict=True):
        alive = np.flatnonzero(sums + added.max() >= 0)
        open_[alive] |= sums[alive, None] + added >= 0
    if tables.query < tables.label:
        open_[~(prefixes.tokens == tables.label).any(axis=1), : tables.label] = False
    return _with_last(prefixes.tokens, open_)


def _with_last(prefixes: Tokens, chosen: Bools) -> Tokens:
    """Return the prefixes (N, depth) with each next token that `chosen` (N, m+1) marks."""
    which, token = np.nonzero(chosen)
    return np.column_stack([prefixes[which], token])


def _gaps(tokens: Tokens, tables: ClassTables) -> Tokens:
    """Return m minus the largest token below m, or 0 where there is none."""
    m = tables.label
    own = tables.query if tables.query < m else -1
    below = np.where(tokens < m, tokens, -1).max(axis=1, initial=own)
    return np.where(below < 0, 0, m - below)
