"""What a ladder costs: counted, bounded, and never more than the budget lets it start."""

import tracemalloc
from random import Random
from time import monotonic

import pytest
from mutation import BUDGET, LIMIT
from support.certify import certificate, encoded, established, holds, verdict
from support.ladders import (
    LADDERS,
    every_class,
    far,
    group,
    nodes_of,
    only,
    others,
    pool,
    single_class,
    wild_ladder,
)
from support.toy import Recipe

SECONDS = 20  # What stops in one second here may meet a machine that is busy.


def judged(model, strategy, witness, **options):
    """Check a claim of nothing within a few seconds."""
    cert = certificate(model, strategy, at_least=0, witness=witness, **options)
    start = monotonic()
    found = verdict(model.bytes(), encoded(cert))
    assert monotonic() - start < SECONDS
    return found


@pytest.mark.parametrize("strategy", LADDERS)
def test_no_work_lowers_the_tally(charged, strategy):
    rng = Random(strategy)
    for v, k in [(1, 1), (4, 1), (2, 2), (1, 9), (4, 3), (5, 3)]:
        model = Recipe("trained", v, k, 2, 2).build()
        for _ in range(20):
            charged.clear()
            found = judged(model, strategy, wild_ladder(rng, strategy, model))
            assert found.theorem.tally == sum(charged)
            assert min(charged, default=0) >= 0


@pytest.mark.parametrize("rule", ["branch", "branch-two-sided"])
@pytest.mark.parametrize(("v", "k"), [(2, 500), (3, 400), (6, 100), (16, 30)])
@pytest.mark.parametrize("flavour", ["gaussian", "zeros", "one hot", "trained"])
def test_a_long_walk_stops_at_the_budget_and_is_never_too_deep(rule, v, k, flavour):
    model = Recipe(flavour, v, k, 2, 2, seed=3).build()
    for near, apart in ((1, 0), (v - 1, 1)):
        witness = single_class(
            0, v - 1, cells=far(v - 1, near) if k > 2 else [], per_position=apart
        )
        witness["labels"][0][1][0]["groups"] = [group(rule, others(v - 1, v))]
        found = judged(model, "ladder", witness, operations=2 * 10**5)
        assert found.theorem or found.refusal == BUDGET


@pytest.mark.parametrize("k", [501, 3000])
def test_a_walk_of_more_positions_than_can_nest_is_declined(k):
    model = Recipe("zeros", 2, k, 1, 1).build()
    for rule in ("branch", "branch-two-sided"):
        assert judged(model, "ladder", every_class(2, [rule])).refusal == LIMIT
    for rule in ("moment", "grid", "grid-lower"):
        found = judged(model, "ladder", every_class(2, [rule], rate=10))
        assert found.theorem or found.refusal == BUDGET


@pytest.mark.parametrize("rule", ["grid", "grid-lower", "moment"])
@pytest.mark.parametrize(("v", "k"), [(2, 1200), (64, 20), (64, 100), (16, 100)])
def test_the_finest_rate_stops_at_the_budget(rule, v, k):
    for flavour in ("gaussian", "trained", "zeros"):
        model = Recipe(flavour, v, k, 2, 2, seed=3).build()
        for near, apart in ((min(8, v - 1), 0), (v - 1, 1)):
            witness = single_class(
                0, v - 1, cells=far(v - 1, near) if k > 2 else [], per_position=apart
            )
            groups = [group(rule, [j], 2**14) for j in others(v - 1, v)]
            witness["labels"][0][1][0]["groups"] = groups
            found = judged(model, "ladder", witness, operations=2 * 10**5)
            assert found.theorem or found.refusal == BUDGET


@pytest.mark.parametrize("strategy", LADDERS)
@pytest.mark.parametrize("flavour", ["extreme", "sharp"])
def test_the_longest_numbers_are_declined_or_true_in_little_memory(strategy, flavour):
    biases = frozenset({"b_Q", "b_U"})
    model = Recipe(flavour, 4, 3, 4, 3, biases, "float64", seed=1).build()
    rule = "branch-two-sided" if strategy == "ladder" else strategy
    witness = every_class(4, [rule, "grid-lower"], rate=2**14)
    for node in nodes_of(witness):
        node["thresholds"] = [[j, 2**60] for j in range(4)]
    options = {"margin": "1/" + "9" * 1999, "precision": 1024}
    tracemalloc.start()
    found = judged(model, strategy, witness, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.refusal == LIMIT or found.theorem
    assert peak < 2**25


def test_parts_of_a_pool_that_clears_every_rival_cost_nothing():
    model = Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=1).build()
    cleared = 0
    for query in range(5):
        part = pool(query, query, groups=[group("branch", others(4, 5))])
        tallies = set()
        for parts in ([], [part], [pool(query, query, cells=far(4, 0), subpools=[part])]):
            witness = only(4, pool(query, query, subpools=parts))
            found = judged(model, "ladder", witness)
            assert holds(found.theorem, model)
            tallies.add(found.theorem.tally)
        cleared += len(tallies) == 1
        assert established(model, "ladder", witness=witness)[0] == 0 or len(tallies) == 1
    assert cleared
