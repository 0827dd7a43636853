"""The file that `prove` writes is, byte for byte, the one that the checker verified last."""

import pytest
from support.toy import Recipe

from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.checking import VERIFIED, CheckerProcess

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
    arguments = ["--quiet", "prove", model, "--strategy", "[bce]*", "--out", str(folder)]
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
