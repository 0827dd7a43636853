"""`audit --float32`: programs are held against eps, and what leaves it is a finding."""

import json
from fractions import Fraction

import numpy as np
import pytest
from support.certify import DATA, mean_diff_sign
from support.toy import random_toys

from ballproof.models.errors import ModelError
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.audit.float32.programs import Program, programs
from ballproof.verifier.audit.float32.trial import audit_float32, rounded_up
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.float32 import deviation


def frozen(model):
    return weights_from_bytes(model.bytes(), "toy")


def near_ties():
    """Yield toys with near ties that have a float32 program."""
    for model in random_toys(41, 12, 4, 3, 4, flavours=("near ties", "trained")):
        weights = frozen(model)
        try:
            deviation(weights)
        except ModelError:
            continue
        yield weights


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_program_of_a_toy_leaves_the_bound_and_some_flip():
    flips = 0
    for weights in near_ties():
        found = audit_float32(weights, programs(weights), effort=1)
        assert not found.findings
        assert all(run.deviation <= float(found.eps) for run in found.runs)
        assert all((run.largest_flip or 0) <= float(found.eps) for run in found.runs)
        flips += sum(len(run.flips) for run in found.runs)
    assert flips


def test_a_program_that_leaves_the_bound_is_a_finding():
    weights = frozen(mean_diff_sign())
    honest = next(programs(weights))
    eps = float(deviation(weights))

    def off(sequences):
        logits = honest.logits(sequences).copy()
        logits[-1, 0] += np.float32(3 * eps + 1e-3)
        return logits

    found = audit_float32(weights, [Program("off", off)], effort=1)
    assert len(found.findings) == 1
    assert "more than eps" in found.findings[0].sentence


def test_a_program_without_an_answer_is_a_finding():
    weights = frozen(mean_diff_sign())

    def nan(sequences):
        return np.full((len(sequences), 16), np.nan, np.float32)

    found = audit_float32(weights, [Program("nan", nan)], effort=1)
    assert len(found.findings) == found.sequences


def test_eps_is_printed_rounded_up():
    for number in (Fraction(1, 3), Fraction(2, 3 * 10**30), Fraction(10**9, 7), Fraction(0)):
        printed = Fraction(rounded_up(number))
        assert number <= printed <= number * (1 + Fraction(1, 10**5))


def test_the_command_says_eps_and_what_the_programs_did(capsys):
    arguments = ["audit", "--float32", str(DATA / "mean-diff-sign.safetensors"), "--effort", "1"]
    assert main([*arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert Fraction(facts["eps_exactly"]) <= Fraction(facts["eps"])
    assert len(facts["programs"]) >= 4 and facts["findings"] == []
    assert main(arguments) == 0
    assert "No order of summation can move a logit gap by more than" in capsys.readouterr().out


@pytest.mark.parametrize("extra", [["cert.json"], ["--only", "hunt"], ["--html", "a.html"]])
def test_the_program_has_no_certificate_to_attack(capsys, extra):
    model = str(DATA / "mean-diff-sign.safetensors")
    assert main(["audit", "--float32", model, *extra]) == 64
    assert "about MODEL alone" in capsys.readouterr().err
