"""The pure numbers of a report: groups beside the published figures, headlines, coverage."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ballproof.verifier.report.numbers import Spread, ranged, spread
from ballproof.verifier.report.published import Published, published_groups, published_truth
from ballproof.verifier.report.study import Family, Subject
from ballproof.verifier.strategies import groups, of_the_study
from ballproof.verifier.study.rows import ResultRow

# As the study orders them, then ours.
GROUPS = tuple(group.name for group in groups())
# A proof of this share of the true accuracy counts as nearly all of it.
NEARLY = Fraction(99, 100)


@dataclass(frozen=True)
class Best:
    """The best certificate of each model that has one: bounds and what they cost.

    `normalised` leaves out models whose true accuracy is unknown; `estimated` counts those whose
    true accuracy is an estimate.
    """

    bound: Spread | None
    normalised: Spread | None
    estimated: int
    operations: tuple[int, int] | None
    unexplained_dimension: tuple[int, int] | None


@dataclass(frozen=True)
class Group:
    """One row of the group table: published, ours with the study's strategies, ours with all."""

    name: str
    published: Published | None
    study: Best
    all: Best


@dataclass(frozen=True)
class Truths:
    """The true accuracies of a family: their spread, and for how many models they are exact."""

    spread: Spread | None
    exact: int
    published: tuple[float, float] | None


def best_row(rows: Sequence[ResultRow]) -> ResultRow | None:
    """Return the row with the highest bound, of equals the shortest proof."""
    return max(rows, key=_merit, default=None)


def _merit(row: ResultRow) -> tuple[int, int]:
    return row.correct_at_least or 0, -(row.operations or 0)


def best_of(family: Family, chosen: Callable[[ResultRow], bool]) -> Best:
    """Return what the best certificate of each model comes to, among the rows that are chosen."""
    pairs = [
        (subject, row)
        for subject in family.subjects
        if (row := best_row([row for row in subject.verified if chosen(row)]))
    ]
    normalised = [share for subject, row in pairs if (share := subject.normalised(row)) is not None]
    return Best(
        spread([subject.bound(row) for subject, row in pairs]),
        spread(normalised),
        sum(subject.truth is not None and not subject.truth.exact for subject, _ in pairs),
        ranged([row.operations for _, row in pairs if row.operations is not None]),
        ranged([d for _, row in pairs if (d := row.unexplained_dimension) is not None]),
    )


def group_table(family: Family) -> list[Group]:
    """Return the groups that the sweep or the study has, in the study's order, then ours."""
    known = published_groups(family.label)
    there = {row.strategy_group for subject in family.subjects for row in subject.verified}
    names = [*GROUPS, *sorted(there - set(GROUPS))]
    return [
        Group(
            name,
            known.get(name),
            _best_in_group(family, name, of_study=True),
            _best_in_group(family, name, of_study=False),
        )
        for name in names
        if name in there or name in known
    ]


def _best_in_group(family: Family, group: str, *, of_study: bool) -> Best:
    """Return the best of a group, of the study's strategies only if asked."""

    def chosen(row: ResultRow) -> bool:
        return row.strategy_group == group and (not of_study or of_the_study(row.strategy))

    return best_of(family, chosen)


def truths(family: Family) -> Truths:
    """Return the true accuracies of a family's models."""
    known = [subject.truth for subject in family.subjects if subject.truth]
    return Truths(
        spread([truth.accuracy for truth in known]),
        sum(truth.exact for truth in known),
        published_truth(family.label),
    )


def shortest_for(family: Family, goal: Fraction) -> float | None:
    """Return the median over models of the shortest proof of this share of the true accuracy.

    None where no model has such a proof.
    """
    lengths = [min(found) for subject in family.subjects if (found := _lengths_for(subject, goal))]
    return statistics.median(lengths) if lengths else None


def _lengths_for(subject: Subject, goal: Fraction) -> list[int]:
    lengths = []
    for row in subject.verified:
        share = subject.normalised(row)
        if share is not None and share >= goal and row.operations is not None:
            lengths.append(row.operations)
    return lengths
