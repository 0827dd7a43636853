"""`ballproof attribute`: which path of a model carries its accuracy, by exact counts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click
from rich.table import Table

from ballproof.models.files import require_writable, write_atomically
from ballproof.models.weights import file_bytes
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
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
from ballproof.verifier.proving.attribution import Attribution
from ballproof.verifier.proving.attribution import attribute as attribute_paths
from ballproof.verifier.proving.shares import share


@click.command()
@model_argument
@click.option(
    "--out-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the model of each subset of paths, and its certificate, into this folder.",
)
@task_option
@margin_option
@max_operations_option
@json_option
@pass_terminal
def attribute(
    terminal: Terminal,
    model: str,
    out_dir: Path | None,
    task_name: str | None,
    margin: Fraction,
    max_operations: int,
    as_json: bool,
) -> None:
    """Share out the certified accuracy of MODEL among its paths, exactly, by Shapley values.

    The paths are those of one head: direct, OV, QK, positional OV, positional QK. For each of
    the 32 subsets there is a model in which the other paths are their means over all tokens, the
    positional ones over all positions, with a certificate of its exact count by `exact`. The
    values add up to the count with all paths less that with none. Interactions of pairs are the
    Shapley interaction indices: above 0 where two paths do more together than apart.

    It takes 32 proofs and their checks, some of them many times longer than the model's own.

    \b
    Examples:
      ballproof attribute max-of-4-seed-123
      ballproof attribute model.safetensors --task min-of-3 --out-dir paths --json
    """
    weights = load_model(model)
    problem = pose(weights, margin, task=asked_task(terminal, weights, task_name))
    if out_dir:
        out_dir.mkdir(parents=True, exist_ok=True)
        require_writable(out_dir / "none.json")
    with terminal.bar("proving and checking subsets") as progress:
        found = attribute_paths(problem, max_operations, progress)
    if out_dir:
        for one in found.subsets:
            write_atomically(out_dir / f"{one.stem}.safetensors", file_bytes(one.weights))
            write_atomically(out_dir / f"{one.stem}.json", one.proven.certificate)
    if as_json:
        terminal.json({"model": model, "sha256": weights.digest, **found.fields()})
        return
    terminal.results.print(_values(found))
    terminal.results.print(_pairs(found))
    none, every = found.subsets[0].count, found.subsets[-1].count
    terminal.result(
        f"{every} of {found.total} right with all paths ({share(every, found.total)}), {none} with "
        f"none ({share(none, found.total)}): the values add up to {every - none}",
        f"{len(found.subsets)} exact counts, all verified",
    )
    if out_dir:
        terminal.result(f"models and certificates: {out_dir}")


def _values(found: Attribution) -> Table:
    """Return the table of the paths, with the counts of a path alone and of all others."""
    table = Table("path", box=None, pad_edge=False)
    for column in ("value, inputs", "of all", "alone, right", "without it, right"):
        table.add_column(column, justify="right")
    counts, every = found.counts, frozenset(found.values)
    for path, value in found.values.items():
        alone, without = counts[frozenset({path})], counts[every - {path}]
        share_of_all = f"{float(value / found.total):+.5f}"
        table.add_row(path, str(value), share_of_all, str(alone), str(without))
    return table


def _pairs(found: Attribution) -> Table:
    table = Table("pair", box=None, pad_edge=False)
    for column in ("interaction, inputs", "of all"):
        table.add_column(column, justify="right")
    for (one, two), value in found.interactions.items():
        table.add_row(f"{one}, {two}", str(value), f"{float(value / found.total):+.5f}")
    return table
