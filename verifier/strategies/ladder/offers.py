"""Merged walks (T18) that a search tries for one class, beside moments for the weak rivals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

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

# So many rivals at most, by their sums, decide what a walk of several merges. They are found by
# walks with these limits; after so many that do not help the search of them stops.
MOST_AXES, PROBE, PATIENCE = 8, Limits(16, 8), 2
# So many rivals are walked together at most, unless they win much in common.
MOST_TOGETHER, MUCH_OVERLAP = 16, 1.6
# What is no gain of one more axis, as a part of the class.
IDLE = 0.001
# Classes of one kind in which everything is tried, and then again one in so many.
LEARNT, AGAIN = 2, 24
# One lost sequence is worth the search's most, and these parts of it.
PRICES = (1.0, 0.2, 0.04)
# Rivals that are counted from below together.
BELOW_RIVALS = 4
# States of a class in which most atoms are: with the label, and without.
STATES = 2


@dataclass
class Lesson:
    """What was worth it in the classes of one kind: limits of walks together, whether alone.

    `axes` are outputs, `levels` the limits of each output's walk alone.
    """

    seen: int = 0
    limits: set[Limits] = field(default_factory=set)
    axes: list[int] = field(default_factory=list)
    levels: dict[int, set[Limits]] = field(default_factory=dict)
    alone: bool = False

    @property
    def learning(self) -> bool:
        """Whether everything is tried in the next class."""
        return self.seen < LEARNT or self.seen % AGAIN == 0


# The classes of a label, which differ in the query alone, by their kinds.
Experience = dict[tuple[int, int], Lesson]


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
    experience: Experience

    def candidates(self) -> Iterator[Candidate]:
        """Yield moments, then finer and finer walks, as long as they may pay."""
        every = np.arange(len(self.rivals))
        self.rates, self.moments = best_moments(self.cells, self.tables, [], 0)
        self.least_each = self.won.mean(axis=0) * self.cells.size
        self.true = float(self.won.any(axis=1).mean()) * self.cells.size
        self.below = int(self.true), self.rivals[strongest(self.won, BELOW_RIVALS)].tolist()
        plain = self._candidate([], every)
        yield plain
        self.lost = float(plain.lost)
        share = self.true / self.cells.size
        kind = int(np.log2(max(share, 1e-6))), len(every).bit_length()
        self.lesson = self.experience.setdefault(kind, Lesson())
        self.learning = self.lesson.learning
        self.lesson.seen += 1
        together = dict(self._together(every))
        yield from together.values()
        alone = list(self._alone(every))
        yield from alone
        if self.learning:
            self._learn(together, alone)

    def _learn(self, together: dict[Limits, Candidate], alone: list[Candidate]) -> None:
        """Keep what is cheapest at one of the prices."""
        for price in PRICES:
            worth = price * self.worth
            apart = min((x.operations + worth * x.lost for x in alone), default=inf)
            each = {limits: x.operations + worth * x.lost for limits, x in together.items()}
            best = min(each, key=lambda limits: each[limits], default=None)
            if best is not None and each[best] < apart:
                self.lesson.limits.add(best)
            elif alone:
                self.lesson.alone = True

    def _together(self, every: Index) -> Iterator[tuple[Limits, Candidate]]:
        """Yield walks of all strong rivals together, from short to long, with their limits."""
        strong = self._strong()
        if len(strong) > MOST_TOGETHER and self._overlap(strong) < MUCH_OVERLAP:
            # Of many rivals a few lose most; with the others a walk would tell none apart.
            excess = self.moments - self.least_each
            ranked = strong[np.argsort(-excess[strong], kind="stable")]
            strong = np.sort(ranked[:MOST_TOGETHER])
        if not self._pays(len(strong), PROBE) or not (self.learning or self.lesson.limits):
            return
        weak = np.setdiff1d(every, strong)
        walk = self._with_axes(strong)
        for limits in self.rules.kept:
            if not self.learning and limits not in self.lesson.limits:
                continue
            # A walk gains no more than what is left to gain.
            if not self._pays(len(strong), limits):
                break
            counted = walk.count(limits) + 1
            group = self._group(strong, walk.axes, limits)
            found = self._candidate([(group, counted, walk.operations)], weak)
            self.lost = min(self.lost, float(found.lost))
            yield limits, found

    def _with_axes(self, strong: Index) -> MergedWalk:
        """Return the walk of some rivals with the axes of which a short one loses least.

        One after the other the rival is added that wins most beyond its wins in the sample: it is
        the one whose sums merging has raised most.
        """
        place = {int(j): i for i, j in enumerate(self.rivals[strong])}
        tables, own = self.tables.of(strong), self.least_each[strong]
        known = [] if self.learning else [place[j] for j in self.lesson.axes if j in place]
        axes = known or strongest(self.won[:, strong], 1)
        best, least, idle = axes, float("inf"), 0
        while len(axes) <= min(MOST_AXES, len(strong)):
            walk = self._walk(tables, axes)
            lost = float(walk.count(PROBE))
            idle = 0 if lost < least - IDLE * self.cells.size else idle + 1
            if lost < least:
                best, least = axes, lost
            beyond = walk.wins - own
            beyond[axes] = 0.0
            if idle > (PATIENCE if self.learning else 0) or beyond.max() <= 0:
                break
            axes = [*axes, int(beyond.argmax())]
        self.lesson.axes = [int(self.rivals[strong][i]) for i in best]
        return self._walk(tables, best)

    def _walk(self, tables: Tables, axes: list[int]) -> MergedWalk:
        """Return the walk of all rivals of some tables with these axes, in floats."""
        chosen = np.array(sorted(axes))
        return MergedWalk(self.cells, tables, chosen, self.label, up=True, exact=False)

    def _alone(self, every: Index) -> Iterator[Candidate]:
        """Yield a walk of each rival for which that pays at some price, moments for the others.

        What they lose adds up: so each rival has the walk that is best for it.
        """
        if not (self.learning or self.lesson.alone) or not self._pays(
            1, self.rules.kept_alone[0], float(self.least_each.sum())
        ):
            return
        menus = [self._menu(int(i)) for i in every]
        before: list[int] = []
        for price in PRICES:
            worth = price * self.worth
            picked = [
                min(range(len(menu)), key=lambda i: menu[i][0] + worth * menu[i][1])
                for menu in menus
            ]
            chosen = [menu[i] for menu, i in zip(menus, picked, strict=True)]
            for rival, (_, _, group) in zip(self.rivals.tolist(), chosen, strict=True):
                if self.learning and group is not None:
                    limits = Limits(group["atoms"], group["cells"])
                    self.lesson.levels.setdefault(rival, set()).add(limits)
            if picked == before or not any(picked):
                continue
            before = picked
            walks = [(node, int(lost), cost) for cost, lost, node in chosen if node is not None]
            found = self._candidate(walks, np.flatnonzero(np.array(picked) == 0))
            self.lost = min(self.lost, float(found.lost))
            yield found

    def _menu(self, rival: int) -> list[tuple[int, float, Node | None]]:
        """Return what a rival's moment and walks alone count and lose, with their groups."""
        lost, own = float(min(self.moments[rival], 1e300)), float(self.least_each[rival])
        menu: list[tuple[int, float, Node | None]] = [(self._moment_cost(1), lost, None)]
        index, walk = np.array([rival]), None
        known = self.lesson.levels.get(int(self.rivals[rival]), set())
        for limits in self.rules.kept_alone:
            if not self.learning and limits not in known:
                continue
            if (lost - own) * self.worth < self._expected(1, limits):
                break
            walk = walk or self._walk(self.tables.of(index), [0])
            counted = walk.count(limits) + 1
            menu.append((walk.operations, counted, self._group(index, walk.axes, limits)))
            lost = min(lost, float(counted))
        return menu

    def _pays(self, rivals: int, limits: Limits, least: float | None = None) -> bool:
        """Return whether a walk may gain what it counts; `least` is what it loses at least."""
        left = self.lost - (self.true if least is None else least)
        return left * self.worth >= self._expected(rivals, limits)

    def _expected(self, rivals: int, limits: Limits) -> float:
        """Return about what a walk of so many rivals counts."""
        extended = STATES * limits.atoms * min(limits.cells, len(self.cells.sizes))
        extended *= self.cells.places
        return 3.0 * extended * rivals

    def _strong(self) -> Index:
        """Return the rivals whose moments lose more than walking them costs."""
        excess = (self.moments - self.least_each) * self.worth
        strong = np.flatnonzero(excess > self._expected(1, self.rules.kept[0]))
        return strong if len(strong) else np.array([int(self.moments.argmax())])

    def _overlap(self, strong: Index) -> float:
        """Return the sum of what each rival wins by what they win together."""
        won = self.won[:, strong]
        together = won.any(axis=1).sum()
        return float(won.sum() / together) if together else 1.0

    def _group(self, part: Index, axes: Index, limits: Limits) -> Node:
        """Return the group of a walk."""
        rivals = self.rivals[part]
        walk = {"rule": "merged", "rivals": rivals.tolist(), **limits._asdict()}
        return {**walk, "axes": rivals[axes].tolist()}

    def _moment_cost(self, rivals: int) -> int:
        """Return what the moments of some rivals count, each alone."""
        branches, _ = self.cells.steps([], 0)
        return rivals * (self.cost.tail(1, 0) + self.cost.moment(0, branches))

    def _candidate(self, walks: list[tuple[Node, int, int]], weak: Index) -> Candidate:
        """Return some walks, each with what it loses and counts, and moments for weak rivals."""
        groups = [group for group, _, _ in walks]
        groups += [
            {"rule": "moment", "rivals": [int(self.rivals[j])], "rate": int(self.rates[j])}
            for j in weak
        ]
        lost = sum(counted for _, counted, _ in walks)
        lost += int(min(float(self.moments[weak].sum()), 1e300))
        operations = sum(cost for _, _, cost in walks) + self._moment_cost(len(weak))
        return Candidate(operations, min(lost, self.cells.size), groups, below=self.below)
