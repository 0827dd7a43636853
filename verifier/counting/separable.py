"""The tables of T1 as int64 lanes: for one maximum m, all rivals, all positions and tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballproof.interval.fixed import Lanes, floor_lanes, lane_bits, require_headroom
from ballproof.verifier.counting.attention import Attention
from ballproof.verifier.counting.problem import Problem


@dataclass(frozen=True)
class ClassTables:
    """Tables of one class (q, m) around g_i(t): `low` <= g <= `high`, in one unit.

    `low`, `high`: (n, m+1, v) for the free positions. `query_low`, `query_high`: (v,) for the
    query's own term. Lane m, which is no rival, holds 0 and a query term of -1, so that it never
    reaches 0. Sums of a term per position fit int64.
    """

    query: int
    maximum: int
    low: Lanes
    high: Lanes
    query_low: Lanes
    query_high: Lanes


class GapTables:
    """f_i(t) for one maximum m, floors and ceilings; the weights come in class by class.

    `spare` bits of a lane are kept free, for offsets.
    """

    def __init__(self, problem: Problem, maximum: int, spare: int = 0) -> None:
        self.maximum = maximum
        self.places = problem.shape.n_ctx
        # Half the lane for f, half for w, less one bit each: f is a sum of two rounded parts.
        self.bits = (lane_bits(self.places + 2) - 2 - spare) // 2
        own = slice(maximum, maximum + 1)
        tokens = slice(0, maximum + 1)
        direct = problem.direct[tokens] - problem.direct[tokens, own] + problem.eps
        output = problem.output[tokens] - problem.output[tokens, own]
        places = problem.places - problem.places[:, own]
        free = output[None, :, :] + places[:, None, :]
        largest = max(abs(direct).max(), abs(free).max())
        self.shift = max(int(largest).bit_length() - self.bits, 0)
        self.direct = floor_lanes(direct, self.shift)
        self.free = floor_lanes(free, self.shift)

    def of_query(
        self, query: int, attention: Attention, offset: tuple[int, int] = (0, 0)
    ) -> ClassTables:
        """Return the tables of the class (query, m), rounded outward (T2 and its dual).

        `offset` encloses what is added to every f, in units of 2**shift of the problem's. With two
        spare bits it may be as large as any f, 2**(bits+1).
        """
        low_gap = self.free[0] + self.direct[0][query] + offset[0]
        high_gap = self.free[1] + self.direct[1][query] + offset[1]
        low_weight, high_weight = (
            lanes[:, :, None] for lanes in attention.lanes(self.maximum, self.bits)
        )
        high = high_gap * np.where(high_gap > 0, high_weight, low_weight)
        low = low_gap * np.where(low_gap > 0, low_weight, high_weight)
        low[:, :, self.maximum] = high[:, :, self.maximum] = 0
        low[-1, query, self.maximum] = high[-1, query, self.maximum] = -1
        require_headroom(low, self.places + 1)
        require_headroom(high, self.places + 1)
        return ClassTables(
            query, self.maximum, low[:-1], high[:-1], low[-1, query], high[-1, query]
        )


def surviving_rivals(tables: ClassTables) -> list[int]:
    """Return the rivals that the worst case (T3) does not rule out in this class.

    Theorem: a rival whose largest possible sum is negative wins on no sequence of the class. Where
    q < m, some free position holds m.
    """
    best = tables.high.max(axis=1)
    worst = tables.query_high + best.sum(axis=0)
    if tables.query < tables.maximum:
        worst = worst + (tables.high[:, tables.maximum] - best).max(axis=0)
    return [int(rival) for rival in np.flatnonzero(worst >= 0)]
