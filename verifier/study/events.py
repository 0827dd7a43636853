"""What a running sweep reports of its tasks."""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.verifier.study.work import Done


@dataclass(frozen=True)
class Progressed:
    """Task number `task` has done `done` of its strategies."""

    task: int
    done: int


@dataclass(frozen=True)
class Finished:
    """Task number `task` is done."""

    task: int
    result: Done


@dataclass(frozen=True)
class Failed:
    """Task number `task` cannot be done; the sentence says why."""

    task: int
    sentence: str


Event = Progressed | Finished | Failed


class WorkersLostError(RuntimeError):
    """Nobody is left to do the work; what was finished is kept."""
