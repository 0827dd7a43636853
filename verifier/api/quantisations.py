"""`quantise`: how many bits a model needs, each count certified."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ballproof.models.files import write_atomically
from ballproof.models.quantisation import GRANULARITIES, LEAST_BITS, MOST_BITS, Granularity
from ballproof.models.task_choice import choose_task
from ballproof.models.tasks import Task
from ballproof.models.weights import file_bytes
from ballproof.verifier.api.cards import card, shown
from ballproof.verifier.api.models import Model, load
from ballproof.verifier.api.proofs import Number, exact_number
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS
from ballproof.verifier.proving.quantising import RoundedModel, fewest_bits, rounded_models


@dataclass(frozen=True)
class Quantisation:
    """A model rounded to several numbers of bits; each of `models` has its own certificate."""

    model: Model
    models: Sequence[RoundedModel]

    def fewest_bits(self, at_least: Number, per: Granularity | None = None) -> int | None:
        """Return the fewest bits tried from which on every model keeps this exact accuracy."""
        bound = exact_number(at_least, "at_least")
        return fewest_bits(self.models, per or self.models[0].granularity, bound)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write each rounded model and its certificate into a folder."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for one in self.models:
            write_atomically(Path(folder) / f"{one.stem}.safetensors", file_bytes(one.weights))
            if one.proven:
                write_atomically(Path(folder) / f"{one.stem}.json", one.proven.certificate)
        return Path(folder)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and figures for machines; counts are decimal strings."""
        models = [one.fields() for one in self.models]
        return {"model": self.model.name, "sha256": self.model.sha256, "models": models}

    def __repr__(self) -> str:
        return f"Quantisation({self.model.name}, {len(self.models)} models)"

    def _repr_html_(self) -> str:
        facts = {one.stem: _said(one.accuracy) for one in self.models}
        return card(f"Quantisation of {self.model.name}", facts)


def quantise(
    model: Any,
    *,
    bits: Iterable[int] = range(LEAST_BITS, MOST_BITS + 1),
    per: Granularity | None = "tensor",
    task: str | Task | None = None,
    margin: Number = 0,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
    progress: bool = False,
) -> Quantisation:
    """Return the exact counts of right inputs of a model rounded to each number of bits.

    `model` is whatever `load` takes; `bits` are numbers from 2 to 16. `per` is "tensor" or "row",
    what has a scale of its own; None tries both. How weights are rounded is in
    docs/quantise.md. Raises ModelError for a model or task that is not supported; where some
    rounded model is not certified, its `proven` is None.
    """
    if per is not None and per not in GRANULARITIES:
        raise ValueError(f"per is {per!r}; {', '.join(GRANULARITIES)} are known.")
    tried = sorted(set(bits))
    if not tried:
        raise ValueError("There are no bits to try.")
    loaded = load(model)
    chosen = choose_task(loaded.weights, task if isinstance(task, str) else None)
    asked = task if isinstance(task, Task) else chosen.task
    problem = pose(loaded.weights, exact_number(margin, "margin"), task=asked)
    granularities = GRANULARITIES if per is None else (per,)
    with shown("rounding, proving and checking", progress) as report:
        return Quantisation(
            loaded, rounded_models(problem, tried, granularities, max_operations, report)
        )


def _said(accuracy: Fraction | None) -> str:
    return "not certified" if accuracy is None else f"{float(accuracy):.5f}"
