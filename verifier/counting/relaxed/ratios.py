"""Columns of a class: upper tables above thresholds, and the largest of N/Z by Newton's steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ballproof.verifier.counting.relaxed.graphs import Graph, Places
from ballproof.verifier.counting.relaxed.summands import FAINT, SHARE, Floats, Summands

# Newton's steps grow quickly exact; a step that is left out only costs what a threshold loses.
MOST_STEPS, DONE = 12, 1e-12


@dataclass(frozen=True, eq=False)
class Region:
    """The inputs of one query in a graph: weights over its tokens, on the region's own unit.

    `free[i]` (H, T) and `own` (H,) are at most 1; `values[i]` (H, T, m+a), `own_values` (H, m+a).
    """

    summands: Summands
    query: int
    graph: Graph
    free: tuple[Floats, ...]
    own: Floats
    values: tuple[Floats, ...]
    own_values: Floats

    @property
    def constant(self) -> Floats:
        """What is looked up at the query, (m+a,)."""
        row: Floats = self.summands.constant[self.query]
        return row


def region_of(summands: Summands, query: int, graph: Graph) -> Region:
    """Return the region; the query is told by its place."""
    weights, kept = summands.weights(query), [level.tokens for level in graph.levels]
    free = [each[:, tokens] for each, tokens in zip(weights.free, kept, strict=True)]
    tops = np.max([weights.own, *[each.max(axis=1, initial=0) for each in free]], axis=0)
    unit = np.where(summands.divides & (tops > FAINT), tops, 1.0)
    values = [each[:, tokens] for each, tokens in zip(summands.values, kept, strict=True)]
    return Region(
        summands,
        query,
        graph,
        tuple(each / unit[:, None] for each in free),
        weights.own / unit,
        tuple(values),
        summands.own[query],
    )


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers f of a region's tokens, one column each: `free[i]` (H, T, C), `own` (H, C).

    The ratio of a summand is N/Z with N the sum of weights times f. `error` (H,) bounds what each
    f is off by, and 2^-38 times each f.
    """

    region: Region
    free: tuple[Floats, ...]
    own: Floats
    error: Floats

    def above(self, thresholds: Floats, faint: float = FAINT) -> tuple[list[Floats], Floats]:
        """Return upper tables of w (f - threshold) (H, T, C), and the query's entries (H, C).

        Theorem (T2): a sum of these entries is at least the true sum, if weights are within 2^-40
        of themselves or below `faint`. Proof: f - threshold is off by less than `error`, which is
        added, and which is 2^10 times what products and sums of floats lose of its own weight. []
        Where a sum is of look-ups alone, the threshold stands in the query's entry.
        """
        divides = self.region.summands.divides[:, None, None]
        spare = 2 * (self.error[:, None] + SHARE * np.abs(thresholds))
        lowered = spare - thresholds
        moved = np.where(divides, lowered[:, None], spare[:, None])
        pairs = zip(self.free, self.region.free, strict=True)
        free = [_upper(weights[..., None], f + moved, faint) for f, weights in pairs]
        return free, _upper(self.region.own[:, None], self.own + lowered, faint)

    def ratios(self, start: Floats | None = None) -> Floats:
        """Return about the largest N/Z of each summand and column (H, C)."""
        found = self.own.copy() if start is None else start.copy()
        left = np.arange(found.shape[1])
        for step in range(MOST_STEPS):
            part = self.only(left)
            new = part._step(found[:, left])
            done = (new <= found[:, left] + DONE * (1 + np.abs(new))).all(axis=0)
            # The first step may come down from a start that no input reaches; the others go up.
            done &= step > 0
            found[:, left] = new
            left = left[~done]
            if not len(left):
                break
        return found

    def only(self, columns: Places) -> Columns:
        """Return some columns."""
        if len(columns) == self.own.shape[1]:
            return self
        free = tuple(each[..., columns] for each in self.free)
        return Columns(self.region, free, self.own[:, columns], self.error)

    def _step(self, thresholds: Floats) -> Floats:
        """Return N/Z of the input with the largest N - threshold Z."""
        region, divides = self.region, self.region.summands.divides
        moved = np.where(divides[:, None], thresholds, 0.0)[:, None]
        pairs = list(zip(self.free, region.free, strict=True))
        picks: Sequence[Places] = []
        if pairs:
            picks = region.graph.picks([w[..., None] * (f - moved) for f, w in pairs])
        above = region.own[:, None] * self.own
        below = np.broadcast_to(region.own[:, None], above.shape).copy()
        heads, columns = np.indices(above.shape)
        for (f, weights), tokens in zip(pairs, picks, strict=True):
            chosen = weights[heads, tokens]
            above += chosen * f[heads, tokens, columns]
            below += np.where(divides[:, None], chosen, 0.0)
        return above / np.maximum(below, FAINT)


def _upper(weights: Floats, numbers: Floats, faint: float) -> Floats:
    high = np.where(numbers > 0, weights + faint, np.maximum(weights - faint, 0.0))
    high *= numbers
    return high
