"""The hunt: members are what the checker counts, and a wrong one is found wherever it is."""

import json
from dataclasses import replace
from fractions import Fraction
from itertools import product

import flint
import pytest
from support.audited import FAMILIES, SINGLE, SUBCUBIC, in_float32, subject
from support.certify import mean_diff_sign, trained_toy
from support.oracle import count_correct, is_correct
from support.toy import Recipe, random_toys

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.audit.hunt.evaluation import Evaluator
from ballproof.verifier.audit.hunt.members import Explanation, checker_members
from ballproof.verifier.audit.hunt.search import hunt
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.checking import CheckerError, CheckerProcess


def counting(decide):
    """Return a fake checker that counts the sequences for which `decide` holds."""

    def ask(sequences):
        return [
            Explanation(s, decide(s), "a class", "a table", None, None, None) for s in sequences
        ]

    return ask


def hunted(one, **options):
    with CheckerProcess() as checker:
        return hunt(one, checker_members(one.files, checker), **options)


@pytest.mark.parametrize("strategy", FAMILIES)
def test_every_input_that_a_strategy_counts_is_right_and_they_make_up_its_count(tmp_path, strategy):
    asked = 0
    for seed, model in enumerate([trained_toy(), *random_toys(31, 5, 4, 3, 3)]):
        margin = ("0", "1/8")[seed % 2]
        one = subject(tmp_path, model, strategy, seed=seed, margin=margin)
        if one is None:
            continue
        found = hunted(one, effort=1)
        assert found.complete and found.asked == one.total and not found.findings
        assert found.members >= one.claimed[0]
        if strategy in (*SINGLE, *SUBCUBIC):
            assert found.members == one.claimed[0]
        assert found.wrong_counted == 0
        asked += found.members
    assert asked


@pytest.mark.parametrize("effort", [1, 3])
def test_a_wrong_input_that_is_counted_is_found_and_shown(tmp_path, effort):
    for model in (trained_toy(), mean_diff_sign()):
        one = subject(tmp_path, model, "exact")
        wrong = one.total - count_correct(model)
        found = hunt(one, counting(lambda s: True), effort=effort)
        shown = [x for x in found.findings if "logits" in x.details]
        assert len(shown) == wrong == found.wrong_counted
        for finding in shown:
            assert not is_correct(model, finding.details["sequence"])
            logits = finding.details["logits"]
            assert float(logits["rival"]) >= float(logits["maximum"])
            assert finding.details["explanation"]["decided_by"] == "a table"


def test_a_single_wrong_member_among_many_inputs_is_found(tmp_path):
    model = Recipe("trained", v=7, k=4, d=4, h=2, seed=1).build()
    one = subject(tmp_path, model, "exact")
    evaluate = Evaluator(pose(one.weights))
    every = product(range(7), repeat=4)
    evaluations = sorted((x for x in map(evaluate, every) if not x.right), key=lambda x: -x.size)
    assert evaluations and one.total > 400
    bad = evaluations[0].sequence
    found = hunt(one, counting(lambda s: s == bad or is_correct(model, s)), effort=1)
    assert not found.complete
    assert [x.details.get("sequence") for x in found.findings] == [list(bad)]


def test_an_exact_tie_that_is_counted_is_a_counterexample(tmp_path):
    model = Recipe("zeros", v=3, k=2, d=2, h=2).build()
    one = subject(tmp_path, model, "exact")
    found = hunt(one, counting(lambda s: True))
    assert found.wrong_counted == one.total == len(found.findings)


def test_a_gap_of_exactly_the_margin_is_a_counterexample():
    model = Recipe("one hot", v=3, k=1, d=3, h=3, seed=1).build()
    weights = weights_from_bytes(model.bytes(), "toy")
    lead = Evaluator(pose(weights))((1,)).lead
    assert lead.rad() == 0
    exact = Fraction(int(lead.mid().fmpq().p), int(lead.mid().fmpq().q))
    assert Evaluator(pose(weights, exact))((1,)).right is False
    assert Evaluator(pose(weights, exact * Fraction(999, 1000)))((1,)).right is True


def test_tables_that_show_fewer_right_than_claimed_are_a_finding(tmp_path):
    one = subject(tmp_path, trained_toy(), "cubic")
    found = hunt(one, counting(lambda s: False))
    assert [finding.sentence for finding in found.findings] == [
        f"The statement says at least {one.claimed[0]} right, but the tables show only 0 of all "
        "inputs right."
    ]


@pytest.mark.parametrize(("key", "step"), [("correct_at_least", 1), ("correct_at_most", -1)])
def test_a_statement_that_the_whole_scan_contradicts_is_a_finding(tmp_path, key, step):
    model = trained_toy()
    one = subject(tmp_path, model, "exact")
    forged = {**one.verdict, key: str(int(one.verdict[key]) + step)}
    members = counting(lambda s: is_correct(model, s))
    assert not hunt(one, members).findings
    found = hunt(replace(one, verdict=forged), members)
    assert any("in floating point" in finding.sentence for finding in found.findings)


def test_a_hunt_of_a_large_model_asks_for_more_until_no_smaller_margin_is_counted(tmp_path):
    model = Recipe("trained", v=9, k=5, d=4, h=2, seed=2).build()
    one = subject(tmp_path, model, "exact")
    found = hunt(one, counting(lambda s: is_correct(model, s) and sum(s) % 3 == 0), effort=1)
    assert found.rounds > 1 and found.smallest is not None
    assert sum(found.smallest.sequence) % 3 == 0 and not found.findings
    assert found.smallest.right and found.evaluated and found.wrong_counted == 0


@pytest.mark.parametrize(("v", "k"), [(1, 1), (1, 3), (5, 1), (2, 23)])
def test_any_shape_can_be_hunted(tmp_path, v, k):
    model = Recipe("trained", v=v, k=k, d=3, h=2, seed=4).build()
    one = subject(tmp_path, model, "cubic")
    found = hunted(one, effort=1)
    assert not found.findings and found.asked and found.members
    if v == 1:
        assert found.smallest.rival is None
    json.dumps(found.fields())


def test_the_same_seed_gives_the_same_hunt(tmp_path):
    one = subject(tmp_path, Recipe("trained", v=8, k=5, d=3, h=2, seed=1).build(), "cubic")
    first, second = (hunted(one, effort=1, seed=3).fields() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("strategy", ["exact", "cubic"])
def test_members_of_a_float32_certificate_are_right_by_eps_more_than_the_margin(tmp_path, strategy):
    model = trained_toy()
    one = in_float32(tmp_path, model, strategy)
    assert one.verdict["semantics"] == "float32" and one.problem.margin > one.margin == 0
    found = hunted(one, effort=1)
    assert found.complete and found.members >= one.claimed[0] > 0 and not found.findings
    assert found.smallest.lead > flint.arb(flint.fmpq(*one.problem.margin.as_integer_ratio()))


def test_an_input_within_eps_of_a_tie_must_not_count_in_float32(tmp_path):
    one = in_float32(tmp_path, Recipe("zeros", v=2, k=2, d=2, h=2).build(), "exact")
    found = hunt(one, counting(lambda s: True))
    assert found.wrong_counted == one.total


def test_answers_about_other_sequences_are_refused(tmp_path):
    one = subject(tmp_path, trained_toy(), "exact")

    class Other:
        def check_file(self, model, certificate, flags):
            fields = {"sequence": [0, 0, 0], "counted": True, "class": "", "decided_by": ""}
            return {
                "exit_code": 0,
                "explanations": [{**fields, "rival": 0, "excess": "-1", "unit": ""}],
            }

    with pytest.raises(CheckerError, match="other sequences"):
        checker_members(one.files, Other())([(0, 0, 1)])
