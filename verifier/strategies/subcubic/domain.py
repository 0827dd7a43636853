"""The fields of the witness of a subcubic strategy.

Beyond the table: the ends of a chord are in order, the numbers of a vector have a common unit, and
those of mu, a_star and chord have at most 1,100 binary places on each side of the point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ballproof.verifier.strategies.domains import Dyadic, Fields, Integer, Items
from ballproof.verifier.strategies.subcubic.names import PEEL_PAIR, Parts

MAX_SQUARINGS = 12
GAP = Integer(1, "v")
SQUARINGS = Integer(0, MAX_SQUARINGS)
FIELDS: Mapping[str, Integer | Items] = {
    "gaps": Items(Items(Items(GAP, "n"), "m+1"), "v"),
    "query_directions": Items(Items(Dyadic(), "v", nonzero=True)),
    "key_directions": Items(Items(Dyadic(), "v", nonzero=True)),
    "matrix_directions": Items(Items(Dyadic(), "d", nonzero=True)),
    "squarings": SQUARINGS,
    "mu": Items(Dyadic(), "d"),
    "a_star": Items(Items(Dyadic(), "n"), "v"),
    "chord": Items(Items(Items(Dyadic(), 2), "n"), "v"),
}


def terms(score_error: str) -> int:
    """Return how many directions are peeled from each end of the product of the scores."""
    if score_error == "exact":
        return 0
    return 1 if score_error in PEEL_PAIR else 2


def fields_of(parts: Parts) -> Fields:
    """Return the fields that the witness of a strategy has, all of them."""
    peeled = terms(parts.score_error)
    wanted = {
        "gaps": True,
        "query_directions": peeled > 0,
        "key_directions": peeled > 0,
        "matrix_directions": peeled > 1,
        "squarings": parts.score_error == "svd",
        "mu": parts.direct == "svd-query",
        "a_star": parts.attention == "mean+diff",
        "chord": parts.attention == "chord",
    }
    lengths = {"query_directions": peeled, "key_directions": peeled, "matrix_directions": 2}
    return {
        key: replace(domain, length=lengths[key])
        if isinstance(domain, Items) and key in lengths
        else domain
        for key, domain in FIELDS.items()
        if wanted[key]
    }
