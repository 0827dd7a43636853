"""Inputs of a class at random: what is wrong, nearly, and by which rivals. It steers only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.counting.merging import Floats, Index
from ballproof.verifier.strategies.ladder.cells import Cells
from ballproof.verifier.strategies.ladder.pools import Tables

Wins = NDArray[np.bool_]


def draws(cells: Cells, count: int, seed: int) -> Index:
    """Return the cells of `count` sequences of a class, each as likely as any (count, places)."""
    rng = np.random.default_rng(seed)
    states, chosen = np.zeros(count, dtype=np.int64), []
    sizes = np.array(cells.sizes, dtype=np.float64)
    for level in range(cells.places):
        targets = cells.targets(level)
        ways = cells.completions[level + 1]
        top = max(ways)
        shares = np.array([*(way / top for way in ways), 0.0])
        # Of each state: how likely each cell is or one before it.
        run = np.cumsum(sizes * shares[targets], axis=1)
        uniform = rng.random(count) * run[states, -1]
        cell = (run[states] <= uniform[:, None]).sum(axis=1)
        chosen.append(cell)
        states = targets[states, cell]
    return np.array(chosen, dtype=np.int64).reshape(cells.places, count).T


def wins(tables: Tables, drawn: Index) -> Wins:
    """Return which rivals win which of the sequences, in these tables (sequences, J)."""
    rows = tables.rows.astype(np.float64)
    sums = np.repeat(tables.own.astype(np.float64)[None], len(drawn), axis=0)
    for level in range(drawn.shape[1]):
        sums += rows[level % len(rows)][drawn[:, level]]
    return np.asarray(sums >= 0)


def strongest(won: Wins, most: int) -> list[int]:
    """Return at most so many rivals, each of which adds most to what the ones before win."""
    left = won.copy()
    found: list[int] = []
    while len(found) < min(most, won.shape[1]):
        best = int(left.sum(axis=0).argmax())
        if found and not left[:, best].any():
            break
        found.append(best)
        left &= ~left[:, best : best + 1]
    # Where the sample decides nothing: those that win most alone.
    for rival in np.argsort(-won.sum(axis=0), kind="stable").tolist():
        if len(found) < min(most, won.shape[1]) and rival not in found:
            found.append(rival)
    return sorted(found)


def share(won: Wins) -> Floats:
    """Return the share of the sequences that each rival wins."""
    return np.asarray(won.mean(axis=0))
