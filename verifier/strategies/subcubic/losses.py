"""The sequences that a subcubic certificate does not certify: how many, and where."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from ballproof.verifier.strategies.base import Losses, Witness

Gaps = Sequence[Sequence[Sequence[int]]]


def losses_of(witness: Witness, n_ctx: int) -> Losses:
    """Return what a certificate with this witness loses.

    Counted from the gaps: classes with c >= 1 tokens other than the maximum. The sequence of m
    alone is decided apart and is not among them.
    """
    return lost_sequences(witness["gaps"], n_ctx)


def lost_sequences(gaps: Gaps, n_ctx: int) -> Losses:
    """Return the losses of a witness `gaps[m][q][c-1]`.

    Of a class (q, m) with c tokens other than m, the sequences whose tokens other than m are all at
    most m - gap are certified; a sequence whose next token is closer is lost.
    """
    v, n = len(gaps), n_ctx - 1
    by_query, by_maximum, by_gap = [0] * v, [0] * v, [0] * v
    for m, rows in enumerate(gaps):
        for q, row in enumerate(rows):
            for c, gap in enumerate(row, start=1):
                lost = _lost(n, m, q, c, gap)
                by_query[q] += lost
                by_maximum[m] += lost
        for c in range(1, n + 1):
            for distance, lost in enumerate(_lost_by_gap(n, m, c, [row[c - 1] for row in rows])):
                by_gap[distance] += lost
    return Losses(tuple(by_query), tuple(by_maximum), tuple(by_gap))


def _lost(n: int, m: int, q: int, c: int, gap: int) -> int:
    """Return how many sequences of class (q, m) with c tokens below m are lost."""
    own = int(q < m)
    free = c - own
    largest = m - q if own else m
    certified: int = (m - gap + 1) ** free if gap <= largest else 0
    every: int = m**free
    return comb(n, free) * (every - certified)


def _lost_by_gap(n: int, m: int, c: int, gaps: Sequence[int]) -> list[int]:
    """Return by distance g the lost sequences of maximum m with c tokens below it.

    `gaps[q]` is the gap of the class (q, m). For q < m and g < m - q the next token is a free one;
    g = m - q is the query's own distance, where the free tokens are at most q.
    """
    lost = [0] * (m + 1)
    # The classes q < m that lose what is at distance g: gap > g, and g < m - q.
    reach = [0] * (m + 2)
    for q, gap in enumerate(gaps[:m]):
        reach[min(gap, m - q)] += 1
        if gap > m - q:
            lost[m - q] += comb(n, c - 1) * (q + 1) ** (c - 1)
    losing = sum(reach)
    for g in range(1, m + 1):
        losing -= reach[g]
        lost[g] += losing * _exactly(n, c - 1, m - g)
        if g < gaps[m]:
            lost[g] += _exactly(n, c, m - g)
    return lost


def _exactly(n: int, free: int, top: int) -> int:
    """Return the ways to place `free` tokens on n places whose largest is `top`."""
    exactly: int = (top + 1) ** free - top**free
    return comb(n, free) * exactly
