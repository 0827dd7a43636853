"""`ballproof prove`: from weights to a verified certificate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from models.files import write_atomically
from verifier.commands.parameters import (
    json_option,
    load_model,
    margin_option,
    max_operations_option,
    model_argument,
    out_option,
    pass_terminal,
    require_writable,
)
from verifier.console import Terminal, share
from verifier.problem import Problem, pose
from verifier.proving import Proven
from verifier.proving import prove as prove_with
from verifier.strategies import strategy_named
from verifier.strategies.base import Strategy


@click.command()
@model_argument
@click.option(
    "--strategy", required=True, help="How to prove it; `ballproof strategies` lists them."
)
@out_option
@margin_option
@max_operations_option
@json_option
@pass_terminal
def prove(
    terminal: Terminal,
    model: str,
    strategy: str,
    out: Path,
    margin: Fraction,
    max_operations: int,
    as_json: bool,
) -> None:
    """Prove a bound on the accuracy of MODEL and write the certificate.

    The certificate is verified by the standalone checker, in a process of its own, before it is
    written. The budget it states is the number of operations that the checker counted.

    \b
    Example:
      ballproof prove max-of-4-seed-123 --strategy exact --out exact.json
    """
    chosen = strategy_named(strategy)
    require_writable(out)
    problem = pose(load_model(model), margin)
    proven = prove_visibly(terminal, problem, chosen, max_operations)
    write_atomically(out, proven.certificate)
    if as_json:
        terminal.json({"model": model, "certificate": str(out), **proven.fields()})
    else:
        terminal.result(*describe(model, out, proven))


def prove_visibly(
    terminal: Terminal, problem: Problem, strategy: Strategy, max_operations: int
) -> Proven:
    """Prove with a progress bar for the prover and a spinner for the checker."""
    with terminal.bar(f"proving ({strategy.name})") as progress:
        return prove_with(problem, strategy, max_operations, progress)


def describe(model: str, out: Path, proven: Proven) -> list[str]:
    """Return what a reader wants to know of a new certificate."""
    claim, proof = proven.claim, proven.proof
    low = share(claim.correct_at_least, claim.total)
    lines = [f"{model}: at least {claim.correct_at_least} of {claim.total} inputs right (>= {low})"]
    if claim.correct_at_most == claim.correct_at_least:
        lines[0] += ", exactly"
    elif claim.correct_at_most < claim.total:
        lines[0] += f", at most {claim.correct_at_most}"
    if claim.margin:
        lines.append(f"with margin {claim.margin}")
    lines.append(
        f"strategy {proof.strategy}, {proof.operations} operations, "
        f"proved in {proven.seconds_to_prove:.1f} s, checked in {proven.seconds_to_check:.1f} s"
    )
    if proven.note:
        lines.append(proven.note)
    lines.append(f"certificate: {out}")
    return lines
