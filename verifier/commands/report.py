"""`ballproof report`: a sweep as one page, and its tables and pictures for other uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output, json_option, pass_terminal
from ballproof.verifier.report.exports import csv_bytes, parquet_bytes, require_parquet
from ballproof.verifier.report.figures import study_figures
from ballproof.verifier.report.machine import machine_summary
from ballproof.verifier.report.markdown import summary_bytes
from ballproof.verifier.report.page import report_page, require_page_libraries
from ballproof.verifier.report.plot import require_plotting
from ballproof.verifier.report.study import families
from ballproof.verifier.study.store import Store, opened

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--out", type=FILE, help="Write the page into this HTML file.")
@click.option("--csv", "as_csv", type=FILE, help="Write the index into this CSV file.")
@click.option("--parquet", type=FILE, help="Write the index into this Parquet file.")
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every picture of the study into this folder, as PNG and SVG.",
)
@click.option("--summary", type=FILE, help="Write the study's tables into this Markdown file.")
@json_option
@pass_terminal
def report(
    terminal: Terminal,
    folder: Path,
    out: Path | None,
    as_csv: Path | None,
    parquet: Path | None,
    figures: Path | None,
    summary: Path | None,
    as_json: bool,
) -> None:
    """Show what a sweep in DIR found, as one page that is readable offline.

    The page has the headline numbers, the bound against the length of proof and against what is
    left unexplained, the groups of strategies beside the published figures, and a section for each
    model. It needs no network, and the same folder gives the same bytes. --json prints the headline
    numbers and the group tables. Needs the extra `report`.

    \b
    Examples:
      ballproof report study --out report.html
      ballproof report study --csv results.csv --parquet results.parquet
      ballproof report study --figures figures --summary summary.md
    """
    asked = [path for path in (out, as_csv, parquet, summary) if path]
    if not asked and not figures and not as_json:
        raise click.UsageError(
            "nothing to write: name the page with --out report.html, or ask for --csv, --parquet, "
            "--figures, --summary or --json."
        )
    if [str(path) for path in asked].count("-") > 1:
        raise click.UsageError("one file can go to standard output, not several.")
    outputs = {path: Output(terminal, path, as_json=as_json) for path in asked}
    _require_libraries(page=out is not None, table=parquet is not None, plots=figures is not None)
    written: list[tuple[str, int]] = []
    with opened(folder) as store:
        for remark in store.remarks:
            terminal.remark(remark)
        if out:
            written.append(_written(outputs[out], _page(terminal, store)))
        models, results = store.models(), store.results()
        studied = families(models, results)
        if as_csv:
            written.append(_written(outputs[as_csv], csv_bytes(models, results)))
        if parquet:
            written.append(_written(outputs[parquet], parquet_bytes(models, results)))
        if summary:
            written.append(_written(outputs[summary], summary_bytes(studied, store.settings)))
    if figures:
        figures.mkdir(parents=True, exist_ok=True)
        with terminal.waiting("drawing"):
            for name, data in study_figures(studied):
                written.append(_written(Output(terminal, figures / name), data))
    if as_json:
        terminal.json({"written": [name for name, _ in written], **machine_summary(studied)})
        return
    terminal.result(*(f"{name}: {size:,} bytes" for name, size in written))


def _require_libraries(*, page: bool, table: bool, plots: bool) -> None:
    """Raise MissingExtraError before any work if a library that it takes is missing."""
    needed: list[tuple[bool, Callable[[], object]]] = [
        (page, require_page_libraries),
        (table, require_parquet),
        (plots, require_plotting),
    ]
    for wanted, require in needed:
        if wanted:
            require()


def _page(terminal: Terminal, store: Store) -> bytes:
    with terminal.bar("reading certificates") as progress:
        return report_page(
            store.models(), store.results(), store.certificate_bytes, store.settings, progress
        )


def _written(output: Output, data: bytes) -> tuple[str, int]:
    """Write, and return where, and how many bytes."""
    output.write(data)
    return str(output), len(data)
