"""The file that `prove` writes is, byte for byte, the one that the checker verified last."""

from fractions import Fraction

import pytest
from support.toy import Recipe

from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.checking import VERIFIED, CheckerProcess
from ballproof.verifier.proving.pipeline import NotApplicableError
from ballproof.verifier.proving.reach import require_reachable
from ballproof.verifier.strategies import settling_strategy, strategy_named

TOY = Recipe("trained", 4, 3, 3, 2, frozenset({"b_U"}), seed=4)


@pytest.fixture
def asked(monkeypatch):
    """Return the certificates that the checker is asked about, with its exit codes."""
    seen = []
    check = CheckerProcess.check

    def noting(self, model, certificate, max_operations):
        verdict = check(self, model, certificate, max_operations)
        seen.append((certificate, verdict["exit_code"]))
        return verdict

    monkeypatch.setattr(CheckerProcess, "check", noting)
    return seen


@pytest.fixture
def model(tmp_path):
    return str(TOY.build().write(tmp_path / "toy.safetensors"))


@pytest.mark.parametrize(
    "wanted",
    [
        ["--strategy", "exact"],
        ["--strategy", "cubic"],
        ["--strategy", "ladder", "--max-operations", "3000"],
        ["--strategy", "auto", "--at-least", "1/4"],
    ],
    ids=lambda wanted: wanted[1],
)
def test_the_bytes_checked_last_are_the_bytes_written(wanted, asked, model, tmp_path):
    path = tmp_path / "certificate.json"
    assert main(["--quiet", "prove", model, *wanted, "--out", str(path)]) == 0
    assert (path.read_bytes(), VERIFIED) in asked
    if wanted[1] != "auto":
        assert asked[-1] == (path.read_bytes(), VERIFIED)


def test_each_certificate_of_many_was_verified_as_it_is_written(asked, model, tmp_path):
    folder = tmp_path / "many"
    arguments = ["--quiet", "prove", model, "--strategy", "[bce][rux]*", "--out", str(folder)]
    assert main(arguments) == 0
    written = sorted(folder.glob("*.json"))
    assert len(written) == 3
    for path in written:
        assert (path.read_bytes(), VERIFIED) in asked


def test_a_refusal_of_the_final_bytes_writes_no_file(model, tmp_path, monkeypatch):
    check = CheckerProcess.check

    def refusing_small_budgets(self, model, certificate, max_operations):
        verdict = check(self, model, certificate, max_operations)
        return (
            verdict
            if max_operations > 10**9
            else {**verdict, "exit_code": 1, "reason": "x", "sentence": "."}
        )

    monkeypatch.setattr(CheckerProcess, "check", refusing_small_budgets)
    path = tmp_path / "certificate.json"
    assert main(["--quiet", "prove", model, "--strategy", "exact", "--out", str(path)]) != 0
    assert not path.exists()


@pytest.mark.parametrize("strategy", ["auto", "compact", "ladder", "moment", "grid"])
def test_a_bound_above_the_truth_is_refused_before_any_search(
    strategy, asked, model, tmp_path, monkeypatch, capsys
):
    def never(*arguments):
        raise AssertionError("a search began")

    problem = pose(load_weights(model))
    truth = settling_strategy(problem).bound(problem, {}, silent).correct_at_least
    above = f"{truth + 1}/{problem.total}"
    for name in ("ladder", "moment", "grid"):
        monkeypatch.setattr(type(strategy_named(name)), "search", never)
    path = tmp_path / "certificate.json"
    words = ["prove", model, "--strategy", strategy, "--at-least", above, "--out", str(path)]
    assert main(words) == 2
    assert f"exactly {truth} are" in capsys.readouterr().err
    assert not asked and not path.exists()


def test_a_bound_that_is_the_truth_is_within_reach(model):
    problem = pose(load_weights(model))
    truth = settling_strategy(problem).bound(problem, {}, silent).correct_at_least
    require_reachable(problem, Goal(at_least=Fraction(truth, problem.total)))
    for semantics in ("real", "float32"):
        for margin in (Fraction(0), Fraction(1, 3)):
            posed = pose(load_weights(model), margin, semantics)
            shown = settling_strategy(posed).bound(posed, {}, silent).correct_at_least
            require_reachable(posed, Goal(at_least=Fraction(shown, posed.total)))
            with pytest.raises(NotApplicableError, match="No proof reaches this bound"):
                require_reachable(posed, Goal(at_least=Fraction(shown + 1, posed.total)))


def test_where_counting_takes_too_long_nothing_is_said(model):
    problem = pose(load_weights(model))
    require_reachable(problem, Goal(at_least=Fraction(1)), seconds=-1)
    require_reachable(pose(load_weights(zoo_path("max-of-20-seed-50"))), Goal(None, Fraction(1)))
