"""From options to a witness: one multiplier, found by bisection, meets a limit or a bound."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.ladder.bound import label_size
from ballproof.verifier.strategies.ladder.candidates import Rules
from ballproof.verifier.strategies.ladder.costs import path_tables_cost
from ballproof.verifier.strategies.ladder.exponentials import far_below
from ballproof.verifier.strategies.ladder.merged import Limits
from ballproof.verifier.strategies.ladder.options import LabelOptions, choose
from ballproof.verifier.strategies.ladder.pools import LabelTables, PrefixExtremes
from ballproof.verifier.strategies.ladder.search import Explorer
from ballproof.verifier.strategies.ladder.workers import spread

# v^2 k below which starting more processes costs more time than it saves.
PARALLEL_WORK = 30_000
HALVINGS = 28
# What walks from below keep apart, and about what they count for each position.
BELOW, BELOW_WALK = Limits(16, 8), 30_000
# Labels of long contexts are not looked at where all their inputs are less than one in so many.
NEGLIGIBLE_LABELS = 500_000


@dataclass(frozen=True)
class Choice:
    """What the search expects of a witness: operations and sequences that may be wrong."""

    operations: int
    lost: int
    witness: dict[str, Any]


@dataclass(frozen=True)
class Options:
    """All that a witness may choose from for one model: the options of its labels."""

    base: int
    total: int
    worth: float
    labels: list[tuple[int, LabelOptions]]

    def at(self, multiplier: float) -> Choice:
        """Return the best choices where one lost sequence is worth `multiplier` operations."""
        operations, lost, witness = choose(self.labels, multiplier)
        return Choice(self.base + operations, lost, witness)

    def best(self, goal: Goal) -> Choice:
        """Return the best bound within the operations, or the shortest proof of the bound.

        Without either, what is worth its operations by the search's rules.
        """
        highest = self.worth / self.total
        allowed = inf if goal.max_operations is None else goal.max_operations
        if goal.at_least is not None:
            most = self.total - goal.least_count(self.total)
            return self._bisected(lambda choice: choice.lost <= most, cheapest=True)
        choice = self.at(highest)
        if choice.operations <= allowed:
            return choice
        return self._bisected(lambda choice: choice.operations <= allowed, cheapest=False)

    def _bisected(self, meets: Any, *, cheapest: bool) -> Choice:
        """Return the choice at the last multiplier that meets a demand that is monotone in it.

        Operations grow with the multiplier, lost sequences shrink.
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


# Exploring takes long, and the same options serve every goal.
_explored: WeakKeyDictionary[Problem, dict[Rules, Options]] = WeakKeyDictionary()


def explored(problem: Problem, rules: Rules, report: Progress) -> Options:
    """Return the options of a problem; it is kept as long as the problem is."""
    known = _explored.setdefault(problem, {})
    if rules not in known:
        every, labels = answered(problem), []
        for done, options in enumerate(_options(problem, rules, every), start=1):
            labels.append((every[done - 1], options))
            report(done, len(every))
        base = path_tables_cost(problem.shape, len(problem.task.answers))
        known[rules] = Options(base, problem.total, rules.worth, labels)
    return known[rules]


def answered(problem: Problem) -> list[int]:
    """Return the labels with inputs that are answers: all others are right or wrong as they are."""
    task = problem.task
    return [label for label in task.labels if label in task.answers and task.acceptors(label)]


def has_wide(problem: Problem) -> bool:
    """Return whether some class has weights that lanes are too short for."""
    return any(
        far_below(problem.head, label, query, acceptor.kinds)
        for label in answered(problem)
        for query, acceptor in problem.task.acceptors(label).items()
    )


def given_up_labels(problem: Problem, labels: list[int]) -> set[int]:
    """Return labels with so few inputs, in all, that long contexts do without."""
    sizes = sorted((label_size(problem, label), label) for label in labels)
    total, found = 0, set()
    for size, label in sizes:
        total += size
        if total > problem.total // NEGLIGIBLE_LABELS:
            break
        found.add(label)
    return found


def _options(problem: Problem, rules: Rules, labels: list[int]) -> Iterator[LabelOptions]:
    """Return the options of each label, one after the other."""
    v = problem.shape.d_vocab
    pays = v * v * problem.shape.n_ctx >= PARALLEL_WORK
    skipped = set() if rules.walk else given_up_labels(problem, labels)
    asked = [-1 - label if label in skipped else label for label in labels]
    return spread(problem, _prepare, rules, _options_of, asked, pays=pays)


_explorers: dict[str, Any] = {}


def _prepare(problem: Problem, rules: Rules) -> None:
    """Set up the process that makes options."""
    _explorers.update(prefixes=PrefixExtremes(problem), rules=rules)


def _options_of(label: int) -> LabelOptions:
    """Return the options of a label; of label l, as -1 - l, that there are none."""
    if label < 0:
        return LabelOptions([[(label_size(_explorers["prefixes"].problem, -1 - label), [])]])
    return Explorer(LabelTables(_explorers["prefixes"], label), _explorers["rules"]).options()


def two_sided(witness: dict[str, Any], rate: int, places: int, most: float) -> dict[str, Any]:
    """Return a witness that also counts from below: by branches, a short merged walk, or a grid.

    The upper bound on accuracy that follows shows how tight the lower one is. Of the walks those
    that are likely to count most, with at most about `most` operations.
    """
    result = deepcopy(witness)
    nodes = [node for _, nodes in result["labels"] for node in _all_nodes(nodes)]
    below = [(node, *node.pop("below")) for node in nodes if "below" in node]
    ranked = sorted((wrong for _, wrong, _ in below), reverse=True)
    number = min(int(most / (BELOW_WALK * max(places, 1))), len(ranked))
    least = ranked[number - 1] if number else inf
    for node, wrong, rivals in below:
        if wrong >= least:
            walk = {"rule": "merged-lower", "rivals": rivals, **BELOW._asdict(), "axes": rivals}
            node["groups"].append(walk)
    for node in nodes:
        for group in node["groups"]:
            group["rule"] = "branch-two-sided" if group["rule"] == "branch" else group["rule"]
        likely = node.pop("likely", None)
        if likely is not None:
            node["groups"].append({"rule": "grid-lower", "rivals": [likely], "rate": rate})
    return result


def one_sided(witness: dict[str, Any]) -> dict[str, Any]:
    """Return the witness as it stands in a certificate that claims a lower bound only."""
    result = deepcopy(witness)
    for _, nodes in result["labels"]:
        for node in _all_nodes(nodes):
            for key in ("likely", "below"):
                node.pop(key, None)
    return result


def _all_nodes(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _all_nodes(node["subpools"])
