"""Tampering: mutants of one certificate, each of which the checker must answer as it should."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from ballproof.verifier.audit.stages import Stage, quietly
from ballproof.verifier.audit.subject import Finding, Subject
from ballproof.verifier.audit.tamper.claim_mutations import claim_mutants, proof_mutants
from ballproof.verifier.audit.tamper.count_mutations import (
    EVERYTHING,
    everything_claimed,
    margin_mutants,
    overclaims,
)
from ballproof.verifier.audit.tamper.mutant import FORGED, KINDS, MOVED, Mutant, mutants_of
from ballproof.verifier.audit.tamper.text_mutations import text_mutants
from ballproof.verifier.proving.checking import CheckerError, Checkers
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.changes import HARMLESS, Answer

PART = "tamper"
DEFAULT_SECONDS = 30.0
STATEMENT = (
    "task",
    "sha256",
    "semantics",
    "margin",
    "total",
    "correct_at_least",
    "correct_at_most",
)


@dataclass(eq=False)
class Tampered:
    """What became of the mutants, counted by kind.

    `answers` counts what came back, "verified" or a reason. `harmless` are the mutants that were
    accepted with the statement of the certificate itself; `skipped` did not fit into the time.
    """

    tried: Counter[str] = field(default_factory=Counter)
    harmless: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def fields(self) -> dict[str, Any]:
        """Return the counts for machines."""
        return {
            "mutants": self.tried.total(),
            "harmless": self.harmless.total(),
            "skipped": self.skipped.total(),
            "kinds": {
                kind: {
                    "tried": self.tried[kind],
                    "harmless": self.harmless[kind],
                    "skipped": self.skipped[kind],
                }
                for kind in KINDS
            },
            "answers": dict(sorted(self.answers.items())),
            "seconds": round(self.seconds, 3),
            "remarks": self.remarks,
            "findings": [finding.fields() for finding in self.findings],
        }


def all_mutants(subject: Subject, rng: Random) -> Iterator[Mutant]:
    """Yield the mutants of a certificate but those that depend on what the check establishes."""
    yield from text_mutants(subject.data, subject.fields, rng)
    yield from claim_mutants(subject)
    yield from proof_mutants(subject, rng)
    yield from margin_mutants(subject)
    changes = strategy_named(subject.strategy).changes(
        subject.problem, subject.fields["proof"]["witness"], rng
    )
    yield from mutants_of(subject.fields, FORGED, changes.outside)
    yield from mutants_of(subject.fields, MOVED, changes.inside, cost=1.0)


def tamper(
    subject: Subject,
    *,
    seconds: float = DEFAULT_SECONDS,
    seed: int = 0,
    stage: Stage = quietly,
) -> Tampered:
    """Have the standalone checker answer mutants of a certificate that it verifies.

    A finding is a mutant that gets another answer than it must, one that is accepted with another
    statement than the certificate's, or one that ends the checker. `seconds` limits the mutants
    that are refused as soon as they are read, and once more those that take a computation; the
    claim that every input is right is tried in any case.
    """
    rng = Random(seed)
    every = list(all_mutants(subject, rng))
    cheap, costly = ([m for m in every if bool(m.cost) == paid] for paid in (False, True))
    started, tampered = time.perf_counter(), Tampered()
    with TemporaryDirectory(prefix="ballproof-") as folder, Checkers(1) as checkers:
        runner = _Runner(subject, checkers, Path(folder) / "mutant.json", tampered)
        with stage("tampering: the bound itself") as progress:
            overclaimed = runner.established()
            progress(1, 1)
        with stage("tampering: files and witnesses") as progress:
            for done, mutant in enumerate(runner.within(_mixed(cheap, rng), seconds), start=1):
                runner.try_out(mutant)
                progress(done, len(cheap))
        with stage("tampering: what has to be computed") as progress:
            computed = _mixed([*overclaimed, *costly], rng)
            for done, mutant in enumerate(runner.within(computed, seconds), start=1):
                runner.try_out(mutant)
                progress(done, len(computed))
    tampered.seconds = time.perf_counter() - started
    return tampered


class _Runner:
    """Gives mutants to a checker process, and a new process where one has ended."""

    def __init__(
        self, subject: Subject, checkers: Checkers, file: Path, tampered: Tampered
    ) -> None:
        self.subject, self.checkers, self.file, self.tampered = subject, checkers, file, tampered
        self.whole_check = float(subject.verdict["seconds"])
        self.reading = 0.0

    def established(self) -> list[Mutant]:
        """Claim that every input is right; return claims just beyond what that shows is so."""
        if self.subject.claimed[0] == self.subject.total:
            return list(overclaims(self.subject, *self.subject.claimed))
        verdict = self.try_out(everything_claimed(self.subject))
        if verdict.get("reason") != "count":
            return []
        low, high = int(verdict["correct_at_least"]), int(verdict["correct_at_most"])
        self._compare(low, high)
        return list(overclaims(self.subject, low, high))

    def _compare(self, low: int, high: int) -> None:
        """Hold the certificate's own statement against what is established without it."""
        least, most = self.subject.claimed
        real = self.subject.verdict["semantics"] == "real"
        if least > low or (real and most < high):
            sentence = (
                f"The checker accepts {least} to {most} right inputs, but refuses a larger claim "
                f"because it establishes only {low} to {high}."
            )
            self.tampered.findings.append(Finding(PART, sentence, {}))

    def within(self, mutants: Iterable[Mutant], seconds: float) -> Iterator[Mutant]:
        """Yield the mutants that fit into the time; count the others as skipped."""
        end = time.perf_counter() + seconds
        for mutant in mutants:
            expected = max(mutant.cost * self.whole_check, self.reading)
            if time.perf_counter() + expected > end:
                self.tampered.skipped[mutant.kind] += 1
            else:
                yield mutant

    def try_out(self, mutant: Mutant) -> Mapping[str, Any]:
        """Have one mutant answered, and keep what came of it; returns the verdict's fields."""
        data = mutant.make()
        if data == self.subject.data:
            raise ValueError(f"the mutant {mutant.name!r} is the certificate itself")
        self.tampered.tried[mutant.kind] += 1
        started = time.perf_counter()
        verdict = self._verdict(mutant, data)
        if mutant.cost == 0:
            # A running mean: one slow answer must not end the turn.
            self.reading += (time.perf_counter() - started - self.reading) / 8
        if verdict:
            self._keep(mutant, verdict)
        return verdict

    def _verdict(self, mutant: Mutant, data: bytes) -> dict[str, Any]:
        files = self.subject.files
        self.file.write_bytes(data)
        try:
            return self.checkers.of_this_thread().check_file(files.model, self.file, files.flags)
        except CheckerError as error:
            self.tampered.answers["no verdict"] += 1
            self._find(mutant, f"ends the checker without a verdict: {error}", {})
            return {}

    def _keep(self, mutant: Mutant, verdict: dict[str, Any]) -> None:
        answer: Answer = (verdict["exit_code"], verdict.get("reason"))
        self.tampered.answers[answer[1] or "verified"] += 1
        if answer not in mutant.expected:
            must = ", ".join(sorted(reason or "verified" for _, reason in mutant.expected))
            self._find(mutant, f"is answered {answer[1] or 'verified'}, not {must}", verdict)
        elif answer == HARMLESS:
            self._accept(mutant, verdict)

    def _accept(self, mutant: Mutant, verdict: dict[str, Any]) -> None:
        changed = [key for key in STATEMENT if verdict[key] != self.subject.verdict[key]]
        if not changed:
            self.tampered.harmless[mutant.kind] += 1
        elif mutant.name == EVERYTHING:
            self.tampered.remarks.append(
                "The checker establishes more than the certificate claims: every input is right."
            )
        else:
            self._find(mutant, f"is accepted with another {changed[0]}", verdict)

    def _find(self, mutant: Mutant, what: str, verdict: dict[str, Any]) -> None:
        expected = sorted([code, reason or "verified"] for code, reason in mutant.expected)
        details = {"kind": mutant.kind, "mutant": mutant.name, "expected": expected}
        sentence = f"A mutant ({mutant.name}) {what}."
        self.tampered.findings.append(Finding(PART, sentence, {**details, "verdict": verdict}))


def _mixed(mutants: Iterable[Mutant], rng: Random) -> list[Mutant]:
    """Return the mutants shuffled, kinds in turn, so that a limit cuts all kinds alike."""
    by_kind: dict[str, list[Mutant]] = {kind: [] for kind in KINDS}
    for mutant in mutants:
        by_kind[mutant.kind].append(mutant)
    for listed in by_kind.values():
        rng.shuffle(listed)
    turns = chain.from_iterable(zip_longest(*by_kind.values()))
    return [mutant for mutant in turns if mutant is not None]
