"""The bound of a ladder witness: the tree of pools in lanes, written apart from the kernel's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import WrongCount
from ballproof.verifier.strategies.ladder.cells import Cells, Spans, label_cell
from ballproof.verifier.strategies.ladder.counts import (
    given_up,
    grid_count,
    moment_bound,
    on_grid,
)
from ballproof.verifier.strategies.ladder.domain import BRANCHES, LOWER, MERGED
from ballproof.verifier.strategies.ladder.merged import Limits, MergedWalk
from ballproof.verifier.strategies.ladder.pools import (
    Integer,
    LabelTables,
    PoolShape,
    PrefixExtremes,
    Tables,
)
from ballproof.verifier.strategies.ladder.walk import Walk
from ballproof.verifier.strategies.ladder.workers import spread

Node = dict[str, Any]
NOTHING = WrongCount(0, 0)
# So many merged walks are counted in more than one process.
PARALLEL_WALKS = 64


def count_wrong(
    problem: Problem, witness: dict[str, Any], progress: Callable[[int, int], None]
) -> WrongCount:
    """Return how many sequences are wrong, certainly and possibly, as the witness shows.

    All those are whose label is no answer; without a rival no others are.
    """
    trees, labels, total = dict(witness["labels"]), list(problem.task.labels), NOTHING
    pays = sum(map(_walks, trees.values())) >= PARALLEL_WALKS
    counts = spread(problem, _prepare, trees, _label_count, labels, pays=pays)
    for done, count in enumerate(counts, start=1):
        total += count
        progress(done, len(labels))
    return total


def _walks(nodes: list[Node]) -> int:
    """Return how many merged walks some pools have."""
    own = sum(group["rule"] in MERGED for node in nodes for group in node["groups"])
    return own + sum(_walks(node["subpools"]) for node in nodes)


_counted: dict[str, Any] = {}


def _prepare(problem: Problem, trees: dict[int, list[Node]]) -> None:
    """Set up the process that counts."""
    _counted.update(prefixes=PrefixExtremes(problem), trees=trees)


def _label_count(label: int) -> WrongCount:
    """Return how many inputs with a label are wrong."""
    prefixes, tree = _counted["prefixes"], _counted["trees"].get(label)
    problem, task = prefixes.problem, prefixes.problem.task
    if label not in task.answers:
        size = label_size(problem, label)
        return WrongCount(size, size)
    if len(task.answers) == 1 or not task.acceptors(label):
        return NOTHING
    if not tree:
        return WrongCount(0, label_size(problem, label))
    tables = LabelTables(prefixes, label)
    return Tree(tables).subpools(list(tables.acceptors), tree, tables.rivals, {})


def joined_cells(node: Node) -> Spans:
    """Return the ranges of tokens that share a cell in a pool."""
    return tuple((first, last) for first, last in node["cells"])


def label_size(problem: Problem, label: int) -> int:
    """Return how many inputs have a label."""
    return sum(acceptor.size for acceptor in problem.task.acceptors(label).values())


class Tree:
    """Bounds the wrong sequences of one label along the nodes of its witness.

    Rivals are columns of the tables; a witness numbers them as outputs.
    """

    def __init__(self, tables: LabelTables) -> None:
        self.tables, self.problem, self.label = tables, tables.problem, tables.label
        self.offset = self.problem.task.answers.start

    def subpools(
        self, queries: list[int], nodes: list[Node], rivals: Integer, thresholds: dict[int, int]
    ) -> WrongCount:
        """Return the sum over the nodes, and over queries that none of them covers.

        Theorem (T9): a rival is cleared where D[q,j] - D[q,m] is at most its threshold.
        """
        total, covered = NOTHING, set()
        for node in nodes:
            first, last = node["queries"]
            own = [query for query in queries if first <= query <= last]
            covered |= set(own)
            left = self._left(own, rivals, thresholds) if own else rivals[:0]
            if len(left):
                total += self._node(node, own, left)
        for query in queries:
            if query not in covered and len(self._left([query], rivals, thresholds)):
                total += self._given_up(query)
        return total

    def _given_up(self, query: int) -> WrongCount:
        """Return the bound of a class that no node counts."""
        return WrongCount(0, self.tables.size(query))

    def _left(self, queries: list[int], rivals: Integer, thresholds: dict[int, int]) -> Integer:
        if not thresholds:
            return rivals
        rows, column = self.problem.tables.direct[queries], self.tables.column
        largest = (rows - rows[:, column : column + 1]).max(axis=0)
        return np.array(
            [j for j in rivals if j not in thresholds or largest[j] > thresholds[j]], dtype=int
        )

    def _node(self, node: Node, queries: list[int], rivals: Integer) -> WrongCount:
        """Return the bound of a pool. `queries` are those of its range with inputs."""
        tables = self.tables
        if {tables.acceptors.get(query) for query in queries} != {tables.acceptors[queries[0]]}:
            raise ValueError(f"The queries {node['queries']} have unequal classes.")
        joined = joined_cells(node)
        rules = {group["rule"] for group in node["groups"]}
        wide = bool(rules) and len(queries) == 1 and not rules & set(BRANCHES)
        wide = wide and tables.is_wide(queries[0])
        shape = PoolShape(queries[0], queries[-1], joined, bool(node["per_position"]), wide)
        rivals = self._without_joint(node, shape, rivals)
        if not len(rivals):
            return NOTHING
        upper = tables.tables(shape, rivals, up=True)
        alive = np.flatnonzero(tables.worst(upper, shape) >= 0)
        rivals, upper = rivals[alive], upper.of(alive)
        if not len(rivals):
            return NOTHING
        if node["groups"]:
            return self._count(node, shape, rivals, upper)
        thresholds = self._thresholds(node, shape, rivals)
        return self.subpools(queries, node["subpools"], rivals, thresholds)

    def _without_joint(self, node: Node, shape: PoolShape, rivals: Integer) -> Integer:
        """Return the rivals that no joint range clears with one table for all (T4)."""
        for first, last in node["joint_rivals"]:
            inside = (rivals + self.offset >= first) & (rivals + self.offset <= last)
            if inside.any():
                table = self.tables.tables(shape, rivals[inside], up=True).largest()
                if self.tables.worst(table, shape)[0] < 0:
                    rivals = rivals[~inside]
        return rivals

    def _thresholds(self, node: Node, shape: PoolShape, rivals: Integer) -> dict[int, int]:
        """Return the thresholds that hold, in the unit of the path tables."""
        wanted = {rival - self.offset: threshold for rival, threshold in node["thresholds"]}
        shift, bits = self.tables.shift, self.tables.bits
        given = {int(j): wanted[j] * self.problem.tables.one >> 10 for j in rivals if j in wanted}
        # One too large for a lane is no gap of this model; leaving it out clears less.
        thresholds = {j: x for j, x in given.items() if (x >> shift).bit_length() < bits}
        if not thresholds:
            return {}
        chosen = np.array(list(thresholds))
        direct = np.array([-(-x >> shift) for x in thresholds.values()], dtype=np.int64)
        tables = self.tables.tables(shape, chosen, up=True, direct=direct)
        holds = self.tables.worst(tables, shape) < 0
        return {j: x for (j, x), ok in zip(thresholds.items(), holds, strict=True) if ok}

    def _count(self, node: Node, shape: PoolShape, rivals: Integer, upper: Tables) -> WrongCount:
        """Return the bound by groups of rivals, for each query of the pool alike (T4)."""
        cells, spans = self.tables.cells(shape), self.tables.spans(shape)
        # No sequence holds a token without an arc, which is in no cell.
        alone = {(token, token) for token in node["rare_tokens"]}
        rare = {cell for cell, span in enumerate(spans) if span in alone}
        place = {int(j) + self.offset: index for index, j in enumerate(rivals)}
        certain, possible = 0, given_up(cells, rare, node["at_most"])
        left = set(place)
        for group in node["groups"]:
            index = np.array([place[j] for j in group["rivals"] if j in place], dtype=int)
            if len(index):
                found = self._group(
                    group, shape, cells, rivals[index], upper.of(index), rare, node["at_most"]
                )
                certain = max(certain, found.certain)
                possible += found.possible
                left -= set(group["rivals"]) if group["rule"] not in LOWER else set()
        possible = cells.size if left else min(possible, cells.size)
        return WrongCount(certain * shape.queries, possible * shape.queries)

    def _group(
        self,
        group: Node,
        shape: PoolShape,
        cells: Cells,
        rivals: Integer,
        upper: Tables,
        rare: set[int],
        most: int,
    ) -> WrongCount:
        """Return what one group counts: by branches, or on one table above those of its rivals."""
        rule = group["rule"]
        if rule in BRANCHES:
            two = rule == "branch-two-sided"
            low = self.tables.tables(shape, rivals, up=False) if two else upper
            walk = Walk(cells, low, upper).run()
            return WrongCount(walk.certain if two else 0, walk.possible)
        if rule in MERGED:
            return self._merged(group, shape, cells, rivals, upper)
        if rule == "grid-lower":
            lower = self.tables.tables(shape, rivals, up=False)
            each = [lower.of(np.array([i])) for i in range(len(rivals))]
            grids = [on_grid(cells, table, group["rate"], up=False) for table in each]
            return WrongCount(max(grid_count(cells, grid, set(), 0) for grid in grids), 0)
        if not most:
            # Sequences with a rare token are given up: no such cell is left.
            cells, upper, rare = cells.without(rare), upper.without(rare), set()
        count = grid_count if rule == "grid" else moment_bound
        grid = on_grid(cells, upper.largest(), group["rate"], up=True)
        return WrongCount(0, count(cells, grid, rare, most))

    def _merged(
        self, group: Node, shape: PoolShape, cells: Cells, rivals: Integer, upper: Tables
    ) -> WrongCount:
        """Return what a merged walk counts, from above or from below (T18)."""
        up = group["rule"] == "merged"
        tables = upper if up else self.tables.tables(shape, rivals, up=False)
        chosen = set(group["axes"])
        axes = [i for i, j in enumerate(rivals.tolist()) if j + self.offset in chosen] or [0]
        label = label_cell(self.tables.spans(shape), self.label)
        walk = MergedWalk(cells, tables, np.array(axes), label, up=up)
        count = walk.count(Limits(group["atoms"], group["cells"]))
        return WrongCount(0, count) if up else WrongCount(count, 0)
