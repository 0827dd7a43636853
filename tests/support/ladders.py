"""Witnesses of `ladder`, `moment` and `grid`: wild ones that obey the format, and plausible ones.

No witness can make a bound unsound, so the wild ones try all that the format allows; the plausible
ones certify most of what a good model gets right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import numpy as np

from ballproof.models.tasks import Acceptor, Task
from ballproof.models.tasks.max import Max
from ballproof.verifier.strategies.ladder.domain import LOWER, MERGED, RULES
from support.toy import ToyModel
from support.witnesses import floats

LADDERS = tuple(RULES)
RATES = {
    "moment": (1, 300, 1000, 4000, 10**4, 2**20),
    "grid": (1, 2, 7, 100, 2000),
    "grid-lower": (1, 2, 7, 100, 2000),
}
MAX_THRESHOLD = 2**60
MAX_RARE = 4
Witness = dict[str, Any]


def pool(first: int, last: int, **fields: Any) -> Witness:
    """Return a pool of the queries first..last; what is not given is empty."""
    empty: Witness = {"queries": [first, last], "cells": [], "per_position": 1}
    empty |= {"joint_rivals": [], "thresholds": [], "subpools": [], "groups": []}
    return empty | {"rare_tokens": [], "at_most": 0} | fields


def far(maximum: int, near: int) -> list[list[int]]:
    """Return the cells of max: tokens more than `near` below the maximum share one."""
    return [[0, maximum - near - 1]] if maximum - near > 1 else []


def group(rule: str, rivals: Iterable[int], rate: int = 1000) -> Witness:
    """Return a group; branches have no rate, and merged walks keep few atoms apart."""
    listed = list(rivals)
    if rule in MERGED:
        return {"rule": rule, "rivals": listed, "atoms": 8, "cells": 3, "axes": listed[:3]}
    rated = {"rate": rate} if rule in RATES else {}
    return {"rule": rule, "rivals": listed, **rated}


def others(maximum: int, v: int) -> list[int]:
    """Return all rivals of a maximum."""
    return [j for j in range(v) if j != maximum]


def nodes_of(witness: Witness) -> Iterator[Witness]:
    """Yield the pools that are in no other pool, label by label."""
    for _, nodes in witness["labels"]:
        yield from nodes


def only(label: int, *nodes: Witness) -> Witness:
    """Return a witness that gives up all labels but one."""
    return {"labels": [[label, list(nodes)]]}


def single_class(query: int, maximum: int, **fields: Any) -> Witness:
    """Return a witness that gives up all classes but (query, maximum)."""
    return only(maximum, pool(query, query, **fields))


def every_class(v: int, rules: Iterable[str], *, rate: int = 1000) -> Witness:
    """Return a witness of max that counts each class by itself, no tokens in one cell."""

    def own(q: int, m: int) -> Witness:
        return pool(q, q, groups=[group(rule, others(m, v), rate) for rule in rules])

    return {"labels": [[m, [own(q, m) for q in range(m + 1)]] for m in range(v)]}


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
        # A class of two positions has one token free, the maximum.
        self.places = model.n_ctx - 1
        self.gaps = direct_gaps(model)

    def witness(self) -> Witness:
        return {"labels": [[m, self._maximum(m)] for m in range(self.v)]}

    def _maximum(self, m: int) -> list[Witness]:
        near = max(m - 2, 0)
        ranges = [(0, near - 1), (near, m - 1), (m, m)]
        return [self._filter(m, first, last) for first, last in ranges if first <= last]

    def _filter(self, m: int, first: int, last: int) -> Witness:
        gaps = {j: self.gaps[first : last + 1, j, m] for j in others(m, self.v)}
        thresholds = [[j, min(int(max(gap)) + 1, MAX_THRESHOLD)] for j, gap in gaps.items()]
        subpools = [self._count(m, q) for q in range(first, last + 1)]
        filters = {
            "per_position": self.rng.randint(0, 1),
            "joint_rivals": [[0, self.v - 1]],
            "cells": self._cells(m, first, min(m, self.rng.choice([3, 4]))),
        }
        return pool(first, last, thresholds=thresholds, subpools=subpools, **filters)

    def _cells(self, m: int, first: int, near: int) -> list[list[int]]:
        return far(m, near) if self.places > (1 if first < m else 0) else []

    def _count(self, m: int, q: int) -> Witness:
        rivals = others(m, self.v)
        if self.strategy == "ladder":
            return pool(q, q, groups=[group("branch-two-sided", rivals)])
        rate = 5000 if self.strategy == "moment" else 2000
        groups = [group(self.strategy, [j], rate) for j in rivals]
        return pool(q, q, groups=[*groups, group("grid-lower", rivals, 2000)])


def plausible_ladder(rng: Random, strategy: str, model: ToyModel) -> Witness:
    """Return a witness that proves much of a good model; a `ladder` is exact where nothing ties."""
    return Plausible(rng, strategy, model).witness()


class WildTask:
    """Any tree of pools that the format allows, for any task: cells and pools of equal arcs."""

    def __init__(self, rng: Random, model: ToyModel, task: Task, strategy: str = "ladder") -> None:
        self.rng, self.task, self.gaps = rng, task, direct_gaps(model)
        self.rules = RULES[strategy]

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
        node = pool(low, high, cells=cells, per_position=rng.randint(0, 1))
        node["joint_rivals"] = self._joint()
        if rng.random() < 0.5:
            rare = rng.sample(alone, rng.randint(0, min(len(alone), MAX_RARE)))
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
            groups.append(self._group(rng.choice(self.rules), taken))
            if groups[-1]["rule"] in LOWER and rng.random() < 0.8:
                groups.append(self._group(self.rules[0], taken))
        return groups

    def _group(self, rule: str, rivals: list[int]) -> Witness:
        made = group(rule, rivals, self.rng.choice(RATES.get(rule, (1,))))
        if rule in MERGED:
            made |= {key: self.rng.choice([1, 2, 5, 40]) for key in ("atoms", "cells")}
            made["axes"] = sorted(
                self.rng.sample(rivals, self.rng.randint(1, min(len(rivals), 16)))
            )
        return made


def wild_ladder(rng: Random, strategy: str, model: ToyModel, task: Task | None = None) -> Witness:
    """Return a random witness, of max unless told otherwise; any is sound, few are tight."""
    k, tokens = model.n_ctx, range(model.d_vocab)
    whole = Task(Max(), (tokens,) * k, tuple(range(k)), tokens)
    return WildTask(rng, model, task or whole, strategy).witness()


def equal_queries(task: Task, label: int) -> list[tuple[int, int]]:
    """Return the longest ranges of queries whose classes of a label are alike."""
    found: list[tuple[int, int]] = []
    for query, acceptor in sorted(task.acceptors(label).items()):
        if found and found[-1][1] == query - 1 and task.acceptors(label)[query - 1] == acceptor:
            found[-1] = found[-1][0], query
        else:
            found.append((query, query))
    return found
