"""Hard certificates for models of the zoo: honest weights, a hostile certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from support.certify import encoded, shapes
from support.hard import DEEPEST, LONG_MARGIN, Fields, Hard, claimed
from support.ladders import far, group, only, pool

FOUR, MANY_TOKENS = "max-of-4-seed-123", "max-of-10-of-128-seed-50"
MANY_PLACES = "max-of-20-seed-50"


def hard_on_zoo(
    read: Callable[[str], bytes], proof: Callable[[str], tuple[bytes, Fields]], budget: int
) -> Iterator[Callable[[], Hard]]:
    """Yield makers of hard certificates.

    `read` returns the weights of a name, `proof` those of max-of-4-seed-123 and its certificate.
    """
    for strategy, margin, precision in product(
        ("ladder", "moment", "grid", "cubic"), ("0", LONG_MARGIN), (64, 1024)
    ):

        def make(strategy: str = strategy, margin: str = margin, bits: int = precision) -> Hard:
            weights, fields = proof(strategy)
            fields["claim"] |= {"margin": margin, "correct_at_least": "0"}
            fields["claim"]["correct_at_most"] = fields["claim"]["total"]
            fields["proof"] |= {"precision": bits, "operations": str(budget)}
            name = f"zoo, {strategy}, margin {margin[:6]} of {len(margin)} characters, {bits} bits"
            return name, weights, encoded(fields)

        yield make
    for strategy, precision in product(("exact", "brute-force"), (64, 1024)):
        name = f"zoo, {strategy}, {precision} bits"
        yield _zoo_maker(name, read, FOUR, strategy, budget, precision=precision)
    for model, margin, bits in product((FOUR, MANY_TOKENS), ("0", LONG_MARGIN), (500, 1024)):
        name = f"zoo, {model}, {DEEPEST + 1} pools deep, margin {margin[:6]}, {bits} bits"
        options = {"margin": margin, "precision": bits, "witness": _every_class_deep}
        yield _zoo_maker(name, read, model, "ladder", budget, **options)
    for rule, (m, margin) in product(
        ("branch", "branch-two-sided", "grid-lower", "moment", "grid"), ((0, "0"), (63, "1000"))
    ):
        name = f"zoo, {MANY_PLACES}, as many groups as can be of rule {rule}, m={m}"
        options = {"margin": margin, "witness": _many_groups(rule, m)}
        yield _zoo_maker(name, read, MANY_PLACES, "ladder", budget, **options)


def _zoo_maker(
    name: str,
    read: Callable[[str], bytes],
    model: str,
    strategy: str,
    budget: int,
    **options: Any,
) -> Callable[[], Hard]:
    def make() -> Hard:
        weights, given = read(model), dict(options)
        if "witness" in given:
            given["witness"] = given["witness"](shapes(weights)["d_vocab"])
        return name, weights, claimed(weights, strategy, budget, **given)

    return make


def _every_class_deep(v: int) -> Fields:
    """Return a chain of pools for every class, in which each computes its weights anew."""

    def chain(query: int, maximum: int, depth: int) -> Fields:
        subpools = [chain(query, maximum, depth - 1)] if depth else []
        return pool(query, query, per_position=0, subpools=subpools)

    chains = [[chain(q, m, DEEPEST) for q in range(m + 1)] for m in range(v)]
    return {"labels": [[m, nodes] for m, nodes in enumerate(chains)]}


def _many_groups(rule: str, maximum: int) -> Callable[[int], Fields]:
    def witness(v: int) -> Fields:
        fields = {"per_position": 0, "groups": [group(rule, [5], 1)] * (4 * v + 16)}
        pools = [pool(q, q, **fields) for q in range(maximum)]
        return only(maximum, *pools, pool(maximum, maximum, cells=far(maximum, 0), **fields))

    return witness
