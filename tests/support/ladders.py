"""Witnesses of `ladder`, `moment` and `grid`: wild ones that obey the format, and plausible ones.

No witness can make a bound unsound, so the wild ones try all that the format allows; the plausible
ones certify most of what a good model gets right.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np

from ballproof.models.tasks import Acceptor, Task
from ballproof.verifier.strategies.ladder.domain import MAX_MARKED, MAX_THRESHOLD, RULES
from ballproof.verifier.strategies.ladder.domain import RATES as DOMAINS
from support.toy import ToyModel
from support.witnesses import floats

LADDERS = tuple(RULES)
RATES = {
    "moment": (1, 300, 1000, 4000, 10**4, DOMAINS["moment"].most),
    "grid": (1, 2, 7, 100, 2000),
    "below": (1, 2, 7, 100, 2000),
}
Witness = dict[str, Any]


def pool(first: int, last: int, near: int, **fields: Any) -> Witness:
    """Return a pool of the queries first..last; what is not given is empty."""
    empty: Witness = {"queries": [first, last], "near": near, "apart": 1, "together": []}
    empty |= {"thresholds": [], "parts": [], "groups": [], "marked": [], "most": 0}
    return empty | fields


def group(rule: str, rivals: Iterable[int], rate: int = 1000) -> Witness:
    """Return a group; a walk has no rate."""
    rated = {"rate": rate} if rule in RATES else {}
    return {"rule": rule, "rivals": list(rivals), **rated}


def others(maximum: int, v: int) -> list[int]:
    """Return all rivals of a maximum."""
    return [j for j in range(v) if j != maximum]


def single_class(query: int, maximum: int, v: int, **fields: Any) -> Witness:
    """Return a witness that gives up all classes but (query, maximum)."""
    only = pool(query, query, fields.pop("near", maximum), **fields)
    return {"first": maximum, "maxima": [[only], *([] for _ in range(maximum + 1, v))]}


def every_class(v: int, rules: Iterable[str], *, rate: int = 1000) -> Witness:
    """Return a witness that counts each class on its own, all tokens and positions apart."""

    def own(q: int, m: int) -> Witness:
        return pool(q, q, m, groups=[group(rule, others(m, v), rate) for rule in rules])

    return {"first": 0, "maxima": [[own(q, m) for q in range(m + 1)] for m in range(v)]}


def direct_gaps(model: ToyModel) -> np.ndarray:
    """Return D[q,j] - D[q,m] in 1/1024 as integers (q,j,m), near enough for a threshold."""
    w = floats(model)
    rows = w["W_E"] + w["W_pos"][-1] + w["b_V"] @ w["W_O"] + w["b_O"]
    with np.errstate(all="ignore"):
        direct = rows @ w["W_U"] + w["b_U"]
        gaps = np.floor(1024 * (direct[:, :, np.newaxis] - direct[:, np.newaxis, :]))
    gaps = np.nan_to_num(gaps, nan=0, posinf=MAX_THRESHOLD, neginf=-MAX_THRESHOLD)
    return np.frompyfunc(int, 1, 1)(np.clip(gaps, -MAX_THRESHOLD, MAX_THRESHOLD))


class Plausible:
    """Pools as a good search makes them: many queries first, then each query that is left."""

    def __init__(self, rng: Random, strategy: str, model: ToyModel) -> None:
        self.rng, self.strategy, self.v = rng, strategy, model.d_vocab
        self.gaps = direct_gaps(model)

    def witness(self) -> Witness:
        return {"first": 0, "maxima": [self._maximum(m) for m in range(self.v)]}

    def _maximum(self, m: int) -> list[Witness]:
        near = max(m - 2, 0)
        ranges = [(0, near - 1), (near, m - 1), (m, m)]
        return [self._filter(m, first, last) for first, last in ranges if first <= last]

    def _filter(self, m: int, first: int, last: int) -> Witness:
        gaps = {j: self.gaps[first : last + 1, j, m] for j in others(m, self.v)}
        thresholds = [[j, min(int(max(gap)) + 1, MAX_THRESHOLD)] for j, gap in gaps.items()]
        parts = [self._count(m, q) for q in range(first, last + 1)]
        filters = {"apart": self.rng.randint(0, 1), "together": [[0, self.v - 1]]}
        near = min(m, self.rng.choice([3, 4]))
        return pool(first, last, near, thresholds=thresholds, parts=parts, **filters)

    def _count(self, m: int, q: int) -> Witness:
        rivals = others(m, self.v)
        if self.strategy == "ladder":
            return pool(q, q, m, groups=[group("both", rivals)])
        rate = 5000 if self.strategy == "moment" else 2000
        groups = [group(self.strategy, [j], rate) for j in rivals]
        return pool(q, q, m, groups=[*groups, group("below", rivals, 2000)])


def plausible_ladder(rng: Random, strategy: str, model: ToyModel) -> Witness:
    """Return a witness that proves much of a good model; a `ladder` is exact where nothing ties."""
    return Plausible(rng, strategy, model).witness()


class Wild:
    """Any tree of pools that the format allows."""

    def __init__(self, rng: Random, strategy: str, model: ToyModel) -> None:
        self.rng, self.strategy, self.v = rng, strategy, model.d_vocab
        self.gaps = direct_gaps(model)

    def witness(self) -> Witness:
        first = self.rng.choice([0, 0, 0, 0, self.v // 2, self.v])
        return {"first": first, "maxima": [self._maximum(m) for m in range(first, self.v)]}

    def _maximum(self, m: int) -> list[Witness]:
        nodes = self._row(m, 0, m - 1, depth=self.rng.randint(0, 2))
        if self._mostly():
            nodes.append(self._pool(m, m, m, depth=self.rng.randint(0, 2)))
        return nodes

    def _row(self, m: int, low: int, high: int, depth: int) -> list[Witness]:
        """Return pools that lie one after the other in low..high, mostly without holes."""
        nodes: list[Witness] = []
        while low <= high:
            end = self.rng.choice([low, high, self.rng.randint(low, high)])
            if self._mostly():
                nodes.append(self._pool(m, low, end, depth))
            low = end + 1
        return nodes

    def _pool(self, m: int, low: int, high: int, depth: int) -> Witness:
        rng = self.rng
        near = rng.choice([0, m, m, rng.randint(0, m), max(m - 1, 0)])
        node = pool(low, high, near, apart=rng.randint(0, 1), together=self._together())
        if rng.random() < 0.5:
            node |= {"marked": self._marked(m, near), "most": rng.randint(0, 2)}
        if depth and rng.random() < 0.9:
            node["thresholds"] = self._thresholds(m, low, high)
            node["parts"] = self._row(m, low, high, depth - 1)
        if not node["parts"] and self._mostly():
            node["groups"] = self._groups(m)
        return node

    def _marked(self, m: int, near: int) -> list[int]:
        """Return none, some, or as many as can be of the tokens that have their own cell."""
        most = min(near, MAX_MARKED)
        return sorted(self.rng.sample(range(m - near, m), self.rng.choice([0, most, most // 2])))

    def _thresholds(self, m: int, low: int, high: int) -> list[list[int]]:
        """Return thresholds at the gaps of the pool's queries, beside them, and anywhere."""
        rng, found = self.rng, []
        for j in sorted(rng.sample(range(self.v), rng.randint(0, self.v))):
            gap = int(self.gaps[rng.randint(low, high), j, m])
            threshold = rng.choice(
                [gap, gap + rng.randint(-1, 1), 0, rng.randint(-4096, 4096), MAX_THRESHOLD]
            )
            found.append([j, min(max(threshold, -MAX_THRESHOLD), MAX_THRESHOLD)])
        return found

    def _together(self) -> list[list[int]]:
        """Return ranges of rivals that are tried as one; they may overlap."""
        if self.rng.random() < 0.2:
            return [[0, self.v - 1]]
        count = self.rng.randint(0, 2)
        return [sorted(self.rng.choices(range(self.v), k=2)) for _ in range(count)]

    def _groups(self, m: int) -> list[Witness]:
        """Return groups that cover every rival, or nearly, and now and then one of them twice."""
        rng, rules = self.rng, RULES[self.strategy]
        rivals = [j for j in range(self.v) if rng.random() < 0.98]
        rng.shuffle(rivals)
        groups: list[Witness] = []
        while rivals:
            size = rng.choice([1, len(rivals), rng.randint(1, len(rivals))])
            taken, rivals = sorted(rivals[:size]), rivals[size:]
            groups.append(self._group(rng.choice(rules), taken))
            if groups[-1]["rule"] == "below" and rng.random() < 0.8:
                groups.append(self._group(rules[0], taken))
        return groups

    def _group(self, rule: str, rivals: list[int]) -> Witness:
        return group(rule, rivals, self.rng.choice(RATES.get(rule, (1,))))

    def _mostly(self) -> bool:
        return self.rng.random() < 0.95


def wild_ladder(rng: Random, strategy: str, model: ToyModel) -> Witness:
    """Return a random witness; any is sound, few are tight."""
    return Wild(rng, strategy, model).witness()


class WildTask:
    """Any tree of pools that format 2 allows, for any task: cells and pools of equal arcs."""

    RULES = ("branch", "branch-two-sided", "moment", "grid", "grid-lower")

    def __init__(self, rng: Random, model: ToyModel, task: Task) -> None:
        self.rng, self.task, self.gaps = rng, task, direct_gaps(model)

    def witness(self) -> Witness:
        labels = [
            label
            for label in self.task.labels
            if label in self.task.answers and self.rng.random() < 0.95
        ]
        return {"labels": [[label, self._label(label)] for label in labels]}

    def _label(self, label: int) -> list[Witness]:
        nodes: list[Witness] = []
        for first, last in equal_queries(self.task, label):
            nodes += self._row(label, first, last, depth=self.rng.randint(0, 2))
        return nodes

    def _row(self, label: int, low: int, high: int, depth: int) -> list[Witness]:
        nodes: list[Witness] = []
        while low <= high:
            end = self.rng.choice([low, high, self.rng.randint(low, high)])
            if self.rng.random() < 0.95:
                nodes.append(self._pool(label, low, end, depth))
            low = end + 1
        return nodes

    def _pool(self, label: int, low: int, high: int, depth: int) -> Witness:
        rng = self.rng
        cells, alone = self._cells(self.task.acceptors(label)[low])
        node = task_pool(low, high, cells=cells, per_position=rng.randint(0, 1))
        node["joint_rivals"] = self._joint()
        if rng.random() < 0.5:
            rare = rng.sample(alone, rng.randint(0, min(len(alone), 4)))
            node |= {"rare_tokens": sorted(rare), "at_most": rng.randint(0, 2)}
        if depth and rng.random() < 0.9:
            node["thresholds"] = self._thresholds(label, low, high)
            node["subpools"] = self._row(label, low, high, depth - 1)
        if not node["subpools"] and rng.random() < 0.95:
            node["groups"] = self._groups()
        return node

    def _cells(self, acceptor: Acceptor) -> tuple[list[list[int]], list[int]]:
        """Return some ranges of tokens with equal arcs, and the tokens left."""
        rng, cells, alone = self.rng, [], []
        for kind in acceptor.kinds:
            token = kind.start
            while token < kind.stop:
                last = rng.choice([token, kind.stop - 1, rng.randint(token, kind.stop - 1)])
                if last > token:
                    cells.append([token, last])
                else:
                    alone.append(token)
                token = last + 1
        return cells, alone

    def _joint(self) -> list[list[int]]:
        answers = self.task.answers
        if self.rng.random() < 0.2:
            return [[answers.start, answers.stop - 1]]
        return [sorted(self.rng.choices(answers, k=2)) for _ in range(self.rng.randint(0, 2))]

    def _thresholds(self, label: int, low: int, high: int) -> list[list[int]]:
        rng, found, answers = self.rng, [], list(self.task.answers)
        for j in sorted(rng.sample(answers, rng.randint(0, len(answers)))):
            gap = int(self.gaps[rng.randint(low, high), j, label])
            near = [gap, gap + rng.randint(-1, 1), 0, rng.randint(-4096, 4096), MAX_THRESHOLD]
            found.append([j, min(max(rng.choice(near), -MAX_THRESHOLD), MAX_THRESHOLD)])
        return found

    def _groups(self) -> list[Witness]:
        rng, groups = self.rng, []
        rivals = [j for j in self.task.answers if rng.random() < 0.98]
        rng.shuffle(rivals)
        while rivals:
            size = rng.choice([1, len(rivals), rng.randint(1, len(rivals))])
            taken, rivals = sorted(rivals[:size]), rivals[size:]
            groups.append(task_group(rng.choice(self.RULES), taken, rng))
            if groups[-1]["rule"] == "grid-lower" and rng.random() < 0.8:
                groups.append(task_group("branch", taken, rng))
        return groups


def task_pool(first: int, last: int, **fields: Any) -> Witness:
    """Return a pool of format 2; what is not given is empty."""
    empty: Witness = {"queries": [first, last], "cells": [], "per_position": 1}
    empty |= {"joint_rivals": [], "thresholds": [], "subpools": [], "groups": []}
    return empty | {"rare_tokens": [], "at_most": 0} | fields


def task_group(rule: str, rivals: list[int], rng: Random) -> Witness:
    """Return a group of format 2 at some rate."""
    rates = {"moment": RATES["moment"], "grid": RATES["grid"], "grid-lower": RATES["below"]}
    rated = {"rate": rng.choice(rates[rule])} if rule in rates else {}
    return {"rule": rule, "rivals": rivals, **rated}


def equal_queries(task: Task, label: int) -> list[tuple[int, int]]:
    """Return the longest ranges of queries whose classes of a label are alike."""
    found: list[tuple[int, int]] = []
    for query, acceptor in sorted(task.acceptors(label).items()):
        if found and found[-1][1] == query - 1 and task.acceptors(label)[query - 1] == acceptor:
            found[-1] = found[-1][0], query
        else:
            found.append((query, query))
    return found
