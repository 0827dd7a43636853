"""The tables of T1 as int64 lanes: for one label, all rivals, all positions and tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes, floor_lanes, lane_bits, require_headroom
from ballproof.verifier.counting.attention import Attention
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.transitions import Transitions


@dataclass(frozen=True)
class ClassTables:
    """Tables of one class around g_i(t): `low` <= g <= `high`, in one unit.

    `label` is a column, as rivals are. `low`, `high`: (n, T, a) for the free positions and the
    range `tokens` of T tokens. `query_low`, `query_high`: (a,) for the query's own term. The lane
    of the label, which is no rival, holds 0 and a query term of -1, so that it never reaches 0.
    Sums of a term per position fit int64. A token that no input of the class has at a position may
    have any entry there.
    """

    query: int
    label: int
    tokens: range
    low: Lanes
    high: Lanes
    query_low: Lanes
    query_high: Lanes


class GapTables:
    """f_i(t) for one label, floors and ceilings; the weights come in class by class.

    `label` is a column of the problem's tables. `tokens` are the free tokens and `queries` the
    queries of its classes, as ranges that hold them. `spare` bits of a lane are kept free, for
    offsets.
    """

    def __init__(
        self, problem: Problem, label: int, tokens: range, queries: range, spare: int = 0
    ) -> None:
        self.label, self.tokens, self.queries = label, tokens, queries
        self.terms = problem.shape.n_ctx + 1
        # Half the lane for f, half for w, less one bit each: f is a sum of two rounded parts.
        self.bits = (lane_bits(self.terms + 1) - 2 - spare) // 2
        own = slice(label, label + 1)
        asked, free = slice(queries.start, queries.stop), slice(tokens.start, tokens.stop)
        tables, head = problem.tables, problem.head
        direct = tables.direct[asked] - tables.direct[asked, own] + tables.eps
        positional = head.positional_output - head.positional_output[:, own]
        output = head.output[free] - head.output[free, own]
        last = head.output[asked] - head.output[asked, own] + positional[-1]
        others = output[None, :, :] + positional[:-1, None, :]
        parts = [np.abs(part).max(initial=0) for part in (direct, others, last)]
        self.shift = max(int(max(parts)).bit_length() - self.bits, 0)
        self.direct = floor_lanes(direct, self.shift)
        self.others = floor_lanes(others, self.shift)
        self.last = floor_lanes(last, self.shift)

    def of_query(
        self,
        query: int,
        attention: Attention,
        offset: tuple[int, int] = (0, 0),
        allowed: NDArray[np.bool_] | None = None,
    ) -> ClassTables:
        """Return the tables of the class of this query, rounded outward (T2 and its dual).

        `offset` encloses what is added to every f, in units of 2**shift of the problem's. With two
        spare bits it may be as large as any f, 2**(bits+1). `allowed` (n, T) says which tokens the
        class has at a position, all unless given.
        """
        row = query - self.queries.start
        weights = attention.lanes(self.tokens, self.bits, allowed)
        shape = (*self.others[0].shape[:2], 1)
        free = [lanes[:-1].reshape(shape) for lanes in weights]
        direct = [self.direct[end][row] + offset[end] for end in (0, 1)]
        low, high = _terms([self.others[end] + direct[end] for end in (0, 1)], free)
        own = [self.last[end][row] + direct[end] for end in (0, 1)]
        query_low, query_high = _terms(own, [lanes[-1:] for lanes in weights])
        low[:, :, self.label] = high[:, :, self.label] = 0
        query_low[self.label] = query_high[self.label] = -1
        for lanes in (low, high, query_low, query_high):
            require_headroom(lanes, self.terms)
        return ClassTables(query, self.label, self.tokens, low, high, query_low, query_high)

    def of_sequences(
        self, sequences: NDArray[np.int64], attention: Attention
    ) -> tuple[Lanes, Lanes]:
        """Return (N, a) below and above the sums of T1, for sequences (N, k) of one query.

        Each has a unit of its own, so that its weights are not small beside those of others. The
        lane of the label holds -1.
        """
        query = attention.query
        positions, free = np.arange(sequences.shape[1] - 1), sequences[:, :-1] - self.tokens.start
        row = query - self.queries.start
        gaps = []
        for end in (0, 1):
            own = np.broadcast_to(self.last[end][row], (len(free), 1, len(self.last[end][row])))
            others = self.others[end][positions, free]
            gaps.append(np.concatenate([others, own], axis=1) + self.direct[end][row])
        weights = attention.of_sequences(sequences, self.bits)
        low, high = _terms(gaps, [lanes[:, :, None] for lanes in weights])
        for lanes in (low, high):
            require_headroom(lanes, self.terms)
        below, above = low.sum(axis=1), high.sum(axis=1)
        below[:, self.label] = above[:, self.label] = -1
        return below, above


def _terms(gaps: list[Lanes], weights: list[Lanes]) -> tuple[Lanes, Lanes]:
    """Return products below and above f w, for f and w > 0 between two ends each."""
    low_gap, high_gap = gaps
    low_weight, high_weight = weights
    high: Lanes = high_gap * np.where(high_gap > 0, high_weight, low_weight)
    low: Lanes = low_gap * np.where(low_gap > 0, low_weight, high_weight)
    return low, high


def surviving_rivals(tables: ClassTables, transitions: Transitions) -> list[int]:
    """Return the rivals that the worst case (T3) does not rule out in this class.

    Theorem: a rival whose largest possible sum is negative wins on no sequence of the class. The
    fold of (max, +) over the acceptor is the largest sum.
    """
    worst = tables.query_high + transitions.largest(tables.high)[0][0]
    return [int(rival) for rival in np.flatnonzero(worst >= 0)]
