"""Candidates to count one class: walks, moments and grids, with marks and groups of rivals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ballproof.verifier.strategies.ladder.cells import Cells
from ballproof.verifier.strategies.ladder.costs import PoolCost
from ballproof.verifier.strategies.ladder.counts import given_up
from ballproof.verifier.strategies.ladder.estimates import Floats, best_moments, grid_estimates
from ballproof.verifier.strategies.ladder.merged import Limits
from ballproof.verifier.strategies.ladder.options import Node
from ballproof.verifier.strategies.ladder.pools import Integer, Tables
from ballproof.verifier.strategies.ladder.walk import Walk

# So many rivals may be counted one by one on grids.
MOST_ALONE = 32


@dataclass(frozen=True)
class Rules:
    """Which rules a search may use, and how hard it may try."""

    walk: bool
    moment: bool
    grid: bool
    filters: tuple[int, ...] = (2, 3, 6)
    finer: tuple[tuple[int | None, bool], ...] = ((6, False), (6, True), (14, True), (None, True))
    rates: tuple[int, ...] = (256, 1024, 4096)
    # A class that loses less than one part in this many is not looked at more closely.
    negligible: int = 10**9
    # Operations that the whole accuracy is worth where nothing limits the length.
    worth: float = 1e14
    divide: bool = True
    walk_limit: int = 1_000_000
    # Merged walks, from short to long; and those of one rival.
    kept: tuple[Limits, ...] = ()
    kept_alone: tuple[Limits, ...] = ()
    # What no walk is shorter than.
    base_walk: int = 100_000
    # Inputs of a class that are drawn before it is counted by walks.
    draws: int = 3000


@dataclass(frozen=True)
class Candidate:
    """A counting rule with its parameters: what it counts and loses, its groups and rare cells.

    `likely` is the rival that wins most, where the rule tells; `below` are about how many sequences
    are wrong, by a sample, and the rivals that win them.
    """

    operations: int
    lost: int
    groups: list[Node]
    rare: list[int] = field(default_factory=list)
    most: int = 0
    likely: int | None = None
    below: tuple[int, list[int]] | None = None


@dataclass
class Counting:
    """The candidate rules for one class whose rivals have these upper tables.

    `rivals` are numbered as outputs; the cell `never_rare` is none of the rare ones.
    """

    rules: Rules
    cells: Cells
    cost: PoolCost
    rivals: Integer
    upper: Tables
    tolerance: int
    worth: float
    deep: bool
    never_rare: int

    def candidates(self) -> Iterator[Candidate]:
        """Yield candidates from cheap to exact; dear ones only where enough is lost."""
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
        if plain.lost <= self.tolerance or not self.deep or not self.cells.places:
            return
        few = len(every) <= MOST_ALONE
        tried = apart if few else together
        found = [self._moment(tried, rare, most) for rare, most in self._rare_tokens()]
        if found and not few:
            best = min(found, key=lambda candidate: candidate.lost)
            found.append(self._moment(apart, best.rare, best.most))
        if self.rules.moment:
            yield from found
        if self.rules.grid:
            yield from self._grids(min([plain, *found], key=lambda candidate: candidate.lost))

    def _grids(self, best: Candidate) -> Iterator[Candidate]:
        """Yield grids with the rare tokens of the best moment, finer ones where they may pay."""
        every = np.arange(len(self.rivals))
        coarse, *finer = self.rules.rates
        together = self._grid([every], best.rare, best.most, coarse)
        yield together
        apart = [every[i : i + 1] for i in every]
        last, parts = together, [every]
        if 1 < len(every) <= MOST_ALONE and together.lost < self.cells.size * 0.98:
            alone = self._grid(apart, best.rare, best.most, coarse)
            yield alone
            if alone.lost < together.lost:
                last, parts = alone, apart
        for rate in finer:
            # A finer grid costs in proportion, and gains no more than what is lost.
            if last.lost * self.worth < last.operations * rate / coarse:
                break
            last = self._grid(parts, best.rare, best.most, rate)
            yield last

    def _walk(self) -> Iterator[Candidate]:
        walk = Walk(self.cells, self.upper, self.upper, limit=self.rules.walk_limit).run()
        if walk.operations <= self.rules.walk_limit:
            operations = self.cost.walked(len(self.rivals)) + walk.operations
            group = {"rule": "branch", "rivals": _list(self.rivals)}
            yield Candidate(operations, walk.possible, [group])

    def _rare_tokens(self) -> Iterator[tuple[list[int], int]]:
        """Yield rare cells, those whose entries reach highest, and how many of them may occur."""
        peaks = self.upper.rows.max(axis=(0, 2)).astype(float)
        order = [int(cell) for cell in np.argsort(-peaks) if cell != self.never_rare]
        highest = [cell for cell in order if self.cells.sizes[cell] == 1][:4]
        for count in range(1, len(highest) + 1):
            yield sorted(highest[:count]), 0
        for most in (1, 2):
            if highest:
                yield highest[:1], most

    def _joined(self, parts: list[Integer], dropped: set[int]) -> tuple[Cells, Tables]:
        """Return the class and one table for each part, without cells that may not occur."""
        tables = [self.upper.of(index).largest().without(dropped) for index in parts]
        own = np.concatenate([table.own for table in tables])
        rows = np.concatenate([table.rows for table in tables], axis=2)
        return self.cells.without(dropped), Tables(own, rows)

    def _moment(self, parts: list[Integer], rare: list[int], most: int) -> Candidate:
        cells, tables = self._joined(parts, set() if most else set(rare))
        rates, bounds = best_moments(cells, tables, rare if most else [], most)
        dropped = 0 if most else len(rare)
        branches, _ = cells.steps(rare if most else [], most)
        operations = sum(self.cost.tail(len(index), dropped) for index in parts)
        operations += len(parts) * self.cost.moment(dropped, branches)
        return self._candidate(
            "moment", parts, [int(rate) for rate in rates], bounds, operations, rare, most
        )

    def _grid(self, parts: list[Integer], rare: list[int], most: int, rate: int) -> Candidate:
        cells, tables = self._joined(parts, set() if most else set(rare))
        budgets, bounds = grid_estimates(cells, tables, rate, rare if most else [], most)
        dropped = 0 if most else len(rare)
        _, terms = cells.steps(rare if most else [], most)
        operations = sum(self.cost.tail(len(index), dropped) for index in parts)
        operations += sum((int(budget) + 1) * terms for budget in budgets if budget >= 0)
        return self._candidate("grid", parts, [rate] * len(parts), bounds, operations, rare, most)

    def _candidate(
        self,
        rule: str,
        parts: list[Integer],
        rates: list[int],
        bounds: Floats,
        operations: int,
        rare: list[int],
        most: int,
    ) -> Candidate:
        lost = float(bounds.sum())
        lost += float(given_up(self.cells, set(rare), most)) if rare else 0.0
        groups: list[Node] = [
            {"rule": rule, "rivals": _list(self.rivals[index]), "rate": rate}
            for index, rate in zip(parts, rates, strict=True)
        ]
        likely = groups[int(bounds.argmax())]["rivals"][0]
        return Candidate(operations, _whole(lost, self.cells), groups, rare, most, likely)


def _whole(lost: float, cells: Cells) -> int:
    return min(int(min(lost, 1e300)) + 1, cells.size)


def _list(rivals: Integer) -> list[int]:
    return [int(j) for j in rivals]
