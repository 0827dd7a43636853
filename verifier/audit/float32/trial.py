"""How far the float32 program is from the real function: eps, and flips where sequences tie.

The bound is T12's, `counting.float32.deviation`. The programs are run to look for a sequence that
leaves it, and to show how much of it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from ballproof.interval.ball import precision
from ballproof.models.architectures.programs import Floats
from ballproof.models.weights import Weights
from ballproof.verifier.audit.float32.programs import Program
from ballproof.verifier.audit.hunt.evaluation import Evaluation, Evaluator
from ballproof.verifier.audit.hunt.floats import Tokens
from ballproof.verifier.audit.hunt.scan import scan
from ballproof.verifier.audit.subject import Finding
from ballproof.verifier.counting.float32 import deviation
from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.counting.problem import pose

PART = "float32"
# Times the effort: near ties and sequences at random that every program runs.
NEAR, RANDOM = 100, 100


@dataclass(frozen=True, eq=False)
class Run:
    """What one program did with the sequences.

    `flips` are those that it names right and the real function wrong, or the other way round;
    `largest_flip` is the largest real lead, in size, among them. `deviation` is the largest
    difference of a gap from the real one.
    """

    program: str
    flips: list[Evaluation]
    deviation: float

    @property
    def largest_flip(self) -> float | None:
        """The largest lead, in size, that rounding turned round."""
        return max((abs(flip.size) for flip in self.flips), default=None)

    def fields(self) -> dict[str, Any]:
        """Return the run for machines."""
        return {
            "program": self.program,
            "flips": len(self.flips),
            "largest_lead_flipped": self.largest_flip,
            "largest_deviation": self.deviation,
            "examples": [flip.fields() for flip in self.flips[:3]],
        }


@dataclass(frozen=True, eq=False)
class Float32Audit:
    """The bound eps, the sequences that were run, and what each program did with them."""

    eps: Fraction
    sequences: int
    nearest: float
    runs: list[Run]
    findings: list[Finding] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """Return the audit for machines; eps is a decimal, rounded up."""
        return {
            "eps": rounded_up(self.eps),
            "eps_exactly": str(self.eps),
            "sequences": self.sequences,
            "smallest_lead": self.nearest,
            "programs": [run.fields() for run in self.runs],
            "findings": [finding.fields() for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """Return the audit in plain words."""
        lines = [
            f"No order of summation can move a logit gap by more than {rounded_up(self.eps)} "
            "(T12): a lead larger than that cannot flip.",
            f"Run on {self.sequences} sequences, the nearest to a tie by {self.nearest:.3g}:",
        ]
        for run in self.runs:
            flipped = f"{len(run.flips)} flips"
            if run.largest_flip is not None:
                flipped += f", of leads up to {run.largest_flip:.3g}"
            lines.append(
                f"  {run.program}: {flipped}; gaps move by up to {run.deviation:.3g}, "
                f"{run.deviation / float(self.eps):.2%} of the bound"
            )
        return lines


def audit_float32(
    weights: Weights,
    programs: Iterable[Program],
    *,
    effort: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> Float32Audit:
    """Hold programs against T12 on near ties and on sequences at random.

    A gap that moves by more than eps is a finding. Raises ModelError where these weights have no
    float32 program.
    """
    eps = deviation(weights)
    sequences = _sequences(weights, effort, seed, progress)
    evaluate = Evaluator(pose(weights))
    evaluations = [evaluate(sequence) for sequence in sequences.tolist()]
    runs, findings = [], []
    for program in programs:
        with np.errstate(all="ignore"):
            logits = program.logits(sequences)
        runs.append(_run(program.name, logits, evaluations))
        findings += _outside(program.name, logits, evaluations, eps)
    nearest = min((abs(one.size) for one in evaluations), default=np.inf)
    return Float32Audit(eps, len(evaluations), float(nearest), runs, findings)


def rounded_up(number: Fraction) -> str:
    """Return a decimal of six digits that is at least the number."""
    return str(
        Context(prec=6, rounding=ROUND_CEILING).divide(*map(Decimal, number.as_integer_ratio()))
    )


def _sequences(weights: Weights, effort: int, seed: int, progress: Progress) -> Tokens:
    """Return near ties, and sequences at random, each once."""
    candidates = scan(weights, Fraction(0), effort, seed, progress)
    order = np.argsort(np.abs(candidates.near_margins), kind="stable")
    shape = weights.shape
    random = np.random.default_rng(seed)
    others = random.integers(0, shape.d_vocab, (RANDOM * effort, shape.n_ctx))
    near = candidates.near[order[: NEAR * effort]]
    return np.unique(np.concatenate([near, others]).astype(np.int64), axis=0)


def _run(name: str, logits: Floats, exact: list[Evaluation]) -> Run:
    flips, largest = [], 0.0
    for row, one in zip(logits, exact, strict=True):
        own = row[one.maximum]
        named = bool(np.sum(row >= own) == 1)
        if one.right is not None and named != one.right:
            flips.append(one)
        largest = max(largest, _moved(row, one))
    return Run(name, flips, largest)


def _moved(row: Floats, one: Evaluation) -> float:
    """Return how far the computed gaps are from the real ones, to a few digits."""
    if not one.logits:
        return 0.0
    with precision(128):
        own = one.logits[one.maximum]
        real = np.array([float((own - logit).mid()) for logit in one.logits])
    return float(np.abs(np.float64(row[one.maximum]) - row.astype(np.float64) - real).max())


def _outside(name: str, logits: Floats, exact: list[Evaluation], eps: Fraction) -> list[Finding]:
    """Return a finding for each sequence that leaves the bound."""
    # Both sides were rounded in float64, to far fewer units than this.
    limit = float(eps) * (1 + 1e-6) + 1e-12
    return [
        Finding(
            PART,
            f"the program {name} moves a gap of {list(one.sequence)} by more than eps",
            {"program": name, "moved": _moved(row, one), **one.fields()},
        )
        for row, one in zip(logits, exact, strict=True)
        if not _moved(row, one) <= limit
    ]
