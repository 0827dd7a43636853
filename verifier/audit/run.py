"""The whole audit of one certificate, part by part."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ballproof.verifier.audit.hunt.candidates import Candidates
from ballproof.verifier.audit.hunt.members import checker_members
from ballproof.verifier.audit.hunt.search import DEFAULT_EFFORT, hunt
from ballproof.verifier.audit.precisions.recount import recompute
from ballproof.verifier.audit.sections import (
    Section,
    check_section,
    hunt_section,
    precisions_section,
    tamper_section,
    tightness_section,
)
from ballproof.verifier.audit.stages import Stage, quietly
from ballproof.verifier.audit.subject import Files, Finding, Subject, subject_of
from ballproof.verifier.audit.tamper.trial import DEFAULT_SECONDS, tamper
from ballproof.verifier.audit.tightness.relaxations import tightness
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.proving.checking import REJECTED, VERIFIED, CheckerProcess
from ballproof.verifier.strategies.obstacles import has_tables

CHECK = "check"
PARTS = (CHECK, "precisions", "tightness", "hunt", "tamper")
# The others go by the classes of max-of-k.
OF_EVERY_TASK = (CHECK, "precisions", "tamper")
NOT_VERIFIED = "there is nothing to attack in a certificate that is not verified"


class Result(Protocol):
    """What a part of the audit returns."""

    @property
    def findings(self) -> list[Finding]:
        """What must not be."""

    def fields(self) -> dict[str, Any]:
        """Return the result for machines."""


@dataclass(frozen=True)
class Settings:
    """How hard the audit tries: `effort` in the search, `seconds` in the other parts; the seed."""

    effort: int = DEFAULT_EFFORT
    seconds: float = DEFAULT_SECONDS
    seed: int = 0
    # A scan of this model and margin that was made before.
    candidates: Candidates | None = None


@dataclass(eq=False)
class Audit:
    """An audit: the checker's verdict, and what each part found.

    Parts that were asked for and could not serve are `not_run`, and `why_not` says why.
    """

    verdict: dict[str, Any]
    sections: list[Section]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    why_not: str = NOT_VERIFIED
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 with any finding, else the checker's."""
        return REJECTED if self.findings else int(self.verdict["exit_code"])

    def fields(self) -> dict[str, Any]:
        """Return the audit for machines."""
        return {
            "verdict": self.verdict,
            **self.results,
            "not_run": self.not_run,
            "findings": [finding.fields() for finding in self.findings],
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
        }


def audit(
    files: Files,
    parts: Sequence[str] = PARTS,
    settings: Settings = Settings(),
    stage: Stage = quietly,
) -> Audit:
    """Check the certificate, then attack it with these parts.

    Raises OSError for a file that cannot be read, ModelError for weights that cannot be used.
    """
    started = time.perf_counter()
    with stage("the standalone checker"):
        verdict = files.control()
    done = Audit(verdict, [check_section(verdict)])
    wanted = [part for part in PARTS if part in parts and part != CHECK]
    if verdict["exit_code"] != VERIFIED:
        done.not_run = wanted
    elif wanted:
        subject = subject_of(files, verdict)
        why_not = _why_not(subject.problem)
        if why_not:
            done.not_run = [part for part in wanted if part not in OF_EVERY_TASK]
            done.why_not = why_not
        for part in [part for part in wanted if part not in done.not_run]:
            section, result = _RUN[part](subject, settings, stage)
            done.sections.append(section)
            done.results[part] = result.fields()
            done.findings += result.findings
    done.seconds = time.perf_counter() - started
    return done


def _why_not(problem: Problem) -> str | None:
    """Return why only the parts of every task serve the problem, if so."""
    if not has_tables(problem):
        words = problem.weights.architecture.words
        return f"they need the tables of one head, and the model is {words}"
    if not problem.is_max_of_all:
        k, task = problem.shape.n_ctx, problem.task_name
        return f"they serve max-of-{k} only, and the task is {task}"
    return None


def _precisions(subject: Subject, settings: Settings, stage: Stage) -> tuple[Section, Result]:
    with stage("recomputing at two precisions") as progress:
        found = recompute(subject, progress=progress)
    return precisions_section(found), found


def _tightness(subject: Subject, settings: Settings, stage: Stage) -> tuple[Section, Result]:
    with stage("comparing with the exact count") as progress:
        found = tightness(subject, progress, settings.seconds)
    return tightness_section(found), found


def _hunt(subject: Subject, settings: Settings, stage: Stage) -> tuple[Section, Result]:
    with CheckerProcess() as checker:
        hunted = hunt(
            subject,
            checker_members(subject.files, checker),
            effort=settings.effort,
            seed=settings.seed,
            candidates=settings.candidates,
            stage=stage,
        )
    return hunt_section(hunted), hunted


def _tamper(subject: Subject, settings: Settings, stage: Stage) -> tuple[Section, Result]:
    tampered = tamper(subject, seconds=settings.seconds, seed=settings.seed, stage=stage)
    return tamper_section(tampered), tampered


_RUN: dict[str, Callable[[Subject, Settings, Stage], tuple[Section, Result]]] = {
    "precisions": _precisions,
    "tightness": _tightness,
    "hunt": _hunt,
    "tamper": _tamper,
}
