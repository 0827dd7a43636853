"""`study`: many models with many strategies, as a table."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ballproof.models.weights import file_bytes
from ballproof.verifier.api.cards import card, shown
from ballproof.verifier.api.models import Model, load
from ballproof.verifier.api.proofs import Number, exact_number
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS
from ballproof.verifier.strategies import strategies_matching
from ballproof.verifier.study.events import Event, Finished
from ballproof.verifier.study.local import run_locally
from ballproof.verifier.study.store import Store, opened
from ballproof.verifier.study.sweep import Subject, Sweep, missing_tasks
from ballproof.verifier.study.work import Task, run_task


@dataclass(frozen=True)
class Study:
    """What a study found: a row for each model and strategy, for where pandas is missing."""

    rows: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the rows for machines."""
        return {"rows": list(self.rows)}

    def __repr__(self) -> str:
        return f"Study({len(self.rows)} rows)"

    def _repr_html_(self) -> str:
        return card("Study", {f"{r['model']}, {r['strategy']}": r["verdict"] for r in self.rows})


def study(
    models: Iterable[Any],
    strategies: str | Sequence[str] = "study",
    *,
    folder: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    margin: Number = 0,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
    progress: bool = False,
) -> Any:
    """Prove every model with every strategy, each certificate verified by the checker.

    `models` are what `load` takes; `strategies` a name, a glob pattern, `all` or `study` (the
    study's 102), or several. With `folder` the results stay there, as those of `ballproof sweep`:
    the same call does what is missing, and `ballproof report` shows them. `jobs` is how many models
    are worked on at a time.

    Returns a pandas DataFrame, or a Study where pandas is not installed: a row for each model and
    strategy, whose `verdict` is VERIFIED, NOT PROVEN (with the `reason`), REJECTED or FAILED (bugs
    of ours). Raises ModelError, UnknownStrategyError, and StoreError for a folder that other
    settings have made.
    """
    patterns = [strategies] if isinstance(strategies, str) else list(strategies)
    names = list(dict.fromkeys(s.name for p in patterns for s in strategies_matching(p)))
    subjects = _subjects(load(model) for model in models)
    gap = exact_number(margin, "margin")
    settings = {"margin": str(gap), "max_operations": str(max_operations)}
    with _store(folder) as store, shown("proving and checking", progress) as report:
        store.require_settings({**settings, "version": version("ballproof")})
        for _ in store.forget_damaged():
            pass
        running = Sweep(missing_tasks(store, subjects, names, gap, max_operations))
        events = _alone(running.tasks) if jobs == 1 else run_locally(running.tasks, jobs)
        for _ in running.run(events, store):
            report(running.done, running.every)
        rows = tuple(_rows(store, subjects, names))
    if running.failures:
        name, sentence = next(iter(running.failures.items()))
        raise RuntimeError(f"{name} could not be worked on: {sentence}")
    try:
        pandas = import_module("pandas")
    except ImportError:
        return Study(rows)
    return pandas.DataFrame(rows)


def _subjects(models: Iterable[Model]) -> list[Subject]:
    """Return each model once, by its digest."""
    found: dict[str, Subject] = {}
    for model in models:
        name, data = Path(model.name).stem, file_bytes(model.weights)
        found.setdefault(model.sha256, Subject(name, data, model.sha256))
    return list(found.values())


@contextmanager
def _store(folder: str | os.PathLike[str] | None) -> Iterator[Store]:
    """Give the store in a folder, or in one that ends with its use."""
    if folder is not None:
        with opened(Path(folder), create=True) as store:
            yield store
        return
    with (
        tempfile.TemporaryDirectory(prefix="ballproof-") as temporary,
        opened(Path(temporary), create=True) as store,
    ):
        yield store


def _alone(tasks: Sequence[Task]) -> Iterator[Event]:
    for number, task in enumerate(tasks):
        yield Finished(number, run_task(task))


def _rows(
    store: Store, subjects: Sequence[Subject], names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows that were asked for, model by model, in the order of the strategies."""
    models = {model.sha256: model for model in store.models()}
    results = {(row.sha256, row.strategy): row for row in store.results()}
    for subject in subjects:
        for name in names:
            row = results.get((subject.digest, name))
            if row is not None:
                model = models[subject.digest]
                known = {"model": subject.name, "task": model.task, "total": model.total}
                yield known | asdict(row)
