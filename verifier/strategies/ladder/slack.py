"""What a ladder's bound lacks, pool by pool: classes given up, counting rules, pools, rivals."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import NOTHING, WrongCount
from ballproof.verifier.strategies.ladder.bound import Node, Tree
from ballproof.verifier.strategies.ladder.cells import Cells
from ballproof.verifier.strategies.ladder.domain import LOWER
from ballproof.verifier.strategies.ladder.pools import (
    Integer,
    LabelTables,
    PoolShape,
    PrefixExtremes,
    Tables,
)
from ballproof.verifier.strategies.ladder.walk import Walk
from ballproof.verifier.strategies.relaxations import RIVALS, UNCOUNTED, Relaxation, WrongByClass

COUNTING = Relaxation(
    "counting rules", "sequences are counted by moments or on grids, not one by one"
)
POOLS = Relaxation("pools", "queries of a pool, far tokens, or positions share a table")


def ladder_slack(
    problem: Problem, witness: dict[str, Any], wrong: WrongByClass, progress: Progress
) -> Counter[Relaxation]:
    """Return by cause how many inputs the witness leaves open that are right.

    In all they are the bound of `strategies.ladder.bound.count_wrong` less the `wrong` inputs.
    """
    prefixes, task, total = PrefixExtremes(problem), problem.task, Counter[Relaxation]()
    trees = dict(witness["labels"])
    for done, label in enumerate(task.labels, start=1):
        if label in task.answers and len(task.answers) > 1 and task.acceptors(label):
            ledger = Ledger(LabelTables(prefixes, label), wrong)
            queries, rivals = list(ledger.tables.acceptors), ledger.tables.rivals
            ledger.subpools(queries, trees.get(label, []), rivals, {})
            total.update(ledger.causes)  # Unlike `+=` this keeps what is negative.
        progress(done, len(task.labels))
    return total


def given_up(problem: Problem, witness: dict[str, Any], progress: Progress) -> int:
    """Return how many inputs are in classes that no pool counts; at least as many lack there."""
    return ladder_slack(problem, witness, _Unknown(), progress)[UNCOUNTED]


class _Unknown(dict[tuple[int, int], WrongCount]):
    """The wrong inputs of classes that nobody counted."""


class Ledger(Tree):
    """Follows the tree of one label and enters into `causes` what each class lacks."""

    def __init__(self, tables: LabelTables, wrong: WrongByClass) -> None:
        super().__init__(tables)
        self.wrong, self.causes = wrong, Counter[Relaxation]()
        self.known = not isinstance(wrong, _Unknown)

    def _given_up(self, query: int) -> WrongCount:
        self._enter(UNCOUNTED, self.tables.size(query), self._true(query))
        return super()._given_up(query)

    def _count(self, node: Node, shape: PoolShape, rivals: Integer, upper: Tables) -> WrongCount:
        found = super()._count(node, shape, rivals, upper)
        queries = range(shape.first, shape.last + 1)
        bound = found.possible // len(queries)
        groups = _groups(node, rivals, self.offset)
        if len(set(rivals) - {j for group in groups for j in group}):
            for query in queries:
                self._enter(UNCOUNTED, bound, self._true(query))
        elif self.known:
            self._enter_counted(node, shape, (bound, groups), rivals, upper)
        return found

    def _enter_counted(
        self,
        node: Node,
        shape: PoolShape,
        counted: tuple[int, list[list[int]]],
        rivals: Integer,
        upper: Tables,
    ) -> None:
        """Replace the rules by walks, then the pool's table by each query's own, then by truth."""
        bound, groups = counted
        if shape.wide:
            # Walks take lanes.
            upper = self.tables.tables(replace(shape, wide=False), rivals, up=True)
        walks = {group["rule"] for group in node["groups"]} <= {
            "branch",
            "branch-two-sided",
            *LOWER,
        }
        cells = self.tables.cells(shape)
        walked = (
            bound if walks and not node["rare_tokens"] else _walked(cells, rivals, upper, groups)
        )
        for query in range(shape.first, shape.last + 1):
            own = self._of_class(query, rivals, groups)
            self._enter(COUNTING, bound, walked)
            self._enter(POOLS, walked, own)
            self._enter(RIVALS, own, self._true(query))

    def _of_class(self, query: int, rivals: Integer, groups: list[list[int]]) -> int:
        """Return the bound by walks over the same groups on the table of one class alone."""
        shape = PoolShape(query, query, (), per_position=True)
        upper = self.tables.tables(shape, rivals, up=True)
        alive = np.flatnonzero(self.tables.worst(upper, shape) >= 0)
        if not len(alive):
            return 0
        return _walked(self.tables.cells(shape), rivals[alive], upper.of(alive), groups)

    def _true(self, query: int) -> int:
        return self.wrong.get((query, self.label), NOTHING).possible

    def _enter(self, cause: Relaxation, before: int, after: int) -> None:
        self.causes[cause] += before - after


def _groups(node: Node, rivals: Integer, offset: int) -> list[list[int]]:
    """Return the rivals that are left of each group that counts from above."""
    left = set(rivals.tolist())
    return [
        [j - offset for j in group["rivals"] if j - offset in left]
        for group in node["groups"]
        if group["rule"] not in LOWER
    ]


def _walked(cells: Cells, rivals: Integer, upper: Tables, groups: list[list[int]]) -> int:
    """Return T4's bound with every group counted by a walk."""
    place = {int(j): index for index, j in enumerate(rivals)}
    total = 0
    for group in groups:
        index = np.array([place[j] for j in group if j in place], dtype=int)
        if len(index):
            total += Walk(cells, upper.of(index), upper.of(index)).run().possible
    return min(total, cells.size)
