"""The study's tables in words, for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ballproof.verifier.report.coverage import coverage
from ballproof.verifier.report.numbers import Spread, range_text
from ballproof.verifier.report.published import Published
from ballproof.verifier.report.study import Family
from ballproof.verifier.report.summary import (
    NEARLY,
    Group,
    best_of,
    group_table,
    shortest_for,
    truths,
)

GROUP_COLUMNS = (
    "published",
    "ours, the study's strategies",
    "ours, all",
    "bound, ours, all",
    "models",
    "operations, published",
    "operations, ours",
    "unexplained, published",
    "unexplained, ours",
)


@dataclass(frozen=True)
class Headline:
    """A number that stands out: what it is, which no other is, the number, and what it means."""

    label: str
    value: Spread | float
    meaning: str

    @property
    def figure(self) -> str:
        """The number in words."""
        return str(self.value) if isinstance(self.value, Spread) else f"{self.value:,.0f}"


@dataclass(frozen=True)
class FamilyRow:
    """One family in the table of headline numbers, ready to print."""

    label: str
    models: int
    truth: str
    published: str
    exact: str
    best: str
    short: str


@dataclass(frozen=True)
class GroupRow:
    """One row of a group table: the group, and a cell for each of GROUP_COLUMNS."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class GroupTable:
    """The groups of one family."""

    label: str
    rows: tuple[GroupRow, ...]


def headlines(families: Sequence[Family]) -> list[Headline]:
    """Return what stands out, of the family with the most models."""
    whole = coverage(families)
    shown = [
        Headline(
            "verified certificates",
            whole.verified,
            f"of {whole.models:,} models by {whole.strategies} strategies, each re-checked by the "
            "standalone checker",
        )
    ]
    if not families:
        return shown
    family = max(families, key=lambda one: len(one.subjects))
    known = truths(family)
    if known.spread:
        exact = f"{known.exact} of {known.spread.count} proven exactly, over every input"
        shown.append(Headline(f"true accuracy, {family.label}", known.spread, exact))
    for group in group_table(family):
        if group.name == "subcubic":
            shown += _subcubic(family, group)
    short = shortest_for(family, NEARLY)
    if short is not None:
        meaning = "operations: the median over models of the shortest proof that gets so far"
        label = f"99% of the true accuracy, {family.label}"
        shown.append(Headline(label, short, meaning))
    return shown


def _subcubic(family: Family, group: Group) -> list[Headline]:
    """Return our best bounds of the group `subcubic`, the study's beside them."""
    shown = []
    beside = f"published {spread_of(group.published)}" if group.published else ""
    for which, best in (("the study's", group.study), ("with chord", group.all)):
        if best.normalised and (best is group.study or best != group.study):
            meaning = f"normalised bound, {family.label}" + (beside and f"; {beside}")
            shown.append(Headline(f"best subcubic proofs, {which}", best.normalised, meaning))
    return shown


def family_rows(families: Sequence[Family]) -> list[FamilyRow]:
    """Return the headline numbers of each family."""
    return [_family_row(family) for family in families]


def _family_row(family: Family) -> FamilyRow:
    known = truths(family)
    short = shortest_for(family, NEARLY)
    every = len(family.subjects)
    return FamilyRow(
        family.label,
        every,
        _estimated(known.spread, known.exact < (known.spread.count if known.spread else 0)),
        "-" if known.published is None else _pair(known.published),
        f"{known.exact} of {every}",
        str(best_of(family, lambda row: True).bound or "-"),
        "-" if short is None else f"{short:,.0f}",
    )


def group_tables(families: Sequence[Family]) -> list[GroupTable]:
    """Return the group table of each family."""
    return [
        GroupTable(family.label, tuple(_group_row(group) for group in group_table(family)))
        for family in families
    ]


def _group_row(group: Group) -> GroupRow:
    published, best = group.published, group.all
    cells = (
        _marked(group),
        _estimated(group.study.normalised, group.study.estimated > 0),
        _estimated(best.normalised, best.estimated > 0),
        str(best.bound or "-"),
        str(best.bound.count if best.bound else 0),
        range_text(published.operations if published else None),
        range_text(best.operations),
        range_text(published.unexplained_dimension if published else None),
        range_text(best.unexplained_dimension),
    )
    return GroupRow(group.name, cells)


def _marked(group: Group) -> str:
    """Write the published figure; * is a true accuracy, † may be either bound."""
    if group.published is None:
        return "-"
    if group.published.normalised:
        return spread_of(group.published)
    return spread_of(group.published) + (" *" if group.name == "brute-force" else " †")


def spread_of(published: Published) -> str:
    """Write a published figure."""
    return _pair(published.spread)


def _pair(spread: tuple[float, float]) -> str:
    """Write mean and deviation with the same number of decimals, at least three."""
    decimals = max(3, *(len(str(number).partition(".")[2]) for number in spread))
    return f"{spread[0]:.{decimals}f} ± {spread[1]:.{decimals}f}"


def _estimated(spread: Spread | None, estimated: bool) -> str:
    if spread is None:
        return "-"
    return f"≈ {spread}" if estimated else str(spread)
