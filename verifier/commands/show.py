"""`ballproof show`: what a certificate claims, unchecked."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
from ballproof.models.tasks import task_of_json
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Output, load_model, pass_terminal
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.shares import share
from ballproof.verifier.report.ladder_picture import draw_classes, words
from ballproof.verifier.report.plot import FORMATS, require_plotting
from ballproof.verifier.strategies import known_strategy
from ballproof.verifier.strategies.ladder.strategy import Ladder
from ballproof.verifier.strategies.ladder.uses import LadderUse, ladder_use

FIELDS = {
    "claim": ("semantics", "margin", "total", "correct_at_least", "correct_at_most"),
    "proof": ("strategy", "precision", "operations"),
}


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--model",
    metavar="MODEL",
    help="Say what a ladder's proof does with each class of this model's inputs.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --model: draw the classes into this file, .svg, .png or .pdf (extra `report`).",
)
@pass_terminal
def show(terminal: Terminal, certificate: Path, model: str | None, plot: Path | None) -> None:
    """Print what CERTIFICATE claims. Nothing is verified here: `ballproof check` does that.

    With --model it tells what a ladder's proof uses: which classes of inputs, by label and last
    token, no rival can win, which are counted and by which rules, and which are given up.

    \b
    Examples:
      ballproof show short.json
      ballproof show short.json --model max-of-4-seed-123 --plot classes.svg
    """
    if plot is not None:
        if model is None:
            raise click.UsageError("--plot needs --model.")
        if plot.suffix.lower() not in FORMATS:
            raise click.UsageError(f"--plot writes {', '.join(FORMATS)}, not {plot.suffix!r}.")
        require_plotting()
    output = Output(terminal, plot) if plot is not None else None
    content = parse_json(read_limited(certificate), str(certificate))
    try:
        lines = list(_lines(content))
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise ModelError(f"{certificate} is no ballproof certificate.") from None
    if model is not None:
        use = _use(terminal, content, model, certificate)
        lines += words(use)
        if output is not None and plot is not None:
            output.write(draw_classes(use, _title(content, model), plot.suffix[1:].lower()))
    terminal.result(*lines, "Not verified: `ballproof check MODEL CERTIFICATE` does that.")


def _use(terminal: Terminal, content: Any, model: str, certificate: Path) -> LadderUse:
    """Return what the certificate's proof uses, where it is a ladder's and about this model."""
    claim, proof, weights = content["claim"], content["proof"], load_model(model)
    if claim["model"]["sha256"] != weights.digest:
        raise ModelError(f"{certificate} is about another model than {model}.")
    name = str(proof["strategy"])
    if not isinstance(known_strategy(name), Ladder):
        raise ModelError(f"--model tells what ladders use, not what {name} does.")
    try:
        task = task_of_json(claim["task"], weights.shape)
        problem = pose(weights, Fraction(claim["margin"]), claim["semantics"], task)
        with terminal.bar("reading pools") as report:
            return ladder_use(problem, proof["witness"], report)
    except (KeyError, TypeError, ValueError, IndexError):
        raise ModelError(f"{certificate} has no witness of a ladder for {model}.") from None


def _title(content: Any, model: str) -> str:
    claim, operations = content["claim"], int(content["proof"]["operations"])
    least = share(int(claim["correct_at_least"]), int(claim["total"]))
    return f"{Path(model).stem}: at least {least} in {operations:,} operations"


def _words(part: dict[str, Any]) -> str:
    """Return a part as words, such as readout(last)."""
    values = [str(value) for key, value in part.items() if key != "part"]
    return f"{part['part']}({' '.join(values)})" if values else str(part["part"])


def _lines(content: Any) -> list[str]:
    claim, proof = content["claim"], content["proof"]
    model = claim["model"]
    sizes = model["sizes"]
    lines = [f"format            {content['format']}", f"model             {model['sha256']}"]
    lines.append(f"                  {', '.join(f'{key} {size}' for key, size in sizes.items())}")
    lines.append(f"                  {', '.join(map(_words, model['parts']))}")
    shape = Shape.of(sizes)
    lines.append(f"task              {task_of_json(claim['task'], shape).name(shape)}")
    for part, source in (("claim", claim), ("proof", proof)):
        lines += [f"{name:<18}{source[name]}" for name in FIELDS[part]]
    total = int(claim["total"])
    ends = [share(int(claim[name]), total) for name in ("correct_at_least", "correct_at_most")]
    lines.append(f"accuracy          {ends[0]} to {ends[1]} (rounded down)")
    size = len(json.dumps(proof["witness"]))
    lines.append(
        f"witness           {size} bytes" if proof["witness"] else "witness           none"
    )
    return lines
