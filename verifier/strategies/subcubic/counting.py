"""The count of a subcubic strategy in balls: sound for any witness."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from ballproof.interval.ball import certainly_negative, precision
from ballproof.verifier.strategies.subcubic.curves import Dyadic, Tangents, curves
from ballproof.verifier.strategies.subcubic.logits import Logits
from ballproof.verifier.strategies.subcubic.query_scores import WORKING_BITS, query_scores
from ballproof.verifier.strategies.subcubic.scores import Scores

Anchors = list[list[tuple[Dyadic, ...]]]
# (q, m, c, how many sequences).
Settled = tuple[int, int, int, int]


def settled(
    scores: Scores, logits: Logits, anchors: Anchors, gaps: list[list[list[int]]]
) -> list[Settled]:
    """Return the entries that are certainly right, each with its number of sequences.

    `anchors[m][c-1]` is one attention (mean+diff) or two (chord), by which phi is bounded.

    For each class (q, m) and number c of tokens other than m, with gap gamma: a negative bound at
    both ends of the attention settles all sequences whose c tokens are at most m - gamma;
    comb(n, c) (m-gamma+1)^c of them if q = m, comb(n, c-1) (m-gamma+1)^(c-1) if q < m. The one
    sequence of m alone is the entry c = 0.
    """
    rows, curve = query_scores(scores), curves(logits)
    found: list[Settled] = []
    with precision(WORKING_BITS):
        bounds = [[Tangents(curve, m, anchor) for anchor in a] for m, a in enumerate(anchors)]
        for query, row in enumerate(rows):
            if certainly_negative(logits.alone[query] + logits.eps):
                found.append((query, query, 0, 1))
            # Scores too large for these balls: nothing is certified for this query.
            if row is None:
                continue
            rest = logits.difference[query] + logits.eps
            for m, c, gap, free in _entries(gaps, query):
                ends = row.attention_ends(m, gap, c)
                if ends and bounds[m][c - 1].negative(ends, logits.others[m][m - gap], rest):
                    many = comb(row.places, free) * (m - gap + 1) ** free
                    found.append((query, m, c, many))
    return found


def _entries(gaps: list[list[list[int]]], query: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (m, c, gap, how many of the c are free) where the gap leaves any sequence."""
    for m in range(query, len(gaps)):
        own = int(query < m)
        for c, gap in enumerate(gaps[m][query], start=1):
            if gap <= (m - query if own else m):
                yield m, c, gap, c - own
