"""What a search for counterexamples did and found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ballproof.verifier.audit.hunt.candidates import Candidates
from ballproof.verifier.audit.hunt.evaluation import Evaluation
from ballproof.verifier.audit.hunt.members import Explanation
from ballproof.verifier.audit.subject import Finding


@dataclass(frozen=True, eq=False)
class Hunted:
    """What a search for counterexamples did and found.

    `complete` says that the checker was asked about every input. `smallest` is the sequence with
    the smallest lead among the members that were evaluated exactly, `wrong_seen` counts those that
    are exactly wrong, counted or not, and `undecided` those that no precision decides.
    """

    candidates: Candidates
    total: int
    complete: bool
    rounds: int
    asked: int
    members: int
    evaluated: int
    wrong_seen: int
    wrong_counted: int
    undecided: int
    smallest: Evaluation | None
    smallest_reason: Explanation | None
    findings: list[Finding] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """Return the search for machines; counts that can exceed 64 bits are decimal strings."""
        smallest = None
        if self.smallest and self.smallest_reason:
            smallest = {**self.smallest.fields(), "explanation": self.smallest_reason.fields()}
        return {
            "total": str(self.total),
            "tried": self.candidates.tried,
            "every_input_tried": self.candidates.exhaustive,
            "wrong_in_floats": self.candidates.wrong,
            "too_close_in_floats": self.candidates.close,
            "rounds": self.rounds,
            "asked": self.asked,
            "every_input_asked": self.complete,
            "members": self.members,
            "evaluated_exactly": self.evaluated,
            "wrong": self.wrong_seen,
            "wrong_not_counted": self.wrong_seen - self.wrong_counted,
            "wrong_counted": self.wrong_counted,
            "undecided": self.undecided,
            "smallest_member": smallest,
            "findings": [finding.fields() for finding in self.findings],
        }
