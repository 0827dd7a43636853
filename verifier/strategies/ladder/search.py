"""The search for a ladder: what every pool of a label has to offer. All of it is untrusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ballproof.verifier.strategies.ladder.candidates import Counting, Rules
from ballproof.verifier.strategies.ladder.cells import Cells, Spans, far_cells, label_cell
from ballproof.verifier.strategies.ladder.costs import Once, PaidOnce, PoolCost
from ballproof.verifier.strategies.ladder.offers import Experience, Offers
from ballproof.verifier.strategies.ladder.options import (
    LabelOptions,
    Node,
    Option,
    PoolOptions,
    empty_node,
    pareto_front,
)
from ballproof.verifier.strategies.ladder.pools import Integer, LabelTables, PoolShape, Tables
from ballproof.verifier.strategies.ladder.sampling import Wins, draws, wins
from ballproof.verifier.strategies.ladder.thresholds import largest_thresholds

# With so many tokens beside the label in cells of their own, rare tokens and grids are tried.
DEEP_NEAR = 28
# So many queries next to the label may have a pool of their own.
NEIGHBOURS = 3
# Rivals that are tried together at first.
FEW = 8


class Explorer:
    """Makes the options of one label."""

    def __init__(self, tables: LabelTables, rules: Rules) -> None:
        self.tables, self.rules, self.label = tables, rules, tables.label
        self.problem = tables.problem
        self.offset = self.problem.task.answers.start
        self.tolerance = self.problem.total // rules.negligible
        self.worth = rules.worth / self.problem.total
        self._drawn: dict[int, Integer] = {}
        self._experience: Experience = {}
        self._classes: dict[tuple[int, tuple[int, ...]], list[Option]] = {}
        self._finer: dict[int, list[tuple[Spans, bool]]] = {}
        self.rivals, self.once = tables.rivals, PaidOnce(tables)
        direct, column = self.problem.tables.direct, tables.column
        self.direct = direct - direct[:, column : column + 1]

    def options(self) -> LabelOptions:
        """Return the options of the queries with equal acceptors, in one pool or two."""
        runs = self.tables.runs
        whole = [self._pool(first, last) for first, last in runs]
        divisions = [whole]
        parts = [self._divided(first, last) for first, last in runs]
        if any(len(part) > 1 for part in parts) and self.rules.divide:
            pairs = zip(parts, whole, strict=True)
            divisions.append(
                [
                    pool
                    for part, pool_of_all in pairs
                    for pool in (
                        [self._pool(*ends) for ends in part] if part[1:] else [pool_of_all]
                    )
                ]
            )
        return LabelOptions(divisions)

    def _divided(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return a pool in two, the queries next to the label apart from the others."""
        if last - first < NEIGHBOURS:
            return [(first, last)]
        if last == self.label - 1:
            return [(first, last - NEIGHBOURS), (last - NEIGHBOURS + 1, last)]
        if first == self.label + 1:
            return [(first, first + NEIGHBOURS - 1), (first + NEIGHBOURS, last)]
        return [(first, last)]

    def _pool(self, first: int, last: int) -> tuple[int, list[PoolOptions]]:
        """Return a pool's size and options."""
        acceptor = self.tables.acceptors[first]
        cells = dict.fromkeys(far_cells(acceptor, self.label, near) for near in self.rules.filters)
        shapes = [PoolShape(first, last, joined, per_position=False) for joined in cells]
        return acceptor.size * (last - first + 1), [self._filter(shape) for shape in shapes]

    def _filter(self, shape: PoolShape) -> PoolOptions:
        """Return the pool as a filter of all rivals, with thresholds."""
        cost = PoolCost.of(shape, self.tables)
        once = self.once.of(shape, cost, self.rivals)
        upper = self.tables.tables(shape, self.rivals, up=True)
        alive = self.tables.worst(upper, shape) >= 0
        left = np.flatnonzero(alive)
        joint, operations = self._joint_rivals(shape, upper, alive, cost)
        operations += cost.weights
        survivors, upper = self.rivals[left], upper.of(left)
        several = len(survivors) > 0 and not shape.one_query
        thresholds = (
            largest_thresholds(self.tables, shape, self.direct, survivors) if several else {}
        )
        in_all = operations + len(thresholds) * (cost.table() + cost.folds + 2 * cost.queries)
        node = {**empty_node(shape), "joint_rivals": joint}
        listed = [[j + self.offset, x] for j, x in sorted(thresholds.items())]
        options = PoolOptions(in_all, {**node, "thresholds": listed}, once)
        for query in range(shape.first, shape.last + 1):
            rivals = self._open(query, survivors, thresholds)
            if len(rivals):
                options.queries.append(self._class(query, rivals))
        if len(survivors):
            paid = operations, once
            options.whole = pareto_front(
                list(self._candidates(shape, cost, survivors, upper, paid, node))
            )
        return options

    def _joint_rivals(
        self, shape: PoolShape, upper: Tables, alive: np.ndarray, cost: PoolCost
    ) -> tuple[list[list[int]], int]:
        """Return ranges of rivals that one table clears, and what all tables count."""
        ranges: list[list[int]] = []
        operations, start, left = 0, 0, len(self.rivals)
        while start < len(self.rivals):
            end = start if alive[start] else self._cleared(shape, upper, start)
            end = max(end, start + 1)
            table = upper.of(np.arange(start, end))
            operations += cost.table(end - start) + self._folds(cost, table.largest())
            if end - start > 1:
                first, last = self.rivals[start], self.rivals[end - 1]
                ranges.append([int(first) + self.offset, int(last) + self.offset])
                operations += left
                left -= end - start
            start = end
        return ranges, operations

    def _folds(self, cost: PoolCost, tables: Tables) -> int:
        """Return what the folds count of those tables whose largest entries do not decide."""
        if not cost.folds:
            return 0
        times = cost.places if len(tables.rows) == 1 else 1
        together = tables.own + times * tables.rows.max(axis=1).sum(axis=0)
        return cost.folds * int((together >= 0).sum())

    def _cleared(self, shape: PoolShape, upper: Tables, start: int) -> int:
        """Return the end of the longest range of rivals from `start` that one table clears."""
        tried = FEW
        while True:
            end = min(start + tried, len(self.rivals))
            joint = upper.of(np.arange(start, end)).largest_so_far()
            failing = np.flatnonzero(self.tables.worst(joint, shape) >= 0)
            if len(failing):
                return start + int(failing[0])
            if end == len(self.rivals):
                return end
            tried *= 4

    def _open(self, query: int, rivals: Integer, thresholds: dict[int, int]) -> Integer:
        row, one = self.direct[query], self.problem.tables.one
        return np.array(
            [j for j in rivals if j not in thresholds or row[j] > thresholds[j] * one >> 10],
            dtype=int,
        )

    def _class(self, query: int, rivals: Integer) -> list[Option]:
        """Return options for one class, from giving it up to ever finer ones.

        Stops where nothing is lost.
        """
        key = (query, tuple(rivals))
        if key not in self._classes:
            options = [Option(0, self.tables.size(query), None)]
            if self.rules.kept:
                options += self._sampled(query, rivals)
                self._classes[key] = pareto_front(options)
                return self._classes[key]
            for shape in self._shapes(query):
                cost = PoolCost.of(shape, self.tables)
                least = min(option.lost for option in options)
                # Finer tables gain no more than what is still lost.
                if least * self.worth < len(rivals) * cost.table():
                    break
                options += self._counted(shape, cost, rivals)
            self._classes[key] = pareto_front(options)
        return self._classes[key]

    def _sampled(self, query: int, rivals: Integer) -> Iterator[Option]:
        """Yield options for one class: moments first, then walks where a sample says they pay.

        A table of fewer cells serves a walk where it makes few more sequences seem wrong.
        """
        least, wide = self.tables.size(query), self.tables.is_wide(query)
        *coarse, fine = [replace(shape, wide=wide) for shape in self._shapes(query)]
        for shape in coarse:
            cost = PoolCost.of(shape, self.tables)
            if least * self.worth < len(rivals) * cost.table():
                return
            found = [*self._counted(shape, cost, rivals)]
            yield from found
            least = min(least, *(option.lost for option in found))
        cost = PoolCost.of(fine, self.tables)
        if least * self.worth < len(rivals) * cost.table() + self.rules.base_walk:
            return
        alive, upper, won, true = self._wins(fine, rivals)
        for shape in coarse:
            if shape.per_position:
                fewer = PoolCost.of(shape, self.tables)
                saved = len(rivals) * (cost.table() - fewer.table()) + cost.weights - fewer.weights
                tried = self._wins(shape, rivals)
                if (tried[3] - true) * self.worth < saved:
                    fine, cost, (alive, upper, won, true) = shape, fewer, tried
                    break
        operations = cost.weights + len(rivals) * cost.table() + self._folds(cost, upper)
        once, node = self.once.of(fine, cost, rivals), empty_node(fine)
        if not len(alive):
            yield Option(operations, 0, node, once)
            return
        if (least - true) * self.worth < operations + self.rules.base_walk:
            return
        offers = Offers(
            self.rules,
            self.tables.cells(fine),
            cost,
            rivals[alive] + self.offset,
            upper.of(alive),
            won,
            self.worth,
            label_cell(self.tables.spans(fine), self.label),
            self._experience,
        )
        for candidate in offers.candidates():
            counted = {**node, "groups": candidate.groups, "below": candidate.below}
            yield Option(operations + candidate.operations, candidate.lost, counted, once)

    def _wins(self, shape: PoolShape, rivals: Integer) -> tuple[Integer, Tables, Wins, float]:
        """Return which rivals a table leaves, all tables, what those left win in a sample of the
        class, and about how many sequences they win together."""
        upper = self.tables.tables(shape, rivals, up=True)
        alive = np.flatnonzero(self.tables.worst(upper, shape) >= 0)
        cells = self.tables.cells(shape)
        won = wins(upper.of(alive), self._draws(cells))
        return alive, upper, won, float(won.any(axis=1).mean()) * cells.size

    def _draws(self, cells: Cells) -> Integer:
        """Return a sample of a class; classes with equal acceptors share it."""
        if id(cells) not in self._drawn:
            self._drawn[id(cells)] = draws(cells, self.rules.draws, self.label)
        return self._drawn[id(cells)]

    def _shapes(self, query: int) -> list[PoolShape]:
        """Return ever finer shapes of the pool of one query."""
        acceptor = self.tables.acceptors[query]
        if id(acceptor) not in self._finer:
            pairs = ((far_cells(acceptor, self.label, near), x) for near, x in self.rules.finer)
            self._finer[id(acceptor)] = list(dict.fromkeys(pairs))
        return [PoolShape(query, query, cells, rows) for cells, rows in self._finer[id(acceptor)]]

    def _counted(self, shape: PoolShape, cost: PoolCost, rivals: Integer) -> Iterator[Option]:
        """Yield the options of one table shape: cleared at once, or by each rule."""
        once = self.once.of(shape, cost, rivals)
        upper = self.tables.tables(shape, rivals, up=True)
        alive = np.flatnonzero(self.tables.worst(upper, shape) >= 0)
        operations = cost.weights + len(rivals) * cost.table() + self._folds(cost, upper)
        node = empty_node(shape)
        if len(alive):
            yield from self._candidates(
                shape, cost, rivals[alive], upper.of(alive), (operations, once), node
            )
        else:
            yield Option(operations, 0, node, once)

    def _candidates(
        self,
        shape: PoolShape,
        cost: PoolCost,
        rivals: Integer,
        upper: Tables,
        paid: tuple[int, tuple[Once, ...]],
        node: Node,
    ) -> Iterator[Option]:
        """Yield the options of each rule for the pool's queries alike, on top of what is paid."""
        operations, once = paid
        cells, spans = self.tables.cells(shape), self.tables.spans(shape)
        alone = sum(first == last for first, last in spans)
        deep = shape.one_query and shape.per_position
        deep &= not self.rules.kept and (not shape.cells or alone > DEEP_NEAR)
        label = (self.label, self.label)
        counting = Counting(
            self.rules,
            cells,
            cost,
            rivals + self.offset,
            upper,
            self.tolerance,
            self.worth,
            deep,
            never_rare=spans.index(label) if label in spans else -1,
        )
        for candidate in counting.candidates():
            tokens = [spans[cell][0] for cell in candidate.rare]
            rule = {"rare_tokens": tokens, "at_most": candidate.most, "groups": candidate.groups}
            counted = {**node, **rule}
            if candidate.likely is not None and candidate.lost > self.tolerance:
                counted["likely"] = candidate.likely
            lost = min(candidate.lost, cells.size) * shape.queries
            yield Option(operations + candidate.operations, lost, counted, once)
