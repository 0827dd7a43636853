"""`attribute`: which paths of a model carry its accuracy, from certified counts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ballproof.models.files import write_atomically
from ballproof.models.task_choice import choose_task
from ballproof.models.tasks import Task
from ballproof.models.weights import file_bytes
from ballproof.verifier.api.cards import card, shown
from ballproof.verifier.api.models import Model, load
from ballproof.verifier.api.proofs import Number, exact_number
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.attribution import Attribution, Subset
from ballproof.verifier.proving.attribution import attribute as attribute_paths
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS


@dataclass(frozen=True)
class PathValues:
    """What each path of a model does for its accuracy; every count behind it is certified."""

    model: Model
    found: Attribution

    @property
    def values(self) -> dict[str, Fraction]:
        """The Shapley value of each path, in inputs; they add up to all paths less none."""
        return self.found.values

    @property
    def interactions(self) -> dict[tuple[str, str], Fraction]:
        """The Shapley interaction index of each pair of paths, in inputs."""
        return self.found.interactions

    @property
    def counts(self) -> dict[frozenset[str], int]:
        """The number of right inputs for each set of kept paths."""
        return self.found.counts

    @property
    def subsets(self) -> tuple[Subset, ...]:
        """The model and the certificate of each set of kept paths."""
        return self.found.subsets

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model of each subset and its certificate into a folder."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for one in self.subsets:
            write_atomically(Path(folder) / f"{one.stem}.safetensors", file_bytes(one.weights))
            write_atomically(Path(folder) / f"{one.stem}.json", one.proven.certificate)
        return Path(folder)

    def to_dict(self) -> dict[str, Any]:
        """Return everything for machines: counts are decimal strings, values exact fractions."""
        return {"model": self.model.name, "sha256": self.model.sha256, **self.found.fields()}

    def __repr__(self) -> str:
        return f"PathValues({self.model.name}: {', '.join(self._shares())})"

    def _shares(self) -> list[str]:
        total = self.found.total
        return [f"{path} {float(value / total):+.5f}" for path, value in self.values.items()]

    def _repr_html_(self) -> str:
        shares = (share.rpartition(" ") for share in self._shares())
        return card(f"Paths of {self.model.name}", {path: text for path, _, text in shares})


def attribute(
    model: Any,
    *,
    task: str | Task | None = None,
    margin: Number = 0,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
    progress: bool = False,
) -> PathValues:
    """Return the Shapley values of the paths of a model of one head, as exact fractions.

    `model` is whatever `load` takes. The result has `values`, `interactions` of pairs, and
    `subsets`: for each set of kept paths the weights, the exact count and its verified certificate.
    What a path is and how it is ablated is in docs/attribute.md. Raises ModelError, and
    NotApplicableError for a model of another kind, or where a count is not found exactly.
    """
    loaded = load(model)
    weights = loaded.weights
    chosen = choose_task(weights, task if isinstance(task, str) else None)
    asked = task if isinstance(task, Task) else chosen.task
    problem = pose(weights, exact_number(margin, "margin"), task=asked)
    with shown("proving and checking subsets", progress) as report:
        return PathValues(loaded, attribute_paths(problem, max_operations, report))
