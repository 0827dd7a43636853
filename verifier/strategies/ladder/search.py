"""The search for a ladder: what every pool of a label has to offer. All of it is untrusted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ballproof.models.task import class_size
from ballproof.verifier.strategies.ladder.candidates import Counting, Rules
from ballproof.verifier.strategies.ladder.costs import PoolCost
from ballproof.verifier.strategies.ladder.counts import STEPS, Box
from ballproof.verifier.strategies.ladder.options import (
    MAX_THRESHOLD,
    LabelOptions,
    Node,
    Option,
    PoolOptions,
    empty_node,
    pareto_front,
)
from ballproof.verifier.strategies.ladder.pools import Integer, LabelTables, Shape, Tables

# With so many tokens in cells of their own, marks and grids are tried.
DEEP_NEAR = 28
# Maxima up to m are not looked at where all their inputs are less than one part in this many.
NEGLIGIBLE_MAXIMA = 500_000


class Explorer:
    """Makes the options of one label."""

    def __init__(self, maximum: LabelTables, rules: Rules) -> None:
        self.maximum, self.rules, self.m = maximum, rules, maximum.m
        self.problem = maximum.problem
        v = self.problem.shape.d_vocab
        self.tolerance = self.problem.total // rules.negligible
        self.worth = rules.worth / self.problem.total
        self._classes: dict[tuple[int, tuple[int, ...]], list[Option]] = {}
        self.rivals = np.array([j for j in range(v) if j != self.m])
        self.direct = (
            self.problem.direct[: self.m + 1] - self.problem.direct[: self.m + 1, self.m :][:, :1]
        )

    def options(self) -> LabelOptions:
        """Return the options for q = m, and for the queries below m in one pool or two."""
        m, k = self.m, self.problem.shape.n_ctx
        if not self.rules.walk and (m + 1) ** k <= self.problem.total // NEGLIGIBLE_MAXIMA:
            return LabelOptions([[((m + 1) ** k - m**k, [])]])
        top = self._pools(m, m)
        divisions = [[*self._pools(0, m - 1), *top]]
        if m > 3 and self.rules.divide:
            near = self._pools(m - 3, m - 1)
            divisions.append([*self._pools(0, m - 4), *near, *top])
        return LabelOptions(divisions)

    def _pools(self, first: int, last: int) -> list[tuple[int, list[PoolOptions]]]:
        """Return one pool with its size and options, or none if it is empty."""
        size = class_size(first, self.m, self.problem.shape.n_ctx) if first <= last else 0
        options = [self._filter(first, last, near) for near in self._filters()] if size else []
        return [(size * (last - first + 1), options)] if size else []

    def _filters(self) -> list[int]:
        return sorted({min(near, self.m) for near in self.rules.filters})

    def _filter(self, first: int, last: int, near: int) -> PoolOptions:
        """Return the pool as a filter of all rivals, with thresholds."""
        shape = Shape(first, last, self.m - near, apart=False)
        cost = PoolCost.of(shape, self.m, self.maximum.places)
        upper = self.maximum.tables(shape, self.rivals, up=True)
        left = np.flatnonzero(self.maximum.worst(upper, shape) >= 0)
        together, operations = self._together(shape, upper, cost)
        # The gaps are kept for the other pools of the maximum: each pays a part.
        operations += cost.weights + len(self.rivals) * cost.gaps // 2
        survivors, upper = self.rivals[left], upper.of(left)
        thresholds = self._thresholds(shape, survivors) if len(survivors) and first < last else {}
        with_thresholds = operations + len(thresholds) * (cost.table() + 2 * cost.queries)
        node = {**empty_node(shape, self.m), "together": together}
        options = PoolOptions(
            with_thresholds, {**node, "thresholds": [[j, x] for j, x in sorted(thresholds.items())]}
        )
        left_open = {q: self._open(q, survivors, thresholds) for q in range(first, last + 1)}
        # Classes share the gaps of their rivals; about half of them by the time of choosing.
        sharing = max(sum(len(rivals) > 0 for rivals in left_open.values()) // 2, 1)
        for query, rivals in left_open.items():
            if len(rivals):
                size = class_size(query, self.m, self.problem.shape.n_ctx)
                options.queries.append((size, self._class(query, rivals, sharing)))
        if len(survivors):
            options.whole = pareto_front(
                list(self._candidates(shape, cost, survivors, upper, operations, node))
            )
        return options

    def _together(self, shape: Shape, upper: Tables, cost: PoolCost) -> tuple[list[list[int]], int]:
        """Return ranges of rivals that one table clears, and what all tables count."""
        ranges: list[list[int]] = []
        operations, start, largest = 0, 0, None
        for index in range(len(self.rivals) + 1):
            joint = None
            if index < len(self.rivals):
                one = upper.of(np.array([index]))
                joint = one if largest is None else one.joined(largest)
                if self.maximum.worst(joint, shape)[0] < 0:
                    largest = joint
                    continue
            if index - start > 1:
                ranges.append([int(self.rivals[start]), int(self.rivals[index - 1])])
                operations += cost.table(index - start) + len(self.rivals)
            elif index > start:
                operations += cost.table()
            start, largest = index, None
            if joint is not None:
                # The rival that ends a range starts the next one, if it can be cleared at all.
                alone = upper.of(np.array([index]))
                if self.maximum.worst(alone, shape)[0] < 0:
                    largest = alone
                else:
                    operations += cost.table()
                    start = index + 1
        return ranges, operations

    def _thresholds(self, shape: Shape, rivals: Integer) -> dict[int, int]:
        """Return for each rival the largest threshold in 1/1024 that its worst case allows."""
        maximum, one = self.maximum, self.problem.one
        gaps = self.direct[shape.first : shape.last + 1][:, rivals]
        low = [_clamped(-(-int(x) * STEPS // one) - 1) for x in gaps.min(axis=0)]
        high = [_clamped(-(-int(x) * STEPS // one) + 1) for x in gaps.max(axis=0)]
        start = np.array(low, dtype=object)
        lower, upper = start.copy(), np.array(high, dtype=object)
        for _ in range(max(int(max(upper - lower)).bit_length(), 1)):
            middle = (lower + upper + 1) // 2
            direct = [-(-(int(x) * one >> 10) >> maximum.shift) for x in middle]
            # A step of 1/1024 may be more than a lane holds where all gaps are tiny.
            fits = np.array([x.bit_length() < maximum.bits for x in direct])
            lanes = np.array([x if fit else 0 for x, fit in zip(direct, fits, strict=True)])
            tables = maximum.tables(shape, rivals, up=True, direct=lanes)
            cleared = fits & (maximum.worst(tables, shape) < 0)
            lower = np.where(cleared, middle, lower)
            upper = np.where(cleared, upper, middle - 1)
        return {int(j): int(x) for j, x, s in zip(rivals, lower, start, strict=True) if x > s}

    def _open(self, query: int, rivals: Integer, thresholds: dict[int, int]) -> Integer:
        row, one = self.direct[query], self.problem.one
        return np.array(
            [j for j in rivals if j not in thresholds or row[j] > thresholds[j] * one >> 10],
            dtype=int,
        )

    def _class(self, query: int, rivals: Integer, sharing: int) -> list[Option]:
        """Return options for one class, ever finer; stops where nothing is lost."""
        key = (query, tuple(rivals))
        if key not in self._classes:
            options: list[Option] = []
            for near, apart in self._configurations():
                shape = Shape(query, query, self.m - near, apart)
                cost = PoolCost.of(shape, self.m, self.maximum.places)
                least = min((option.lost for option in options), default=self.problem.total)
                # Finer tables gain no more than what is still lost.
                if least * self.worth < len(rivals) * cost.table():
                    break
                options += self._counted(shape, rivals, sharing)
            self._classes[key] = pareto_front(options)
        return self._classes[key]

    def _configurations(self) -> list[tuple[int, bool]]:
        found: list[tuple[int, bool]] = []
        for near, apart in self.rules.finer:
            pair = (self.m if near is None else min(near, self.m), apart)
            if pair not in found:
                found.append(pair)
        return found

    def _counted(self, shape: Shape, rivals: Integer, sharing: int) -> Iterator[Option]:
        """Yield the options of one table shape: cleared at once, or by each rule."""
        cost = PoolCost.of(shape, self.m, self.maximum.places)
        upper = self.maximum.tables(shape, rivals, up=True)
        alive = np.flatnonzero(self.maximum.worst(upper, shape) >= 0)
        operations = cost.weights + len(rivals) * (cost.table() + cost.gaps // sharing)
        node = empty_node(shape, self.m)
        if len(alive):
            yield from self._candidates(
                shape, cost, rivals[alive], upper.of(alive), operations, node
            )
        else:
            yield Option(operations, 0, node)

    def _candidates(
        self, shape: Shape, cost: PoolCost, rivals: Integer, upper: Tables, paid: int, node: Node
    ) -> Iterator[Option]:
        """Yield the options of each rule for the pool's queries alike, on top of what is paid."""
        box = Box(tuple(self.maximum.sizes(shape)), self.maximum.places, shape.last == self.m)
        deep = shape.one_query and shape.apart and self.m - shape.far >= min(self.m, DEEP_NEAR)
        queries = shape.last - shape.first + 1
        counting = Counting(self.rules, box, cost, rivals, upper, self.tolerance, self.worth, deep)
        for candidate in counting.candidates():
            tokens = [cell + shape.far - (shape.far > 0) for cell in candidate.marked]
            counted = {**node, "marked": tokens, "most": candidate.most, "groups": candidate.groups}
            if candidate.sure is not None and candidate.lost > self.tolerance:
                counted["sure"] = candidate.sure
            yield Option(
                paid + candidate.operations, min(candidate.lost, box.size) * queries, counted
            )


def _clamped(threshold: int) -> int:
    """Return the threshold next to this one that a certificate can hold."""
    return max(-MAX_THRESHOLD, min(threshold, MAX_THRESHOLD))
