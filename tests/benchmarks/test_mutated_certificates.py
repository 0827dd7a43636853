"""The benchmark of mutated certificates: the same mutants each time, and no wrong one missed."""

import json
import sys
from pathlib import Path
from random import Random

import pytest
from support import truth as judge

from files.claims import Pins
from files.verdict import Refusal, Rejected

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))

import mutated_certificates as command  # noqa: E402
from mutants import make, watch  # noqa: E402
from mutants.report import summary  # noqa: E402


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make.Source(seed=3, count=60, zoo=0, folder=tmp_path_factory.mktemp("zoo"))


def row_of(source, number):
    return watch.answered(source.mutant(number), Random(number))


def test_a_number_names_the_same_mutant_each_time(source, tmp_path):
    again = make.Source(3, 60, 0, tmp_path)
    other = make.Source(4, 60, 0, tmp_path)
    for number in range(8):
        assert source.mutant(number).cert == again.mutant(number).cert
    assert any(source.mutant(n).cert != other.mutant(n).cert for n in range(4))


def test_mutants_are_answered_and_nothing_is_found(source):
    rows = [row_of(source, number) for number in range(40)]
    assert [row["finding"] for row in rows] == [None] * 40
    assert len({row["answer"] for row in rows}) >= 5
    figures, text = summary(rows)
    assert figures["findings"] == figures["slow"] == 0 and "Nothing was found." in text


def test_a_crash_and_a_count_that_is_false_are_findings(source, monkeypatch):
    def crash(*_):
        raise KeyError("rate")

    monkeypatch.setattr(judge.kernel, "check", crash)
    row = row_of(source, 1)
    assert row["answer"] == "none" and row["finding"].startswith("KeyError")

    def too_many(weights, cert, pins):
        most = str(10**9)
        raise Rejected("count", "too few.", correct_at_least=most, correct_at_most=most)

    monkeypatch.setattr(judge.kernel, "check", too_many)
    numbers = [n for n in range(40) if _readable(source.mutant(n))]
    findings = [row_of(source, number)["finding"] for number in numbers]
    assert findings and all(str(finding).startswith("false: ") for finding in findings)
    figures, text = summary([row_of(source, number) for number in numbers])
    assert figures["findings"] == len(numbers) and "Findings" in text


def _readable(mutant):
    """Say whether a mutant is a claim about its model, in real arithmetic and at margin 0."""
    try:
        claim, _ = judge.kernel.read(mutant.truth.weights, mutant.cert, Pins())
    except Refusal:
        return False
    return claim.semantics == "real" and claim.margin == (0, 1)


def test_an_answer_that_takes_too_long_is_stopped_and_a_finding(source, monkeypatch):
    def forever(*_):
        while True:
            pass

    monkeypatch.setattr(judge.kernel, "check", forever)
    monkeypatch.setattr(watch, "STOP", 0.05)
    row = row_of(source, 2)
    assert row["answer"] == "none" and row["finding"] == "no answer in 0 s"


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    out = tmp_path / "answers.jsonl"
    arguments = ["x", "--zoo", "0", "--only", "toy", "--out", str(out), "--json"]
    for count in (3, 5):
        monkeypatch.setattr(sys, "argv", [*arguments, "--count", str(count)])
        assert command.main() == 0
        assert json.loads(capsys.readouterr().out)["mutants"] == count
        with out.open("a") as file:
            file.write('{"number": 4, "kind')  # A run that was killed while it wrote.
            file.write("\n")


def test_hard_certificates_are_well_formed(source):
    """Each is refused for its budget, not for a slip in how it is built."""
    for index, maker in enumerate(make.hard(500)):
        if index % 23 == 0:
            name, weights, cert = maker()
            # More groups than a pool may have are a fault of the witness by now, and lists of
            # nothing but values are no certificate.
            if not any(word in name for word in ("MiB", "groups", "values")):
                assert judge.ask(weights, cert, 500).reason == "budget", name
