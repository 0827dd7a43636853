"""Write certificates, format version 1 (docs/certificate.md)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

FORMAT = "ballproof-certificate/1"


@dataclass(frozen=True)
class ModelReference:
    """Which weights a claim is about: digest of the tensors, and their sizes."""

    sha256: str
    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int


@dataclass(frozen=True)
class Claim:
    """The statement: how many of `total` inputs are right with this margin, at least and most."""

    model: ModelReference
    task: str
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
            "model": asdict(claim.model),
            "task": claim.task,
            "semantics": claim.semantics,
            "margin": str(claim.margin),
            "total": str(claim.total),
            "correct_at_least": str(claim.correct_at_least),
            "correct_at_most": str(claim.correct_at_most),
        },
        "proof": {
            "strategy": proof.strategy,
            "precision": proof.precision,
            "operations": str(proof.operations),
            "witness": proof.witness,
        },
    }
    return json.dumps(certificate, separators=(",", ":"), allow_nan=False).encode() + b"\n"
