"""What a sweep records: one row for each model, one for each model and strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERIFIED = "VERIFIED"
NOT_PROVEN = "NOT PROVEN"
REJECTED = "REJECTED"
FAILED = "FAILED"


@dataclass(frozen=True)
class ModelRow:
    """A model of the sweep.

    `sampled_accuracy`, from `samples` inputs, is the zoo's estimate, which proves nothing; None for
    other models. `portrait` holds what a report draws of the model: see `verifier.study.portrait`.
    """

    sha256: str
    name: str
    task: str
    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int
    total: int
    sampled_accuracy: float | None
    samples: int | None
    portrait: dict[str, Any] | None


@dataclass(frozen=True)
class ResultRow:
    """One strategy on one model.

    `sha256` is the model's digest. VERIFIED rows have a certificate (the SHA-256 of its file),
    counts and figures; NOT PROVEN rows have the reason, one sentence. REJECTED means that prover
    and checker contradict each other, FAILED that the prover ended with an error: both are bugs of
    ours, and the next sweep tries again. `note` says where the counts of prover and checker
    differed and the weaker was claimed.
    """

    sha256: str
    strategy: str
    strategy_group: str
    verdict: str
    reason: str | None = None
    certificate: str | None = None
    correct_at_least: int | None = None
    correct_at_most: int | None = None
    operations: int | None = None
    unexplained_dimension: int | None = None
    bytes: int | None = None
    seconds_to_prove: float | None = None
    seconds_to_check: float | None = None
    note: str | None = None
