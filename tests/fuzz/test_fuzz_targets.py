"""The fuzzing targets without the fuzzer: seeds and mutants pass, and a false answer does not."""

import builtins
import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import run
import target_reader
import target_witness
from support.certify import encoded
from support.network_seeds import NetworkTruth
from support.networks import inputs_of
from support.seeds import seeds
from support.truth import FalseAnswer

import explain
import kernel
from files.claims import Pins, read_claim
from files.verdict import Theorem
from parts.attention_only import WORDS

TARGETS = (target_reader, target_witness)
each_target = pytest.mark.parametrize("target", TARGETS)


def flipped(rng):
    """Return what stands in for libFuzzer's own mutations: a few bytes changed, or cut out."""

    def mutate(data, size):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            if changed:
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        at = rng.randrange(len(changed) + 1)
        return bytes(changed[:at] + changed[at + rng.choice([0, 0, 1, 8]) :])[:size]

    return mutate


@each_target
def test_seeds_and_their_mutants_are_answered_truly(target):
    rng = Random(4)
    for index, seed in seeds(rng, 34):
        data = target.seed_input(index, seed)
        target.one_input(data)
        for _ in range(6):
            data = target.mutator(data, run.MAX_LENGTH, rng.randrange(2**32), flipped(rng))
            target.one_input(data)


@each_target
def test_any_bytes_are_an_input(target):
    rng = Random(5)
    for length in (0, 1, 3, 4, 5, 12, 200):
        data = rng.randbytes(length)
        target.one_input(data)
        target.one_input(target.mutator(data, 300, 1, flipped(rng)))


@each_target
def test_most_seeds_are_verified(target, monkeypatch):
    verified, check = [], kernel.check

    def record(*files):
        verified.append(check(*files))
        return verified[-1]

    monkeypatch.setattr(kernel, "check", record)
    for index, seed in seeds(Random(6), 32):
        target.one_input(target.seed_input(index, seed))
    assert len(verified) >= 24


@each_target
@pytest.mark.parametrize("change", ["low", "high", "digest", "crash", "counted"])
def test_a_false_answer_or_a_crash_is_a_finding(target, change, monkeypatch):
    """One that claims a sequence too much, speaks of other weights, or explains what is wrong."""
    (index, seed) = next(pair for pair in seeds(Random(7), 40) if _partly_right(pair[1]))
    theorem = Theorem(
        *(seed.truth.task, WORDS, seed.truth.digest, "real", "0", seed.truth.total),
        *(seed.truth.count(0), seed.truth.count(0), 10**6, 10),
    )
    explained = explain.explanations
    changes = {
        "low": {"correct_at_least": theorem.correct_at_least + 1},
        "high": {"correct_at_most": theorem.correct_at_most - 1},
        "digest": {"sha256": "0" * 64},
    }

    def answer(*files):
        if change == "crash":
            raise IndexError("list index out of range")
        return theorem._replace(**changes.get(change, {}))

    def all_counted(weights, cert, pins, sequences):
        wrong = [x for x in seed.truth.oracle.sequences() if not seed.truth.oracle.is_correct(x)]
        return [x._replace(counted=True) for x in explained(weights, cert, pins, wrong)]

    monkeypatch.setattr(kernel, "check", answer)
    monkeypatch.setattr(explain, "explanations", all_counted if change == "counted" else _nothing)
    with pytest.raises(IndexError if change == "crash" else FalseAnswer):
        target.one_input(target.seed_input(index, seed))


def _nothing(*_):
    return []


def _partly_right(seed):
    real = seed.model and seed.fields["claim"]["semantics"] == "real"
    return real and seed.fields["claim"]["margin"] == "0" and 0 < seed.truth.count(0) < 60


def _network_seeds():
    return [pair for pair in seeds(Random(9), 30) if isinstance(pair[1].truth, NetworkTruth)]


@each_target
@pytest.mark.parametrize("change", ["low", "high", "digest", "counted"])
def test_a_false_answer_about_a_network_is_a_finding(target, change, monkeypatch):
    """Also where only the parts that are claimed make it false."""
    check, explained, caught = kernel.check, explain.explanations, 0
    for index, seed in _network_seeds():
        true = check(seed.truth.weights, encoded(seed.fields), Pins())
        changes = {
            "low": {"correct_at_least": true.correct_at_most + 1},
            "high": {"correct_at_most": true.correct_at_least - 1},
            "digest": {"sha256": "0" * 64},
        }
        if change in ("high", "counted") and true.correct_at_least == true.total:
            continue  # An upper end of all claims nothing, and nothing wrong can be counted.
        if change == "high" and not true.correct_at_least:
            continue

        def all_counted(weights, cert, pins, inputs, explained=explained):
            every = list(inputs_of(json.loads(cert)["claim"]["task"]))
            return [x._replace(counted=True) for x in explained(weights, cert, pins, every)]

        told = true._replace(**changes.get(change, {}))
        monkeypatch.setattr(kernel, "check", lambda *_, told=told: told)
        monkeypatch.setattr(
            explain, "explanations", all_counted if change == "counted" else _nothing
        )
        with pytest.raises(FalseAnswer):
            target.one_input(target.seed_input(index, seed))
        monkeypatch.undo()
        caught += 1
    assert caught >= 4


def test_many_mutants_of_network_claims_ask_something_else_and_are_verified(monkeypatch):
    verified, check = [], kernel.check

    def record(weights, cert, pins):
        theorem = check(weights, cert, pins)
        verified.append((theorem.task, theorem.model))
        return theorem

    rng, own = Random(10), set()
    for index, seed in _network_seeds():
        claim = read_claim(encoded(seed.fields), 10**9)
        own.add((claim.question, claim.words))
        monkeypatch.setattr(kernel, "check", record)
        data = target_witness.seed_input(index, seed)
        for _ in range(30):
            changed = target_witness.mutator(data, run.MAX_LENGTH, rng.randrange(2**32))
            target_witness.one_input(changed)
    assert len(verified) > 50 and len(set(verified) - own) > 10


def test_without_atheris_one_sentence_says_how_to_install_it(monkeypatch, capsys):
    imported = builtins.__import__

    def missing(name, *others):
        if name == "atheris":
            raise ImportError(name)
        return imported(name, *others)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr(sys, "argv", ["run.py", "reader"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as stop:
        run.main()
    assert stop.value.code == run.MISSING and "pip install '.[fuzz]'" in run.MISSING


def test_a_finding_is_reproduced_without_the_fuzzer(tmp_path):
    index, seed = seeds(Random(8), 1)[0]
    path = tmp_path / "input"
    path.write_bytes(target_witness.seed_input(index, seed))
    command = [sys.executable, str(Path(run.__file__)), "witness", "--reproduce", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "nothing is wrong" in done.stdout, done.stderr
