"""From weights to certificates that the checker has verified, one or many at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ballproof.certificates.writer import Claim, ModelReference, Proof, encode
from ballproof.verifier.counting.goal import Goal, Progress, silent
from ballproof.verifier.counting.problem import Problem, opposite
from ballproof.verifier.proving.checking import (
    DECLINED,
    DEFAULT_MAX_OPERATIONS,
    VERIFIED,
    CheckerProcess,
    Checkers,
    temporary,
)
from ballproof.verifier.strategies.base import Bounds, Strategy, Witness, first_precision
from ballproof.verifier.strategies.obstacles import obstacle


def certificate_name(strategy: str) -> str:
    """Return the file name for a strategy's certificate in a folder of many."""
    return f"{strategy.replace('/', '--')}.json"


class NotApplicableError(ValueError):
    """The strategy does not apply to this model, or not within the limit of operations."""


class CheckFailedError(RuntimeError):
    """The checker did not verify what the prover claims: a bug in one of the two."""


@dataclass(frozen=True)
class Proven:
    """A verified certificate and the figures of its making.

    `task` is the name of the claim's; `note` says where counts differed.
    """

    certificate: bytes
    claim: Claim
    proof: Proof
    unexplained_dimension: int | None
    seconds_to_prove: float
    seconds_to_check: float
    task: str
    note: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the figures for machines; counts are decimal strings."""
        return {
            "sha256": self.claim.model.sha256,
            "task": self.task,
            "semantics": self.claim.semantics,
            "margin": str(self.claim.margin),
            "strategy": self.proof.strategy,
            "total": str(self.claim.total),
            "correct_at_least": str(self.claim.correct_at_least),
            "correct_at_most": str(self.claim.correct_at_most),
            "operations": str(self.proof.operations),
            "unexplained_dimension": self.unexplained_dimension,
            "bytes": len(self.certificate),
            "seconds_to_prove": round(self.seconds_to_prove, 3),
            "seconds_to_check": round(self.seconds_to_check, 3),
            "note": self.note,
        }


@dataclass(frozen=True)
class NotProven:
    """A strategy that gave no certificate, and the sentence that says why."""

    strategy: str
    reason: str


Outcome = Proven | NotProven


@dataclass(frozen=True)
class Draft:
    """What the prover claims, before the checker has counted."""

    problem: Problem
    strategy: Strategy
    claim: Claim
    proof: Proof
    seconds: float


@dataclass(frozen=True)
class Counted:
    """A draft with the claim and the budget that the checker's own count supports.

    `seconds` is how long that check took.
    """

    drafted: Draft
    claim: Claim
    proof: Proof
    seconds: float
    note: str | None


def verify(drafted: Draft) -> Proven:
    """Have a checker process of its own verify a draft."""
    with CheckerProcess() as checker:
        return confirm(count(drafted, checker), checker)


def prove_many(
    problem: Problem, strategies: Sequence[Strategy], max_operations: int, progress: Progress
) -> Iterator[Outcome]:
    """Prove with many strategies, yielding each certificate once it is verified.

    A strategy that does not apply, or whose check exceeds the limit, is yielded as `NotProven` and
    does not stop the others. The prover shares tables between strategies; a checker process for
    each core works beside it.
    """
    outcomes = _outcomes(problem, strategies, max_operations)
    for done, outcome in enumerate(outcomes, start=1):
        progress(done, len(strategies))
        yield outcome


def prove_with(
    problem: Problem, strategy: Strategy, max_operations: int, checker: CheckerProcess
) -> Outcome:
    """Prove with one strategy and have this checker process verify the certificate."""
    try:
        drafted = draft(
            problem, strategy, max_operations, silent, _goal_without_retry(max_operations)
        )
        return confirm(count(drafted, checker), checker)
    except NotApplicableError as error:
        return NotProven(strategy.name, str(error))


def _goal_without_retry(max_operations: int) -> Goal:
    """Return the goal of one among many: nobody asks again where the check takes more."""
    # So a steered strategy aims a little lower than it may.
    return Goal(max_operations * 99 // 100 if max_operations < DEFAULT_MAX_OPERATIONS else None)


def _outcomes(
    problem: Problem, strategies: Sequence[Strategy], max_operations: int
) -> Iterator[Outcome]:
    goal = _goal_without_retry(max_operations)
    with Checkers(os.cpu_count() or 1) as checkers:

        def check(drafted: Draft) -> Outcome:
            try:
                checker = checkers.of_this_thread()
                return confirm(count(drafted, checker), checker)
            except NotApplicableError as error:
                return NotProven(drafted.strategy.name, str(error))

        futures: list[Future[Outcome]] = []
        for strategy in strategies:
            try:
                drafted = draft(problem, strategy, max_operations, silent, goal)
            except NotApplicableError as error:
                yield NotProven(strategy.name, str(error))
                continue
            futures.append(checkers.pool.submit(check, drafted))
            # Hand out what is ready while the prover goes on.
            for future in [f for f in futures if f.done()]:
                futures.remove(future)
                yield future.result()
        for future in as_completed(futures):
            yield future.result()


def draft(
    problem: Problem,
    strategy: Strategy,
    max_operations: int,
    progress: Progress,
    goal: Goal = Goal(),  # noqa: B008 immutable
) -> Draft:
    """Search and bound with one strategy: a claim that the checker has not seen yet."""
    require_applicable(problem, strategy, max_operations)
    started = time.perf_counter()
    witness = strategy.search(problem, goal, progress)
    bounds = _claimed_bounds(problem, strategy, witness, progress)
    # The tally is the checker's: it is allowed all that the caller allows, and counts.
    precision = first_precision(strategy, problem, witness)
    proof = Proof(strategy.name, precision, max_operations, witness)
    seconds = time.perf_counter() - started
    return Draft(problem, strategy, _claim(problem, bounds), proof, seconds)


def _claimed_bounds(
    problem: Problem, strategy: Strategy, witness: Witness, progress: Progress
) -> Bounds:
    """Return bounds in the semantics of the claim.

    T12: where the program's gaps deviate from the real ones, the upper end is counted at a smaller
    margin, unless there is none.
    """
    bounds = strategy.bound(problem, witness, progress)
    if problem.margin == problem.claimed or bounds.correct_at_most == problem.total:
        return bounds
    upper = strategy.bound(opposite(problem), witness, progress).correct_at_most
    return Bounds(bounds.correct_at_least, upper)


def require_applicable(problem: Problem, strategy: Strategy, max_operations: int) -> None:
    """Raise NotApplicableError with the reason why this strategy cannot be used here."""
    reason = obstacle(strategy, problem)
    if reason:
        raise NotApplicableError(f"{strategy.name} does not apply to this model. {reason}")
    # A single answer has no rival: there is nothing to count.
    least = strategy.least_operations(problem) if problem.answers > 1 else 0
    if least > max_operations:
        raise NotApplicableError(
            f"{strategy.name} needs at least {least} operations for this model, more than the "
            f"limit of {max_operations}; --max-operations raises it."
        )


def _claim(problem: Problem, bounds: Bounds) -> Claim:
    weights = problem.weights
    return Claim(
        ModelReference(weights.digest, weights.architecture.parts, weights.shape.fields()),
        problem.task.to_json(),
        problem.total,
        bounds.correct_at_least,
        bounds.correct_at_most,
        problem.claimed,
        problem.semantics,
    )


def count(drafted: Draft, checker: CheckerProcess) -> Counted:
    """Have the checker count for a draft; its tally becomes the budget, which changes the file."""
    claim, proof, note = drafted.claim, drafted.proof, None
    with _model_file(drafted) as model:
        verdict = checker.check(model, encode(claim, proof), proof.operations)
        if verdict.get("reason") == "count":
            claim, note = _smaller(claim, verdict)
            verdict = checker.check(model, encode(claim, proof), proof.operations)
    _require_verified(verdict, proof.operations)
    proof = replace(proof, operations=int(verdict["tally"]))
    return Counted(drafted, claim, proof, verdict["seconds"], note)


def confirm(counted: Counted, checker: CheckerProcess) -> Proven:
    """Have the checker verify the bytes that become the file: no others count."""
    drafted, proof = counted.drafted, counted.proof
    certificate = encode(counted.claim, proof)
    with _model_file(drafted) as model:
        _require_verified(checker.check(model, certificate, proof.operations), proof.operations)
    return Proven(
        certificate,
        counted.claim,
        proof,
        drafted.strategy.unexplained_dimension(drafted.problem.shape),
        drafted.seconds,
        counted.seconds,
        drafted.problem.task_name,
        counted.note,
    )


@contextmanager
def _model_file(drafted: Draft) -> Iterator[Path]:
    """Give the weights file that the checker reads."""
    weights = drafted.problem.weights
    if not weights.data:
        yield Path(weights.source)
        return
    with temporary(weights.data, ".safetensors") as path:
        yield path


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


def _require_verified(verdict: dict[str, Any], max_operations: int) -> None:
    if verdict["exit_code"] == VERIFIED:
        return
    if verdict["reason"] == "budget":
        raise NotApplicableError(
            f"The check needs more than the limit of {max_operations} operations; "
            "--max-operations raises it."
        )
    if verdict["exit_code"] == DECLINED:
        raise NotApplicableError(f"The checker declines this model: {verdict['sentence']}")
    raise CheckFailedError(f"the checker does not verify it: {verdict['sentence']}")
