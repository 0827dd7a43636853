"""`ballproof show`: what a certificate claims, unchecked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
from ballproof.models.layout import Shape
from ballproof.models.tasks import task_of_json
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import pass_terminal
from ballproof.verifier.proving.shares import share

FIELDS = {
    "claim": ("semantics", "margin", "total", "correct_at_least", "correct_at_most"),
    "proof": ("strategy", "precision", "operations"),
}


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@pass_terminal
def show(terminal: Terminal, certificate: Path) -> None:
    """Print what CERTIFICATE claims. Nothing is verified here: `ballproof check` does that."""
    content = parse_json(read_limited(certificate), str(certificate))
    try:
        lines = list(_lines(content))
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise ModelError(f"{certificate} is no ballproof certificate.") from None
    terminal.result(*lines, "Not verified: `ballproof check MODEL CERTIFICATE` does that.")


def _task_name(task: Any, shape: Shape) -> str:
    """Return the name of a task, which a certificate states as an object."""
    return task if isinstance(task, str) else task_of_json(task, shape).name(shape)


def _lines(content: Any) -> list[str]:
    claim, proof = content["claim"], content["proof"]
    model = claim["model"]
    sizes = model.get("sizes") or {key: model[key] for key in model if key != "sha256"}
    lines = [f"format            {content['format']}", f"model             {model['sha256']}"]
    lines.append(f"                  {', '.join(f'{key} {size}' for key, size in sizes.items())}")
    if "parts" in model:
        lines.append(f"                  {', '.join(part['part'] for part in model['parts'])}")
    lines.append(f"task              {_task_name(claim['task'], Shape(**sizes))}")
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
