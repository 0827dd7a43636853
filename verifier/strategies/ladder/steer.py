"""From menus to a witness: one price, found by bisection, meets a limit or a bound."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, replace
from math import inf
from typing import Any, cast
from weakref import WeakKeyDictionary

from ballproof.models.layout import Shape
from ballproof.models.weights import Weights
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.processes import end_with_parent
from ballproof.verifier.strategies.ladder.costs import path_tables_cost
from ballproof.verifier.strategies.ladder.menus import MaximumMenu, choose
from ballproof.verifier.strategies.ladder.pools import Ground, Maximum
from ballproof.verifier.strategies.ladder.search import Explorer
from ballproof.verifier.strategies.ladder.ways import Rules

# v^2 k below which starting more processes costs more time than it saves.
PARALLEL_WORK = 30_000
HALVINGS = 40


@dataclass(frozen=True)
class Choice:
    """What the search expects of a witness: operations and sequences that may be wrong."""

    operations: int
    lost: int
    witness: dict[str, Any]


@dataclass(frozen=True)
class Landscape:
    """All that may be bought for one model: the menus of its maxima."""

    base: int
    total: int
    worth: float
    menus: list[MaximumMenu]

    def at(self, price: float) -> Choice:
        """Return the best choices where one lost sequence is worth `price` operations."""
        operations, lost, witness = choose(self.menus, price)
        return Choice(self.base + operations, lost, witness)

    def best(self, goal: Goal) -> Choice:
        """Return the best bound within the operations, or the shortest proof of the bound.

        Without either, what is worth its price by the search's rules.
        """
        dearest = self.worth / self.total
        allowed = inf if goal.max_operations is None else goal.max_operations
        if goal.at_least is not None:
            most = self.total - goal.least_count(self.total)
            return self._bisected(lambda choice: choice.lost <= most, cheapest=True)
        choice = self.at(dearest)
        if choice.operations <= allowed:
            return choice
        return self._bisected(lambda choice: choice.operations <= allowed, cheapest=False)

    def _bisected(self, meets: Any, *, cheapest: bool) -> Choice:
        """Return the choice at the last price that meets a demand that is monotone in it.

        Operations grow with the price, lost sequences shrink.
        """
        low, high = 1e-9 / self.total, 1e4 * self.worth / self.total
        found = self.at(high if cheapest else low)
        for _ in range(HALVINGS):
            middle = (low * high) ** 0.5
            choice = self.at(middle)
            if meets(choice):
                found = choice
            if meets(choice) == cheapest:
                high = middle
            else:
                low = middle
        return found


# Exploring takes long, and one landscape serves every goal.
_landscapes: WeakKeyDictionary[Problem, dict[Rules, Landscape]] = WeakKeyDictionary()


def explored(problem: Problem, rules: Rules, report: Progress) -> Landscape:
    """Return the landscape of a problem; it is kept as long as the problem is."""
    known = _landscapes.setdefault(problem, {})
    if rules not in known:
        v, menus = problem.shape.d_vocab, []
        for done, menu in enumerate(_menus(problem, rules), start=1):
            menus.append(menu)
            report(done, v)
        known[rules] = Landscape(path_tables_cost(problem.shape), problem.total, rules.worth, menus)
    return known[rules]


def _menus(problem: Problem, rules: Rules) -> Iterator[MaximumMenu]:
    """Yield the menu of each maximum; a process for each core where that pays."""
    v, cores = problem.shape.d_vocab, os.cpu_count() or 1
    work = v * v * problem.shape.n_ctx
    if work < PARALLEL_WORK or cores < 2 or multiprocessing.parent_process() is not None:
        _prepare(problem, rules)
        yield from map(_menu, range(v))
        return
    # The weights stay here: what is explored are the path tables.
    slim = replace(problem, weights=cast(Weights, _Sized(problem.shape)))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, _prepare, (slim, rules)) as pool:
        yield from pool.map(_menu, range(v))


@dataclass(frozen=True)
class _Sized:
    """What stands for the weights of a problem in another process."""

    shape: Shape


_explorers: dict[str, Any] = {}


def _prepare(problem: Problem, rules: Rules) -> None:
    """Set up the process that makes menus; a process of its own ends with the one it serves."""
    end_with_parent()
    _explorers.update(ground=Ground(problem), rules=rules)


def _menu(maximum: int) -> MaximumMenu:
    return Explorer(Maximum(_explorers["ground"], maximum), _explorers["rules"]).menu()


def two_sided(witness: dict[str, Any], rate: int) -> dict[str, Any]:
    """Return a witness that also counts from below: walks do both, classes get a grid of one rival.

    The upper bound on accuracy that follows shows how tight the lower one is.
    """
    result = deepcopy(witness)
    for nodes in result["maxima"]:
        for node in _all_nodes(nodes):
            for group in node["groups"]:
                group["rule"] = "both" if group["rule"] == "walk" else group["rule"]
            sure = node.pop("sure", None)
            if sure is not None:
                node["groups"].append({"rule": "below", "rivals": [sure], "rate": rate})
    return result


def one_sided(witness: dict[str, Any]) -> dict[str, Any]:
    """Return the witness as it stands in a certificate that claims a lower bound only."""
    result = deepcopy(witness)
    for nodes in result["maxima"]:
        for node in _all_nodes(nodes):
            node.pop("sure", None)
    return result


def _all_nodes(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _all_nodes(node["parts"])
