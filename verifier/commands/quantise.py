"""`ballproof quantise`: the exact count of a model whose weights are rounded to so many bits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import click
from rich.table import Table

from ballproof.models.files import require_writable, write_atomically
from ballproof.models.quantisation import GRANULARITIES, LEAST_BITS, MOST_BITS, Granularity
from ballproof.models.weights import file_bytes
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    ExactNumber,
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
from ballproof.verifier.proving.pipeline import NotProven
from ballproof.verifier.proving.quantising import RoundedModel, fewest_bits, rounded_models
from ballproof.verifier.proving.shares import share
from ballproof.verifier.report.curve import Line, draw_curve
from ballproof.verifier.report.plot import FORMATS, require_plotting


class Bits(click.ParamType[range]):
    """Numbers of bits, such as 2..16 or 8."""

    name = "bits"

    def convert(
        self, value: str | range, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        """Return the range."""
        if isinstance(value, range):
            return value
        first, dots, last = value.partition("..")
        ends = first, last if dots else first
        if all(end.isascii() and end.isdigit() and len(end) < 4 for end in ends):
            bits = range(int(ends[0]), int(ends[1]) + 1)
            if bits and set(bits) <= set(range(LEAST_BITS, MOST_BITS + 1)):
                return bits
        return self.fail(
            f"{value!r} is no range of bits within {LEAST_BITS}..{MOST_BITS}, such as 4..8."
        )


@click.command()
@model_argument
@click.option(
    "--bits", type=Bits(), default="2..16", show_default=True, help="Which numbers of bits to try."
)
@click.option(
    "--per",
    type=click.Choice([*GRANULARITIES, "both"]),
    default="tensor",
    show_default=True,
    help="One scale for each matrix, or for each of its rows.",
)
@click.option(
    "--at-least", type=ExactNumber(), help="Name the fewest bits that keep this accuracy, as 0.99."
)
@click.option(
    "--out-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each rounded model and its certificate into this folder.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the curve into this file: .svg, .png or .pdf (extra `report`).",
)
@task_option
@margin_option
@max_operations_option
@json_option
@pass_terminal
def quantise(
    terminal: Terminal,
    model: str,
    bits: range,
    per: str,
    at_least: Fraction | None,
    out_dir: Path | None,
    plot: Path | None,
    task_name: str | None,
    margin: Fraction,
    max_operations: int,
    as_json: bool,
) -> None:
    """Count the right inputs of MODEL with its weights rounded to so many bits, exactly.

    A weight w of a matrix becomes n s, n the integer next to w/s with |n| <= 2^(bits-1) - 1, where
    s is the largest magnitude of the matrix (or row) over 2^(bits-1) - 1, rounded up to 38
    significant bits. These are float64 numbers without rounding, and so the file holds
    them. Biases and the weights of norms are kept. Each certificate is about the rounded file, by
    `exact` where the model has one head, else by `enumerate`.

    \b
    Examples:
      ballproof quantise max-of-4-seed-123 --at-least 0.99
      ballproof quantise product-in-s5-seed-0 --bits 2..8 --per both --plot bits.svg
      ballproof quantise max-of-4-seed-123 --bits 6 --out-dir six
    """
    if plot:
        if plot.suffix.lower() not in FORMATS:
            expected = f"the name ends with one of {', '.join(FORMATS)}."
            raise click.BadParameter(expected, param_hint="--plot")
        require_plotting()
    output = Output(terminal, plot) if plot else None
    granularities: Sequence[Granularity] = [one for one in GRANULARITIES if per in (one, "both")]
    weights = load_model(model)
    problem = pose(weights, margin, task=asked_task(terminal, weights, task_name))
    if out_dir:
        out_dir.mkdir(parents=True, exist_ok=True)
        require_writable(out_dir / "model.safetensors")
    with terminal.bar("rounding, proving and checking") as progress:
        models = rounded_models(problem, bits, granularities, max_operations, progress)
    fewest = {one: fewest_bits(models, one, at_least or Fraction(0)) for one in granularities}
    if out_dir:
        _write(models, out_dir)
    if plot and output:
        output.write(_curve(models, granularities, Path(model).name, plot.suffix[1:]))
    if as_json:
        stated = {"at_least": str(at_least), "fewest_bits": fewest} if at_least is not None else {}
        rows = [one.fields() for one in models]
        terminal.json({"model": model, "sha256": weights.digest, **stated, "models": rows})
        return
    terminal.results.print(_table(models))
    if at_least is not None:
        terminal.result(*(_sentence(one, bits, at_least, fewest[one]) for one in granularities))
    if out_dir:
        terminal.result(f"models and certificates: {out_dir}")
    if plot:
        terminal.result(f"plot: {plot}")


def _sentence(
    granularity: Granularity, tried: range, at_least: Fraction, fewest: int | None
) -> str:
    tried_bits = f"{tried[0]} to {tried[-1]} bits"
    if fewest is None:
        return f"by {granularity}: {tried[-1]} bits do not keep {at_least}; tried were {tried_bits}"
    return f"by {granularity}: {fewest} bits keep {at_least}, and so do all more of {tried_bits}"


def _write(models: Sequence[RoundedModel], folder: Path) -> None:
    for model in models:
        write_atomically(folder / f"{model.stem}.safetensors", file_bytes(model.weights))
        if model.proven:
            write_atomically(folder / f"{model.stem}.json", model.proven.certificate)


def _table(models: Sequence[RoundedModel]) -> Table:
    table = Table("bits", "scale by", box=None, pad_edge=False)
    for column in ("at least", "at most", "accuracy", "operations"):
        table.add_column(column, justify="right")
    for model in models:
        start = str(model.bits), model.granularity
        if isinstance(model.outcome, NotProven):
            table.add_row(*start, "-", "-", "-", model.outcome.reason)
            continue
        claim = model.outcome.claim
        counts = str(claim.correct_at_least), str(claim.correct_at_most)
        accuracy = share(claim.correct_at_least, claim.total)
        table.add_row(*start, *counts, accuracy, str(model.outcome.proof.operations))
    return table


def _curve(
    models: Sequence[RoundedModel], granularities: Sequence[Granularity], name: str, kind: str
) -> bytes:
    lines = []
    for granularity in granularities:
        found = [one for one in models if one.granularity == granularity and one.accuracy]
        points = [(float(one.bits), float(one.accuracy or 0)) for one in found]
        lines.append(Line(f"one scale for each {granularity}", points))
    return draw_curve(lines, f"{name}: bits of the weights", "bits", "certified accuracy", kind)
