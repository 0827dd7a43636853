"""From weights to a certificate that the checker has verified."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from certificates.writer import Claim, ModelReference, Proof, encode
from models.files import write_atomically
from models.task import task_name
from verifier.checking import DECLINED, REJECTED, VERIFIED, CheckerRun, run_checker
from verifier.problem import Problem
from verifier.strategies.base import Bounds, Progress, Strategy

Waiting = Callable[[str], AbstractContextManager[Any]]


class NotApplicableError(ValueError):
    """The strategy does not apply to this model, or not within the limit of operations."""


class CheckFailedError(RuntimeError):
    """The checker did not verify what the prover claims: a bug in one of the two."""


@dataclass(frozen=True)
class Proven:
    """A verified certificate and the figures of its making; `note` says where counts differed."""

    certificate: bytes
    claim: Claim
    proof: Proof
    seconds_to_prove: float
    seconds_to_check: float
    note: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the figures for machines; counts are decimal strings."""
        return {
            "sha256": self.claim.model.sha256,
            "task": self.claim.task,
            "margin": str(self.claim.margin),
            "strategy": self.proof.strategy,
            "total": str(self.claim.total),
            "correct_at_least": str(self.claim.correct_at_least),
            "correct_at_most": str(self.claim.correct_at_most),
            "operations": str(self.proof.operations),
            "seconds_to_prove": round(self.seconds_to_prove, 3),
            "seconds_to_check": round(self.seconds_to_check, 3),
            "note": self.note,
        }


def prove(
    problem: Problem,
    strategy: Strategy,
    max_operations: int,
    progress: Progress,
    waiting: Waiting = lambda _: nullcontext(),
) -> Proven:
    """Prove with one strategy and have the checker verify the certificate.

    The claim is the smaller of the prover's and the checker's counts, the budget the checker's own
    tally. Raises NotApplicableError where the strategy cannot serve this model, and
    CheckFailedError where prover and checker contradict each other.
    """
    require_applicable(problem, strategy, max_operations)
    started = time.perf_counter()
    witness = strategy.search(problem)
    bounds = strategy.bound(problem, witness, progress)
    seconds = time.perf_counter() - started
    claim = _claim(problem, bounds)
    # The tally is the checker's: it is allowed all that the caller allows, and counts.
    proof = Proof(strategy.name, strategy.precision, max_operations, witness)
    with waiting("checking"):
        run = _check(problem, claim, proof)
    note = None
    if run.exit_code == REJECTED and run.fields()["reason"] == "count":
        claim, note = _smaller(claim, run.fields())
        with waiting("checking the smaller claim"):
            run = _check(problem, claim, proof)
    _require_verified(run, max_operations)
    proof = replace(proof, operations=int(run.fields()["tally"]))
    return Proven(encode(claim, proof), claim, proof, seconds, run.seconds, note)


def require_applicable(problem: Problem, strategy: Strategy, max_operations: int) -> None:
    """Raise NotApplicableError with the reason why this strategy cannot be used here."""
    obstacle = strategy.obstacle(problem.shape)
    if obstacle:
        raise NotApplicableError(f"{strategy.name} does not apply to this model. {obstacle}")
    least = strategy.least_operations(problem.shape)
    if least > max_operations:
        raise NotApplicableError(
            f"{strategy.name} needs at least {least} operations for this model, more than the "
            f"limit of {max_operations}; --max-operations raises it."
        )


def _claim(problem: Problem, bounds: Bounds) -> Claim:
    model = ModelReference(problem.weights.digest, **asdict(problem.shape))
    return Claim(
        model,
        task_name(problem.shape.n_ctx),
        problem.total,
        bounds.correct_at_least,
        bounds.correct_at_most,
        problem.margin,
    )


def _check(problem: Problem, claim: Claim, proof: Proof) -> CheckerRun:
    with tempfile.TemporaryDirectory(prefix="ballproof-") as folder:
        path = Path(folder) / "certificate.json"
        write_atomically(path, encode(claim, proof))
        limit = ["--max-operations", str(proof.operations)]
        return run_checker(Path(problem.weights.source), path, ["--json", *limit])


def _smaller(claim: Claim, established: dict[str, str]) -> tuple[Claim, str]:
    """Return the claim that both counts support, and a sentence about their difference."""
    low, high = int(established["correct_at_least"]), int(established["correct_at_most"])
    smaller = replace(
        claim,
        correct_at_least=min(claim.correct_at_least, low),
        correct_at_most=max(claim.correct_at_most, high),
    )
    note = (
        f"The prover counts {claim.correct_at_least} to {claim.correct_at_most}, the checker "
        f"{low} to {high}; the weaker ends are claimed."
    )
    return smaller, note


def _require_verified(run: CheckerRun, max_operations: int) -> None:
    if run.exit_code == VERIFIED:
        return
    fields = run.fields() if run.exit_code in (REJECTED, DECLINED) else {}
    if fields.get("reason") == "budget":
        raise NotApplicableError(
            f"The check needs more than the limit of {max_operations} operations; "
            "--max-operations raises it."
        )
    if run.exit_code == DECLINED:
        raise NotApplicableError(f"The checker declines this model: {fields['sentence']}")
    reason = fields.get("sentence") or run.diagnostics.strip()
    raise CheckFailedError(f"the checker does not verify the certificate: {reason}")
