"""What is audited: a weights file and a certificate, and what the standalone checker says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ballproof.models.tasks import task_of_json
from ballproof.models.weights import Weights, load_weights
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.checking import (
    DECLINED,
    DEFAULT_MAX_OPERATIONS,
    REJECTED,
    VERIFIED,
    CheckerError,
    run_checker,
)


@dataclass(frozen=True)
class Finding:
    """Something that must not be: which part of the audit found it, a sentence, the details."""

    part: str
    sentence: str
    details: dict[str, Any]

    def fields(self) -> dict[str, Any]:
        """Return the finding for machines."""
        return {"part": self.part, "sentence": self.sentence, **self.details}


@dataclass(frozen=True)
class Files:
    """A model, a certificate, and the largest budget that a check may state."""

    model: Path
    certificate: Path
    max_operations: int = DEFAULT_MAX_OPERATIONS

    def control(self) -> dict[str, Any]:
        """Return the standalone checker's verdict, from a process that does nothing else.

        Raises CheckerError where it ends without one.
        """
        run = run_checker(self.model, self.certificate, [*self.flags, "--json"])
        if run.exit_code not in (VERIFIED, REJECTED, DECLINED):
            raise CheckerError(f"the checker ended without a verdict: {run.diagnostics.strip()}")
        return {**json.loads(run.output), "seconds": run.seconds}

    @property
    def flags(self) -> list[str]:
        """The checker's flags for every check of this audit."""
        return [f"--max-operations={self.max_operations}"]


@dataclass(frozen=True, eq=False)
class Subject:
    """A certificate that the checker has verified, read, and the model as exact tables.

    `verdict` holds the fields of the checker's `--json`, with `seconds`.
    """

    files: Files
    data: bytes
    fields: dict[str, Any]
    weights: Weights
    problem: Problem
    verdict: dict[str, Any]

    @property
    def margin(self) -> Fraction:
        """The claim's margin; an input that counts has `problem.margin`, in float32 more."""
        return self.problem.claimed

    @property
    def strategy(self) -> str:
        """The name of the proof's strategy."""
        return str(self.fields["proof"]["strategy"])

    @property
    def total(self) -> int:
        """Number of all inputs."""
        return self.problem.total

    @property
    def claimed(self) -> tuple[int, int]:
        """How many inputs are right, at least and at most, by the statement."""
        return int(self.verdict["correct_at_least"]), int(self.verdict["correct_at_most"])


def subject_of(files: Files, verdict: dict[str, Any]) -> Subject:
    """Read the files of a certificate that was verified; it needs no tests of ours any more."""
    if verdict["exit_code"] != VERIFIED:
        raise ValueError("only a verified certificate can be audited further")
    data = files.certificate.read_bytes()
    fields = json.loads(data)
    weights = load_weights(files.model)
    task = task_of_json(fields["claim"]["task"], weights.shape)
    problem = pose(weights, Fraction(verdict["margin"]), verdict["semantics"], task)
    return Subject(files, data, fields, weights, problem, verdict)
