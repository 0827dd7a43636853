"""The demo: five certificates of one model, all verified, and a command to go on with."""

import json

import pytest

from ballproof.verifier.commands.main import main


@pytest.mark.slow
def test_the_demo_leaves_verified_certificates_and_a_command_that_works(tmp_path, capsys):
    assert main(["--quiet", "demo", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("s VERIFIED max-of-4" in line for line in lines) == 5
    claims = [json.loads(path.read_text())["claim"] for path in sorted(tmp_path.iterdir())]
    counts = sorted(int(claim["correct_at_least"]) for claim in claims)
    assert counts[-3:] == [16_765_884] * 3
    assert counts[0] >= 14_700_000
    suggested = lines[-1].split("ballproof ")[1].split()
    assert main(suggested) == 0
