"""Two precisions: honest certificates are reproduced, and what is wrong in a ball is noticed."""

from fractions import Fraction
from itertools import islice
from random import Random

import flint
import pytest
from support.certify import mean_diff_sign, trained_toy
from support.oracle import count_correct, gaps
from support.subjects import FAMILIES, frozen, subject_for, witness_for
from support.toy import Recipe, random_toys
from support.witnesses import SUBCUBIC

from ballproof.models.errors import ModelError
from ballproof.verifier.audit.precisions.comparison import sampled
from ballproof.verifier.audit.precisions.recount import quantities_of, recompute
from ballproof.verifier.audit.subject import Files, subject_of
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.float32 import deviation
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies.exact_balls import ExactQuantities
from ballproof.verifier.strategies.quantities import Part

TAME = ("gaussian", "trained", "one hot", "dyadic", "near ties")
MARGINS = ("0", "1/3")


def named(rng, family):
    return rng.choice(SUBCUBIC) if family == "subcubic" else family


def agrees(found, low, truth):
    """The claim is what follows, up to signs that the balls leave open; the truth is above it."""
    for level in (found.coarse, found.fine):
        assert level.least <= truth
        assert low <= level.most
    assert found.overlapping == found.narrower == found.quantities
    assert not found.findings


@pytest.mark.parametrize("family", FAMILIES)
def test_an_honest_certificate_is_reproduced_at_both_precisions(family):
    rng = Random(f"honest {family}")
    compared = 0
    for index, model in enumerate(random_toys(5, 10, 5, 3, 4, flavours=TAME)):
        strategy, margin = named(rng, family), MARGINS[index % 2]
        witness = witness_for(rng, strategy, model, tame=rng.random() < 0.7)
        subject = subject_for(model, strategy, witness, margin=margin)
        found = recompute(subject)
        agrees(found, subject.claimed[0], count_correct(model, Fraction(margin)))
        compared += found.quantities
        assert found.parts[0] == found.parts[1]
    assert compared > 100


@pytest.mark.parametrize("strategy", SUBCUBIC[::7])
def test_every_part_of_a_subcubic_name_is_followed_to_the_very_count(strategy):
    model = trained_toy()
    subject = subject_for(model, strategy, witness_for(Random(1), strategy, model))
    found = recompute(subject, (128, 256))
    agrees(found, subject.claimed[0], count_correct(model))
    assert found.fine.least == found.fine.most == subject.claimed[0]


def test_a_cubic_claim_is_between_the_counts_that_follow():
    model = trained_toy()
    found = recompute(subject_for(model, "cubic", {}))
    assert found.fine.open == 0
    assert 0 <= found.fine.most - found.fine.least <= 15


@pytest.mark.parametrize("family", FAMILIES)
def test_the_program_in_float32_is_recomputed_at_its_own_margin(family):
    rng, seen = Random(f"float32 {family}"), 0
    for model in islice(random_toys(9, 20, 4, 3, 3, flavours=("trained", "near ties")), 6):
        try:
            eps = deviation(frozen(model))
        except ModelError:
            continue
        strategy = named(rng, family)
        witness = witness_for(rng, strategy, model)
        subject = subject_for(model, strategy, witness, semantics="float32")
        agrees(recompute(subject), subject.claimed[0], count_correct(model, eps))
        seen += 1
    assert seen


def test_extreme_weights_give_no_false_finding():
    rng = Random("extreme")
    for model in random_toys(3, 12, 4, 3, 3, flavours=("extreme", "absorbing", "sharp", "zeros")):
        for family in ("exact", "cubic", "ladder"):
            witness = witness_for(rng, family, model)
            subject = subject_for(model, family, witness, claimed=(0, model.d_vocab**model.n_ctx))
            assert not recompute(subject).findings


def test_one_token_leaves_nothing_to_compare():
    model = Recipe("gaussian", v=1, k=2, d=2, h=2, seed=1).build()
    found = recompute(subject_for(model, "exact", {}))
    assert (found.quantities, found.fine.least) == (0, 1)
    assert not found.findings


def test_the_sum_of_a_sequence_is_the_logit_gap_that_the_definition_gives():
    model = mean_diff_sign()
    quantities = ExactQuantities(pose(frozen(model), Fraction(1, 7)))
    part = quantities.parts()[-3]
    items = [item for item in quantities.items(part, 96) if isinstance(item[0], tuple)]
    for (sequence, rival), ball in quantities.balls(part, items, 96).items():
        assert (-gaps(model, sequence, Fraction(1, 7))[rival]).overlaps(ball)
        assert ball.rad() < 1e-20


@pytest.fixture
def spoil(monkeypatch):
    """Spoil one ball of one precision on its way into the comparison."""

    def spoilt_by(subject, bits, change):
        of = type(quantities_of(subject))
        honest = of.balls
        done = []

        def balls(self, part, items, asked):
            found = dict(honest(self, part, items, asked))
            for item, ball in found.items():
                if asked == bits and not done and ball.rad() > 0 and abs(ball.mid()) > 1e-6:
                    found[item] = change(ball)
                    done.append(item)
            return found

        monkeypatch.setattr(of, "balls", balls)
        return done

    return spoilt_by


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("bits", "change", "sentence"),
    [
        (64, lambda ball: flint.arb(ball.mid() * (1 + flint.arb(2) ** -40), 0), "do not overlap"),
        (128, lambda ball: ball + 1, "do not overlap"),
        (128, lambda ball: flint.arb(ball.mid(), 1), "wider"),
        (128, lambda ball: ball * flint.arb("inf"), "wider"),
    ],
    ids=["midpoint too far for the radius", "midpoint", "radius", "not finite"],
)
def test_a_spoilt_ball_is_noticed(spoil, family, bits, change, sentence):
    model = trained_toy()
    strategy = "subcubic/max-diff-exact/mean+diff/max-diff" if family == "subcubic" else family
    subject = subject_for(model, strategy, witness_for(Random(4), strategy, model))
    done = spoil(subject, bits, change)
    findings = recompute(subject, (64, 128)).findings
    assert len(done) == 1
    assert any(sentence in finding.sentence for finding in findings)


@pytest.mark.parametrize("strategy", ["cubic", "subcubic/mean-query/mean+diff/exact"])
def test_a_claim_beyond_what_follows_is_noticed(strategy):
    model = trained_toy()
    honest = subject_for(model, strategy, witness_for(Random(4), strategy, model))
    most = recompute(honest).fine.most
    total = model.d_vocab**model.n_ctx
    witness = honest.fields["proof"]["witness"]
    greedy = subject_for(model, strategy, witness, claimed=(most + 1, total))
    findings = recompute(greedy).findings
    assert any(f"{most + 1} are claimed" in finding.sentence for finding in findings)


def test_an_upper_end_below_what_is_right_is_noticed():
    model = trained_toy()
    least = recompute(subject_for(model, "exact", {})).fine.least
    assert least > 0
    low = subject_for(model, "exact", {}, claimed=(0, least - 1))
    assert any("at most" in finding.sentence for finding in recompute(low).findings)


def test_the_tightest_decision_is_decided_with_its_bits_and_not_with_fewer():
    subject = subject_for(trained_toy(), "cubic", {})
    nearest = recompute(subject).nearest
    assert nearest.bits % 8 == 0
    assert bool(nearest.ball > 0) or bool(nearest.ball < 0)
    below = recompute(subject, (max(nearest.bits - 8, 2), 128))
    assert below.coarse.open > 0


def test_a_sample_is_the_same_every_time_and_says_so():
    parts = [Part((0, m), 1, 1_000_000) for m in range(100)]
    chosen = sampled(parts)
    assert chosen == sampled(parts)
    assert 0 < len(chosen) < len(parts)


def test_a_sampled_comparison_claims_no_more_than_it_saw(monkeypatch):
    monkeypatch.setattr("ballproof.verifier.audit.precisions.comparison.MOST_OPERATIONS", 300)
    model = trained_toy()
    subject = subject_for(model, "cubic", {})
    found = recompute(subject)
    assert found.parts[0] < found.parts[1]
    assert found.fine.least < subject.claimed[0] < found.fine.most
    assert "a sample of" in found.lines()[0]
    assert not found.findings


def test_precisions_that_do_not_ascend_are_refused():
    with pytest.raises(ValueError, match="ascend"):
        recompute(subject_for(trained_toy(), "cubic", {}), (64, 64))


@pytest.mark.parametrize("strategy", ["exact", "ladder", "grid"])
@pytest.mark.parametrize("task", ["min-of-3", "rank-2-of-3", "argmax-of-3[answers=0..1]"])
def test_certificates_of_every_task_are_recomputed(tmp_path, task, strategy):
    model, proof = trained_toy().write(tmp_path / "toy.safetensors"), tmp_path / "proof.json"
    asked = ["--task", task, "--strategy", strategy, "--out", str(proof)]
    assert main(["prove", str(model), *asked]) == 0
    files = Files(model, proof)
    subject = subject_of(files, files.control())
    found = recompute(subject)
    assert found.quantities > 0 and not found.findings
    for level in (found.coarse, found.fine):
        assert level.least <= subject.claimed[1] and subject.claimed[0] <= level.most
