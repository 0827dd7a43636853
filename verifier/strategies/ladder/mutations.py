"""Mutants of the witness of a ladder: pools and groups, at some places of the tree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from ballproof.models.tasks import Acceptor
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    MISSING,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    Path,
    WitnessChanges,
    looked_up,
)
from ballproof.verifier.strategies.domains import Sizes, sizes_of, valued
from ballproof.verifier.strategies.faults import fields_faults, some
from ballproof.verifier.strategies.ladder.domain import (
    MAX_ATOMS,
    MERGED,
    POOL,
    RATES,
    RULES,
    WITNESS,
    group_fields,
)
from ballproof.verifier.strategies.ladder.options import MAX_THRESHOLD

POOLS, GROUPS = 4, 4
MOVED = 10
# The rules that walk, one-sided and two-sided.
BRANCHES = {"branch": "branch-two-sided", "branch-two-sided": "branch"}


class _Pool(NamedTuple):
    """A pool of the witness: where it is, its label, the queries of the pool around it."""

    path: Path
    value: dict[str, Any]
    label: int
    around: tuple[int, int]


def rules_of(witness: dict[str, Any]) -> set[str]:
    """Return the rules of all groups of a witness."""
    return {group["rule"] for _, group in _groups(_pools(witness, 0))}


def witness_changes(
    problem: Problem, witness: dict[str, Any], rules: set[str], rng: Random
) -> WitnessChanges:
    """Return changes that leave the domain of the witness, and changes that stay inside."""
    fields = {"proof": {"witness": witness}}
    pools = _pools(witness, problem.shape.d_vocab)
    outside = list(_outside(problem, fields, pools, rules, rng))
    return WitnessChanges(outside, list(_inside(problem, fields, pools, rules, rng)))


def _outside(
    problem: Problem, fields: Any, pools: list[_Pool], rules: set[str], rng: Random
) -> Iterator[Change]:
    """Yield changes that leave the domain of the witness, each at some places."""
    witness, task = looked_up(fields, WITNESS_PATH), problem.task
    # Above every token, answer and label.
    past = max(problem.shape.d_vocab, task.answers.stop, task.labels.stop)
    sizes = sizes_of(past, problem.shape.n_ctx - 1)
    yield from fields_faults(WITNESS_PATH, witness, WITNESS, sizes)
    path = (*WITNESS_PATH, "labels")
    for place, (label, _) in some(list(enumerate(witness["labels"])), POOLS, rng):
        for other in (-1, past, str(label), None, [label]):
            yield Change((*path, place, 0), other, OUTSIDE)
        no_pools: tuple[Any, ...] = (None, {}, 0, "x", [None], [0], [[]], [{}])
        for value in no_pools:
            yield Change((*path, place, 1), value, OUTSIDE)
        # Before itself: no longer ascending.
        yield Change(path, [*witness["labels"], witness["labels"][place]], OUTSIDE)
    for pool in some(pools, POOLS, rng):
        yield from _pool_faults(problem, pool, sizes)
        siblings = looked_up(fields, pool.path[:-1])
        # A pool does not lie behind itself.
        yield Change(pool.path[:-1], [*siblings, siblings[-1]], OUTSIDE)
    for path, group in some(_groups(pools), GROUPS, rng):
        yield from _group_faults(path, group, sizes, rules)


def _pools(witness: dict[str, Any], v: int) -> list[_Pool]:
    """Return all pools, those of the first label first."""
    found, waiting = [], []
    for place, (label, pools) in enumerate(witness["labels"]):
        path = (*WITNESS_PATH, "labels", place, 1)
        waiting += [_Pool((*path, i), pool, label, (0, v - 1)) for i, pool in enumerate(pools)]
    while waiting:
        pool = waiting.pop(0)
        found.append(pool)
        path, span = (*pool.path, "subpools"), tuple(pool.value["queries"])
        parts = enumerate(pool.value["subpools"])
        waiting += [_Pool((*path, i), part, pool.label, span) for i, part in parts]
    return found


def _groups(pools: list[_Pool]) -> list[tuple[Path, dict[str, Any]]]:
    return [
        ((*pool.path, "groups", i), group)
        for pool in pools
        for i, group in enumerate(pool.value["groups"])
    ]


def _pool_faults(problem: Problem, pool: _Pool, sizes: Sizes) -> Iterator[Change]:
    path, value = pool.path, pool.value
    spoilt: list[Any] = [None, [], "pool", 0]
    for other in spoilt:
        yield Change(path, other, OUTSIDE)
    yield from fields_faults(path, value, POOL, sizes)
    yield from _query_faults(pool, sizes)
    yield Change((*path, "joint_rivals"), [*value["joint_rivals"], [1, 0]], OUTSIDE)
    cells = value["cells"]
    # Crossed, of one token, before or over the last one.
    for added in ([[1, 0]], [[0, 0]], [[0, 1], [1, 2]], [[2, 3], [0, 1]], *([c, c] for c in cells)):
        yield Change((*path, "cells"), [*cells, *added] if len(added) < 2 else added, OUTSIDE)
    for cell in cells[:1]:
        # Rare tokens have a cell of their own.
        for token in cell:
            yield Change((*path, "rare_tokens"), [token], OUTSIDE)
    yield Change((*path, "rare_tokens"), [1, 0], OUTSIDE)


def _query_faults(pool: _Pool, sizes: Sizes) -> Iterator[Change]:
    """Yield queries that are no range of the pool around, or whose classes differ."""
    a, b = pool.value["queries"]
    low, high = pool.around
    spans: list[Any] = [[b + 1, a], [low - 1, b], [a, high + 1], [a], [a, b, b], [str(a), b], None]
    spans.append([a, valued("v", sizes)])
    for span in spans:
        yield Change((*pool.path, "queries"), span, OUTSIDE)


def _group_faults(
    path: Path, group: dict[str, Any], sizes: Sizes, rules: set[str]
) -> Iterator[Change]:
    yield from fields_faults(path, group, group_fields(group["rule"]), sizes)
    for rule in sorted(set(RULES["ladder"]) - rules):
        yield Change((*path, "rule"), rule, OUTSIDE)
    yield Change((*path, "rivals"), [1, 0], OUTSIDE)
    if "rate" not in group:
        yield Change((*path, "rate"), 1000, OUTSIDE)
    if group["rule"] in MERGED and group["rivals"][:-1]:
        # The axes are some of the rivals.
        yield Change(
            path, {**group, "rivals": group["rivals"][:-1], "axes": group["rivals"][-1:]}, OUTSIDE
        )


def _inside(
    problem: Problem, fields: Any, pools: list[_Pool], rules: set[str], rng: Random
) -> Iterator[Change]:
    """Yield changes inside the domain: the witness may prove as much as before, or less."""
    witness = looked_up(fields, WITNESS_PATH)
    path, labels = (*WITNESS_PATH, "labels"), witness["labels"]
    for place in some(list(range(len(labels))), MOVED // 2, rng):
        yield Change((*path, place), MISSING, COMPUTED)
        yield Change((*path, place, 1), [], COMPUTED)
    for pool in some(pools, MOVED, rng):
        yield from _moved_pool(pool)
        yield from _moved_cells(problem, pool)
    for where, group in some(_groups(pools), MOVED, rng):
        yield from _moved_group(where, group, rules)


def _moved_pool(pool: _Pool) -> Iterator[Change]:
    path, value = pool.path, pool.value
    yield Change(path, MISSING, COMPUTED)
    yield Change((*path, "per_position"), 1 - value["per_position"], COMPUTED)
    for most in {0, 1, 2} - {value["at_most"]}:
        yield Change((*path, "at_most"), most, COMPUTED)
    for key in ("cells", "joint_rivals", "thresholds", "subpools", "groups", "rare_tokens"):
        if value[key]:
            yield Change((*path, key), value[key][:-1], COMPUTED)
    raised = [[j, min(x + 1, MAX_THRESHOLD)] for j, x in value["thresholds"]]
    if raised != value["thresholds"]:
        yield Change((*path, "thresholds"), raised, COMPUTED)


def _moved_cells(problem: Problem, pool: _Pool) -> Iterator[Change]:
    """Yield cells as large as the class allows, and cells of tokens that are not alike."""
    path, value = pool.path, pool.value
    acceptors = problem.task.acceptors(pool.label)
    found = acceptors.get(value["queries"][0])
    if found is None:
        return
    if not value["rare_tokens"]:
        whole = [[kind[0], kind[-1]] for kind in found.kinds if len(kind) > 1]
        if whole != value["cells"]:
            yield Change((*path, "cells"), whole, COMPUTED)
    for span in _unlike(found):
        # A pool whose rivals are all cleared before is not looked at.
        yield Change((*path, "cells"), [span], COMPUTED | OUTSIDE)
    beside = value["queries"][1] + 1
    if beside < problem.shape.d_vocab and acceptors.get(beside) != found:
        span = [value["queries"][0], beside]
        yield Change((*path, "queries"), span, COMPUTED | OUTSIDE)


def _unlike(acceptor: Acceptor) -> Iterator[list[int]]:
    """Yield a pair of neighbours with other arcs, if there is one."""
    for first, second in pairwise(acceptor.kinds):
        if first.stop == second.start and acceptor.moves(first[0]) != acceptor.moves(second[0]):
            yield [first[-1], second[0]]
            return


def _moved_walk(path: Path, group: dict[str, Any]) -> Iterator[Change]:
    """Yield merged walks that keep more or less apart, by other axes, or from the other side."""
    for key in ("atoms", "cells"):
        for kept in {max(1, group[key] // 2), min(2 * group[key], MAX_ATOMS)} - {group[key]}:
            yield Change((*path, key), kept, COMPUTED)
    if group["axes"][1:]:
        yield Change((*path, "axes"), group["axes"][:-1], COMPUTED)
    fewer = {"rivals": group["axes"]} if group["axes"] != group["rivals"] else {}
    if fewer:
        yield Change(path, {**group, **fewer}, COMPUTED)
    (other,) = set(MERGED) - {group["rule"]}
    yield Change((*path, "rule"), other, COMPUTED)


def _moved_group(path: Path, group: dict[str, Any], rules: set[str]) -> Iterator[Change]:
    if group["rule"] in MERGED:
        yield from _moved_walk(path, group)
        return
    if group["rivals"]:
        yield Change((*path, "rivals"), group["rivals"][:-1], COMPUTED)
    if "rate" in group:
        for rate in {max(1, group["rate"] // 2), min(2 * group["rate"], _most(group["rule"]))}:
            if rate != group["rate"]:
                yield Change((*path, "rate"), rate, COMPUTED)
        for rule in sorted((rules & RATES.keys()) - {group["rule"]}):
            fits = {**group, "rule": rule, "rate": min(group["rate"], _most(rule))}
            yield Change(path, fits, COMPUTED)
    elif rules >= BRANCHES.keys():
        yield Change((*path, "rule"), BRANCHES[group["rule"]], COMPUTED)


def _most(rule: str) -> int:
    """Return the largest rate of a rule."""
    return valued(RATES[rule].most, {})
