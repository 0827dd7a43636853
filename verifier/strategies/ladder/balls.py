"""Recompute ladders: the worst case of every pool that the witness's tree leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import flint

from ballproof.interval.ball import precision
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.ladder.domain import LOWER
from ballproof.verifier.strategies.pool_balls import Pool, PoolBalls
from ballproof.verifier.strategies.quantities import (
    Balls,
    Counted,
    Item,
    Part,
    negative,
    nonnegative,
)

Node = dict[str, Any]
Rivals = dict[int, bool]
Ask = Callable[[Pool], "flint.arb | None"]


class LadderQuantities:
    """The parts are labels. Which pools are visited, and with which rivals, is decided as one goes:

    a rival leaves where its worst case, or one above it, is negative.
    """

    def __init__(self, problem: Problem, witness: dict[str, Any]) -> None:
        self.problem, answers = problem, problem.task.answers
        labels = problem.task.labels if len(answers) > 1 else ()
        trees = dict(witness["labels"])
        self.trees: dict[int, list[Node]] = {
            label: trees[label] for label in labels if trees.get(label)
        }
        self.pools = PoolBalls(problem)
        self._known: dict[tuple[Pool, int], flint.arb] = {}

    @property
    def what(self) -> str:
        """What the quantities are."""
        return "worst cases (T3) of pools, of ranges of rivals and of thresholds, along the tree"

    @property
    def alone(self) -> Counted:
        """Inputs without a rival are right; those whose label has no tree are given up."""
        single = len(self.problem.task.answers) == 1
        right = sum(map(self._size, self.problem.task.answers)) if single else 0
        return Counted(right, right)

    def parts(self) -> list[Part]:
        """Return the labels that have a tree."""
        return [
            Part((label,), self._size(label), 1 + sum(map(self._cost, nodes)))
            for label, nodes in self.trees.items()
        ]

    def _size(self, label: int) -> int:
        """Return how many inputs have a label."""
        return sum(acceptor.size for acceptor in self.problem.task.acceptors(label).values())

    def items(self, part: Part, bits: int) -> list[Item]:
        """Return the pools that are visited at this precision."""
        self._known.clear()

        def ask(pool: Pool) -> flint.arb:
            return self._ball(pool, bits)

        with precision(bits):
            self._walk(part, ask)
        return list(dict.fromkeys(pool for pool, _ in self._known))

    def balls(self, part: Part, items: Iterable[Any], bits: int) -> dict[Item, flint.arb]:
        """Enclose worst cases."""
        with precision(bits):
            return {pool: self._ball(pool, bits) for pool in items}

    def name(self, item: Any) -> str:
        """Name a worst case."""
        pool: Pool = item
        return pool.described

    def counted(self, part: Part, balls: Balls) -> Counted:
        """Follow the tree once more; what was not asked for has no sign."""
        return self._walk(part, lambda pool: balls.get(pool))

    def _ball(self, pool: Pool, bits: int) -> flint.arb:
        if (pool, bits) not in self._known:
            self._known[pool, bits] = self.pools.worst(pool, bits)
        return self._known[pool, bits]

    def _cost(self, node: Node) -> int:
        rows = self.problem.shape.n_ctx if node["per_position"] else 1
        joined = sum(last - first for first, last in node["cells"])
        cells = self.problem.shape.d_vocab - joined
        own: int = rows * (cells + 1) * (8 + len(node["thresholds"]))
        return own + sum(map(self._cost, node["subpools"]))

    def _walk(self, part: Part, ask: Ask) -> Counted:
        (label,) = part.name
        tree = _Tree(self.problem, label, ask)
        rivals = {j: True for j in range(len(self.problem.task.answers)) if j != tree.m}
        return tree.pieces(list(tree.acceptors), self.trees[label], rivals, {})


class _Tree:
    """The tree of one label. Rivals that may be left are mapped to whether they certainly are.

    Rivals are columns of the tables; a witness numbers them as outputs.
    """

    def __init__(self, problem: Problem, label: int, ask: Ask) -> None:
        self.problem, self.label, self.ask = problem, label, ask
        self.offset = problem.task.answers.start
        self.m = label - self.offset
        self.acceptors = problem.task.acceptors(label)

    def pieces(
        self,
        queries: list[int],
        nodes: list[Node],
        rivals: Rivals,
        thresholds: dict[int, tuple[int, bool]],
    ) -> Counted:
        """Return the sum over the nodes and over the queries without one (T9)."""
        total, covered = Counted(0, 0), set()
        for node in nodes:
            first, last = node["queries"]
            own = [query for query in queries if first <= query <= last]
            covered |= set(own)
            if own:
                left = self._left(own[0], own[-1], rivals, thresholds)
                total = _sum(total, self._node(node, own, left))
        for query in queries:
            if query not in covered:
                left = self._left(query, query, rivals, thresholds)
                total = _sum(total, self._given_up(left, self._size([query])))
        return total

    def _left(
        self, first: int, last: int, rivals: Rivals, thresholds: dict[int, tuple[int, bool]]
    ) -> Rivals:
        """Return the rivals that no threshold clears for all these queries."""
        rows = self.problem.tables.direct[first : last + 1]
        gaps = (rows - rows[:, [self.m]]).max(axis=0)
        below = {j: j in thresholds and int(gaps[j]) <= thresholds[j][0] for j in rivals}
        # A threshold without a sign may clear: then the rival is not certainly left.
        return {
            j: sure and not below[j]
            for j, sure in rivals.items()
            if not (below[j] and thresholds[j][1])
        }

    def _node(self, node: Node, queries: list[int], rivals: Rivals) -> Counted:
        size = self._size(queries)
        joined = tuple((first, last) for first, last in node["cells"])
        rows = bool(node["per_position"])
        pool = Pool(self.label, queries[0], queries[-1], joined, rows, ())
        for low, high in node["joint_rivals"]:
            group = tuple(j for j in rivals if low <= j + self.offset <= high)
            if group and negative(self.ask(pool._replace(rivals=group))):
                rivals = {j: sure for j, sure in rivals.items() if j not in group}
        worst = {j: self.ask(pool._replace(rivals=(j,))) for j in rivals}
        left = {
            j: rivals[j] and nonnegative(ball) for j, ball in worst.items() if not negative(ball)
        }
        if not left:
            return Counted(size, size)
        if node["groups"]:
            upper = [group for group in node["groups"] if group["rule"] not in LOWER]
            counted = {j - self.offset for group in upper for j in group["rivals"]}
            lost = any(sure and j not in counted for j, sure in left.items())
            return Counted(0, 0 if lost else size)
        return self.pieces(queries, node["subpools"], left, self._thresholds(node, pool, left))

    def _thresholds(self, node: Node, pool: Pool, rivals: Rivals) -> dict[int, tuple[int, bool]]:
        """Return the thresholds that may hold, and whether they certainly do."""
        found = {}
        for rival, wanted in node["thresholds"]:
            j = rival - self.offset
            if j in rivals:
                threshold = wanted * self.problem.tables.one >> 10
                ball = self.ask(pool._replace(rivals=(j,), threshold=threshold))
                if not nonnegative(ball):
                    found[j] = threshold, negative(ball)
        return found

    def _given_up(self, left: Rivals, size: int) -> Counted:
        if not left:
            return Counted(size, size)
        return Counted(0, 0 if any(left.values()) else size)

    def _size(self, queries: list[int]) -> int:
        """Return how many inputs the classes of some queries have."""
        return sum(self.acceptors[query].size for query in queries)


def _sum(a: Counted, b: Counted) -> Counted:
    return Counted(a.least + b.least, a.most + b.most)
