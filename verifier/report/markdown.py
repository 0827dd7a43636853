"""The study's tables as Markdown: coverage, headline numbers, groups beside the published ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ballproof.verifier.report.coverage import Coverage, coverage
from ballproof.verifier.report.noise import COST_COLUMNS, FACTOR_COLUMNS, noises
from ballproof.verifier.report.published import source
from ballproof.verifier.report.study import Family
from ballproof.verifier.report.tables import GROUP_COLUMNS, family_rows, group_tables, headlines

FAMILY_COLUMNS = (
    "task",
    "models",
    "true accuracy",
    "published true accuracy",
    "known exactly for",
    "best bound",
    "operations for 99% of the true accuracy",
)


def summary_bytes(families: Sequence[Family], settings: Mapping[str, str]) -> bytes:
    """Return the summary in UTF-8."""
    return ("\n".join(_lines(families, settings)) + "\n").encode()


def _lines(families: Sequence[Family], settings: Mapping[str, str]) -> Iterator[str]:
    yield "# Results of a sweep"
    yield ""
    yield "Made by `ballproof report --summary` from the folder of a `ballproof sweep`."
    yield "Bounds are proofs over every input, re-checked, and rounded down; ± is one standard"
    yield "deviation over models; ≈ marks what rests on a true accuracy estimated from a sample."
    yield ""
    for key, value in sorted(settings.items()):
        yield f"- {_cell(key.replace('_', ' '))}: {_cell(value)}"
    yield from ("", "## Coverage", "")
    yield from _coverage(coverage(families))
    yield from ("", "## Headline numbers", "")
    for headline in headlines(families):
        yield f"- {_cell(headline.label)}: **{headline.figure}**, {_cell(headline.meaning)}"
    yield ""
    rows = [list(map(str, vars(row).values())) for row in family_rows(families)]
    yield from _table(FAMILY_COLUMNS, rows)
    yield from ("", "## Beside the published figures", "")
    yield f"Published: {source()};"
    yield "float computations on the study's own models. * is the true accuracy itself; † may be"
    yield "bounds or normalised bounds. Ours: the best of each group over the true accuracy."
    for table in group_tables(families):
        yield from ("", f"### {table.label}", "")
        yield from _table(("group", *GROUP_COLUMNS), [[r.name, *r.cells] for r in table.rows])
    for noise in noises(families):
        yield from ("", f"## Noise that adds up, {noise.label}", "")
        yield from _table(FACTOR_COLUMNS, [row.cells for row in noise.factors])
        yield ""
        yield from _table(COST_COLUMNS, [row.cells for row in noise.costs])


def _coverage(whole: Coverage) -> Iterator[str]:
    pairs = f"{whole.models} models × {whole.strategies} strategies = {whole.pairs:,} pairs"
    yield f"{whole.verified:,} verified certificates of {pairs}; {whole.missing:,} never tried."
    yield f"Proving took {whole.seconds_to_prove:,.0f} s, checking {whole.seconds_to_check:,.0f} s."
    for reason in whole.reasons:
        names = ", ".join(reason.strategies[:3])
        more = f" and {len(reason.strategies) - 3} more" if len(reason.strategies) > 3 else ""
        yield (
            f"- {reason.count:,} {_cell(reason.verdict)} ({_cell(names)}{more}), for instance: "
            f"{_cell(reason.example)}"
        )
    for slow in whole.slowest[:1]:
        times = f"{slow.seconds_to_prove:.1f} s to prove, {slow.seconds_to_check:.1f} s to check"
        yield f"- slowest: {_cell(slow.model)}, {_cell(slow.strategy)}: {times}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    """Escape what Markdown or HTML would obey."""
    for character in "\\`*_|<>[]":
        text = text.replace(character, "\\" + character)
    return text.replace("\n", " ")
