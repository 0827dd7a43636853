"""`ballproof show`: what a certificate claims, unchecked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
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
