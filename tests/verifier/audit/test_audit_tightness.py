"""The slack of a bound: it is the true one, its causes add up to it, and bad witnesses show."""

from copy import deepcopy
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import pytest
from support.certify import established, trained_toy
from support.ladders import every_class, group, others, pool
from support.oracle import count_correct, count_wrong_by_class
from support.subjects import FAMILIES, frozen, subject_for, witness_for
from support.toy import MOSTLY_RIGHT, Recipe, ToyModel, random_toys
from support.witnesses import SUBCUBIC, constant_gaps, floats

from ballproof.models.errors import ModelError
from ballproof.models.weights import load_weights
from ballproof.verifier.audit.subject import Files, Subject
from ballproof.verifier.audit.tightness.clock import Clock
from ballproof.verifier.audit.tightness.relaxations import tightness
from ballproof.verifier.audit.tightness.truth import (
    exact_count,
    exactly,
    right_with_exact_positions,
)
from ballproof.verifier.counting.float32 import deviation
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named

TIGHTNESS = "ballproof.verifier.audit.tightness"
ZOO = Path(__file__).resolve().parents[3] / "models" / "zoo"
TAME = ("gaussian", "trained", "one hot", "dyadic", "near ties")
# The subcubic strategies show a quarter of what this model gets right.
COPIES = Recipe("one hot", v=6, k=3, d=8, h=6, seed=3)


def of_cause(found, name):
    return sum(cause.least for cause in found.causes if cause.name == name)


def unlike_positions():
    """Return a copying model whose positions differ in weight and in what they write."""
    weights = floats(COPIES.build())
    rng = np.random.default_rng(5)
    weights["W_pos"] = np.round(rng.normal(size=weights["W_pos"].shape) * 8) / 32
    return ToyModel.from_short_names(**{k: x.astype(np.float32) for k, x in weights.items()})


def adds_up(found):
    """Exact causes add up to the exact slack."""
    assert found.exact
    assert all(cause.least == cause.most for cause in found.causes)
    assert sum(cause.least for cause in found.causes) == found.slack[0] == found.slack[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_slack_is_the_oracles_and_the_causes_add_up_to_it(family):
    rng, some = Random(f"slack {family}"), 0
    for index, model in enumerate(random_toys(11, 10, 5, 3, 4, flavours=TAME)):
        strategy = rng.choice(SUBCUBIC) if family == "subcubic" else family
        margin = ("0", "1/5")[index % 2]
        witness = witness_for(rng, strategy, model, tame=index % 2 == 0)
        subject = subject_for(model, strategy, witness, margin=margin)
        found = tightness(subject)
        true = count_correct(model, Fraction(margin))
        assert found.truth == (true, true)
        assert found.slack[0] == true - subject.claimed[0]
        assert found.above == subject.claimed[1] - true >= 0
        adds_up(found)
        assert not found.findings
        assert all(cause.relaxation.explanation for cause in found.causes)
        some += found.slack[0] > 0
    assert some or family in ("exact", "brute-force")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_program_in_float32_is_held_against_both_of_its_margins(family):
    rng, seen = Random(f"float32 {family}"), 0
    for model in islice(random_toys(9, 20, 4, 3, 3, flavours=("trained", "near ties")), 5):
        try:
            eps = deviation(frozen(model))
        except ModelError:
            continue
        strategy = rng.choice(SUBCUBIC) if family == "subcubic" else family
        witness = witness_for(rng, strategy, model)
        subject = subject_for(model, strategy, witness, semantics="float32")
        found = tightness(subject)
        low, high = count_correct(model, eps), count_correct(model, -eps)
        assert found.truth == (low, high)
        assert sum(cause.least for cause in found.causes) == low - subject.claimed[0]
        assert sum(cause.most for cause in found.causes) == high - subject.claimed[0]
        assert not found.findings
        seen += 1
    assert seen


def test_the_count_of_each_class_is_the_oracles():
    for model in random_toys(12, 6, 5, 3, 4, flavours=TAME):
        wrong = exactly(pose(frozen(model)), silent).wrong
        true = {key: count for key, count in count_wrong_by_class(model).items() if count}
        assert {key: count.possible for key, count in wrong.items()} == true
        assert {key: count.certain for key, count in wrong.items()} == true


def test_exact_positions_count_between_cubic_and_the_truth():
    gained = 0
    for model in [*random_toys(13, 9, 6, 4, 4, flavours=MOSTLY_RIGHT), unlike_positions()]:
        problem = pose(frozen(model), Fraction(1, 9))
        if model.d_vocab == 1:
            continue
        cubic = strategy_named("cubic").bound(problem, {}, silent).correct_at_least
        positions = right_with_exact_positions(problem, silent)
        assert cubic <= positions <= count_correct(model, Fraction(1, 9))
        gained += positions - cubic
    assert gained > 0


@pytest.fixture(scope="module")
def copying():
    return COPIES.build()


def searched(model, strategy):
    return strategy_named(strategy).search(pose(frozen(model)), Goal(), silent)


SUB = "subcubic/max-diff-exact/mean+diff/max-diff-exact"


def test_gaps_that_give_classes_up_show_as_uncounted_classes(copying):
    witness = searched(copying, SUB)
    honest = tightness(subject_for(copying, SUB, witness))
    bad = deepcopy(witness)
    v, k = copying.d_vocab, copying.n_ctx
    bad["gaps"][v - 1] = constant_gaps(v, k, v)[v - 1]
    found = tightness(subject_for(copying, SUB, bad))
    lost = honest.claimed[0] - found.claimed[0]
    assert lost > 0
    assert of_cause(found, "uncounted classes") == lost + of_cause(honest, "uncounted classes")
    adds_up(found)


def test_gaps_larger_than_needed_show_as_the_witness(copying):
    witness = searched(copying, SUB)
    bad = deepcopy(witness)
    for m, queries in enumerate(bad["gaps"]):
        for query, gaps in enumerate(queries):
            room = m - query if query < m else m
            queries[query] = [gap + 1 if gap < room else gap for gap in gaps]
    honest, found = (tightness(subject_for(copying, SUB, w)) for w in (witness, bad))
    assert found.claimed[0] < honest.claimed[0]
    assert of_cause(found, "witness") == honest.claimed[0] - found.claimed[0]
    adds_up(found)


def test_directions_that_peel_nothing_of_use_show_in_the_witness_or_in_lost_classes(copying):
    witness = searched(copying, SUB)
    bad = deepcopy(witness)
    for key in ("query_directions", "key_directions"):
        bad[key] = [[["1", 0]] + [["0", 0]] * (copying.d_vocab - 1)]
    honest, found = (tightness(subject_for(copying, SUB, w)) for w in (witness, bad))
    assert found.claimed[0] < honest.claimed[0]
    lost = of_cause(found, "witness") + of_cause(found, "uncounted classes")
    assert lost == honest.claimed[0] - found.claimed[0]


def test_a_claim_below_what_is_shown_is_told_apart(copying):
    for strategy in ("exact", "cubic", SUB, "ladder"):
        witness = witness_for(Random(1), strategy, copying)
        if strategy == SUB:
            witness = searched(copying, SUB)
        low = established(copying, strategy, witness=witness)[0]
        total = copying.d_vocab**copying.n_ctx
        found = tightness(subject_for(copying, strategy, witness, claimed=(low - 3, total)))
        assert of_cause(found, "claim") == 3
        adds_up(found)


def test_a_direct_path_about_the_mean_query_shows_as_the_direct_path(copying):
    name = "subcubic/mean-query/mean+diff/exact"
    found = tightness(subject_for(copying, name, searched(copying, name)))
    finer = "subcubic/max-diff-exact/mean+diff/exact"
    better = subject_for(copying, finer, searched(copying, finer)).claimed[0]
    assert of_cause(found, "direct path") == better - found.claimed[0] > 0
    assert of_cause(found, "score error") == 0


def test_a_ladder_without_some_pools_shows_as_uncounted_classes(copying):
    v = copying.d_vocab
    witness = every_class(v, ["branch-two-sided"])
    honest = tightness(subject_for(copying, "ladder", witness))
    bad = deepcopy(witness)
    del bad["labels"][v - 1][1][0]
    del bad["labels"][v - 2]
    found = tightness(subject_for(copying, "ladder", bad))
    wrong = count_wrong_by_class(copying)
    size = v ** (copying.n_ctx - 1) - (v - 1) ** (copying.n_ctx - 1)
    size += (v - 1) ** copying.n_ctx - (v - 2) ** copying.n_ctx
    known = wrong.get((0, v - 1), 0) + sum(wrong.get((q, v - 2), 0) for q in range(v - 1))
    assert of_cause(honest, "uncounted classes") == 0
    assert of_cause(found, "uncounted classes") == size - known > 0
    adds_up(found)


def test_one_group_for_each_rival_shows_as_the_union_over_rivals():
    lost = 0
    for model in random_toys(14, 8, 5, 3, 4, flavours=("gaussian", "near ties")):
        v = model.d_vocab

        def own(q, m, v=v):
            return pool(q, q, groups=[group("branch", [j]) for j in others(m, v)])

        witness = {"labels": [[m, [own(q, m) for q in range(m + 1)]] for m in range(v)]}
        found = tightness(subject_for(model, "ladder", witness))
        adds_up(found)
        assert {cause.name for cause in found.causes} <= {"union over rivals"}
        lost += of_cause(found, "union over rivals")
    assert lost > 0


def test_a_coarse_grid_shows_as_the_counting_rule(copying):
    found = tightness(subject_for(copying, "grid", every_class(copying.d_vocab, ["grid"], rate=2)))
    adds_up(found)
    assert of_cause(found, "counting rules") > 0


def test_a_claim_above_the_truth_is_a_finding(copying):
    true, total = count_correct(copying), copying.d_vocab**copying.n_ctx
    for strategy in ("exact", "cubic", "ladder"):
        witness = witness_for(Random(2), strategy, copying)
        greedy = subject_for(copying, strategy, witness, claimed=(true + 1, total))
        assert any("counts" in finding.sentence for finding in tightness(greedy).findings)
    low = tightness(subject_for(copying, "exact", {}, claimed=(0, true - 1)))
    assert any("allows" in finding.sentence for finding in low.findings)


def test_an_unsound_step_is_a_finding(monkeypatch, copying):
    total = copying.d_vocab**copying.n_ctx
    monkeypatch.setattr(
        f"{TIGHTNESS}.relaxations.right_with_exact_positions",
        lambda *_: total,
    )
    findings = tightness(subject_for(copying, "cubic", {})).findings
    assert any("without its positions" in finding.sentence for finding in findings)


@pytest.mark.parametrize("strategy", ["cubic", "ladder", SUB, "exact"])
def test_without_an_exact_count_the_slack_is_between_the_ends_of_another_bound(
    monkeypatch, copying, strategy
):
    monkeypatch.setattr(f"{TIGHTNESS}.truth.EXHAUSTIVE_LIMIT", 0)
    witness = searched(copying, SUB) if strategy == SUB else {}
    if strategy == "ladder":
        witness = every_class(copying.d_vocab, ["grid"], rate=3)
        witness["labels"][2][1] = []
    subject = subject_for(copying, strategy, witness, claimed=(10, copying.d_vocab**3))
    found, true = tightness(subject), count_correct(copying)
    assert found.truth[0] <= true <= found.truth[1]
    assert found.method == "by a ladder from both ends"
    least = sum(cause.least for cause in found.causes)
    most = sum(cause.most for cause in found.causes)
    assert least <= true - 10 <= most
    assert not found.findings


def test_without_time_only_the_claim_is_known_and_that_is_said(copying):
    subject = subject_for(copying, "cubic", {})
    found = tightness(subject, seconds=0)
    assert found.truth == subject.claimed
    assert [cause.name for cause in found.causes] == ["not known"]
    assert "no time" in found.lines()[0]


def test_time_that_ends_after_the_exact_count_leaves_the_cause_unknown(monkeypatch, copying):
    problem = pose(frozen(copying))
    truth = exact_count(problem, Clock(60, silent, 2))
    monkeypatch.setattr(f"{TIGHTNESS}.relaxations.exact_count", lambda *_: truth)
    found = tightness(subject_for(copying, "cubic", {}), seconds=0)
    assert [cause.name for cause in found.causes] == ["not known"]
    adds_up(found)


def test_progress_ends_where_it_said_it_would():
    seen = []
    tightness(subject_for(trained_toy(), "cubic", {}), lambda *pair: seen.append(pair))
    assert seen[-1][0] == seen[-1][1]
    shares = [done / every for done, every in seen]
    assert shares == sorted(shares)


def test_one_token_has_no_slack():
    model = Recipe("gaussian", v=1, k=2, d=2, h=2, seed=1).build()
    for strategy in ("exact", "cubic"):
        found = tightness(subject_for(model, strategy, {}))
        assert (found.truth, found.slack, found.causes) == ((1, 1), (0, 0), [])


@pytest.mark.slow
def test_a_trained_model_shows_every_cause_of_its_strategy():
    weights = load_weights(ZOO / "max-of-4-seed-123.safetensors")
    problem, name = pose(weights), "subcubic/mean-query/drop-average/max-diff"
    strategy = strategy_named(name)
    witness = strategy.search(problem, Goal(), silent)
    low = strategy.bound(problem, witness, silent).correct_at_least
    verdict = {"correct_at_least": str(low), "correct_at_most": str(problem.total)}
    fields = {
        "claim": {"semantics": "real"},
        "proof": {"strategy": name, "precision": 48, "witness": witness},
    }
    files = Files(Path("model"), Path("certificate"))
    found = tightness(Subject(files, b"", fields, weights, problem, verdict), seconds=600)
    adds_up(found)
    assert found.truth == (16_765_884, 16_765_884)
    causes = {cause.name: cause.least for cause in found.causes}
    wanted = {"score error", "direct path", "attention", "gap", "positions", "union over rivals"}
    assert causes.keys() == wanted
    assert min(causes.values()) > 0
