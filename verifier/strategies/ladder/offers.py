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
# So many where there are more rivals than a few.
MOST_AXES, FEW = 8, 12
# So many rivals are walked together at most, unless they win much in common.
MOST_TOGETHER, MUCH_OVERLAP = 16, 1.6
# So many rivals may have a walk of their own each; so many where a walk of all does as well.
MOST_ALONE, FEW_ALONE = 20, 4
# What rivals win one by one, by what they win together: so little more is none.
OVERLAP = 1.02
# A share of a class that is much to be wrong.
MUCH = 0.25
# What is no gain, of all that is left to gain; after two such steps a search stops.
IDLE = 0.02
Steps = tuple[tuple[int, int], ...]


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
        """Yield moments, then finer and finer walks, as long as they may pay."""
        size, every = self.cells.size, np.arange(len(self.rivals))
        self.rates, self.moments = best_moments(self.cells, self.tables, [], 0)
        true = float(self.won.any(axis=1).mean()) * size
        yield self._walked([], every, Limits(1, 1))
        strong = self._strong()
        least = float(size)
        for parts, steps in self._ways(strong, true / size):
            idle, weak = 0, np.setdiff1d(every, np.concatenate(parts))
            for limits in steps:
                found = self._walked(parts, weak, Limits(*limits))
                yield found
                open_ = least - true
                idle = idle + 1 if least - found.lost < IDLE * open_ else 0
                least = min(least, float(found.lost))
                # A finer walk costs in proportion, and gains no more than what is left to gain.
                if idle > 1 or (least - true) * self.worth < 2 * found.operations:
                    break

    def _ways(self, strong: Index, true: float) -> list[tuple[list[Index], Steps]]:
        """Return how to walk: which rivals together, and what is kept apart, from short to long.

        Where rivals win much and never the same, walks of one rival each lose less; where they
        win little they are tried beside a walk of all.
        """
        together = [strong], self.rules.kept
        if len(strong) > MOST_TOGETHER and self._overlap(strong) < MUCH_OVERLAP:
            # Of many rivals a few lose most; with the others a walk would tell none apart.
            excess = self.moments - self.won.mean(axis=0) * self.cells.size
            ranked = strong[np.argsort(-excess[strong], kind="stable")]
            together = [np.sort(ranked[:MOST_TOGETHER])], self.rules.kept
        alone = [strong[i : i + 1] for i in range(len(strong))], self.rules.kept_alone
        apart = 1 < len(strong) <= MOST_ALONE and self._overlap(strong) < OVERLAP
        if not self.rules.kept_alone:
            return [together]
        if apart and true > MUCH:
            return [alone]
        return [together, alone] if apart and len(strong) <= FEW_ALONE else [together]

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
            axes = np.array(strongest(self.won[:, part], AXES if len(part) <= FEW else MOST_AXES))
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
