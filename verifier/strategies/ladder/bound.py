"""The bound of a ladder witness: the tree of pools in lanes, written apart from the kernel's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ballproof.models.task import class_size
from ballproof.verifier.counting.branch import WrongCount
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.ladder.counts import (
    Box,
    given_up,
    grid_count,
    moment_bound,
    on_grid,
)
from ballproof.verifier.strategies.ladder.pools import (
    Integer,
    LabelTables,
    PrefixExtremes,
    Shape,
    Tables,
)
from ballproof.verifier.strategies.ladder.walk import Walk

Node = dict[str, Any]
NOTHING = WrongCount(0, 0)


def count_wrong(
    problem: Problem, witness: dict[str, Any], progress: Callable[[int, int], None]
) -> WrongCount:
    """Return how many sequences are wrong, certainly and possibly, as the witness shows."""
    prefixes, v = PrefixExtremes(problem), problem.shape.d_vocab
    total = WrongCount(0, witness["first"] ** problem.shape.n_ctx)
    for m, nodes in enumerate(witness["maxima"], start=witness["first"]):
        if nodes:
            tree = Tree(LabelTables(prefixes, m))
            rivals = np.array([j for j in range(v) if j != m])
            total += tree.parts(range(m + 1), nodes, rivals, {})
        else:
            total += WrongCount(0, (m + 1) ** problem.shape.n_ctx - m**problem.shape.n_ctx)
        progress(m + 1, v)
    return total


class Tree:
    """Bounds the wrong sequences of one maximum along the nodes of its witness."""

    def __init__(self, maximum: LabelTables) -> None:
        self.maximum, self.problem, self.m = maximum, maximum.problem, maximum.m

    def parts(
        self, queries: range, nodes: list[Node], rivals: Integer, thresholds: dict[int, int]
    ) -> WrongCount:
        """Return the sum over the nodes, and over queries that none of them covers.

        Theorem (T9): a rival is cleared where D[q,j] - D[q,m] is at most its threshold.
        """
        total, covered = NOTHING, set()
        for node in nodes:
            first, last = node["queries"]
            covered |= set(range(first, last + 1))
            left = self._left(range(first, last + 1), rivals, thresholds)
            if len(left):
                total += self._node(node, left)
        for query in queries:
            if query not in covered and len(
                self._left(range(query, query + 1), rivals, thresholds)
            ):
                total += self._given_up(query)
        return total

    def _given_up(self, query: int) -> WrongCount:
        """Return the bound of a class that no node counts."""
        return WrongCount(0, class_size(query, self.m, self.problem.shape.n_ctx))

    def _left(self, queries: range, rivals: Integer, thresholds: dict[int, int]) -> Integer:
        if not thresholds:
            return rivals
        rows = self.problem.direct[queries[0] : queries[-1] + 1]
        largest = (rows - rows[:, self.m : self.m + 1]).max(axis=0)
        return np.array(
            [j for j in rivals if j not in thresholds or largest[j] > thresholds[j]], dtype=int
        )

    def _node(self, node: Node, rivals: Integer) -> WrongCount:
        first, last = node["queries"]
        shape = Shape(first, last, self.m - node["near"], bool(node["apart"]))
        size = class_size(first, self.m, self.problem.shape.n_ctx)
        if not size:
            return NOTHING
        rivals = self._tried_together(node, shape, rivals)
        if not len(rivals):
            return NOTHING
        upper = self.maximum.tables(shape, rivals, up=True)
        alive = np.flatnonzero(self.maximum.worst(upper, shape) >= 0)
        rivals, upper = rivals[alive], upper.of(alive)
        if not len(rivals):
            return NOTHING
        if node["groups"]:
            return self._count(node, shape, rivals, upper)
        thresholds = self._thresholds(node, shape, rivals)
        return self.parts(range(first, last + 1), node["parts"], rivals, thresholds)

    def _tried_together(self, node: Node, shape: Shape, rivals: Integer) -> Integer:
        """Return the rivals that no range of `together` clears with one table for all (T4)."""
        for first, last in node["together"]:
            group = rivals[(rivals >= first) & (rivals <= last)]
            if len(group):
                table = self.maximum.tables(shape, group, up=True).largest()
                if self.maximum.worst(table, shape)[0] < 0:
                    rivals = rivals[(rivals < first) | (rivals > last)]
        return rivals

    def _thresholds(self, node: Node, shape: Shape, rivals: Integer) -> dict[int, int]:
        """Return the thresholds that hold, in the unit of the path tables."""
        wanted = dict(node["thresholds"])
        shift, bits = self.maximum.shift, self.maximum.bits
        given = {int(j): wanted[j] * self.problem.one >> 10 for j in rivals if j in wanted}
        # One too large for a lane is no gap of this model; leaving it out clears less.
        thresholds = {
            j: threshold
            for j, threshold in given.items()
            if (threshold >> shift).bit_length() < bits
        }
        if not thresholds:
            return {}
        chosen = np.array(list(thresholds))
        direct = np.array(
            [-(-threshold >> shift) for threshold in thresholds.values()], dtype=np.int64
        )
        tables = self.maximum.tables(shape, chosen, up=True, direct=direct)
        holds = self.maximum.worst(tables, shape) < 0
        return {
            j: threshold for (j, threshold), ok in zip(thresholds.items(), holds, strict=True) if ok
        }

    def _count(self, node: Node, shape: Shape, rivals: Integer, upper: Tables) -> WrongCount:
        """Return the bound by groups of rivals, for each query of the pool alike (T4)."""
        far = shape.far
        box = Box(tuple(self.maximum.sizes(shape)), self.maximum.places, holds=shape.last == self.m)
        marked = {token - far + (far > 0) for token in node["marked"]}
        queries = shape.last - shape.first + 1
        place = {int(j): index for index, j in enumerate(rivals)}
        certain, possible = 0, given_up(box, len(marked), node["most"])
        left = set(place)
        for group in node["groups"]:
            index = np.array([place[j] for j in group["rivals"] if j in place], dtype=int)
            if len(index):
                found = self._group(group, shape, box, rivals[index], upper.of(index), node, marked)
                certain = max(certain, found.certain)
                possible += found.possible
                left -= set(group["rivals"]) if group["rule"] != "below" else set()
        possible = box.size if left else min(possible, box.size)
        return WrongCount(certain * queries, possible * queries)

    def _group(
        self,
        group: Node,
        shape: Shape,
        box: Box,
        rivals: Integer,
        upper: Tables,
        node: Node,
        marked: set[int],
    ) -> WrongCount:
        """Return what one group counts: by a walk, or on one table above those of its rivals."""
        rule, most = group["rule"], node["most"]
        if rule in ("walk", "both"):
            low = self.maximum.tables(shape, rivals, up=False) if rule == "both" else upper
            walk = Walk(box, low, upper).run()
            return WrongCount(walk.certain if rule == "both" else 0, walk.possible)
        if rule == "below":
            lower = self.maximum.tables(shape, rivals, up=False)
            each = [lower.of(np.array([i])) for i in range(len(rivals))]
            grids = [on_grid(box, table, group["rate"], up=False) for table in each]
            return WrongCount(max(grid_count(box, grid, set(), 0) for grid in grids), 0)
        if not most:
            # Sequences with a marked token are given up: no such cell is left.
            box, upper, marked = box.without(marked), upper.without(marked), set()
        count = grid_count if rule == "grid" else moment_bound
        grid = on_grid(box, upper.largest(), group["rate"], up=True)
        return WrongCount(0, count(box, grid, marked, most))
