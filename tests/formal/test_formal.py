"""The proofs in Coq: names in docs/theorems.md exist, and the verified checker, where it is built.

Building it and its larger comparisons are targets of formal/Makefile.
"""

import importlib.util
import json
import random
import re
from pathlib import Path

import pytest

from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.checking import verified_checker

ROOT = Path(__file__).resolve().parents[2]
FORMAL = ROOT / "formal"
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in FORMAL.glob("*.v")}
STATED = re.compile(r"^\s*(?:Theorem|Lemma|Definition|Fixpoint|Record)\s+([\w']+)", re.MULTILINE)
PROVED = re.compile(r"^\s*(?:Theorem|Lemma)\s+([\w']+)", re.MULTILINE)
# What the same paragraphs name of tasks.
RULES = {"max", "min", "rank", "argmax", "sum", "product", "table"}
built = pytest.mark.skipif(verified_checker() is None, reason="the verified checker is not built")


def script(name):
    """Return a script of formal/ as a module."""
    spec = importlib.util.spec_from_file_location(f"formal_{name}", FORMAL / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def coq_names():
    """Yield (heading, name) for what docs/theorems.md names as stated in Coq."""
    heading = ""
    for paragraph in (ROOT / "docs" / "theorems.md").read_text(encoding="utf-8").split("\n\n"):
        if paragraph.startswith("## "):
            heading = paragraph.splitlines()[0].removeprefix("## ")
        if paragraph.startswith("Coq"):
            for name in re.findall(r"`([A-Za-z]\w*'?)`", paragraph):
                if name not in RULES:
                    yield heading, name


def test_every_coq_name_of_the_theorems_exists():
    stated = {name for text in SOURCES.values() for name in STATED.findall(text)}
    missing = [name for _, name in coq_names() if name not in stated]
    assert not missing


@pytest.mark.parametrize("number", range(1, 8))
def test_each_of_the_first_theorems_names_one_that_is_proved(number):
    proved = {name for text in SOURCES.values() for name in PROVED.findall(text)}
    named = {name for heading, name in coq_names() if heading.startswith(f"T{number}:")}
    assert named & proved


def test_every_file_of_proofs_is_built():
    listed = {
        line[:-2] for line in (FORMAL / "_CoqProject").read_text().split() if line.endswith(".v")
    }
    assert SOURCES.keys() - listed == {"Extract", "Small"}


def test_no_source_assumes_a_statement():
    refused = script("assumptions").REFUSED
    assert not [
        (name, refused.findall(text)) for name, text in SOURCES.items() if refused.search(text)
    ]


def test_every_mutant_changes_a_text_that_is_there():
    mutants = script("mutants")
    assert len(mutants.UNSOUND) >= 40
    missing = [m.name for m in mutants.UNSOUND + mutants.SOUND if m.old not in SOURCES[m.file]]
    assert not missing


def test_without_the_program_the_command_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    command = importlib.import_module("ballproof.verifier.commands.check")
    monkeypatch.setattr(command, "verified_checker", lambda: None)
    assert main(["check", "max-of-4-seed-123", str(tmp_path), "--verified"]) == 64
    assert "make verified" in capsys.readouterr().err


@pytest.fixture(scope="module")
def compare():
    return script("compare")


def answered(compare, tmp_path, weights, stated, *arguments):
    """Return exit code and verdict of the verified checker on a certificate."""
    model, certificate = tmp_path / "model.safetensors", tmp_path / "certificate.json"
    model.write_bytes(weights)
    certificate.write_text(json.dumps(stated))
    return compare.verdict(model, certificate, *arguments)


@built
def test_it_counts_small_models_as_the_kernel_does(compare):
    assert compare.compare_random(40) == 0


@built
@pytest.mark.parametrize("rule", ["max", "min"])
@pytest.mark.parametrize("strategy", ["exact", "brute-force"])
def test_one_more_or_less_than_is_true_is_rejected(compare, tmp_path, strategy, rule):
    weights = compare.small_model(random.Random(5))
    low, high = compare.kernel_counts(weights, "0", strategy, rule)
    total = int(compare.claim(weights, "0")["claim"]["total"])
    assert 0 < low == high < total
    stated = compare.claim(weights, "0", low, high, strategy, rule)
    assert answered(compare, tmp_path, weights, stated)[0] == 0
    for ends in (low + 1, total), (low - 1, high - 1):
        stated = compare.claim(weights, "0", *ends, strategy, rule)
        code, line = answered(compare, tmp_path, weights, stated)
        assert (code, line[:17]) == (1, "s REJECTED count ")


@built
def test_the_cubic_bound_is_verified_as_a_lower_end_alone(compare, tmp_path):
    for weights in map(compare.small_model, map(random.Random, range(1000))):
        low, total = compare.kernel_counts(weights, "0", "cubic")
        right, _ = compare.kernel_counts(weights, "0")
        if 1 < low < right < total:
            break
    for ends, code in ((low, total), 0), ((right + 1, total), 1), ((low, total - 1), 1):
        stated = compare.claim(weights, "0", *ends, "cubic")
        assert answered(compare, tmp_path, weights, stated)[0] == code


@built
def test_the_smallest_token_is_not_the_largest(compare, tmp_path):
    weights = compare.small_model(random.Random(5))
    counts = [compare.kernel_counts(weights, "0", rule=rule) for rule in compare.RULES]
    assert counts[0] != counts[1]
    for rule, other in zip(compare.RULES, reversed(counts), strict=True):
        stated = compare.claim(weights, "0", *other, rule=rule)
        code, line = answered(compare, tmp_path, weights, stated)
        assert (code, line[:17]) == (1, "s REJECTED count ")


@built
def test_cubic_of_the_smallest_token_is_declined(compare, tmp_path):
    weights = compare.small_model(random.Random(5))
    stated = compare.claim(weights, "0", 0, strategy="cubic", rule="min")
    code, line = answered(compare, tmp_path, weights, stated)
    assert (code, line[:23]) == (2, "s DECLINED unsupported ")


@built
def test_a_witness_for_a_strategy_that_takes_none_is_rejected(compare, tmp_path):
    weights = compare.small_model(random.Random(5))
    for strategy in compare.STRATEGIES:
        stated = compare.claim(weights, "0", 0, strategy=strategy)
        stated["proof"]["witness"] = {"cells": []}
        code, line = answered(compare, tmp_path, weights, stated)
        assert (code, line[:19]) == (1, "s REJECTED witness ")


@built
def test_a_verified_line_names_the_verified_checker(compare, tmp_path):
    weights = compare.small_model(random.Random(5))
    low, high = compare.kernel_counts(weights, "0")
    line = answered(compare, tmp_path, weights, compare.claim(weights, "0", low, high))[1]
    assert line.startswith("s VERIFIED max-of-")
    assert line.endswith("operations, not counted by the verified checker")


@built
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("claim", "semantics"), "float32"),
        (("proof", "strategy"), "enumerate"),
        (("claim", "task", "rule"), "argmax"),
        (("claim", "task", "answers"), [0, 1]),
        (("claim", "model", "parts"), [{"part": "embed"}]),
        (("format",), "ballproof-certificate/1"),
    ],
)
def test_what_it_does_not_serve_is_declined(compare, tmp_path, path, value):
    weights = compare.small_model(random.Random(5))
    stated = place = compare.claim(weights, "0", 0)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    code, line = answered(compare, tmp_path, weights, stated)
    assert (code, line[:25]) == (2, "s DECLINED unsupported ce") or "DECLINED" in line


@built
@pytest.mark.parametrize(
    "arguments",
    [("--task=max-of-99",), ("--margin=1/2",), ("--semantics=float32",), ("--at-least=1",)],
)
def test_another_statement_than_is_asked_for_is_rejected(compare, tmp_path, arguments):
    weights = compare.small_model(random.Random(5))
    code, line = answered(compare, tmp_path, weights, compare.claim(weights, "0", 0), *arguments)
    assert (code, line[:15]) == (1, "s REJECTED pin ")
