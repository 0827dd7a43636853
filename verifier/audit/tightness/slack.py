"""The slack of a bound by cause: in fields for machines, and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ballproof.verifier.audit.subject import Finding
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies.relaxations import Relaxation

ROUNDING = Relaxation(
    "float32 rounding", "what the float32 program does between its two margins is open"
)
UNKNOWN = Relaxation("not known", "no cause was worked out for this part")


@dataclass(frozen=True)
class Cause:
    """How many sequences one relaxation costs, at least and at most; equal where it is exact.

    Negative where the step towards the truth counts fewer.
    """

    relaxation: Relaxation
    least: int
    most: int

    @property
    def name(self) -> str:
        """The relaxation's name."""
        return self.relaxation.name

    def fields(self) -> dict[str, Any]:
        """Return the cause for machines."""
        return {
            "cause": self.name,
            "sequences_at_least": str(self.least),
            "sequences_at_most": str(self.most),
            "explanation": self.relaxation.explanation,
        }


@dataclass(frozen=True, eq=False)
class Tightness:
    """A bound against the truth: what it lacks, and why.

    `truth` holds how many inputs are right, at least and at most; equal where it is exact. The
    causes add up: their `least` to the least slack, their `most` to the most.
    """

    total: int
    claimed: tuple[int, int]
    truth: tuple[int, int]
    method: str
    causes: list[Cause]
    findings: list[Finding] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether the truth is one number."""
        return self.truth[0] == self.truth[1]

    @property
    def slack(self) -> tuple[int, int]:
        """How many inputs are right beyond those that the certificate shows, at least and most."""
        return self.truth[0] - self.claimed[0], self.truth[1] - self.claimed[0]

    @property
    def above(self) -> int:
        """How far the claim's upper end is above the most that the truth may be."""
        return self.claimed[1] - self.truth[1]

    def fields(self) -> dict[str, Any]:
        """Return the comparison for machines."""
        return {
            "total": str(self.total),
            "correct_at_least": str(self.claimed[0]),
            "correct_at_most": str(self.claimed[1]),
            "true_at_least": str(self.truth[0]),
            "true_at_most": str(self.truth[1]),
            "method": self.method,
            "slack_at_least": str(self.slack[0]),
            "slack_at_most": str(self.slack[1]),
            "slack_above": str(self.above),
            "causes": [cause.fields() for cause in self.causes],
            "findings": [finding.fields() for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """Return the comparison in plain words."""
        low, high = self.truth
        truth = f"exactly {low}" if self.exact else f"between {low} and {high}"
        lines = [
            f"Right are {truth} of {self.total} inputs ({self.method}).",
            f"The certificate shows {self.claimed[0]}: {_span(*self.slack)} fewer"
            + (f", {share(self.slack[0], self.total)} of all." if self.exact else "."),
        ]
        lines += [self._line(cause) for cause in self.causes]
        if self.claimed[1] < self.total:
            lines.append(f"Its upper end {self.claimed[1]} is {self.above} too high.")
        return lines

    def _line(self, cause: Cause) -> str:
        part = ""
        if cause.least == cause.most and self.exact and self.slack[0] > 0:
            part = f" ({100 * cause.least / self.slack[0]:.1f}%)"
        name, explanation = cause.relaxation
        return f"  {name}: {_span(cause.least, cause.most)}{part}: {explanation}"


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
