"""`ballproof check`: the standalone checker, with zoo names for models."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import click

from models.catalogue import resolve
from verifier.checking import run_checker
from verifier.commands.parameters import (
    Count,
    ExactNumber,
    json_option,
    model_argument,
    pass_terminal,
)
from verifier.console import Terminal


@click.command()
@model_argument
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--at-least", type=ExactNumber(), help="Demand this accuracy: 0.99 or 99/100, exactly."
)
@click.option("--task", help="Demand this task, for instance max-of-4.")
@click.option("--semantics", help="Demand these semantics, for instance real.")
@click.option("--margin", type=ExactNumber(), help="Demand this margin.")
@click.option("--max-operations", type=Count(), help="Decline a larger budget.  [default: 10^11]")
@json_option
@pass_terminal
def check(
    terminal: Terminal,
    model: str,
    certificate: Path,
    at_least: Fraction | None,
    task: str | None,
    semantics: str | None,
    margin: Fraction | None,
    max_operations: int | None,
    as_json: bool,
) -> int:
    """Re-validate CERTIFICATE against the weights of MODEL with the standalone checker.

    The last line of the output and the exit code say the same: 0 VERIFIED, 1 REJECTED (the claim
    is not established), 2 DECLINED (cannot be read, unsupported, or over a limit). The same
    without this command: python3 -I -S certificates/checker MODEL CERTIFICATE.
    """
    pins = {
        "--at-least": at_least,
        "--task": task,
        "--semantics": semantics,
        "--margin": margin,
        "--max-operations": max_operations,
    }
    arguments = [f"{flag}={value}" for flag, value in pins.items() if value is not None]
    if as_json:
        arguments.append("--json")
    with terminal.waiting("checking"):
        run = run_checker(resolve(model), certificate, arguments)
    sys.stdout.write(run.output)
    sys.stderr.write(run.diagnostics)
    return run.exit_code
