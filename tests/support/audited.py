"""Certificates of toys as files, ready to be audited: each claims all that its strategy gives."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from ballproof.verifier.audit.subject import Files, Subject, subject_of
from support.certify import certificate, encoded, established, verdict
from support.ladders import LADDERS, plausible_ladder
from support.toy import ToyModel
from support.witnesses import plausible

COUNTS = ("correct_at_least", "correct_at_most")
SINGLE = ("brute-force", "exact", "cubic")
SUBCUBIC = (
    "subcubic/max-diff-exact/chord/exact",
    "subcubic/mean-query/mean+diff/svd",
    "subcubic/svd-query/drop-average/max-diff-subproduct",
    "subcubic/global-max-diff-exact/chord/mean-recursive+max-diff-subproduct-recursive",
)
FAMILIES = (*SINGLE, *LADDERS, *SUBCUBIC)


def written(
    folder: Path, model: ToyModel, strategy: str, *, seed: int = 0, margin: str = "0"
) -> Files | None:
    """Write a model and its best certificate; None where the strategy does not count it."""
    witness: dict[str, Any] = {}
    if strategy not in SINGLE:
        make = plausible_ladder if strategy in LADDERS else plausible
        witness = make(Random(seed), strategy, model)
    options = {"witness": witness, "margin": margin}
    found = established(model, strategy, **options)
    if not isinstance(found, tuple):
        return None
    low, high = found
    weights, path = folder / "model.safetensors", folder / "certificate.json"
    weights.write_bytes(model.bytes())
    fields = certificate(model, strategy, at_least=low, at_most=high, **options)
    path.write_bytes(encoded(fields))
    return Files(weights, path)


def in_float32(folder: Path, model: ToyModel, strategy: str) -> Subject:
    """Return the subject of a certificate about the float32 program, both ends as close as can be.

    The upper end is asked for first: one that claims nothing would not be computed.
    """
    weights, path = folder / "model.safetensors", folder / "certificate.json"
    weights.write_bytes(model.bytes())
    fields = certificate(model, strategy, at_least=0, at_most=0)
    fields["claim"]["semantics"] = "float32"
    refused = verdict(model.bytes(), encoded(fields))
    if refused.established:
        fields["claim"] |= {key: str(refused.established[key]) for key in COUNTS}
    path.write_bytes(encoded(fields))
    files = Files(weights, path)
    return subject_of(files, files.control())


def subject(folder: Path, model: ToyModel, strategy: str, **options: Any) -> Subject | None:
    """Return the subject of an audit; None where the strategy does not count the model."""
    files = written(folder, model, strategy, **options)
    return files and subject_of(files, files.control())
