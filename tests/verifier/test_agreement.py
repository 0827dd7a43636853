"""Prover, checker and the literal forward pass agree on small models of every flavour."""

from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.oracle import count_correct
from support.toy import random_toys, toy_models

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.pipeline import NotApplicableError, prove_many
from ballproof.verifier.proving.steering import prove
from ballproof.verifier.strategies import STRATEGIES, strategy_named
from ballproof.verifier.strategies.base import Needs

LIMIT = 10**9
MARGINS = [Fraction(0), Fraction(1, 3), Fraction(5)]
TWO_SIDED = ("brute-force", "exact")
# The toys have one head and no neurons.
OTHERS = (Needs.ONE_LAYER, Needs.SUMMANDS)
SERVED = [strategy for strategy in STRATEGIES if strategy.needs not in OTHERS]
TABLED = [strategy for strategy in SERVED if "/" not in strategy.name]
FAMILY = [strategy for strategy in STRATEGIES if "/" in strategy.name]


def bounds_of(model, strategy, margin):
    problem = pose(weights_from_bytes(model.bytes(), "toy"), margin)
    witness = strategy.search(problem, Goal(), silent)
    return strategy.bound(problem, witness, silent)


def require_sound(model, margin, strategies):
    truth = count_correct(model, margin)
    for strategy in strategies:
        bounds = bounds_of(model, strategy, margin)
        assert bounds.correct_at_least <= truth <= bounds.correct_at_most, strategy.name
        if strategy.name in TWO_SIDED:
            assert bounds.correct_at_least == bounds.correct_at_most == truth, strategy.name


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(toy_models(), st.sampled_from(MARGINS))
def test_every_tabled_strategy_encloses_the_truth(model, margin):
    require_sound(model, margin, TABLED)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(toy_models(), st.sampled_from(MARGINS), st.data())
def test_every_subcubic_strategy_encloses_the_truth(model, margin, data):
    require_sound(model, margin, data.draw(st.lists(st.sampled_from(FAMILY), max_size=4)))


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(toy_models(), st.sampled_from(MARGINS))
def test_every_strategy_encloses_the_truth_on_many_models(model, margin):
    require_sound(model, margin, SERVED)


def prove_and_compare(model, folder, margin, family):
    """Prove with many strategies; the checker must support the prover's own counts.

    Subcubic and ladder counts may differ where weights are far apart: the two arithmetics round
    otherwise. Then both are sound, the smaller is claimed, and it is said.
    """
    path = model.write(folder / "toy.safetensors")
    problem = pose(weights_from_bytes(path.read_bytes(), str(path)), margin)
    truth = count_correct(model, margin)
    chosen = [*TABLED, *family]
    proofs = list(prove_many(problem, chosen, LIMIT, lambda done, every: None))
    assert sorted(p.proof.strategy for p in proofs) == sorted(s.name for s in chosen)
    for proven in proofs:
        claim = proven.claim
        assert claim.correct_at_least <= truth <= claim.correct_at_most
        if proven.proof.strategy in (*TWO_SIDED, "cubic"):
            assert proven.note is None, (proven.proof.strategy, proven.note)
        if proven.proof.strategy in TWO_SIDED:
            assert claim.correct_at_least == claim.correct_at_most == truth
    return sum(proven.note is not None for proven in proofs)


@pytest.mark.parametrize("index", range(12))
def test_the_checker_supports_what_the_prover_claims(index, tmp_path):
    model = next(islice(random_toys(7, 12), index, None))
    prove_and_compare(model, tmp_path, MARGINS[index % 3], FAMILY[index::12])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_checker_supports_what_the_prover_claims_on_many_models(seed, tmp_path):
    differing = 0
    for index, model in enumerate(random_toys(1000 + seed, 10)):
        differing += prove_and_compare(model, tmp_path, MARGINS[index % 3], FAMILY[index::10])
    assert differing <= 15, "the two arithmetics differ on more than one certificate in ten"


def test_a_limit_too_low_for_the_check_is_a_reason_not_a_crash(tmp_path):
    model = next(iter(random_toys(3, 1)))
    path = model.write(tmp_path / "toy.safetensors")
    problem = pose(weights_from_bytes(path.read_bytes(), str(path)))
    with pytest.raises(NotApplicableError, match="max-operations"):
        prove(problem, strategy_named("exact"), 3, lambda done, every: None)
