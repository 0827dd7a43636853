"""The search for a ladder: every pool's offers of (operations, lost sequences), then a price.

With a price per operation each class, pool and maximum chooses for itself, so the whole is steered
by one number. All of it is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from models.task import class_size
from verifier.ladder.costs import PoolCost
from verifier.ladder.counts import STEPS, Box, Walk, given_up
from verifier.ladder.estimates import Floats, best_moments, grid_estimates
from verifier.ladder.pools import Integer, Maximum, Shape, Tables

Node = dict[str, Any]
# So many rivals may be counted one by one on grids.
MOST_ALONE = 32
# With so many tokens in cells of their own, marks and grids are tried.
DEEP_NEAR = 28
# Maxima up to m are not looked at where all their inputs are less than one part in this many.
NEGLIGIBLE_MAXIMA = 500_000


@dataclass(frozen=True)
class Offer:
    """One way to treat some queries: what it counts, how many sequences it loses, the witness."""

    operations: int
    lost: int
    node: Node | None

    def price(self, rate: float) -> tuple[float, int]:
        """Return operations plus `rate` for each lost sequence, and what decides among equals."""
        if rate == inf:
            return self.lost, self.operations
        return self.operations + rate * self.lost, self.lost


@dataclass(frozen=True)
class Rules:
    """Which rules a search may use, and how hard it may try."""

    walk: bool
    moment: bool
    grid: bool
    both: bool = False
    filters: tuple[int, ...] = (2, 3, 6)
    finer: tuple[tuple[int | None, bool], ...] = ((6, False), (6, True), (14, True), (None, True))
    rates: tuple[int, ...] = (256, 1024)
    # A class that loses less than one part in this many is not looked at more closely.
    negligible: int = 10**9
    # Operations that the whole accuracy is worth where nothing limits the length.
    worth: float = 1e14
    divide: bool = True
    walk_limit: int = 5_000_000


@dataclass
class PoolMenu:
    """A pool as a filter: its own cost, and the offers of each query that it does not clear.

    `whole` are offers that count the pool's queries alike, without a look at each.
    """

    operations: int
    node: Node
    queries: list[tuple[int, list[Offer]]] = field(default_factory=list)
    whole: list[Offer] = field(default_factory=list)

    def best(self, rate: float) -> Offer:
        """Return the best of counting the pool as a whole and of an offer for each open query."""
        operations, lost, parts = self.operations, 0, []
        for size, offers in self.queries:
            chosen = min([Offer(0, size, None), *offers], key=lambda offer: offer.price(rate))
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                parts.append(chosen.node)
        split = Offer(operations, lost, {**self.node, "parts": parts})
        return min([split, *self.whole], key=lambda offer: offer.price(rate))


@dataclass
class MaximumMenu:
    """A maximum: ways to divide its queries into pools; each pool has a size and some menus."""

    divisions: list[list[tuple[int, list[PoolMenu]]]]

    def best(self, rate: float) -> Offer:
        """Return the best choice for every pool; giving a pool up is one of them."""
        offers = [self._best(pools, rate) for pools in self.divisions]
        return min(offers, key=lambda offer: offer.price(rate))

    def _best(self, pools: list[tuple[int, list[PoolMenu]]], rate: float) -> Offer:
        operations = lost = 0
        nodes = []
        for size, menus in pools:
            choices = [Offer(0, size, None), *(menu.best(rate) for menu in menus)]
            chosen = min(choices, key=lambda offer: offer.price(rate))
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                nodes.append(chosen.node)
        return Offer(operations, lost, {"nodes": nodes})


class Explorer:
    """Makes the menu of one maximum."""

    def __init__(self, maximum: Maximum, rules: Rules) -> None:
        self.maximum, self.rules, self.m = maximum, rules, maximum.m
        self.problem = maximum.problem
        v = self.problem.shape.d_vocab
        self.tolerance = self.problem.total // rules.negligible
        self.worth = rules.worth / self.problem.total
        self._classes: dict[tuple[int, tuple[int, ...]], list[Offer]] = {}
        self.rivals = np.array([j for j in range(v) if j != self.m])
        self.direct = (
            self.problem.direct[: self.m + 1] - self.problem.direct[: self.m + 1, self.m :][:, :1]
        )

    def menu(self) -> MaximumMenu:
        """Return the offers for q = m, and for the queries below m in one pool or two."""
        m, k = self.m, self.problem.shape.n_ctx
        if not self.rules.walk and (m + 1) ** k <= self.problem.total // NEGLIGIBLE_MAXIMA:
            return MaximumMenu([[((m + 1) ** k - m**k, [])]])
        top, below, near = (
            self._pools(m, m),
            self._pools(0, m - 1),
            self._pools(max(m - 3, 0), m - 1),
        )
        divisions = [[*below, *top]]
        if m > 3 and self.rules.divide:
            divisions.append([*self._pools(0, m - 4), *near, *top])
        return MaximumMenu(divisions)

    def _pools(self, first: int, last: int) -> list[tuple[int, list[PoolMenu]]]:
        """Return one pool with its size and menus, or none if it is empty."""
        size = class_size(first, self.m, self.problem.shape.n_ctx) if first <= last else 0
        menus = [self._filter(first, last, near) for near in self._filters()] if size else []
        return [(size * (last - first + 1), menus)] if size else []

    def _filters(self) -> list[int]:
        return sorted({min(near, self.m) for near in self.rules.filters})

    def _filter(self, first: int, last: int, near: int) -> PoolMenu:
        """Return the pool as a filter of all rivals, with thresholds."""
        shape = Shape(first, last, self.m - near, apart=False)
        cost = PoolCost.of(shape, self.m, self.maximum.places)
        upper = self.maximum.tables(shape, self.rivals, up=True)
        left = np.flatnonzero(self.maximum.worst(upper, shape) >= 0)
        together, operations = self._together(shape, upper, cost)
        # The gaps are kept for the other pools of the maximum: each pays a part.
        operations += cost.weights + len(self.rivals) * cost.gaps // 2
        survivors, upper = self.rivals[left], upper.of(left)
        stars = self._stars(shape, survivors) if len(survivors) and first < last else {}
        operations += len(stars) * (cost.table() + 2 * cost.queries)
        node = {**empty_node(shape, self.m), "together": together}
        menu = PoolMenu(
            operations, {**node, "thresholds": [[j, x] for j, x in sorted(stars.items())]}
        )
        left_open = {q: self._open(q, survivors, stars) for q in range(first, last + 1)}
        # Classes share the gaps of their rivals; about half of them by the time of choosing.
        sharing = max(sum(len(rivals) > 0 for rivals in left_open.values()) // 2, 1)
        for query, rivals in left_open.items():
            if len(rivals):
                size = class_size(query, self.m, self.problem.shape.n_ctx)
                menu.queries.append((size, self._class(query, rivals, sharing)))
        if len(survivors):
            operations -= len(stars) * (cost.table() + 2 * cost.queries)
            menu.whole = frontier(list(self._ways(shape, cost, survivors, upper, operations, node)))
        return menu

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

    def _stars(self, shape: Shape, rivals: Integer) -> dict[int, int]:
        """Return for each rival the largest threshold in 1/1024 that its worst case allows."""
        maximum, one = self.maximum, self.problem.one
        gaps = self.direct[shape.first : shape.last + 1][:, rivals]
        low = [-(-int(x) * STEPS // one) - 1 for x in gaps.min(axis=0)]
        high = [-(-int(x) * STEPS // one) + 1 for x in gaps.max(axis=0)]
        start = np.array(low, dtype=object)
        lower, upper = start.copy(), np.array(high, dtype=object)
        for _ in range(max(int(max(upper - lower)).bit_length(), 1)):
            middle = (lower + upper + 1) // 2
            direct = np.array([-(-(int(x) * one >> 10) >> maximum.shift) for x in middle])
            tables = maximum.tables(shape, rivals, up=True, direct=direct.astype(np.int64))
            cleared = maximum.worst(tables, shape) < 0
            lower = np.where(cleared, middle, lower)
            upper = np.where(cleared, upper, middle - 1)
        return {int(j): int(x) for j, x, s in zip(rivals, lower, start, strict=True) if x > s}

    def _open(self, query: int, rivals: Integer, stars: dict[int, int]) -> Integer:
        row, one = self.direct[query], self.problem.one
        return np.array(
            [j for j in rivals if j not in stars or row[j] > stars[j] * one >> 10], dtype=int
        )

    def _class(self, query: int, rivals: Integer, sharing: int) -> list[Offer]:
        """Return offers for one class, ever finer; stops where nothing is lost."""
        key = (query, tuple(rivals))
        if key not in self._classes:
            offers: list[Offer] = []
            for near, apart in self._configurations():
                shape = Shape(query, query, self.m - near, apart)
                cost = PoolCost.of(shape, self.m, self.maximum.places)
                least = min((offer.lost for offer in offers), default=self.problem.total)
                # Finer tables gain no more than what is still lost.
                if least * self.worth < len(rivals) * cost.table():
                    break
                offers += self._counted(shape, rivals, sharing)
            self._classes[key] = frontier(offers)
        return self._classes[key]

    def _configurations(self) -> list[tuple[int, bool]]:
        found: list[tuple[int, bool]] = []
        for near, apart in self.rules.finer:
            pair = (self.m if near is None else min(near, self.m), apart)
            if pair not in found:
                found.append(pair)
        return found

    def _counted(self, shape: Shape, rivals: Integer, sharing: int) -> Iterator[Offer]:
        """Yield the offers of one table shape: cleared at once, or by each rule."""
        cost = PoolCost.of(shape, self.m, self.maximum.places)
        upper = self.maximum.tables(shape, rivals, up=True)
        alive = np.flatnonzero(self.maximum.worst(upper, shape) >= 0)
        operations = cost.weights + len(rivals) * (cost.table() + cost.gaps // sharing)
        node = empty_node(shape, self.m)
        if len(alive):
            yield from self._ways(shape, cost, rivals[alive], upper.of(alive), operations, node)
        else:
            yield Offer(operations, 0, node)

    def _ways(
        self, shape: Shape, cost: PoolCost, rivals: Integer, upper: Tables, paid: int, node: Node
    ) -> Iterator[Offer]:
        """Yield the offers of each rule for the pool's queries alike, on top of what is paid."""
        box = Box(tuple(self.maximum.sizes(shape)), self.maximum.places, shape.last == self.m)
        deep = shape.one_query and shape.apart and self.m - shape.far >= min(self.m, DEEP_NEAR)
        queries = shape.last - shape.first + 1
        counting = _Counting(self.rules, box, cost, rivals, upper, self.tolerance, self.worth, deep)
        for way in counting.offers():
            tokens = [cell + shape.far - (shape.far > 0) for cell in way.marked]
            counted = {**node, "marked": tokens, "most": way.most, "groups": way.groups}
            if way.sure is not None and way.lost > self.tolerance:
                counted["sure"] = way.sure
            yield Offer(paid + way.operations, min(way.lost, box.size) * queries, counted)


def empty_node(shape: Shape, m: int) -> Node:
    """Return the node of a pool that clears what it can and counts nothing."""
    pool = {"queries": [shape.first, shape.last], "near": m - shape.far, "apart": int(shape.apart)}
    nothing: Node = {"together": [], "thresholds": [], "parts": [], "groups": []}
    return {**pool, **nothing, "marked": [], "most": 0}


@dataclass(frozen=True)
class Way:
    """One way to count a class: what it counts and loses, its groups and marked cells.

    `sure` is the rival that wins most, where the rule tells.
    """

    operations: int
    lost: int
    groups: list[Node]
    marked: list[int] = field(default_factory=list)
    most: int = 0
    sure: int | None = None


@dataclass
class _Counting:
    """The ways to count one class whose rivals have these upper tables."""

    rules: Rules
    box: Box
    cost: PoolCost
    rivals: Integer
    upper: Tables
    tolerance: int
    worth: float
    deep: bool

    def offers(self) -> Iterator[Way]:
        """Yield ways from cheap to exact; dear ones only where enough is lost."""
        if self.rules.walk:
            yield from self._walk()
        every = np.arange(len(self.rivals))
        together, apart = [every], [every[i : i + 1] for i in every]
        plain = self._moment(apart, [], 0)
        if self.rules.moment:
            yield plain
            yield self._moment(together, [], 0)
        elif self.rules.grid:
            yield self._grid(together, [], 0, min(self.rules.rates))
        if plain.lost <= self.tolerance or not self.deep or not self.box.places:
            return
        few = len(every) <= MOST_ALONE
        tried = apart if few else together
        ways = [self._moment(tried, marked, most) for marked, most in self._dangers()]
        if ways and not few:
            best = min(ways, key=lambda way: way.lost)
            ways.append(self._moment(apart, best.marked, best.most))
        if self.rules.moment:
            yield from ways
        if self.rules.grid:
            yield from self._grids(min([plain, *ways], key=lambda way: way.lost))

    def _grids(self, best: Way) -> Iterator[Way]:
        """Yield grids with the marks of the best moment, finer ones where they may pay."""
        every = np.arange(len(self.rivals))
        coarse, *finer = self.rules.rates
        together = self._grid([every], best.marked, best.most, coarse)
        yield together
        apart = [every[i : i + 1] for i in every]
        last, parts = together, [every]
        if 1 < len(every) <= MOST_ALONE and together.lost < self.box.size * 0.98:
            alone = self._grid(apart, best.marked, best.most, coarse)
            yield alone
            if alone.lost < together.lost:
                last, parts = alone, apart
        for rate in finer:
            # A finer grid costs in proportion, and gains no more than what is lost.
            if last.lost * self.worth < last.operations * rate / coarse:
                break
            last = self._grid(parts, best.marked, best.most, rate)
            yield last

    def _walk(self) -> Iterator[Way]:
        walk = Walk(self.box, self.upper, self.upper, limit=self.rules.walk_limit).run()
        if walk.operations <= self.rules.walk_limit:
            operations = self.cost.walked(len(self.rivals)) + walk.operations
            rule = "both" if self.rules.both else "walk"
            if self.rules.both:
                operations += len(self.rivals) * (self.cost.table() + self.cost.gaps)
            group = {"rule": rule, "rivals": _list(self.rivals)}
            yield Way(operations, walk.possible, [group])

    def _dangers(self) -> Iterator[tuple[list[int], int]]:
        """Yield cells to mark, those whose entries reach highest, and how many may occur."""
        peaks = self.upper.rows.max(axis=(0, 2))[:-1].astype(float)
        highest = [int(c) for c in np.argsort(-peaks) if self.box.sizes[c] == 1][:4]
        for count in range(1, len(highest) + 1):
            yield sorted(highest[:count]), 0
        for most in (1, 2):
            if highest:
                yield highest[:1], most

    def _joined(self, parts: list[Integer], dropped: set[int]) -> tuple[Box, Tables]:
        """Return the class and one table for each part, without cells that may not occur."""
        tables = [self.upper.of(index).largest().without(dropped) for index in parts]
        own = np.concatenate([table.own for table in tables])
        rows = np.concatenate([table.rows for table in tables], axis=2)
        return self.box.without(dropped), Tables(own, rows)

    def _moment(self, parts: list[Integer], marked: list[int], most: int) -> Way:
        box, tables = self._joined(parts, set() if most else set(marked))
        rates, bounds = best_moments(box, tables, marked if most else [], most)
        operations = sum(self.cost.tail(len(index)) for index in parts)
        operations += len(parts) * self.cost.moment(holds=box.holds, degrees=most + 1)
        return self._way(
            "moment", parts, [int(rate) for rate in rates], bounds, operations, marked, most
        )

    def _grid(self, parts: list[Integer], marked: list[int], most: int, rate: int) -> Way:
        box, tables = self._joined(parts, set() if most else set(marked))
        budgets, bounds = grid_estimates(box, tables, rate, marked if most else [], most)
        operations = sum(self.cost.tail(len(index)) for index in parts)
        for budget in budgets:
            operations += self.cost.grid(max(int(budget), 0), len(box.sizes), box.holds, most)
        return self._way("grid", parts, [rate] * len(parts), bounds, operations, marked, most)

    def _way(
        self,
        rule: str,
        parts: list[Integer],
        rates: list[int],
        bounds: Floats,
        operations: int,
        marked: list[int],
        most: int,
    ) -> Way:
        lost = float(bounds.sum())
        lost += float(given_up(self.box, len(marked), most)) if marked else 0.0
        groups: list[Node] = [
            {"rule": rule, "rivals": _list(self.rivals[index]), "rate": rate}
            for index, rate in zip(parts, rates, strict=True)
        ]
        sure = groups[int(bounds.argmax())]["rivals"][0]
        return Way(operations, _whole(lost, self.box), groups, marked, most, sure)


def _whole(lost: float, box: Box) -> int:
    return min(int(min(lost, 1e300)) + 1, box.size)


def _list(rivals: Integer) -> list[int]:
    return [int(j) for j in rivals]


def frontier(offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers that no other beats in both operations and lost sequences."""
    kept: list[Offer] = []
    for offer in sorted(offers, key=lambda offer: (offer.operations, offer.lost)):
        if not kept or offer.lost < kept[-1].lost:
            kept.append(offer)
    return kept


def choose(menus: Sequence[MaximumMenu], rate: float) -> tuple[int, int, dict[str, Any]]:
    """Return (operations, lost sequences, witness) of the best choices at a price."""
    offers = [menu.best(rate) for menu in menus]
    nodes = [offer.node["nodes"] if offer.node else [] for offer in offers]
    first = next((m for m, found in enumerate(nodes) if found), len(nodes))
    operations = sum(offer.operations for offer in offers)
    lost = sum(offer.lost for offer in offers)
    return operations, lost, {"first": first, "maxima": nodes[first:]}
