"""Mutants of the witness of a ladder: pools and groups, at some places of the tree."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

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
    POOL,
    RATES,
    RULES,
    WITNESS,
    group_fields,
)
from ballproof.verifier.strategies.ladder.options import MAX_THRESHOLD

POOLS, GROUPS = 4, 4
MOVED = 10


class _Pool(NamedTuple):
    """A pool of the witness: where it is, its maximum, the queries of the pool around it."""

    path: Path
    value: dict[str, Any]
    maximum: int
    around: tuple[int, int]


def rules_of(witness: dict[str, Any]) -> set[str]:
    """Return the rules of all groups of a witness."""
    return {group["rule"] for _, group in _groups(_pools(witness))}


def witness_changes(
    problem: Problem, witness: dict[str, Any], rules: set[str], rng: Random
) -> WitnessChanges:
    """Return changes that leave the domain of the witness, and changes that stay inside."""
    fields = {"proof": {"witness": witness}}
    v, n = problem.shape.d_vocab, problem.shape.n_ctx - 1
    outside = list(_outside(fields, v, n, rules, rng))
    return WitnessChanges(outside, list(_inside(fields, rules, rng)))


def _outside(fields: Any, v: int, n: int, rules: set[str], rng: Random) -> Iterator[Change]:
    """Yield changes that leave the domain of the witness, each at some places."""
    witness = looked_up(fields, WITNESS_PATH)
    yield from fields_faults(WITNESS_PATH, witness, WITNESS, sizes_of(v, n))
    first = (*WITNESS_PATH, "first")
    for other in (witness["first"] - 1, witness["first"] + 1):
        if 0 <= other <= v:  # In its domain, but no longer the first of these maxima.
            yield Change(first, other, OUTSIDE)
    pools = _pools(witness)
    for pool in some(pools, POOLS, rng):
        yield from _pool_faults(pool, sizes_of(v, n, m=pool.maximum))
        siblings = looked_up(fields, pool.path[:-1])
        # A pool does not lie behind itself.
        yield Change(pool.path[:-1], [*siblings, siblings[-1]], OUTSIDE)
    for path, group in some(_groups(pools), GROUPS, rng):
        yield from _group_faults(path, group, sizes_of(v, n), rules)


def _pools(witness: dict[str, Any]) -> list[_Pool]:
    """Return all pools, those of the first maximum first."""
    found, waiting = [], []
    for place, pools in enumerate(witness["maxima"]):
        m = witness["first"] + place
        path = (*WITNESS_PATH, "maxima", place)
        waiting += [_Pool((*path, i), pool, m, (0, m)) for i, pool in enumerate(pools)]
    while waiting:
        pool = waiting.pop(0)
        found.append(pool)
        path, span = (*pool.path, "parts"), tuple(pool.value["queries"])
        parts = enumerate(pool.value["parts"])
        waiting += [_Pool((*path, i), part, pool.maximum, span) for i, part in parts]
    return found


def _groups(pools: list[_Pool]) -> list[tuple[Path, dict[str, Any]]]:
    return [
        ((*pool.path, "groups", i), group)
        for pool in pools
        for i, group in enumerate(pool.value["groups"])
    ]


def _pool_faults(pool: _Pool, sizes: Sizes) -> Iterator[Change]:
    path, value, m = pool.path, pool.value, pool.maximum
    spoilt: list[Any] = [None, [], "pool", 0]
    for other in spoilt:
        yield Change(path, other, OUTSIDE)
    yield from fields_faults(path, value, POOL, sizes)
    yield from _query_faults(pool)
    yield Change((*path, "together"), [*value["together"], [1, 0]], OUTSIDE)
    for tokens in ([m], [m - value["near"] - 1], [m - 1, m - 1]):
        yield Change((*path, "marked"), tokens, OUTSIDE)


def _query_faults(pool: _Pool) -> Iterator[Change]:
    """Yield queries that are no range, leave the pool around, or hold the maximum and others."""
    a, b = pool.value["queries"]
    low, high = pool.around
    spans: list[Any] = [[b + 1, a], [low - 1, b], [a, high + 1], [a], [a, b, b], [str(a), b], None]
    if pool.maximum > 0:
        spans.append([pool.maximum - 1, pool.maximum])
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


def _inside(fields: Any, rules: set[str], rng: Random) -> Iterator[Change]:
    """Yield changes inside the domain: the witness may prove as much as before, or less."""
    witness = looked_up(fields, WITNESS_PATH)
    pools, first = _pools(witness), witness["first"]
    if witness["maxima"]:
        later = {"first": first + 1, "maxima": witness["maxima"][1:]}
        yield Change(WITNESS_PATH, later, COMPUTED)
    for place in some(list(range(len(witness["maxima"]))), MOVED // 2, rng):
        yield Change((*WITNESS_PATH, "maxima", place), [], COMPUTED)
    for pool in some(pools, MOVED, rng):
        yield from _moved_pool(pool)
    for path, group in some(_groups(pools), MOVED, rng):
        yield from _moved_group(path, group, rules)


def _moved_pool(pool: _Pool) -> Iterator[Change]:
    path, value, m = pool.path, pool.value, pool.maximum
    yield Change(path, MISSING, COMPUTED)
    yield Change((*path, "apart"), 1 - value["apart"], COMPUTED)
    for near in {value["near"] + 1, 0 if not value["marked"] else value["near"], m}:
        if near != value["near"] and near <= m:
            yield Change((*path, "near"), near, COMPUTED)
    for most in {0, 1, 2} - {value["most"]}:
        yield Change((*path, "most"), most, COMPUTED)
    for key in ("together", "thresholds", "parts", "groups", "marked"):
        if value[key]:
            yield Change((*path, key), value[key][:-1], COMPUTED)
    raised = [[j, min(x + 1, MAX_THRESHOLD)] for j, x in value["thresholds"]]
    if raised != value["thresholds"]:
        yield Change((*path, "thresholds"), raised, COMPUTED)


def _moved_group(path: Path, group: dict[str, Any], rules: set[str]) -> Iterator[Change]:
    if group["rivals"]:
        yield Change((*path, "rivals"), group["rivals"][:-1], COMPUTED)
    if "rate" in group:
        for rate in {max(1, group["rate"] // 2), min(2 * group["rate"], _most(group["rule"]))}:
            if rate != group["rate"]:
                yield Change((*path, "rate"), rate, COMPUTED)
        for rule in sorted((rules & RATES.keys()) - {group["rule"]}):
            fits = {**group, "rule": rule, "rate": min(group["rate"], _most(rule))}
            yield Change(path, fits, COMPUTED)
    elif rules >= {"walk", "both"}:
        other = {"walk": "both", "both": "walk"}[group["rule"]]
        yield Change((*path, "rule"), other, COMPUTED)


def _most(rule: str) -> int:
    """Return the largest rate of a rule."""
    return valued(RATES[rule].most, {})
