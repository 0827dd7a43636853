"""One task of a sweep: one model with all its strategies, from bytes to bytes.

A task and what comes of it are plain picklable values, so that a worker needs nothing of the
driver's: neither its folder nor its disk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from threading import Lock

from ballproof.models.catalogue import zoo_names, zoo_record
from ballproof.models.task_choice import choose_task
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.checking import CheckerError, CheckerProcess, temporary
from ballproof.verifier.proving.pipeline import CheckFailedError, NotProven, Proven, prove_with
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.study.portrait import portrait
from ballproof.verifier.study.rows import (
    FAILED,
    NOT_PROVEN,
    REJECTED,
    VERIFIED,
    ModelRow,
    ResultRow,
)


@dataclass(frozen=True)
class Task:
    """What a worker is asked: these weights, these strategies, this margin and limit.

    `pictured` asks for the model's portrait as well.
    """

    name: str
    weights: bytes
    strategies: tuple[str, ...]
    margin: Fraction
    max_operations: int
    pictured: bool


@dataclass(frozen=True)
class Done:
    """What a worker answers: the rows, and the certificates by the SHA-256 of their bytes."""

    model: ModelRow
    results: tuple[ResultRow, ...]
    certificates: dict[str, bytes]


# Precision is a property of the process (balls of python-flint share it), so one task at a time.
_alone = Lock()


def run_task(task: Task, progress: Progress = silent) -> Done:
    """Prove and check one model with all strategies of the task; `progress` counts strategies."""
    with _alone, temporary(task.weights, ".safetensors") as path:
        weights = replace(weights_from_bytes(task.weights, task.name), source=str(path))
        problem = pose(weights, task.margin, task=choose_task(weights).task)
        results, certificates = [], {}
        with CheckerProcess() as checker:
            for done, name in enumerate(task.strategies, start=1):
                row, certificate = _attempt(problem, name, task.max_operations, checker)
                results.append(row)
                if row.certificate and certificate:
                    certificates[row.certificate] = certificate
                progress(done, len(task.strategies))
        return Done(_model_row(task, problem), tuple(results), certificates)


def _attempt(
    problem: Problem, name: str, max_operations: int, checker: CheckerProcess
) -> tuple[ResultRow, bytes | None]:
    """Return the row of one strategy, and its certificate if it was verified."""
    strategy = strategy_named(name)
    row = ResultRow(problem.weights.digest, name, strategy.group.name, NOT_PROVEN)
    try:
        outcome = prove_with(problem, strategy, max_operations, checker)
    except CheckFailedError as error:
        return replace(row, verdict=REJECTED, reason=str(error)), None
    except CheckerError:
        raise  # The checker's process is gone: the task starts again.
    except Exception as error:
        return replace(row, verdict=FAILED, reason=f"{type(error).__name__}: {error}"), None
    if isinstance(outcome, NotProven):
        return replace(row, reason=outcome.reason), None
    return _verified_row(row, outcome), outcome.certificate


def _verified_row(row: ResultRow, proven: Proven) -> ResultRow:
    return replace(
        row,
        verdict=VERIFIED,
        certificate=sha256(proven.certificate).hexdigest(),
        correct_at_least=proven.claim.correct_at_least,
        correct_at_most=proven.claim.correct_at_most,
        operations=proven.proof.operations,
        unexplained_dimension=proven.unexplained_dimension,
        bytes=len(proven.certificate),
        seconds_to_prove=round(proven.seconds_to_prove, 3),
        seconds_to_check=round(proven.seconds_to_check, 3),
        note=proven.note,
    )


def _model_row(task: Task, problem: Problem) -> ModelRow:
    digest, shape = problem.weights.digest, problem.shape
    sampled = {zoo_record(n)["digest"]: zoo_record(n) for n in zoo_names()}.get(digest)
    return ModelRow(
        digest,
        task.name,
        problem.task_name,
        shape.d_vocab,
        shape.n_ctx,
        shape.d_model,
        shape.d_head,
        total=problem.total,
        sampled_accuracy=sampled["sampled_accuracy"] if sampled else None,
        samples=sampled["samples"] if sampled else None,
        portrait=portrait(problem) if task.pictured else None,
    )
