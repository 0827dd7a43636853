"""`ballproof demo`: the main job, end to end, on a model of the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from rich.table import Table

from ballproof.models.catalogue import zoo_path
from ballproof.models.files import write_atomically
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import pass_terminal
from ballproof.verifier.commands.prove import prove_visibly
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.checking import (
    DEFAULT_MAX_OPERATIONS,
    VERIFIED,
    run_checker,
)
from ballproof.verifier.proving.pipeline import Proven, certificate_name
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Strategy

MODEL = "max-of-4-seed-123"
SHOWN = ("brute-force", "cubic", "exact", "subcubic/max-diff-exact/chord/exact", "ladder")


@dataclass(frozen=True)
class _Row:
    strategy: str
    proven: Proven
    path: Path
    seconds_to_check: float
    exit_code: int
    verdict: str


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="The folder for the certificates.",
)
@pass_terminal
def demo(terminal: Terminal, out: Path) -> int:
    """Prove bounds on max-of-4-seed-123 with five strategies and check each certificate.

    The model has 64^4 = 16777216 inputs. The certificates are left in the folder `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    problem = pose(load_weights(zoo_path(MODEL)))
    terminal.remark(f"{MODEL}: {problem.total} inputs, sha256 {problem.weights.digest}")
    rows = [_prove_and_check(terminal, problem, strategy_named(name), out) for name in SHOWN]
    terminal.results.print(_table(rows))
    for row in rows:
        terminal.result(row.verdict)
    exact = rows[SHOWN.index("exact")].path
    terminal.result(f"Check one yourself: ballproof check {MODEL} {exact} --at-least 0.999")
    return max(row.exit_code for row in rows)


def _prove_and_check(terminal: Terminal, problem: Problem, strategy: Strategy, out: Path) -> _Row:
    """Prove, write the certificate, and check the file as it lies on disk."""
    proven = prove_visibly(terminal, problem, strategy, DEFAULT_MAX_OPERATIONS)
    path = out / f"{MODEL}-{certificate_name(strategy.name)}"
    write_atomically(path, proven.certificate)
    with terminal.waiting(f"checking {path}"):
        run = run_checker(zoo_path(MODEL), path)
    lines = run.output.splitlines() or [run.diagnostics]
    return _Row(strategy.name, proven, path, run.seconds, run.exit_code, lines[-1])


def _table(rows: list[_Row]) -> Table:
    table = Table("strategy", box=None, pad_edge=False)
    for column in ("bound", "at least", "at most", "operations", "prove, s", "check, s"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for row in rows:
        claim = row.proven.claim
        table.add_row(
            row.strategy,
            share(claim.correct_at_least, claim.total),
            f"{claim.correct_at_least}",
            f"{claim.correct_at_most}",
            f"{row.proven.proof.operations}",
            f"{row.proven.seconds_to_prove:.1f}",
            f"{row.seconds_to_check:.1f}",
            "VERIFIED" if row.exit_code == VERIFIED else "NOT VERIFIED",
        )
    return table
