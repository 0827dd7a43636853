"""Recompute ladders: the worst case of every pool that the witness's tree leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import flint

from ballproof.interval.ball import precision
from ballproof.models.task import class_size
from ballproof.verifier.counting.problem import Problem
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
    """The parts are maxima. Which pools are visited, and with which rivals, is decided as one goes:

    a rival leaves where its worst case, or one above it, is negative.
    """

    def __init__(self, problem: Problem, witness: dict[str, Any]) -> None:
        self.problem, self.first = problem, int(witness["first"])
        self.maxima: list[list[Node]] = witness["maxima"]
        self.pools = PoolBalls(problem)
        self._known: dict[tuple[Pool, int], flint.arb] = {}

    @property
    def what(self) -> str:
        """What the quantities are."""
        return "worst cases (T3) of pools, of ranges of rivals and of thresholds, along the tree"

    @property
    def alone(self) -> Counted:
        """Inputs with a maximum below the first are given up."""
        return Counted(0, 0)

    def parts(self) -> list[Part]:
        """Return the maxima that have a tree."""
        k = self.problem.shape.n_ctx
        return [
            Part((m,), (m + 1) ** k - m**k, 1 + sum(self._cost(node, m) for node in nodes))
            for m, nodes in enumerate(self.maxima, start=self.first)
        ]

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

    def _cost(self, node: Node, m: int) -> int:
        rows = self.problem.shape.n_ctx if node["apart"] else 1
        own: int = rows * (node["near"] + 2) * (8 + len(node["thresholds"]))
        return own + sum(self._cost(part, m) for part in node["parts"])

    def _walk(self, part: Part, ask: Ask) -> Counted:
        (m,) = part.name
        nodes = self.maxima[m - self.first]
        rivals = {j: True for j in range(self.problem.shape.d_vocab) if j != m}
        return _Tree(self.problem, m, ask).pieces(range(m + 1), nodes, rivals, {})


class _Tree:
    """The tree of one maximum. Rivals that may be left are mapped to whether they certainly are."""

    def __init__(self, problem: Problem, m: int, ask: Ask) -> None:
        self.problem, self.m, self.ask = problem, m, ask

    def pieces(
        self,
        queries: range,
        nodes: list[Node],
        rivals: Rivals,
        thresholds: dict[int, tuple[int, bool]],
    ) -> Counted:
        """Return the sum over the nodes and over the queries without one (T9)."""
        total, covered = Counted(0, 0), set()
        for node in nodes:
            first, last = node["queries"]
            covered |= set(range(first, last + 1))
            total = _sum(total, self._node(node, self._left(first, last, rivals, thresholds)))
        for query in queries:
            if query not in covered:
                left = self._left(query, query, rivals, thresholds)
                total = _sum(total, self._given_up(left, self._size(query, query)))
        return total

    def _left(
        self, first: int, last: int, rivals: Rivals, thresholds: dict[int, tuple[int, bool]]
    ) -> Rivals:
        """Return the rivals that no threshold clears for all these queries."""
        rows = self.problem.direct[first : last + 1]
        gaps = (rows - rows[:, [self.m]]).max(axis=0)
        below = {j: j in thresholds and int(gaps[j]) <= thresholds[j][0] for j in rivals}
        # A threshold without a sign may clear: then the rival is not certainly left.
        return {
            j: sure and not below[j]
            for j, sure in rivals.items()
            if not (below[j] and thresholds[j][1])
        }

    def _node(self, node: Node, rivals: Rivals) -> Counted:
        first, last = node["queries"]
        size = self._size(first, last)
        far = self.m - node["near"]
        pool = Pool(self.m, first, last, far, bool(node["apart"]), ())
        for low, high in node["together"] if size else []:
            group = tuple(j for j in rivals if low <= j <= high)
            if group and negative(self.ask(pool._replace(rivals=group))):
                rivals = {j: sure for j, sure in rivals.items() if j not in group}
        worst = {j: self.ask(pool._replace(rivals=(j,))) for j in rivals} if size else {}
        left = {
            j: rivals[j] and nonnegative(ball) for j, ball in worst.items() if not negative(ball)
        }
        if not left:
            return Counted(size, size)
        if node["groups"]:
            counted = {j for g in node["groups"] if g["rule"] != "below" for j in g["rivals"]}
            lost = any(sure and j not in counted for j, sure in left.items())
            return Counted(0, 0 if lost else size)
        return self.pieces(
            range(first, last + 1), node["parts"], left, self._thresholds(node, pool, left)
        )

    def _thresholds(self, node: Node, pool: Pool, rivals: Rivals) -> dict[int, tuple[int, bool]]:
        """Return the thresholds that may hold, and whether they certainly do."""
        found = {}
        for j, wanted in node["thresholds"]:
            if j in rivals:
                threshold = wanted * self.problem.one >> 10
                ball = self.ask(pool._replace(rivals=(j,), threshold=threshold))
                if not nonnegative(ball):
                    found[j] = threshold, negative(ball)
        return found

    def _given_up(self, left: Rivals, size: int) -> Counted:
        if not left:
            return Counted(size, size)
        return Counted(0, 0 if any(left.values()) else size)

    def _size(self, first: int, last: int) -> int:
        """Return how many inputs the classes of some queries have; they are all alike."""
        return class_size(first, self.m, self.problem.shape.n_ctx) * (last - first + 1)


def _sum(a: Counted, b: Counted) -> Counted:
    return Counted(a.least + b.least, a.most + b.most)
