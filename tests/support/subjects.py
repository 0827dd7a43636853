"""Certificates of toys as the audit reads them, with the counts that the checker establishes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from ballproof.models.weights import Weights, weights_from_bytes
from ballproof.verifier.audit.subject import Files, Subject
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from support.certify import certificate, established
from support.ladders import LADDERS, plausible_ladder, wild_ladder
from support.toy import ToyModel
from support.witnesses import plausible, wild

FAMILIES = ("brute-force", "exact", "cubic", *LADDERS, "subcubic")


def frozen(model: ToyModel) -> Weights:
    return weights_from_bytes(model.bytes(), "toy")


def witness_for(rng: Random, strategy: str, model: ToyModel, *, tame: bool = True) -> Any:
    """Return a witness that proves much, or a wild one; the empty one where none is called for."""
    if strategy in LADDERS:
        return (plausible_ladder if tame else wild_ladder)(rng, strategy, model)
    if strategy.startswith("subcubic"):
        return (plausible if tame else wild)(rng, strategy, model)
    return {}


def subject_for(
    model: ToyModel,
    strategy: str,
    witness: dict[str, Any],
    *,
    claimed: tuple[int, int] | None = None,
    margin: str = "0",
    semantics: str = "real",
    precision: int = 64,
) -> Subject:
    """Return a subject; it claims what the checker establishes, or what it is told to claim."""
    if claimed is None and semantics == "real":
        found = established(model, strategy, witness=witness, margin=margin, precision=precision)
        assert len(found) == 2, found
        claimed = found[0], found[1]
    weights, asked = frozen(model), Fraction(margin)
    if claimed is None:
        bounds = strategy_named(strategy).bound(pose(weights, asked, semantics), witness, silent)
        claimed = bounds.correct_at_least, model.d_vocab**model.n_ctx
    fields = certificate(
        model,
        strategy,
        at_least=claimed[0],
        at_most=claimed[1],
        witness=witness,
        margin=margin,
        precision=precision,
    )
    fields["claim"]["semantics"] = semantics
    verdict = {"correct_at_least": str(claimed[0]), "correct_at_most": str(claimed[1])}
    files = Files(Path("toy.safetensors"), Path("toy.json"))
    return Subject(files, b"", fields, weights, pose(weights, asked, semantics), verdict)
