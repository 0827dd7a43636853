"""The rows of a sweep, put in order, and the true accuracy that bounds are measured by."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ballproof.verifier.strategies import STRATEGIES
from ballproof.verifier.study.rows import VERIFIED, ModelRow, ResultRow

COMMON_VOCABULARY = 64
_ORDER = {strategy.name: place for place, strategy in enumerate(STRATEGIES)}


@dataclass(frozen=True)
class Truth:
    """The true accuracy of a model: proven exactly, or the estimate from a sample."""

    accuracy: Fraction
    exact: bool


@dataclass(frozen=True, eq=False)
class Subject:
    """A model with its results, in the order of the strategies; `truth` is None if unknown."""

    model: ModelRow
    rows: tuple[ResultRow, ...]
    truth: Truth | None

    @property
    def verified(self) -> list[ResultRow]:
        """The rows that have a verified certificate."""
        return [row for row in self.rows if row.verdict == VERIFIED]

    def bound(self, row: ResultRow) -> Fraction:
        """Return the certified accuracy."""
        return Fraction(row.correct_at_least or 0, self.model.total)

    def normalised(self, row: ResultRow) -> Fraction | None:
        """Return the certified over the true accuracy, or None if that is unknown or 0."""
        if self.truth is None or not self.truth.accuracy:
            return None
        return self.bound(row) / self.truth.accuracy

    @property
    def singular_ratio(self) -> float | None:
        """The query-key table's sigma_1 / sigma_2, or None where it is unknown or infinite."""
        picture = self.model.portrait or {}
        first, second = picture.get("sigma_1"), picture.get("sigma_2")
        if not first or not second or second <= 1e-12 * first:
            return None
        return float(first / second)


@dataclass(frozen=True, eq=False)
class Family:
    """The models of one task and vocabulary."""

    label: str
    subjects: tuple[Subject, ...]


def families(models: Sequence[ModelRow], results: Sequence[ResultRow]) -> list[Family]:
    """Return the families by task and vocabulary, those of max-of-k first; their models by name."""
    rows: dict[str, list[ResultRow]] = defaultdict(list)
    for row in results:
        rows[row.sha256].append(row)
    groups: dict[tuple[str, int], list[Subject]] = defaultdict(list)
    for model in sorted(models, key=lambda m: (_natural(m.name), m.sha256)):
        groups[model.task, model.d_vocab].append(_subject(model, rows[model.sha256]))
    ordered = sorted(groups, key=lambda key: (not _is_max(key[0]), _natural(key[0]), key[1]))
    return [Family(family_label(*key), tuple(groups[key])) for key in ordered]


def family_label(task: str, d_vocab: int) -> str:
    """Name a family: max-of-4, or max-of-10, 128 tokens."""
    tokens = "" if d_vocab == COMMON_VOCABULARY else f", {d_vocab} tokens"
    return f"{task}{tokens}"


def _is_max(task: str) -> bool:
    return task.startswith("max-of-")


def strategy_order(name: str) -> tuple[int, str]:
    """Return the place of a strategy in our list; unknown ones come last, by name."""
    return _ORDER.get(name, len(_ORDER)), name


def _subject(model: ModelRow, rows: list[ResultRow]) -> Subject:
    ordered = sorted(rows, key=lambda row: strategy_order(row.strategy))
    return Subject(model, tuple(ordered), _truth(model, ordered))


def _truth(model: ModelRow, rows: list[ResultRow]) -> Truth | None:
    for row in rows:
        count = row.correct_at_least
        if row.verdict == VERIFIED and count is not None and count == row.correct_at_most:
            return Truth(Fraction(count, model.total), exact=True)
    if model.sampled_accuracy is None:
        return None
    # As it was written: the float of 0.99935 is a little off.
    return Truth(Fraction(str(model.sampled_accuracy)), exact=False)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key by which seed-50 comes before seed-123."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"([0-9]+)", name)]
