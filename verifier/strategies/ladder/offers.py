"""Merged walks (T18) that a search tries for one class, beside moments for the weak rivals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ballproof.verifier.counting.merging import Index
from ballproof.verifier.strategies.ladder.candidates import Candidate, Rules
from ballproof.verifier.strategies.ladder.cells import Cells
from ballproof.verifier.strategies.ladder.costs import PoolCost
from ballproof.verifier.strategies.ladder.estimates import best_moments
from ballproof.verifier.strategies.ladder.merged import Limits, MergedWalk
from ballproof.verifier.strategies.ladder.options import Node
from ballproof.verifier.strategies.ladder.pools import Tables
from ballproof.verifier.strategies.ladder.sampling import Wins, strongest

# So many rivals, by their sums, decide what a walk merges.
AXES = 4
# So many rivals may have a walk of their own each.
MOST_ALONE = 12


@dataclass
class Offers:
    """Merged walks for one class: all strong rivals together, or each alone.

    `won` are a sample's wins (sequences, J), and `worth` the operations that one sequence of the
    class is worth at most. `label` is the cell of the label, `rivals` are numbered as outputs.
    """

    rules: Rules
    cells: Cells
    cost: PoolCost
    rivals: Index
    tables: Tables
    won: Wins
    worth: float
    label: int

    def candidates(self) -> Iterator[Candidate]:
        """Yield finer and finer walks, as long as they may pay."""
        size, every = self.cells.size, np.arange(len(self.rivals))
        self.rates, self.moments = best_moments(self.cells, self.tables, [], 0)
        true = float(self.won.any(axis=1).mean()) * size
        strong = self._strong()
        weak = np.setdiff1d(every, strong)
        ways, steps = [[strong]], self.rules.kept
        if 1 < len(strong) <= MOST_ALONE and self._overlap(strong) < 1.02:
            ways = [[strong[i : i + 1] for i in range(len(strong))], [strong]]
        least = float(size)
        for parts in ways:
            for limits in steps:
                found = self._walked(parts, weak, Limits(*limits))
                yield found
                gained, least = least - found.lost, min(least, float(found.lost))
                # A finer walk costs in proportion, and gains no more than what is left to gain.
                ahead = min(least - true, 2 * max(gained, 0.0) + 1)
                if ahead * self.worth < 2 * found.operations:
                    break
            if (least - true) * self.worth < self.rules.base_walk:
                return

    def _strong(self) -> Index:
        """Return the rivals whose moments lose more than walking them costs."""
        least = self.won.mean(axis=0) * self.cells.size
        excess = (self.moments - least) * self.worth
        atoms, cells = self.rules.kept[0]
        walked = 6 * atoms * min(cells, len(self.cells.sizes)) * self.cells.places
        strong = np.flatnonzero(excess > walked)
        return strong if len(strong) else np.array([int(self.moments.argmax())])

    def _overlap(self, strong: Index) -> float:
        """Return the sum of what each rival wins by what they win together."""
        won = self.won[:, strong]
        together = won.any(axis=1).sum()
        return float(won.sum() / together) if together else 1.0

    def _walked(self, parts: list[Index], weak: Index, limits: Limits) -> Candidate:
        """Return walks for the parts, and moments for the weak rivals."""
        lost, operations = 0, 0
        groups: list[Node] = []
        for part in parts:
            tables = self.tables.of(part)
            axes = np.array(strongest(self.won[:, part], AXES))
            walk = MergedWalk(self.cells, tables, axes, self.label, up=True, exact=False)
            lost += walk.count(limits) + 1
            operations += walk.operations
            groups.append(
                {
                    "rule": "merged",
                    "rivals": self.rivals[part].tolist(),
                    "atoms": limits.atoms,
                    "cells": limits.cells,
                    "axes": self.rivals[part][axes].tolist(),
                }
            )
        bounds = self.moments[weak]
        groups += [
            {"rule": "moment", "rivals": [int(self.rivals[j])], "rate": int(self.rates[j])}
            for j in weak
        ]
        branches, _ = self.cells.steps([], 0)
        operations += len(weak) * (self.cost.tail(1, 0) + self.cost.moment(0, branches))
        lost = min(lost + int(min(float(bounds.sum()), 1e300)), self.cells.size)
        likely = int(self.rivals[self.won.sum(axis=0).argmax()])
        return Candidate(operations, lost, groups, likely=likely)
