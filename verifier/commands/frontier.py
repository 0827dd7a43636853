"""`ballproof frontier`: length against bound for one model."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click
from rich.table import Table

from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    Output,
    asked_task,
    json_option,
    load_model,
    margin_option,
    max_operations_option,
    model_argument,
    pass_terminal,
    task_option,
)
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.frontier import Point, frontier, measured_points
from ballproof.verifier.proving.shares import share
from ballproof.verifier.report.plot import FORMATS, draw, require_plotting


@click.command(name="frontier")
@model_argument
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the plot into this file: .svg, .png or .pdf (extra `report`).",
)
@click.option(
    "--budgets",
    type=click.IntRange(1, 100),
    default=12,
    show_default=True,
    help="How many lengths of each steerable strategy to try.",
)
@click.option("--all", "everything", is_flag=True, help="List all points, not the frontier alone.")
@task_option
@margin_option
@max_operations_option
@json_option
@pass_terminal
def frontier_command(
    terminal: Terminal,
    model: str,
    out: Path | None,
    budgets: int,
    everything: bool,
    task_name: str | None,
    margin: Fraction,
    max_operations: int,
    as_json: bool,
) -> None:
    """Show which bound on MODEL can be had for which length of proof.

    Proves and checks with every strategy that applies, the study's among them, and with ladders, or
    other steerable strategies, of many lengths; the frontier are those that no other beats in both
    length and bound. Takes about a minute for a max-of-4 model.

    \b
    Examples:
      ballproof frontier max-of-4-seed-123 --out frontier.svg
      ballproof frontier max-of-10-seed-50 --max-operations 100_000_000 --json
    """
    if out:
        if out.suffix.lower() not in FORMATS:
            expected = f"the name ends with one of {', '.join(FORMATS)}."
            raise click.BadParameter(expected, param_hint="--out")
        require_plotting()
    output = Output(terminal, out) if out else None
    weights = load_model(model)
    problem = pose(weights, margin, task=asked_task(terminal, weights, task_name))
    with terminal.bar("proving and checking") as progress:
        points = list(measured_points(problem, budgets, max_operations, progress))
    best = frontier(points)
    if out and output:
        title = f"{Path(model).name}: length of a proof against its bound"
        output.write(draw(points, title, out.suffix[1:]))
    shown = sorted(points, key=lambda p: p.operations) if everything else best
    if as_json:
        rows = [point.fields(on_frontier=point in best) for point in sorted(points, key=_length)]
        terminal.json({"model": model, "plot": str(out) if out else None, "points": rows})
        return
    terminal.results.print(_table(shown, best))
    terminal.result(f"{len(best)} of {len(points)} certificates are on the frontier, all verified")
    if out:
        terminal.result(f"plot: {out}")


def _length(point: Point) -> int:
    return point.operations


def _table(points: list[Point], best: list[Point]) -> Table:
    table = Table("strategy", "by", box=None, pad_edge=False)
    for column in ("operations", "at least", "at most", "frontier"):
        table.add_column(column, justify="right")
    for point in points:
        table.add_row(
            point.strategy,
            "the study" if point.published else "ours",
            str(point.operations),
            share(point.correct_at_least, point.total),
            share(point.correct_at_most, point.total),
            "*" if point in best else "",
        )
    return table
