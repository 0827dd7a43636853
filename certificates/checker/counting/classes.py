"""Classes (q, m): all sequences whose last token is q and whose largest token is m >= q."""

from collections.abc import Callable
from functools import reduce

from files.verdict import decline_unless

MAX_WALK = 500


def completions(places: int, maximum: int, holds_maximum: bool) -> int:
    """Return how many ways `places` free positions can be filled with tokens 0..m.

    Unless the sequence already holds m (at the query or before), one of the places must.
    """
    every: int = (maximum + 1) ** places
    without: int = 0 if holds_maximum else maximum**places
    return every - without


def require_walkable(n_ctx: int) -> None:
    """Decline to enumerate more positions than a walk can nest; no budget could pay for it."""
    decline_unless(n_ctx <= MAX_WALK, "limit", f"this strategy walks at most {MAX_WALK} positions.")


def inhabited_queries(maximum: int, n_ctx: int) -> range:
    """Return the queries q whose class (q, m) holds any sequence.

    With one position the query is all there is, so it is the maximum.
    """
    return range(maximum + 1) if n_ctx > 1 else range(maximum, maximum + 1)


def worst_case(
    own: int, best: list[int], held: list[int], larger: Callable[[int, int], int] = max
) -> int:
    """Return the most that a rival's sum of T1 can reach in a class (T3).

    `own` is the query's term and `best[i]` the largest entry of free position i. Where q < m, some
    free position p holds m and its entry `held[p]` stands in for best[p]; else `held` is empty.
    """
    worst = own + sum(best)
    if held:
        worst += reduce(larger, [entry - top for entry, top in zip(held, best, strict=True)])
    return worst
