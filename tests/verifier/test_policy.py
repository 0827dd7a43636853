"""Policies: what is demanded of a verified certificate, and a sentence for each demand not met."""

import json
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.certify import certificate, encoded, established, trained_toy

import ballproof as bp
from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.policy import (
    FORMAT,
    Policy,
    PolicyError,
    judged,
    policy_of,
    read_policy,
)

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "policy.schema.json"
TOY = trained_toy()
TRUE, _ = established(TOY, "exact")
CERTIFICATE = encoded(certificate(TOY, "exact", at_least=TRUE, at_most=TRUE))
CUBIC = encoded(certificate(TOY, "cubic", at_least=0))


@pytest.fixture
def files(tmp_path):
    """Return the toy's weights, an exact certificate, and a function that writes a policy."""
    model = TOY.write(tmp_path / "toy.safetensors")
    claim = tmp_path / "exact.json"
    claim.write_bytes(CERTIFICATE)

    def policy(**demands):
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"format": FORMAT, **demands}))
        return path

    return model, claim, policy


def verdict(**changed):
    fields = {
        "verdict": "VERIFIED",
        "exit_code": 0,
        "task": "max-of-3",
        "semantics": "real",
        "margin": "0",
        "total": "125",
        "correct_at_least": str(TRUE),
        "correct_at_most": str(TRUE),
        "operations": "1000",
    }
    return {**fields, **changed}


def check(capsys, *words):
    capsys.readouterr()
    code = main(["check", *map(str, words)])
    return code, *capsys.readouterr()


def test_a_certificate_that_meets_all_keeps_the_checkers_line(files, capsys):
    model, claim, policy = files
    plain = check(capsys, model, claim)
    path = policy(at_least=f"{TRUE}/125", semantics="real", task="max-of-3")
    assert check(capsys, model, claim, "--policy", path) == plain
    code, out, _ = check(capsys, model, claim, "--policy", path, "--json")
    assert (code, json.loads(out)["demands"]) == (0, 3)


def test_each_demand_that_is_not_met_gets_its_sentence(files, capsys):
    model, claim, policy = files
    path = policy(task="min-of-3", semantics="float32", note="of the release")
    demands = ("--at-least", "1", "--at-most-operations", "1", "--least-lead", "1/2")
    words = (model, claim, "--policy", path, *demands, "--unexplained-at-most", "9")
    code, out, _ = check(capsys, *words)
    *missed, last = out.splitlines()
    assert code == 1
    assert [line.split(":")[0] for line in missed] == [
        "d at_least",
        "d at_most_operations",
        "d unexplained_at_most",
        "d least_lead",
        "d task",
        "d semantics",
    ]
    assert last.startswith("s REJECTED policy 6 of 6 demands are not met: ")
    code, out, _ = check(capsys, *words, "--json")
    fields = json.loads(out)
    assert (code, fields["exit_code"], fields["reason"]) == (1, 1, "policy")
    assert [one["demand"] for one in fields["unmet"]] == [line.split(":")[0][2:] for line in missed]
    assert fields["verified"]["verdict"] == "VERIFIED"
    assert "correct_at_least" not in fields


def test_a_refusal_of_the_checker_stays_what_it_is(files, capsys, tmp_path):
    model, _, policy = files
    false = tmp_path / "false.json"
    false.write_bytes(encoded(certificate(TOY, "exact", at_least=TRUE + 1)))
    plain = check(capsys, model, false)
    assert plain[0] == 1
    assert check(capsys, model, false, "--policy", policy(at_least="1")) == plain


def test_pins_of_the_checker_are_still_the_checkers(files, capsys):
    model, claim, policy = files
    code, out, _ = check(capsys, model, claim, "--policy", policy(at_least="0"), "--task", "x")
    assert (code, out.split()[:3]) == (1, ["s", "REJECTED", "pin"])


@pytest.mark.parametrize(
    ("demand", "edge", "beyond"),
    [
        ("at_least", Fraction(TRUE, 125), Fraction(TRUE, 125) + Fraction(1, 10**40)),
        ("at_most_operations", 1000, 999),
        ("least_lead", Fraction(0), Fraction(1, 10**40)),
        ("task", "max-of-3", "max-of-4"),
        ("semantics", "real", "float32"),
    ],
)
def test_each_demand_is_met_up_to_its_edge_exactly(demand, edge, beyond):
    assert Policy(**{demand: edge}).unmet(verdict(), CERTIFICATE) == {}
    assert set(Policy(**{demand: beyond}).unmet(verdict(), CERTIFICATE)) == {demand}


def test_a_lead_is_demanded_of_the_margin():
    claimed = verdict(margin="1/3")
    assert not Policy(least_lead=Fraction(1, 3)).unmet(claimed, CERTIFICATE)
    assert Policy(least_lead=Fraction("0.3334")).unmet(claimed, CERTIFICATE)


def test_the_unexplained_dimension_is_that_of_the_strategy_and_the_sizes():
    content = json.loads(CUBIC)
    dimension = bp.prove(TOY.tensors, strategy="cubic", task="max-of-3").unexplained_dimension
    assert content["proof"]["strategy"] == "cubic"
    assert not Policy(unexplained_at_most=dimension).unmet(verdict(), CUBIC)
    said = Policy(unexplained_at_most=dimension - 1).unmet(verdict(), CUBIC)
    assert str(dimension) in said["unexplained_at_most"]
    # The study has no rule for `exact`: a demand is not met by silence.
    assert Policy(unexplained_at_most=10**30).unmet(verdict(), CERTIFICATE)


COUNTS = st.integers(0, 2000)


@given(COUNTS, COUNTS, st.fractions(0, 1))
def test_nothing_is_accepted_that_misses_a_demand(operations, most, share):
    found = judged(
        verdict(operations=str(operations)),
        CERTIFICATE,
        [Policy(at_least=share), Policy(at_most_operations=most)],
    )
    met = Fraction(TRUE, 125) >= share and operations <= most
    assert (found["exit_code"] == 0) == met
    assert len(found.get("unmet", ())) == (Fraction(TRUE, 125) < share) + (operations > most)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "no JSON object"),
        ({"at_least": "1"}, "format"),
        ({"format": FORMAT}, "demands nothing"),
        ({"format": FORMAT, "at_leats": "1"}, "at_leats"),
        ({"format": FORMAT, "at_least": 0.99}, "0.99"),
        ({"format": FORMAT, "at_least": 1}, "string is expected"),
        ({"format": FORMAT, "at_least": "1/0"}, "1/0"),
        ({"format": FORMAT, "least_lead": "-1"}, "-1"),
        ({"format": FORMAT, "at_most_operations": True}, "True"),
        ({"format": FORMAT, "at_most_operations": -1}, "-1"),
        ({"format": FORMAT, "unexplained_at_most": "1e3"}, "1e3"),
        ({"format": FORMAT, "semantics": "float64"}, "float64"),
        ({"format": FORMAT, "task": ""}, "a name is expected"),
        ({"format": FORMAT, "note": 1, "task": "max-of-3"}, "note"),
    ],
)
def test_a_policy_that_is_none_is_refused_by_reader_and_schema(content, said):
    with pytest.raises(PolicyError, match=said):
        policy_of(content, "policy.json")
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert not validator.is_valid(content)


def test_the_command_calls_a_bad_policy_a_usage_error(files, capsys, tmp_path):
    model, claim, policy = files
    code, _, err = check(capsys, model, claim, "--policy", policy(at_leats="1"))
    assert (code, "at_leats" in err) == (64, True)
    assert check(capsys, model, claim, "--policy", tmp_path / "none.json")[0] == 64
    twice = tmp_path / "twice.json"
    twice.write_text(f'{{"format": "{FORMAT}", "at_least": "1", "at_least": "0"}}')
    assert check(capsys, model, claim, "--policy", twice)[0] == 64


def test_all_demands_are_read_and_fit_the_schema(files):
    demands = {
        "task": "max-of-3",
        "semantics": "real",
        "at_least": "0.999",
        "at_most_operations": 4_000_000,
        "unexplained_at_most": "4096",
        "least_lead": "1/3",
    }
    path = files[2](**demands, note="free text")
    jsonschema.validate(json.loads(path.read_text()), json.loads(SCHEMA.read_text()))
    assert read_policy(path) == Policy(
        "max-of-3", "real", Fraction("0.999"), 4_000_000, 4096, Fraction(1, 3)
    )


def test_a_folder_is_judged_certificate_by_certificate(files, capsys, tmp_path):
    model, _, policy = files
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "exact.json").write_bytes(CERTIFICATE)
    (folder / "weak.json").write_bytes(CUBIC)
    words = ("--all", folder, "--models", model, "--policy", policy(at_least=f"{TRUE}/125"))
    code, out, _ = check(capsys, *words)
    *lines, summary = out.splitlines()
    first, second = sorted(lines)
    assert (code, summary) == (1, "2 certificates: 1 verified, 1 rejected, 0 declined")
    assert first.startswith("exact.json: s VERIFIED ")
    assert second.startswith("weak.json: s REJECTED policy 1 of 1 demands is not met: 0 of 125")


def test_the_call_returns_a_verdict_that_is_false(files):
    model, claim, policy = files
    assert bp.check(model, claim, at_least=f"{TRUE}/125", at_most_operations=10**9)
    missed = bp.check(model, claim, at_least="1", least_lead="0.1", at_most_operations=10**9)
    assert (bool(missed), missed.verdict, missed.reason) == (False, "REJECTED", "policy")
    assert len(missed.unmet) == 2
    assert missed.correct_at_least is None
    by_file = bp.check(model, claim, policy=policy(at_least="1"))
    by_mapping = bp.check(model, claim, policy={"format": FORMAT, "at_least": "1"})
    assert by_file.unmet == by_mapping.unmet != ()
    with pytest.raises(ValueError, match="demands nothing"):
        bp.check(model, claim, policy={"format": FORMAT})
