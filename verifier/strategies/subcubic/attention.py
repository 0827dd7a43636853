"""The attention to the maximum in floats, for all classes and gaps: for the search alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ballproof.verifier.strategies.subcubic.directions import to_floats
from ballproof.verifier.strategies.subcubic.entries import Entries, Floats, entries
from ballproof.verifier.strategies.subcubic.names import SCORE_ERROR
from ballproof.verifier.strategies.subcubic.scores import Scores


@dataclass(frozen=True, eq=False)
class Attention:
    """What the ends of the attention to the maximum are made of.

    `light` and `heavy` hold exp(-score gap) per entry for the least and the largest gap; per
    number c of other tokens, `least` and `most` hold the weight of the others' positions over
    that of the maximum's, per class.
    """

    light: Floats
    heavy: Floats
    most: list[Floats]
    least: list[Floats]

    def ends(self, order: Entries, c: int) -> tuple[Floats, Floats]:
        """Return the lowest and the highest attention per entry, with c other tokens."""
        return (
            _share(order.of_classes(self.most[c - 1]), self.light),
            _share(order.of_classes(self.least[c - 1]), self.heavy),
        )


# All strategies of a model share the scores of a few score-error handlings.
@lru_cache(maxsize=len(SCORE_ERROR))
def attention(scores: Scores) -> Attention:
    """Return the attention to the maximum with these scores; not finite where they are not."""
    positional = to_floats(scores.positional)
    weights = np.exp(positional - positional.max(axis=1, keepdims=True))
    order = entries(len(weights))
    light, heavy = _factors(scores, order)
    free, last = np.sort(weights[:, :-1], axis=1), weights[order.query, -1]
    lows, highs = _partial_sums(free), _partial_sums(free[:, ::-1])
    found = Attention(light, heavy, [], [])
    for c in range(1, free.shape[1] + 1):
        others = order.query, c - order.below
        held = order.query, free.shape[1] - c + order.below
        for target, inside, outside in ((found.most, lows, highs), (found.least, highs, lows)):
            a = inside[held] + (1 - order.below) * last
            b = outside[others] + order.below * last
            target.append(b / np.maximum(a, 1e-300))
    return found


def _factors(scores: Scores, order: Entries) -> tuple[Floats, Floats]:
    """Return exp(-gap) for the least and the largest gap of scores between m and the others."""
    table = to_floats(scores.approximate)
    error = np.array([float(x.mid()) for x in scores.error])[:, None]
    own = order.query, order.maximum
    light = np.maximum.accumulate(table, axis=1)
    heavy = np.minimum.accumulate(table, axis=1)
    return (
        np.exp(order.at_upto(light, order.query) - order.of_classes((table - error)[own])),
        np.exp(order.at_upto(heavy, order.query) - order.of_classes((table + error)[own])),
    )


def _partial_sums(rows: Floats) -> Floats:
    """Return the sums of the first 0, 1, .. entries of each row."""
    return np.concatenate([np.zeros((len(rows), 1)), rows.cumsum(axis=1)], axis=1)


def _share(ratio: Floats, factor: Floats) -> Floats:
    """Return 1 / (1 + ratio * factor), in the array `ratio`."""
    ratio *= factor
    ratio += 1
    return np.divide(1, ratio, out=ratio)
