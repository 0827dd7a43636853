"""Which sequences a certificate counts as right, asked of the standalone checker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ballproof.verifier.audit.subject import Files
from ballproof.verifier.proving.checking import VERIFIED, CheckerError, CheckerProcess

Sequences = Sequence[tuple[int, ...]]
# In one request; each is answered from one check of the certificate.
MOST = 4_000


@dataclass(frozen=True)
class Explanation:
    """What the checker says of one sequence: whether it counts, its class, what decides it.

    `excess` is a decimal upper bound of the deciding quantity: negative where it is shown right.
    """

    sequence: tuple[int, ...]
    counted: bool
    group: str
    decided_by: str
    rival: int | None
    excess: str | None
    unit: str | None

    def fields(self) -> dict[str, Any]:
        """Return what the checker said, for machines."""
        return {
            "counted": self.counted,
            "class": self.group,
            "decided_by": self.decided_by,
            "rival": self.rival,
            "excess": self.excess,
            "unit": self.unit,
        }


Ask = Callable[[Sequences], list[Explanation]]


def checker_members(files: Files, checker: CheckerProcess) -> Ask:
    """Return what asks this process; each request checks the certificate and then explains."""

    def ask(sequences: Sequences) -> list[Explanation]:
        answers: list[Explanation] = []
        for start in range(0, len(sequences), MOST):
            answers += _asked(files, checker, sequences[start : start + MOST])
        return answers

    return ask


def _asked(files: Files, checker: CheckerProcess, sequences: Sequences) -> list[Explanation]:
    flags = [f"--explain={','.join(map(str, sequence))}" for sequence in sequences]
    verdict = checker.check_file(files.model, files.certificate, [*files.flags, *flags])
    if verdict["exit_code"] != VERIFIED:
        raise CheckerError(
            f"a second check of the same certificate says {verdict['verdict']} {verdict['reason']}"
        )
    answers = [_read(fields) for fields in verdict["explanations"]]
    if [answer.sequence for answer in answers] != list(sequences):
        raise CheckerError("the checker explains other sequences than it was asked about")
    return answers


def _read(fields: dict[str, Any]) -> Explanation:
    return Explanation(
        tuple(fields["sequence"]),
        bool(fields["counted"]),
        str(fields["class"]),
        str(fields["decided_by"]),
        fields["rival"],
        fields["excess"],
        fields["unit"],
    )
