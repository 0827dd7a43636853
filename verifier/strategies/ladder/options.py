"""Options of (operations, lost sequences), chosen by one Lagrange multiplier.

Given what a lost sequence costs, each class, pool and label chooses for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ballproof.verifier.strategies.ladder.pools import PoolShape

Node = dict[str, Any]
# A certificate holds no threshold farther from 0, in 1/1024 of a logit.
MAX_THRESHOLD = 2**60


@dataclass(frozen=True)
class Option:
    """One way to treat some queries: operations, sequences that it loses, the witness."""

    operations: int
    lost: int
    node: Node | None

    def cost(self, multiplier: float) -> tuple[float, int]:
        """Return operations plus `multiplier` a lost sequence, and what decides among equals."""
        if multiplier == inf:
            return self.lost, self.operations
        return self.operations + multiplier * self.lost, self.lost


@dataclass
class PoolOptions:
    """A pool as a filter: its own cost, and the options of each query that it does not clear.

    `whole` are options that count the pool's queries alike, without a look at each.
    """

    operations: int
    node: Node
    queries: list[tuple[int, list[Option]]] = field(default_factory=list)
    whole: list[Option] = field(default_factory=list)

    def best(self, multiplier: float) -> Option:
        """Return the best of counting the pool as a whole and of an option for each open query."""
        operations, lost, subpools = self.operations, 0, []
        for size, options in self.queries:
            chosen = min(
                [Option(0, size, None), *options], key=lambda option: option.cost(multiplier)
            )
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                subpools.append(chosen.node)
        split = Option(operations, lost, {**self.node, "subpools": subpools})
        return min([split, *self.whole], key=lambda option: option.cost(multiplier))


@dataclass
class LabelOptions:
    """A label: ways to divide its queries into pools; each pool has a size and some options."""

    divisions: list[list[tuple[int, list[PoolOptions]]]]

    def best(self, multiplier: float) -> Option:
        """Return the best choice for every pool; giving a pool up is one of them."""
        options = [self._best(pools, multiplier) for pools in self.divisions]
        return min(options, key=lambda option: option.cost(multiplier))

    def _best(self, pools: list[tuple[int, list[PoolOptions]]], multiplier: float) -> Option:
        operations = lost = 0
        nodes = []
        for size, options in pools:
            choices = [Option(0, size, None), *(found.best(multiplier) for found in options)]
            chosen = min(choices, key=lambda option: option.cost(multiplier))
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                nodes.append(chosen.node)
        return Option(operations, lost, {"nodes": nodes})


def empty_node(shape: PoolShape) -> Node:
    """Return the node of a pool that clears what it can and counts nothing."""
    cells = [list(span) for span in shape.cells]
    pool = {"queries": [shape.first, shape.last], "cells": cells}
    pool["per_position"] = int(shape.per_position)
    nothing: Node = {"joint_rivals": [], "thresholds": [], "subpools": [], "groups": []}
    return {**pool, **nothing, "rare_tokens": [], "at_most": 0}


def pareto_front(options: Sequence[Option]) -> list[Option]:
    """Return the options that no other beats in both operations and lost sequences."""
    kept: list[Option] = []
    for option in sorted(options, key=lambda option: (option.operations, option.lost)):
        if not kept or option.lost < kept[-1].lost:
            kept.append(option)
    return kept


def choose(
    labels: Sequence[tuple[int, LabelOptions]], multiplier: float
) -> tuple[int, int, dict[str, Any]]:
    """Return (operations, lost sequences, witness) of the best choices at a multiplier."""
    operations, lost, found = 0, 0, []
    for label, options in labels:
        chosen = options.best(multiplier)
        operations += chosen.operations
        lost += chosen.lost
        if chosen.node is not None and chosen.node["nodes"]:
            found.append([label, chosen.node["nodes"]])
    return operations, lost, {"labels": found}
