"""Audit the claims of a file one by one: verdict, reason, witness."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ballproof.models.tasks import Task
from ballproof.models.weights import Weights
from ballproof.verifier.claims.budget import Deadline, OutOfTimeError
from ballproof.verifier.claims.classes import SequenceClass, all_resolved
from ballproof.verifier.claims.counting import Known, known_count
from ballproof.verifier.claims.deciding import Decider, Outcome
from ballproof.verifier.claims.inputs import InputDecider, InputsFound
from ballproof.verifier.claims.numbers import decimal_down, decimal_up
from ballproof.verifier.claims.reading import Claim, ClassClaim, CountClaim, InputClaim
from ballproof.verifier.claims.witness import Witness
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies.obstacles import has_tables

HOLDS, VIOLATED, UNDECIDED = "holds", "violated", "undecided"
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Limits:
    """What one claim may cost, and whether a claim that holds is to be told how much it leaves."""

    seconds: float
    max_operations: int
    slack: bool = False


@dataclass(frozen=True)
class Finding:
    """The verdict on one claim, with a sentence; `sequences` are those that it speaks of.

    `witness` shows a violated claim to be false; with `largest` no sequence of the claim goes
    further by more than its enclosure is wide. Of a claim that holds it is the sequence that comes
    closest, where that was asked for.
    """

    claim: Claim
    verdict: str
    reason: str
    sequences: int
    witness: Witness | None = None
    largest: bool = False
    counted: Known | None = None

    def fields(self) -> dict[str, Any]:
        """Return the finding for machines; numbers that may be large are decimal strings."""
        fields: dict[str, Any] = {
            "claim": self.claim.fields,
            "verdict": self.verdict,
            "reason": self.reason,
            "sequences": str(self.sequences),
            "witness": self.witness and self.witness.fields(),
            "largest": self.largest,
        }
        if self.counted:
            fields |= {
                "known_at_least": str(self.counted.at_least),
                "known_at_most": str(self.counted.at_most),
            }
        return fields


class Auditor:
    """Audits claims about one model, and a task, else max-of-k."""

    def __init__(self, weights: Weights, limits: Limits, task: Task | None = None) -> None:
        self.weights, self.limits = weights, limits
        self.problem = pose(weights, task=task)
        self.decider, self.inputs = Decider(self.problem), InputDecider(self.problem)
        self._known: dict[Fraction, Known] = {}

    def steps(self, claim: Claim) -> int:
        """Return how many classes or inputs the audit of a claim goes through; 0 for a count."""
        if isinstance(claim, InputClaim):
            return self.inputs.size(claim.tokens)
        return sum(1 for _ in self._classes(claim)) if isinstance(claim, ClassClaim) else 0

    def audit(self, claim: Claim, progress: Progress) -> Finding:
        """Decide one claim; reports (done, all), in classes or in the strategy's own steps."""
        if isinstance(claim, CountClaim):
            return self._count(claim, progress)
        if isinstance(claim, InputClaim):
            return self._inputs(claim, progress)
        return self._class(claim, progress)

    def _inputs(self, claim: InputClaim, progress: Progress) -> Finding:
        """Decide single inputs; the first that breaks the claim is shown."""
        size = self.inputs.size(claim.tokens)
        deadline = Deadline(self.limits.seconds)
        try:
            found = self.inputs.search(
                claim.tokens, claim.threshold, claim.strict, deadline, progress
            )
        except OutOfTimeError as error:
            return Finding(claim, UNDECIDED, str(error), size)
        return _of_inputs(claim, found, size)

    def _class(self, claim: ClassClaim, progress: Progress) -> Finding:
        resolved = list(self._classes(claim))
        groups = [group for group in resolved if isinstance(group, SequenceClass)]
        size = sum(group.size for group in groups)
        if not groups:
            why = next((x for x in resolved if isinstance(x, str)), "this model has none")
            return Finding(claim, HOLDS, f"vacuously, the class is empty: {why}", 0)
        if self.problem.shape.d_vocab == 1:
            return Finding(claim, HOLDS, "with one token there is no rival", size)
        deadline = Deadline(self.limits.seconds)
        outcome = self._search(groups, claim.threshold, claim.strict, deadline, progress)
        if outcome.witness:
            reason = _violation(outcome, claim)
            return Finding(claim, VIOLATED, reason, size, outcome.witness, outcome.largest)
        if outcome.open:
            return Finding(claim, UNDECIDED, "; ".join(outcome.open[:3]), size)
        return self._held(claim, groups, size)

    def _held(self, claim: ClassClaim, groups: list[SequenceClass], size: int) -> Finding:
        reason = f"on all {size} sequences" if size > 1 else "on the one sequence of the class"
        if not self.limits.slack:
            return Finding(claim, HOLDS, reason, size)
        best = Outcome(largest=False)
        with suppress(OutOfTimeError):
            best = self.decider.largest(groups, Deadline(self.limits.seconds))
        return Finding(claim, HOLDS, reason, size, best.witness, best.largest)

    def _search(
        self,
        groups: list[SequenceClass],
        threshold: Fraction,
        strict: bool,
        deadline: Deadline,
        progress: Progress,
    ) -> Outcome:
        done = iter(range(1, len(groups) + 1))
        return self.decider.search(
            groups, threshold, strict, deadline, lambda: progress(next(done), len(groups))
        )

    def _classes(self, claim: ClassClaim) -> list[SequenceClass | str]:
        shape = self.problem.shape
        return list(
            all_resolved(
                claim.query, claim.maximum, claim.below, claim.gap, shape.n_ctx, shape.d_vocab
            )
        )

    def _count(self, claim: CountClaim, progress: Progress) -> Finding:
        """Decide a count: without counting where that suffices, else by the best count known."""
        total = self.problem.total
        least, most = claim.at_least or 0, total if claim.at_most is None else claim.at_most
        if least == 0 and most == total:
            return Finding(claim, HOLDS, f"any count from 0 to {total} does", total)
        if least == total and self.problem.is_max_of_all and has_tables(self.problem):
            # That every sequence is right needs no count, and is decided at any size.
            everywhere = ClassClaim(
                claim.place, claim.fields, None, None, None, 1, None, claim.margin
            )
            return self._all_of_them(claim, self._class(everywhere, progress))
        if claim.margin not in self._known:
            watched = Deadline(self.limits.seconds).watched(progress)
            self._known[claim.margin] = known_count(
                self.weights, self.problem.task, claim.margin, self.limits.max_operations, watched
            )
        return _compared(claim, least, most, total, self._known[claim.margin])

    def _all_of_them(self, claim: CountClaim, found: Finding) -> Finding:
        """Turn the verdict on "every sequence is correct" into one on the count."""
        reasons = {
            HOLDS: f"all {found.sequences} sequences are correct",
            VIOLATED: f"not all {found.sequences} sequences are correct: {found.reason}",
            UNDECIDED: found.reason,
        }
        return Finding(
            claim,
            found.verdict,
            reasons[found.verdict],
            found.sequences,
            found.witness,
            found.largest,
        )


def _of_inputs(claim: InputClaim, found: InputsFound, size: int) -> Finding:
    """Turn what was found of single inputs into a verdict."""
    if found.witness:
        outcome = Outcome(found.witness, largest=size == 1)
        reason = _violation(outcome, claim)
        return Finding(claim, VIOLATED, reason, size, found.witness, outcome.largest)
    if found.unanswered:
        tokens = ",".join(map(str, found.unanswered))
        return Finding(claim, VIOLATED, f"the label of {tokens} is no answer", size)
    if found.open:
        tokens = ",".join(map(str, found.open))
        return Finding(claim, UNDECIDED, f"no pass tells the lead of {tokens}", size)
    if not found.size:
        return Finding(claim, HOLDS, "vacuously, no input of it has a label", 0)
    reason = f"on all {found.size} inputs" if found.size > 1 else "on the one input"
    return Finding(claim, HOLDS, reason, found.size)


def _violation(outcome: Outcome, claim: ClassClaim | InputClaim) -> str:
    """Say by how much the witness goes beyond the claim."""
    witness = outcome.witness
    if witness is None or witness.gap is None:
        return "by an exact sign; the logits have no finite bounds"
    if witness.equal:
        return "by an exact tie" if not claim.margin else "by a lead of exactly the margin"
    low, high = (end - claim.threshold for end in witness.gap)
    beyond = decimal_down(low) if low > 0 else "0"
    most = "the largest of all" if outcome.largest else "not said to be the largest"
    return f"by at least {beyond} and at most {decimal_up(high)} logits, {most}"


def _compared(claim: CountClaim, least: int, most: int, total: int, known: Known) -> Finding:
    """Hold a claimed range of counts against a known one."""
    low, high = known.at_least, known.at_most
    between = f"exactly {low}" if low == high else f"{low} to {high}"
    reason = f"{between} of {total} are correct, by {known.by}"
    if high < least or low > most:
        verdict = VIOLATED
    elif least <= low and high <= most:
        verdict = HOLDS
    else:
        verdict = UNDECIDED
    return Finding(claim, verdict, reason, total, counted=known)
