"""The driver of a sweep: what is missing, and keeping what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.study.events import Event, Failed, Finished, Progressed
from ballproof.verifier.study.portrait import PORTRAIT_VERSION
from ballproof.verifier.study.rows import FAILED, REJECTED
from ballproof.verifier.study.store import Store
from ballproof.verifier.study.work import Done, Task

_OURS = (REJECTED, FAILED)


@dataclass(frozen=True)
class Subject:
    """A model to be studied: what it is called, and the bytes and digest of its weights."""

    name: str
    weights: bytes
    digest: str


def subject(path: Path, data: bytes) -> Subject:
    """Return the subject in a weights file; raises ModelError where it cannot be used."""
    return Subject(path.stem, data, weights_from_bytes(data, str(path)).digest)


def missing_tasks(
    store: Store,
    subjects: Iterable[Subject],
    strategies: Sequence[str],
    margin: Fraction,
    limit: int,
) -> list[Task]:
    """Return a task for each model that lacks results or a portrait, with just what it lacks.

    Results that only a bug of ours explains are tried again.
    """
    there = {(r.sha256, r.strategy) for r in store.results() if r.verdict not in _OURS}
    pictured = {
        model.sha256
        for model in store.models()
        if (model.portrait or {}).get("version") == PORTRAIT_VERSION
    }
    tasks = []
    for one in subjects:
        lacking = tuple(name for name in strategies if (one.digest, name) not in there)
        if lacking or one.digest not in pictured:
            pose = one.digest not in pictured
            tasks.append(Task(one.name, one.weights, lacking, margin, limit, pose))
    return tasks


@dataclass
class Sweep:
    """A running sweep: how far it is, and what became of its tasks."""

    tasks: Sequence[Task]
    verdicts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    finished: int = 0
    _under_way: dict[int, int] = field(default_factory=dict)
    _done: int = 0

    @property
    def every(self) -> int:
        """Number of results that were missing."""
        return sum(len(task.strategies) for task in self.tasks)

    @property
    def done(self) -> int:
        """Number of results that are there by now, those of unfinished tasks among them."""
        return self._done + sum(self._under_way.values())

    def run(self, events: Iterable[Event], store: Store) -> Iterator[Done | None]:
        """Keep each finished task in the store; yields it, or None where only `done` has grown."""
        for event in events:
            if isinstance(event, Progressed):
                self._under_way[event.task] = event.done
                yield None
                continue
            self._under_way.pop(event.task, None)
            if isinstance(event, Failed):
                self.failures[self.tasks[event.task].name] = event.sentence
                yield None
            if isinstance(event, Finished):
                store.add(event.result)
                self.finished += 1
                self._done += len(event.result.results)
                self.verdicts.update(row.verdict for row in event.result.results)
                yield event.result
