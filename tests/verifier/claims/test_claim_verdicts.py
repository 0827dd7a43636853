"""The verdict on a claim is the truth, and a witness is a member of the class that breaks it."""

from dataclasses import replace
from fractions import Fraction

import pytest
from claims_support import (
    LIMITS,
    audited,
    auditor_of,
    class_claim,
    is_exceeded,
    largest_gap,
    members,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import mean_diff_sign, trained_toy
from support.oracle import count_correct
from support.toy import MOSTLY_RIGHT, Recipe, random_toys, toy_models

from ballproof.verifier.claims.counting import Known
from ballproof.verifier.claims.reading import CountClaim
from ballproof.verifier.counting.goal import silent

TINY = Fraction(1, 2**200)
THRESHOLDS = [
    None,
    Fraction(0),
    Fraction(-1, 3),
    Fraction(1, 2),
    Fraction(-5),
    Fraction(10**40),
    Fraction(-(10**40)),
]
small = st.one_of(toy_models(4, 3), toy_models(4, 4, flavours=MOSTLY_RIGHT), toy_models(6, 1))


def draw_group(data, model):
    """Draw a class, some of whose keys are left out."""
    v, k = model.d_vocab, model.n_ctx
    group = {}
    for key, most in (("query", v - 1), ("maximum", v - 1), ("below", k - 1)):
        if data.draw(st.booleans(), label=key):
            group[key] = data.draw(st.integers(0, most), label=key)
    return group | {"gap": data.draw(st.integers(1, v), label="gap")}


def require_truth(model, group, largest, margin=Fraction(0)):
    """Hold the verdict, and what a witness says of itself, against enumeration."""
    claim = class_claim(largest, margin, **group)
    found, sequences = audited(model, claim), list(members(model, **group))
    assert found.sequences == len(sequences), model.recipe
    broken = is_exceeded(model, sequences, claim.threshold, claim.strict)
    assert found.verdict == ("violated" if broken else "holds"), (model.recipe, group, found)
    if not broken:
        assert found.witness is None
        return found
    x, rival = found.witness.sequence, found.witness.rival
    assert x in sequences and rival != max(x)
    assert is_exceeded(model, [x], claim.threshold, claim.strict)
    if found.largest and found.witness.gap:
        low, high = largest_gap(model, sequences)
        assert found.witness.gap[0] <= high and low <= found.witness.gap[1], model.recipe
    return found


@settings(max_examples=250)
@given(small, st.sampled_from(THRESHOLDS), st.sampled_from([0, Fraction(1, 3)]), st.data())
def test_the_verdict_is_that_of_enumeration(model, largest, margin, data):
    require_truth(model, draw_group(data, model), largest, Fraction(margin))


@pytest.mark.slow
@settings(max_examples=5_000)
@given(toy_models(5, 4), st.sampled_from(THRESHOLDS), st.sampled_from([0, 1]), st.data())
def test_the_verdict_is_that_of_enumeration_for_many_models(model, largest, margin, data):
    require_truth(model, draw_group(data, model), largest, Fraction(margin))


@settings(max_examples=100)
@given(small.filter(lambda model: model.d_vocab > 1), st.data())
def test_a_claim_at_the_supremum_holds_and_one_below_it_is_violated(model, data):
    group = draw_group(data, model)
    sequences = list(members(model, **group))
    if not sequences:
        assert require_truth(model, group, Fraction(-(10**50))).sequences == 0
        return
    low, high = largest_gap(model, sequences)
    assert require_truth(model, group, high).verdict == "holds"
    assert require_truth(model, group, low - TINY).verdict == "violated"
    # A margin moves the threshold and nothing else.
    assert require_truth(model, group, high + 7, Fraction(7)).verdict == "holds"
    assert require_truth(model, group, low - TINY + 7, Fraction(7)).verdict == "violated"


def uniform(seed, k=3, v=4):
    """A model that attends to all positions alike, so that its logits are rational."""
    model = Recipe("dyadic", v, k, 3, 2, frozenset({"b_U"}), seed=seed).build()
    return replace(
        model, tensors={n: w * (".W_Q" not in n) for n, w in model.tensors.items()}, recipe=None
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_gap_of_exactly_the_claim_is_allowed_and_a_tie_is_not_correct(seed):
    model = uniform(seed, k=1 + seed % 4)
    for maximum in range(1, model.d_vocab):
        group = {"maximum": maximum, "query": seed % (maximum + 1)}
        sequences = list(members(model, **group))
        if not sequences:
            continue
        low, high = largest_gap(model, sequences)
        exact = ((low + high) / 2).limit_denominator(2**20 * model.n_ctx)
        assert low <= exact <= high
        assert require_truth(model, group, exact).verdict == "holds"
        assert require_truth(model, group, exact - TINY).verdict == "violated"
        if exact <= 0:
            # All are correct with every margin below -exact, and tie at it.
            tie = require_truth(model, group, None, -exact)
            assert tie.verdict == "violated" and tie.witness.equal
            assert tie.witness.gap == (exact, exact)
        if exact < 0:
            assert require_truth(model, group, None, -exact - TINY).verdict == "holds"


def test_exact_ties_of_many_equal_tokens_are_decided_without_listing_them():
    # 40^12 sequences, all of them ties: equal embeddings and equal unembeddings.
    model = Recipe("zeros", 40, 12, 2, 2).build()
    assert audited(model, class_claim()).verdict == "violated"
    assert audited(model, class_claim(Fraction(0))).verdict == "holds"
    assert audited(model, class_claim(-TINY, query=3, maximum=9)).verdict == "violated"
    doubled = Recipe("duplicated", 24, 9, 4, 3, seed=4).build()
    claim = class_claim(Fraction(10**6), maximum=20)
    assert audited(doubled, claim).verdict == "holds"


def test_every_flavour_of_model_is_decided():
    for index, model in enumerate(random_toys(31, 40, 5, 3)):
        v, k = model.d_vocab, model.n_ctx
        for largest in (None, Fraction(0), Fraction(-1, 1000)):
            require_truth(model, {}, largest)
            require_truth(model, {"maximum": v - 1, "below": index % k, "gap": 1}, largest)


def test_the_sign_trap_is_caught_with_its_true_gap():
    trap = mean_diff_sign()
    group = {"query": 3, "maximum": 15, "below": 1}
    found = require_truth(trap, group, Fraction("-0.6875"))
    assert (found.verdict, found.witness.sequence, found.witness.rival) == ("violated", (15, 3), 0)
    assert abs(found.witness.gap[0] - Fraction("1.00000019218")) < Fraction(1, 10**10)
    assert found.largest
    alone = {"query": 15, "maximum": 15, "below": 0}
    assert require_truth(trap, alone, Fraction("-0.5")).verdict == "holds"


def test_with_slack_a_claim_that_holds_names_the_sequence_that_comes_closest():
    model = trained_toy()
    auditor = auditor_of(model, replace(LIMITS, slack=True))
    for maximum in range(model.d_vocab):
        low, high = largest_gap(model, list(members(model, maximum=maximum)))
        found = auditor.audit(class_claim(high + 1, maximum=maximum), silent)
        assert (found.verdict, found.largest) == ("holds", True)
        assert found.witness.gap[0] <= high and low <= found.witness.gap[1]


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ({"query": 3, "maximum": 2}, "query 3 is above"),
        ({"query": 2, "maximum": 3, "gap": 2}, "inside the gap"),
        ({"query": 2, "maximum": 3, "below": 0}, "at least 1"),
        ({"query": 0, "maximum": 1, "below": 1, "gap": 2}, "inside the gap"),
        ({"query": 1, "maximum": 1, "below": 2, "gap": 2}, "as low as 1 - 2"),
        ({"maximum": 0, "below": 1}, "empty"),
    ],
)
def test_a_claim_about_no_sequence_holds_and_says_that_it_is_vacuous(group, why):
    found = audited(trained_toy(), class_claim(Fraction(-(10**9)), **group))
    assert (found.verdict, found.sequences) == ("holds", 0)
    assert "vacuously" in found.reason and why in found.reason


def count_claim(at_least=None, at_most=None, margin=Fraction(0)):
    return CountClaim("claims[0]", {}, at_least, at_most, margin)


def test_counts_are_held_against_the_exact_count(tmp_path):
    for index, model in enumerate(random_toys(8, 6, 4, 3)):
        margin = Fraction(index % 2, 3)
        true, total = count_correct(model, margin), model.d_vocab**model.n_ctx
        auditor = auditor_at(model, tmp_path)
        for low, high in ((true, true), (0, true), (true, total), (None, true), (true, None)):
            found = auditor.audit(count_claim(low, high, margin), silent)
            assert found.verdict == "holds", (model.recipe, low, high)
        if true < total:
            found = auditor.audit(count_claim(true + 1, None, margin), silent)
            assert found.verdict == "violated"
            assert true + 1 == total or f"exactly {true}" in found.reason
        if true:
            assert auditor.audit(count_claim(0, true - 1, margin), silent).verdict == "violated"


def test_a_claim_that_all_are_correct_is_refuted_by_a_sequence(tmp_path):
    model = trained_toy()
    total = model.d_vocab**model.n_ctx
    found = auditor_at(model, tmp_path).audit(count_claim(total), silent)
    assert found.verdict == "violated"
    assert is_exceeded(model, [found.witness.sequence], Fraction(0), strict=False)


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [
        ((3, None), "holds"),
        ((8, None), "violated"),
        ((5, None), "undecided"),
        ((None, 2), "violated"),
        ((None, 7), "holds"),
        ((4, 9), "undecided"),
    ],
)
def test_between_two_ends_a_count_may_stay_undecided(claimed, verdict, monkeypatch):
    monkeypatch.setattr(
        "ballproof.verifier.claims.auditing.known_count", lambda *_: Known(3, 7, "two ends")
    )
    found = audited(trained_toy(), count_claim(*claimed))
    assert found.verdict == verdict and "3 to 7" in found.reason


def test_a_count_out_of_reach_is_undecided_and_says_why(tmp_path):
    auditor = auditor_at(trained_toy(), tmp_path, replace(LIMITS, max_operations=3))
    found = auditor.audit(count_claim(5), silent)
    assert found.verdict == "undecided" and "max-operations" in found.reason


def test_a_claim_without_time_is_undecided():
    model = Recipe("dyadic", 6, 4, 3, 2, seed=3).build()
    limits = replace(LIMITS, seconds=1e-9)
    assert audited(model, class_claim(Fraction(0)), limits).verdict == "undecided"


def auditor_at(model, folder, limits=LIMITS):
    """Return an auditor of a model in a file, as the checker needs one."""
    from ballproof.models.weights import load_weights
    from ballproof.verifier.claims.auditing import Auditor

    return Auditor(load_weights(model.write(folder / "toy.safetensors")), limits)
