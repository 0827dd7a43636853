"""Tampering: mutants are no copies, each has a known answer, and a false checker is found out."""

import json
from collections import Counter
from functools import partial
from random import Random

import pytest
from support.audited import FAMILIES, SINGLE, in_float32, subject
from support.certify import trained_toy, verdict
from support.toy import Recipe, random_toys

from ballproof.verifier.audit.tamper import trial as tampering
from ballproof.verifier.audit.tamper.count_mutations import overclaims
from ballproof.verifier.audit.tamper.mutant import FORGED, KINDS, MOVED
from ballproof.verifier.audit.tamper.trial import all_mutants, tamper
from ballproof.verifier.proving.checking import CheckerError
from ballproof.verifier.strategies.changes import COUNT, HARMLESS

# A slow machine skips nothing.
unhurried = partial(tamper, seconds=1e6)


class Fake:
    """A checker that answers every mutant alike; stands in for the pool of processes."""

    def __init__(self, answer):
        self.answer, self.files = answer, []

    def __call__(self, jobs):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def of_this_thread(self):
        return self

    def check_file(self, model, certificate, flags):
        self.files.append(certificate.read_bytes())
        return self.answer(certificate.read_bytes())


def with_answer(monkeypatch, answer):
    fake = Fake(answer)
    monkeypatch.setattr(tampering, "Checkers", fake)
    return fake


def counts_of(data):
    """Return both counts of a claim, None where it cannot be read."""
    try:
        claim = json.loads(data)["claim"]
        return claim["correct_at_least"], claim["correct_at_most"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None, None


@pytest.mark.parametrize("strategy", FAMILIES)
def test_no_mutant_is_the_certificate_and_the_certificate_is_verified(tmp_path, strategy):
    one = subject(tmp_path, trained_toy(), strategy)
    assert one.verdict["verdict"] == "VERIFIED"
    mutants = list(all_mutants(one, Random(0)))
    made = Counter(mutant.make() for mutant in mutants)
    assert one.data not in made
    assert len(made) > 300
    assert sum(made.values()) - len(made) < len(made) // 20
    kinds = {mutant.kind for mutant in mutants}
    assert kinds == set(KINDS) - ({MOVED} if strategy in SINGLE else set())


@pytest.mark.parametrize("strategy", FAMILIES)
def test_the_kernel_answers_every_mutant_as_it_must(tmp_path, strategy):
    model = Recipe("trained", v=4, k=2, d=3, h=2, seed=3).build()
    one, answers = subject(tmp_path, model, strategy), Counter()
    for mutant in list(all_mutants(one, Random(0))):
        found = verdict(model.bytes(), mutant.make())
        assert found.refusal in mutant.expected, (mutant.name, found)
        answers[found.reason] += 1
        if found.theorem:
            assert HARMLESS in mutant.expected
            assert found.theorem.correct_at_least == one.claimed[0]
    assert {"syntax", "limit", "unsupported", "digest", "statement", "witness"} <= set(answers)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", FAMILIES)
def test_mutants_of_many_shapes_are_answered_as_they_must(tmp_path, strategy):
    shapes = [(1, 1), (1, 3), (2, 1), (2, 2), (5, 1), (3, 4)]
    models = [Recipe("trained", v, k, 3, 2, seed=5).build() for v, k in shapes]
    for seed, model in enumerate([*models, *random_toys(3, 8, 5, 3, 3)]):
        one = subject(tmp_path, model, strategy, seed=seed, margin=("0", "1/3")[seed % 2])
        if one is None:
            continue
        for mutant in list(all_mutants(one, Random(seed))):
            found = verdict(model.bytes(), mutant.make())
            assert found.refusal in mutant.expected, (model.recipe, mutant.name, found)


@pytest.mark.parametrize(
    "strategy",
    [
        "exact",
        pytest.param("ladder", marks=pytest.mark.slow),
        "subcubic/mean-query/mean+diff/svd",
    ],
)
def test_a_true_checker_gives_no_finding_and_claims_beyond_its_count_are_refused(
    tmp_path, strategy
):
    found = unhurried(subject(tmp_path, trained_toy(), strategy))
    assert not found.findings and not found.skipped
    assert found.tried.total() > 300 and found.answers["count"] >= 3
    assert found.answers["verified"] == found.harmless.total()
    if strategy != "exact":
        assert found.harmless[MOVED] and not found.harmless[FORGED]
    json.dumps(found.fields())


def test_a_checker_that_accepts_everything_is_found_out(tmp_path, monkeypatch):
    one = subject(tmp_path, trained_toy(), "subcubic/mean-query/mean+diff/svd")
    with_answer(monkeypatch, lambda data: {**one.verdict})
    found = unhurried(one)
    assert len(found.findings) > 300
    assert {finding.details["kind"] for finding in found.findings} == set(KINDS) - {MOVED}


def test_a_checker_that_does_not_compare_the_count_is_found_out(tmp_path, monkeypatch):
    one = subject(tmp_path, trained_toy(), "exact")
    total = one.total

    def answer(data):
        counts = counts_of(data)
        if counts == (str(total), str(total)):
            return {**one.verdict, "exit_code": 1, "reason": "count"}
        return {**one.verdict, "correct_at_least": counts[0], "correct_at_most": counts[1]}

    with_answer(monkeypatch, answer)
    names = [finding.details["mutant"] for finding in unhurried(one).findings]
    assert any(f"at least {one.claimed[0] + 1}," in name for name in names)


def test_a_mutant_accepted_with_a_stronger_statement_is_a_finding(tmp_path, monkeypatch):
    one = subject(tmp_path, trained_toy(), "subcubic/mean-query/mean+diff/svd")
    stronger = {**one.verdict, "correct_at_least": str(one.claimed[0] + 1)}
    with_answer(monkeypatch, lambda data: stronger)
    moved = [x for x in unhurried(one).findings if x.details["kind"] == MOVED]
    assert moved and all("another correct_at_least" in x.sentence for x in moved)


def test_a_refusal_for_the_wrong_reason_is_a_finding(tmp_path, monkeypatch):
    one = subject(tmp_path, trained_toy(), "exact")
    refused = {"verdict": "REJECTED", "exit_code": 1, "reason": "digest", "sentence": "no"}
    with_answer(monkeypatch, lambda data: refused)
    found = unhurried(one)
    assert len(found.findings) > 300 and found.answers == {"digest": found.tried.total()}
    assert not any(
        "sha256" in x.details["mutant"] and x.details["expected"] == [[1, "digest"]]
        for x in found.findings
    )


def test_a_checker_that_crashes_is_a_finding_and_the_rest_is_tried(tmp_path, monkeypatch):
    one = subject(tmp_path, trained_toy(), "exact")

    def crash(data):
        raise CheckerError("internal error: boom")

    fake = with_answer(monkeypatch, crash)
    found = unhurried(one)
    assert len(found.findings) == found.tried.total() == len(fake.files) > 300
    assert all("boom" in finding.sentence for finding in found.findings)


@pytest.mark.parametrize("strategy", ["exact", "cubic"])
def test_a_certificate_about_the_float32_program_is_tampered_with_alike(tmp_path, strategy):
    model = Recipe("trained", v=4, k=2, d=3, h=2, seed=3).build()
    one = in_float32(tmp_path, model, strategy)
    for mutant in all_mutants(one, Random(0)):
        found = verdict(model.bytes(), mutant.make())
        assert found.refusal in mutant.expected, (mutant.name, found)
    overclaimed = list(overclaims(one, *one.claimed))
    assert overclaimed and all(
        verdict(model.bytes(), x.make()).refusal == COUNT for x in overclaimed
    )


def test_counts_that_the_checker_takes_back_are_a_finding(tmp_path, monkeypatch):
    one = subject(tmp_path, trained_toy(), "exact")
    low = str(one.claimed[0] - 1)
    answer = {"exit_code": 1, "reason": "count", "correct_at_least": low, "tally": "1"}
    with_answer(monkeypatch, lambda data: {**answer, "correct_at_most": str(one.total)})
    assert any("establishes only" in finding.sentence for finding in unhurried(one).findings)


def test_without_time_all_but_the_boldest_claim_is_skipped_and_counted(tmp_path):
    one = subject(tmp_path, trained_toy(), "ladder")
    found = tamper(one, seconds=0)
    every = list(all_mutants(one, Random(0)))
    assert found.tried.total() == 1 and found.answers["count"] == 1
    assert found.skipped.total() >= len(every)


def test_the_same_seed_gives_the_same_mutants(tmp_path):
    one = subject(tmp_path, trained_toy(), "ladder")
    first, second, other = (
        [(m.name, m.make()) for m in all_mutants(one, Random(seed))] for seed in (1, 1, 2)
    )
    assert first == second != other
