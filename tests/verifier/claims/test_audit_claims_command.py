"""`ballproof audit-claims` as a user meets it: lines, JSON, exit codes."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from support.certify import DATA, trained_toy

from ballproof.models.weights import load_weights
from ballproof.verifier.claims.auditing import HOLDS, UNDECIDED, Auditor, Limits
from ballproof.verifier.claims.deciding import Decider
from ballproof.verifier.claims.reading import ClassClaim
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.goal import silent

TRAP = DATA / "mean-diff-sign.safetensors"
CLAIMS = DATA / "mean-diff-sign.claims.json"
MODEL = "max-of-4-seed-123"


def call(capsys, *arguments):
    """Run the command in this process; return exit code, stdout, stderr."""
    code = main(["audit-claims", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def written(tmp_path):
    """Return a function that writes claims and returns the file."""

    def write(*claims):
        path = tmp_path / "claims.json"
        path.write_text(json.dumps({"claims": claims}))
        return path

    return write


def test_of_the_example_the_first_claim_is_false_and_the_second_true(capsys):
    code, out, _ = call(capsys, TRAP, CLAIMS)
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith("claims[0]: query 3, maximum 15, below 1, gap 1")
    assert lines[1].startswith("  VIOLATED by at least 1.68750019217508")
    assert lines[2].startswith("  15,3: logit of 0 less the logit of 15 in [1.00000019217508")
    assert lines[4] == "  HOLDS on the one sequence of the class"
    assert lines[-1].endswith("1 holds, 1 violated, 0 undecided")
    code, out, _ = call(capsys, TRAP, CLAIMS, "--violated")
    assert code == 1 and "HOLDS" not in out and "VIOLATED" in out


def test_json_has_a_finding_for_each_claim_in_their_order(capsys):
    code, out, _ = call(capsys, TRAP, CLAIMS, "--json", "--slack")
    facts = json.loads(out)
    assert (code, facts["holds"], facts["violated"], facts["undecided"]) == (1, 1, 1, 0)
    false, true = facts["findings"]
    assert (false["verdict"], true["verdict"]) == ("violated", "holds")
    assert false["claim"]["largest_wrong_logit"] == "-0.6875"
    assert (false["witness"]["sequence"], false["witness"]["label"]) == ([15, 3], 15)
    assert (false["witness"]["rival"], false["largest"], false["sequences"]) == (0, True, "1")
    assert true["witness"]["sequence"] == [15, 15] and true["largest"]


def test_claims_about_64_tokens_and_all_rivals_are_decided_together(capsys, written):
    path = written(
        {"all_correct": True},
        {"query": 40, "maximum": 63, "all_correct": True},
        {"maximum": 63, "largest_wrong_logit": 0},
        {"correct_at_least": "16777216"},
        {"correct_at_least": 0},
        {"query": 3, "maximum": 1, "all_correct": True},
    )
    code, out, _ = call(capsys, MODEL, path, "--json")
    found = json.loads(out)["findings"]
    assert code == 1
    assert [x["verdict"] for x in found] == ["violated", *["holds"] * 2, "violated", *["holds"] * 2]
    assert found[0]["witness"] == found[3]["witness"] and found[0]["largest"]
    sequence = found[0]["witness"]["sequence"]
    assert main(["evaluate", MODEL, ",".join(map(str, sequence)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "wrong"


def test_the_largest_of_a_class_is_a_claim_that_holds(capsys, written):
    group = {"query": 1, "maximum": 2}
    found = json.loads(
        call(capsys, MODEL, written({**group, "largest_wrong_logit": -100}), "--json")[1]
    )
    low, high = (found["findings"][0]["witness"][f"gap_at_{end}"] for end in ("least", "most"))
    codes = [
        call(capsys, MODEL, written({**group, "largest_wrong_logit": end}))[0]
        for end in (high, low)
    ]
    assert codes == [0, 1]


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"correct_at_least": "1"}, 2),
        ({"maximum": 4, "largest_wrong_logit": 99}, 0),
        ({"maximum": 4, "largest_wrong_logit": -99}, 1),
    ],
)
def test_exit_codes_tell_holds_violated_and_undecided_apart(capsys, tmp_path, written, claim, code):
    model = trained_toy().write(tmp_path / "toy.safetensors")
    assert call(capsys, model, written(claim), "--max-operations", 3)[0] == code


def test_files_that_cannot_be_used_and_usage_have_their_own_codes(capsys, tmp_path, written):
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    for arguments, code in (
        ([TRAP, bad], 2),
        ([MODEL, CLAIMS], 2),
        ([bad, CLAIMS], 2),
        ([TRAP, tmp_path / "none.json"], 64),
        ([TRAP, tmp_path], 64),
        (["max-of-4-seed-124", CLAIMS], 64),
        ([TRAP], 64),
        ([TRAP, CLAIMS, "--seconds", "0"], 64),
        ([TRAP, CLAIMS, "--seconds", "1.5"], 64),
        (["--help"], 0),
    ):
        got, out, err = call(capsys, *arguments)
        assert got == code, arguments
        assert "Traceback" not in out + err and (out + err).strip()


def test_what_was_found_when_time_ran_out_is_not_called_the_closest(capsys, written, monkeypatch):
    claims = written({"query": 3, "largest_wrong_logit": 1e30})
    _, out, _ = call(capsys, TRAP, claims, "--slack")
    assert "\n  closest: " in out
    witness = Decider.largest

    def hurried(decider, groups, deadline):
        return replace(witness(decider, groups, deadline), largest=False)

    monkeypatch.setattr(Decider, "largest", hurried)
    _, out, _ = call(capsys, TRAP, claims, "--slack")
    assert "\n  closest that was found in time: " in out


def test_the_time_ends_a_search_that_rules_all_rivals_out():
    """No sign is asked for: a threshold above all gaps is decided by worst cases."""
    claim = ClassClaim("claims[0]", {}, None, None, None, 1, Fraction(10**30), Fraction(0))
    for seconds, verdict in ((600, HOLDS), (-1, UNDECIDED)):
        found = Auditor(load_weights(TRAP), Limits(seconds, 10**9)).audit(claim, silent)
        assert found.verdict == verdict
