"""T8 in int64 lanes: tables that hold for every query of a pool, with the far tokens in one cell.

The cells of 0..m are the tokens 0..far-1 together (if far > 0), then far..m one by one. Rows are
the free positions, or one row that stands for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import exact, lower_end, precision, upper_end
from ballproof.interval.fixed import Lanes, floor_lanes, lane_bits, require_headroom
from ballproof.verifier.counting.problem import Integers, Problem

WORKING_BITS = 64
Integer = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """Which pool of a maximum: queries first..last, the tokens below `far` in one cell."""

    first: int
    last: int
    far: int
    apart: bool

    @property
    def one_query(self) -> bool:
        """Whether the pool holds a single query."""
        return self.first == self.last


@dataclass(frozen=True)
class Tables:
    """Entries on one side of g for some rivals: `own` (J,), `rows` (rows, cells, J)."""

    own: Lanes
    rows: Lanes

    def of(self, index: Integer) -> Tables:
        """Return the tables of some of the rivals."""
        return Tables(self.own[index], self.rows[:, :, index])

    def without(self, cells: set[int]) -> Tables:
        """Return the tables without some cells."""
        kept = [cell for cell in range(self.rows.shape[1]) if cell not in cells]
        return Tables(self.own, self.rows[:, kept])

    def joined(self, other: Tables) -> Tables:
        """Return tables that are at least both of these."""
        return Tables(np.maximum(self.own, other.own), np.maximum(self.rows, other.rows))

    def largest(self) -> Tables:
        """Return one table that is at least each rival's: it counts their union."""
        return Tables(self.own.max(keepdims=True), self.rows.max(axis=2, keepdims=True))


class PrefixExtremes:
    """What all maxima share: extremes of V and D over the tokens 0..t, of S along rows."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.output = _running(problem.output)
        self.direct = _running(problem.direct)
        self.score = tuple(side.T for side in _running(problem.score.T))
        relative = problem.positional_score - problem.positional_score[:, :1]
        self.places: Integers = relative


def _running(table: Integers) -> tuple[Integers, Integers]:
    return np.minimum.accumulate(table, axis=0), np.maximum.accumulate(table, axis=0)


class LabelTables:
    """The tables of one maximum m: gaps in one unit, so that sums of entries fit int64."""

    def __init__(self, prefixes: PrefixExtremes, maximum: int) -> None:
        problem = prefixes.problem
        self.prefixes, self.problem, self.m = prefixes, problem, maximum
        self.places = problem.shape.n_ctx - 1
        self.bits = (lane_bits(problem.shape.n_ctx + 2) - 3) // 2
        own = slice(maximum, maximum + 1)
        steps = problem.places - problem.places[:, own]
        output = problem.output[: maximum + 1] - problem.output[: maximum + 1, own]
        spread = [abs(steps).max(), abs(problem.eps)]
        for table in (problem.output, problem.direct):
            part = table[: maximum + 1]
            spread.append(part.max() - part.min())
        # A gap is a sum of three rounded parts and eps.
        self.shift = max(int(sum(spread)).bit_length() + 1 - self.bits, 0)
        self.steps = floor_lanes(steps, self.shift)
        self.output = floor_lanes(output, self.shift)
        self._far: dict[tuple[int, bool], Lanes] = {}
        self._weights: dict[Shape, tuple[Lanes, Lanes, Lanes]] = {}

    def _gaps(self, shape: Shape, rivals: Integer, up: bool) -> Lanes:
        """Return V[t,j]-V[t,m] + P[i,j]-P[i,m] for rows, cells and rivals, at worst in a cell."""
        steps = self.steps[up][: self.places, rivals]
        if not shape.apart and self.places:
            steps = (steps.max if up else steps.min)(axis=0, keepdims=True)
        cells = self.output[up][shape.far :, rivals]
        if shape.far:
            cells = np.concatenate([self._far_gap(shape.far, up)[None, rivals], cells])
        return cells[None] + steps[:, None]

    def _far_gap(self, far: int, up: bool) -> Lanes:
        """Return a bound of V[t,j]-V[t,m] over the tokens t < far, for all rivals (v,)."""
        if (far, up) not in self._far:
            running = self.prefixes.output
            gap = running[up][far - 1] - running[1 - up][far - 1, self.m]
            self._far[far, up] = floor_lanes(gap, self.shift)[up]
        return self._far[far, up]

    def direct(self, shape: Shape, up: bool, table: str = "direct") -> Lanes:
        """Return a bound of T[q,j] - T[q,m] over the pool's queries, for all rivals (v,)."""
        values = getattr(self.problem, table)
        first, last = shape.first, shape.last
        if shape.one_query:
            gap = values[first] - values[first, self.m]
        elif first == 0:
            running = getattr(self.prefixes, table)
            gap = running[up][last] - running[1 - up][last, self.m]
        else:
            part = values[first : last + 1]
            low, high = part.min(axis=0), part.max(axis=0)
            gap = high - low[self.m] if up else low - high[self.m]
        return floor_lanes(gap, self.shift)[up]

    def tables(
        self, shape: Shape, rivals: Integer, *, up: bool, direct: Lanes | None = None
    ) -> Tables:
        """Return entries >= g (up) or <= g for each query of the pool; `direct` replaces D's gap.

        T8, and T9 where `direct` is given: entries do not decrease in it.
        """
        low, high, own = self.weights(shape)
        if direct is None:
            direct = self.direct(shape, up)[rivals]
        eps = floor_lanes(np.array([self.problem.eps], dtype=object), self.shift)[up]
        base = direct + eps
        gaps = self._gaps(shape, rivals, up) + base
        last = self.direct(shape, up, "output")[rivals] + self.steps[up][-1][rivals] + base
        rows = _weighted(gaps, low[:, :, None], high[:, :, None], up)
        tables = Tables(_weighted(last, own[:1], own[1:], up), rows)
        require_headroom(rows, self.places + 2)
        require_headroom(tables.own, self.places + 2)
        return tables

    def weights(self, shape: Shape) -> tuple[Lanes, Lanes, Lanes]:
        """Return weights (rows, cells) below and above, and the query's own (low, high)."""
        if shape not in self._weights:
            self._weights[shape] = self._enclosed_weights(shape)
        return self._weights[shape]

    def _enclosed_weights(self, shape: Shape) -> tuple[Lanes, Lanes, Lanes]:
        queries = np.arange(shape.first, shape.last + 1)
        score = self.problem.score
        reference = score[queries, self.m]
        near = score[queries, shape.far : self.m + 1] - reference[:, None]
        low, high = near.min(axis=0), near.max(axis=0)
        if shape.far:
            ends = [side[queries, shape.far - 1] - reference for side in self.prefixes.score]
            low, high = [ends[0].min(), *low], [ends[1].max(), *high]
        own = score[queries, queries] - reference
        tokens = self._spans([*low, own.min()], [*high, own.max()])
        rows = self.prefixes.places[queries]
        low, high = list(rows.min(axis=0)), list(rows.max(axis=0))
        if not shape.apart and self.places:
            low, high = [min(low[:-1]), low[-1]], [max(high[:-1]), high[-1]]
        places = self._spans(low, high)
        lows = np.multiply.outer(places[0][:-1], tokens[0][:-1]) >> self.bits
        highs = -(-np.multiply.outer(places[1][:-1], tokens[1][:-1]) >> self.bits)
        # Products of the query's own weights, rounded likewise.
        own_low = places[0][-1] * tokens[0][-1] >> self.bits
        own_high = -(-(places[1][-1] * tokens[1][-1]) >> self.bits)
        return lows, highs, np.array([own_low, own_high])

    def _spans(self, low: list[int], high: list[int]) -> tuple[Lanes, Lanes]:
        """Enclose exp of the scores, relative to the largest, in units of 2**-bits."""
        top = max(high)
        with precision(WORKING_BITS):
            root = flint.arb(self.problem.shape.d_head).sqrt()
            unit = exact(1, self.bits)
            balls = {x: self._exp(x - top, root) * unit for x in {*low, *high}}
        floors = [_floor(balls[x], up=False) for x in low]
        ceilings = [max(_floor(balls[x], up=True), 1) for x in high]
        return np.array(floors, dtype=np.int64), np.array(ceilings, dtype=np.int64)

    def _exp(self, score: int, root: flint.arb) -> flint.arb:
        return (exact(int(score), self.problem.score_exponent) / root).exp()

    def worst(self, tables: Tables, shape: Shape) -> Lanes:
        """Return for each rival the largest sum in the pool's classes (T3); `tables` are upper."""
        best = tables.rows.max(axis=1)
        total = best.sum(axis=0) * (1 if shape.apart else self.places) + tables.own
        if shape.last < self.m and len(best):
            total = total + (tables.rows[:, -1] - best).max(axis=0)
        return np.asarray(total)

    def sizes(self, shape: Shape) -> list[int]:
        """Return how many tokens each cell holds."""
        return [shape.far] * (shape.far > 0) + [1] * (self.m + 1 - shape.far)


def _floor(ball: flint.arb, *, up: bool) -> int:
    """Return the floor of the lower end, or the ceiling of the upper end."""
    mantissa, exponent = upper_end(ball) if up else lower_end(ball)
    sign = -1 if up else 1
    mantissa *= sign
    if exponent >= 0:
        return sign * (mantissa << exponent)
    # However small the number, no more bits than it has can be shifted out.
    return sign * (mantissa >> min(-exponent, mantissa.bit_length() + 1))


def _weighted(gaps: Lanes, low: Lanes, high: Lanes, up: bool) -> Lanes:
    return gaps * np.where((gaps > 0) == up, high, low)
