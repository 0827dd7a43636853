"""`prove --semantics float32` as a user meets it."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.certify import DATA

from ballproof.verifier.commands.main import main

TOY = DATA / "mean-diff-sign.safetensors"


@pytest.mark.parametrize("strategy", ["exact", "brute-force", "cubic", "ladder"])
def test_a_certificate_about_the_program_says_so_and_can_be_demanded(tmp_path, capsys, strategy):
    out = tmp_path / "c.json"
    arguments = ["prove", str(TOY), "--strategy", strategy, "--semantics", "float32"]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    claim = json.loads(out.read_text())["claim"]
    assert claim["semantics"] == facts["semantics"] == "float32" and claim["margin"] == "0"
    assert facts["note"] is None
    assert main(["check", str(TOY), str(out), "--semantics", "float32"]) == 0
    assert " float32 margin 0: at least " in capsys.readouterr().out
    assert main(["check", str(TOY), str(out), "--semantics", "real"]) == 1


def test_both_ends_are_those_of_margins_on_either_side(tmp_path, capsys):
    out = tmp_path / "c.json"
    arguments = ["prove", str(TOY), "--strategy", "exact", "--out", str(out)]
    counts = {}
    for semantics in ("real", "float32"):
        assert main([*arguments, "--semantics", semantics]) == 0
        claim = json.loads(out.read_text())["claim"]
        counts[semantics] = int(claim["correct_at_least"]), int(claim["correct_at_most"])
    assert counts["real"] == (31, 31)
    assert counts["float32"][0] <= 31 <= counts["float32"][1]


@pytest.mark.parametrize(("value", "word"), [(0.1, "normal"), (1e-50, "normal"), (2.0**127, "2^")])
def test_weights_without_a_float32_program_are_refused_with_a_reason(tmp_path, capsys, value, word):
    tensors = {name: array.astype(np.float64) for name, array in load_file(TOY).items()}
    tensors["embed.W_E"][0, 0] = value
    model = tmp_path / "model.safetensors"
    save_file(tensors, model)
    arguments = ["prove", str(model), "--strategy", "exact", "--out", str(tmp_path / "c.json")]
    assert main([*arguments, "--semantics", "float32"]) == 2
    message = capsys.readouterr().err
    assert word in message and "Traceback" not in message
    assert main(arguments) == 0


def test_unknown_semantics_are_a_usage_error(tmp_path, capsys):
    arguments = ["prove", str(TOY), "--strategy", "exact", "--out", str(tmp_path / "c.json")]
    assert main([*arguments, "--semantics", "float16"]) == 64
    assert "float32" in capsys.readouterr().err
