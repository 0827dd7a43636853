"""What a subcubic check costs: counted, bounded, and the same whatever the witness hides."""

import tracemalloc
from random import Random

import pytest
from mutation import LIMIT
from support.certify import certificate, encoded, holds, verdict
from support.toy import Recipe
from support.witnesses import SUBCUBIC, constant_gaps, keys_of, plausible, wild

from parts.attention_only import MAX_TABLE

each_strategy = pytest.mark.parametrize("strategy", SUBCUBIC)
MODEL = Recipe("trained", 4, 3, 3, 2, seed=2).build()


@each_strategy
def test_the_budget_is_enough_exactly_from_the_tally_on(charged, strategy):
    witness = plausible(Random(strategy), strategy, MODEL)

    def check(operations):
        fields = {"at_least": 0, "witness": witness, "operations": operations}
        return verdict(MODEL.bytes(), encoded(certificate(MODEL, strategy, **fields)))

    tally = check(10**9).theorem.tally
    assert tally == sum(charged) and min(charged) >= 0
    assert check(tally).theorem
    for budget in (tally - 1, tally // 2, 1, 0):
        assert check(budget).refusal == (1, "budget")


def ones(rng, strategy, model):
    """Return a plausible witness with 1 for every number."""

    def short(value):
        if isinstance(value, list) and value and isinstance(value[0], str):
            return ["1", 0]
        return [short(item) for item in value] if isinstance(value, list) else value

    return {key: short(value) for key, value in plausible(rng, strategy, model).items()}


# Neither the lengths of numbers nor the gaps that give a class up may hide work.
@pytest.mark.parametrize("strategy", SUBCUBIC[::7])
def test_long_directions_and_anchors_never_cost_less_than_short_ones(strategy):
    tallies, rng = [], Random(strategy)
    for maker in (ones, plausible, wild, wild, wild):
        witness = maker(rng, strategy, MODEL)
        witness |= {"gaps": constant_gaps(4, 3, 1)}
        if "squarings" in witness:
            witness["squarings"] = 3
        cert = certificate(MODEL, strategy, at_least=0, witness=witness)
        found = verdict(MODEL.bytes(), encoded(cert))
        # Anchors far from 1 are declined before any work.
        assert found.theorem or found.refusal == LIMIT
        tallies += [found.theorem.tally] if found.theorem else []
    assert tallies[0] == min(tallies)


def huge(strategy, v, k, d):
    """Return a witness in which every number is as long and as far from 1 as the format allows."""
    far = [[[str(2**1023 + 1), 18_900]] * size for size in (v, d)]
    ends = [[str(-(2**1000) - 1), -19_000], [str(2**1000 + 1), -19_000]]
    terms = 2 if "subproduct" in strategy else 1
    table = {
        "gaps": constant_gaps(v, k, 1),
        "query_directions": [far[0]] * terms,
        "key_directions": [far[0][::-1]] * terms,
        "matrix_directions": [far[1]] * 2,
        "squarings": 12,
        "mu": [[str(2**1023 + 1), -20_000]] * d,
        "a_star": [[ends[1]] * (k - 1)] * v,
        "chord": [[ends] * (k - 1)] * v,
    }
    return {key: table[key] for key in keys_of(strategy)}


@pytest.mark.parametrize("strategy", SUBCUBIC[::19])
@pytest.mark.parametrize("flavour", ["extreme", "trained"])
def test_the_longest_numbers_are_declined_or_true_in_little_memory(strategy, flavour):
    model = Recipe(flavour, 4, 3, 4, 3, frozenset({"b_Q", "b_U"}), "float64", seed=1).build()
    witness = huge(strategy, 4, 3, 4)
    cert = certificate(model, strategy, at_least=0, margin="1/3", witness=witness, precision=1024)
    tracemalloc.start()
    found = verdict(model.bytes(), encoded(cert))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.refusal == LIMIT or holds(found.theorem, model)
    assert peak < 2**24


@pytest.mark.parametrize(
    ("strategy", "v", "k"),
    [
        *((strategy, v, 1200) for strategy in SUBCUBIC[::9] for v in (1, 2)),
        *((strategy, 1, 6000) for strategy in SUBCUBIC[::36]),
    ],
)
def test_a_context_of_thousands_is_refused_or_true_and_never_too_deep(strategy, v, k):
    model = Recipe("gaussian", v, k, 1, 1, seed=3).build()
    witness = plausible(Random(1), strategy, model)
    cert = certificate(model, strategy, at_least=0, operations=10**6, witness=witness)
    found = verdict(model.bytes(), encoded(cert))
    assert found.theorem or found.refusal in {LIMIT, (1, "budget")}


def test_shapes_whose_tables_are_too_large_are_declined_before_any_work():
    allowed = Recipe("zeros", 2048, 1, 1, 1).build()
    for model, fits in ((allowed, True), (Recipe("zeros", 2049, 1, 1, 1).build(), False)):
        assert (model.d_vocab**2 * model.n_ctx <= MAX_TABLE) == fits
        for strategy in ("cubic", "exact", "brute-force", SUBCUBIC[0]):
            cert = certificate(model, strategy, operations=0)
            expected = {(1, "budget"), (1, "witness")} if fits else {LIMIT}
            assert verdict(model.bytes(), encoded(cert)).refusal in expected
