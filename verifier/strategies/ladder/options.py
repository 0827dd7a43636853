"""Options of (operations, lost sequences), chosen by one Lagrange multiplier.

Given what a lost sequence costs, each class, pool and label chooses for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ballproof.verifier.strategies.ladder.costs import (
    Once,
    Paid,
    pay,
    shared_by_labels,
    unpaid,
)
from ballproof.verifier.strategies.ladder.pools import PoolShape

Node = dict[str, Any]
# A certificate holds no threshold farther from 0, in 1/1024 of a logit.
MAX_THRESHOLD = 2**60


@dataclass(frozen=True)
class Option:
    """One way to treat some queries: operations, sequences that it loses, the witness.

    `once` are operations beside them, which other pools may have paid.
    """

    operations: int
    lost: int
    node: Node | None
    once: tuple[Once, ...] = ()


# An option with all that it pays, and what has been paid then.
Bought = tuple[Option, Paid]


def cheapest(options: Iterable[Option], multiplier: float, paid: Paid, sharing: int = 1) -> Option:
    """Return the option with the fewest operations plus `multiplier` for each lost sequence.

    So many options share what is not yet paid. Of equals the one that loses less.
    """
    every = iter(options)
    chosen = next(every)
    operations = chosen.operations + unpaid(chosen.once, paid) // sharing
    least = operations + multiplier * chosen.lost, chosen.lost
    for option in every:
        apart = option.operations + multiplier * option.lost
        if apart <= least[0]:
            cost = apart + unpaid(option.once, paid) // sharing, option.lost
            if cost < least:
                chosen, least = option, cost
    return chosen


def _bought(option: Option, paid: Paid) -> Bought:
    """Return the option with what it pays once, and what has been paid then."""
    now = dict(paid)
    pay(option.once, now)
    return Option(option.operations + unpaid(option.once, paid), option.lost, option.node), now


def cheaper(choices: list[Bought], multiplier: float) -> Bought:
    """Return the choice with the fewest operations plus `multiplier` for each lost sequence."""
    return min(choices, key=lambda x: (x[0].operations + multiplier * x[0].lost, x[0].lost))


@dataclass
class PoolOptions:
    """A pool as a filter: its own cost, and the options of each query that it does not clear.

    `queries` are the options of each such query, giving it up the first.
    `whole` are options that count the pool's queries alike, without a look at each.
    """

    operations: int
    node: Node
    once: tuple[Once, ...] = ()
    queries: list[list[Option]] = field(default_factory=list)
    whole: list[Option] = field(default_factory=list)

    def best(self, multiplier: float, paid: Paid) -> Bought:
        """Return the best of counting the pool as a whole and of an option for each open query."""
        operations, lost, subpools = self.operations + unpaid(self.once, paid), 0, []
        # Classes share what they pay once; about half of them choose alike.
        sharing = max(len(self.queries) // 2, 1)
        now = dict(paid)
        pay(self.once, now)
        for options in self.queries:
            chosen = cheapest(options, multiplier, now, sharing)
            lost += chosen.lost
            if chosen.node is not None:
                operations += chosen.operations + unpaid(chosen.once, now)
                subpools.append(chosen.node)
                pay(chosen.once, now)
        split = Option(operations, lost, {**self.node, "subpools": subpools})
        return cheaper([(split, now), *(_bought(x, paid) for x in self.whole)], multiplier)


@dataclass
class LabelOptions:
    """A label: ways to divide its queries into pools; each pool has a size and some options."""

    divisions: list[list[tuple[int, list[PoolOptions]]]]

    def best(self, multiplier: float, paid: Paid) -> Bought:
        """Return the best choice for every pool; giving a pool up is one of them."""
        found = [self._best(pools, multiplier, paid) for pools in self.divisions]
        return cheaper(found, multiplier)

    def _best(
        self, pools: list[tuple[int, list[PoolOptions]]], multiplier: float, paid: Paid
    ) -> Bought:
        operations = lost = 0
        nodes = []
        for size, options in pools:
            choices = [(Option(0, size, None), paid)]
            choices += [found.best(multiplier, paid) for found in options]
            chosen, paid = cheaper(choices, multiplier)
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                nodes.append(chosen.node)
        return Option(operations, lost, {"nodes": nodes}), shared_by_labels(paid)


def empty_node(shape: PoolShape) -> Node:
    """Return the node of a pool that clears what it can and counts nothing."""
    cells = [list(span) for span in shape.cells]
    pool = {"queries": [shape.first, shape.last], "cells": cells}
    pool["per_position"] = int(shape.per_position)
    nothing: Node = {"joint_rivals": [], "thresholds": [], "subpools": [], "groups": []}
    return {**pool, **nothing, "rare_tokens": [], "at_most": 0}


def pareto_front(options: Sequence[Option]) -> list[Option]:
    """Return the options that no other beats in operations, those paid once, and lost sequences."""
    kept: list[tuple[Option, int]] = []
    for option in sorted(options, key=lambda option: (option.operations, option.lost)):
        once = unpaid(option.once, {})
        if all(option.lost < other.lost or once < less for other, less in kept):
            kept.append((option, once))
    return [option for option, _ in kept]


def choose(
    labels: Sequence[tuple[int, LabelOptions]], multiplier: float
) -> tuple[int, int, dict[str, Any]]:
    """Return (operations, lost sequences, witness) of the best choices at a multiplier."""
    operations, lost, found = 0, 0, []
    paid: Paid = {}
    for label, options in labels:
        chosen, paid = options.best(multiplier, paid)
        operations += chosen.operations
        lost += chosen.lost
        if chosen.node is not None and chosen.node["nodes"]:
            found.append([label, chosen.node["nodes"]])
    return operations, lost, {"labels": found}
