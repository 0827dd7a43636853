"""What a sweep covers: certificates, what is missing and why, and the time it took."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ballproof.verifier.report.study import Family, Subject
from ballproof.verifier.study.rows import VERIFIED, ResultRow

SLOWEST = 5


@dataclass(frozen=True)
class Reason:
    """Why results are not certificates: one reason, numbers aside, and an instance of it."""

    verdict: str
    count: int
    strategies: tuple[str, ...]
    example: str


@dataclass(frozen=True)
class Slow:
    """One of the slowest certificates."""

    model: str
    strategy: str
    seconds_to_prove: float
    seconds_to_check: float


@dataclass(frozen=True)
class Coverage:
    """How much of models x strategies there is; `missing` pairs have no row at all."""

    models: int
    strategies: int
    verified: int
    missing: int
    reasons: tuple[Reason, ...]
    notes: int
    bytes: int
    seconds_to_prove: float
    seconds_to_check: float
    slowest: tuple[Slow, ...]

    @property
    def pairs(self) -> int:
        """Number of all pairs of a model and a strategy."""
        return self.models * self.strategies


Pair = tuple[Subject, ResultRow]


def coverage(families: Sequence[Family]) -> Coverage:
    """Return the coverage of a sweep; its strategies are those that any model was tried with."""
    subjects = [subject for family in families for subject in family.subjects]
    pairs = [(subject, row) for subject in subjects for row in subject.rows]
    verified = [(subject, row) for subject, row in pairs if row.verdict == VERIFIED]
    strategies = {row.strategy for _, row in pairs}
    return Coverage(
        len(subjects),
        len(strategies),
        len(verified),
        len(subjects) * len(strategies) - len(pairs),
        _reasons([row for _, row in pairs if row.verdict != VERIFIED]),
        sum(row.note is not None for _, row in verified),
        sum(row.bytes or 0 for _, row in verified),
        sum(row.seconds_to_prove or 0 for _, row in verified),
        sum(row.seconds_to_check or 0 for _, row in verified),
        tuple(_slow(pair) for pair in sorted(verified, key=_slowness)[:SLOWEST]),
    )


def _reasons(rows: Sequence[ResultRow]) -> tuple[Reason, ...]:
    """Group rows by verdict and reason, whatever the numbers and the strategy in the sentence."""
    grouped: dict[tuple[str, str], list[ResultRow]] = defaultdict(list)
    for row in rows:
        sentence = (row.reason or "no reason is recorded").replace(row.strategy, "")
        grouped[row.verdict, re.sub(r"[0-9]+", "0", sentence)].append(row)
    return tuple(
        Reason(
            verdict,
            len(alike),
            tuple(sorted({row.strategy for row in alike})),
            alike[0].reason or "no reason is recorded",
        )
        for (verdict, _), alike in sorted(
            grouped.items(), key=lambda item: (-len(item[1]), item[0])
        )
    )


def _slowness(pair: Pair) -> tuple[float, str, str]:
    subject, row = pair
    seconds = (row.seconds_to_prove or 0) + (row.seconds_to_check or 0)
    return -seconds, subject.model.name, row.strategy


def _slow(pair: Pair) -> Slow:
    subject, row = pair
    return Slow(
        subject.model.name, row.strategy, row.seconds_to_prove or 0, row.seconds_to_check or 0
    )
