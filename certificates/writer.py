"""Write certificates, format version 2 (docs/certificate.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

FORMAT = "ballproof-certificate/2"
# The rules that the checker counts operations by.
TALLY = 1


@dataclass(frozen=True)
class ModelReference:
    """Which model a claim is about: digest of the tensors, its parts, and its sizes by name."""

    sha256: str
    parts: Sequence[Mapping[str, Any]]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Claim:
    """The statement: how many of `total` inputs are right with this margin, at least and most.

    `task` is an object: rule, positions, reads and answers.
    """

    model: ModelReference
    task: dict[str, Any]
    total: int
    correct_at_least: int
    correct_at_most: int
    margin: Fraction = Fraction(0)
    semantics: str = "real"


@dataclass(frozen=True)
class Proof:
    """How the checker is to establish the claim, and its budget of operations."""

    strategy: str
    precision: int
    operations: int
    witness: dict[str, Any] = field(default_factory=dict)


def encode(claim: Claim, proof: Proof) -> bytes:
    """Return the certificate file: UTF-8 JSON, large numbers as decimal strings, one newline."""
    certificate = {
        "format": FORMAT,
        "claim": {
            "model": {
                "sha256": claim.model.sha256,
                "parts": [dict(part) for part in claim.model.parts],
                "sizes": dict(claim.model.sizes),
            },
            "task": claim.task,
            "semantics": claim.semantics,
            "margin": str(claim.margin),
            "total": str(claim.total),
            "correct_at_least": str(claim.correct_at_least),
            "correct_at_most": str(claim.correct_at_most),
        },
        "proof": {
            "tally": TALLY,
            "strategy": proof.strategy,
            "precision": proof.precision,
            "operations": str(proof.operations),
            "witness": proof.witness,
        },
    }
    return json.dumps(certificate, separators=(",", ":"), allow_nan=False).encode() + b"\n"
