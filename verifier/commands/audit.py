"""`ballproof audit`: attack a certificate before others do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ballproof.models.catalogue import resolve
from ballproof.models.files import lasting
from ballproof.verifier.audit.float32.programs import programs as numpy_programs
from ballproof.verifier.audit.float32.torch_program import torch_programs
from ballproof.verifier.audit.float32.trial import audit_float32
from ballproof.verifier.audit.hunt.search import DEFAULT_EFFORT
from ballproof.verifier.audit.page import audit_page, require_jinja
from ballproof.verifier.audit.run import PARTS, Settings
from ballproof.verifier.audit.run import audit as run_audit
from ballproof.verifier.audit.subject import Files
from ballproof.verifier.audit.tamper.trial import DEFAULT_SECONDS
from ballproof.verifier.audit.text import audit_lines
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    Output,
    json_option,
    load_model,
    max_operations_option,
    pass_terminal,
)
from ballproof.verifier.proving.checking import REJECTED
from ballproof.verifier.proving.extras import MissingExtraError


@click.command()
@click.argument("model")
@click.argument("certificate", required=False, type=click.Path(path_type=Path))
@click.option(
    "--only",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Run this part only, besides the check; may be given several times.  [default: all]",
)
@click.option(
    "--effort",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_EFFORT,
    show_default=True,
    help="How far the counterexample search goes: starts, questions and evaluations grow with it.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="Time for the causes of the slack, for mutants that are refused when they are read, and "
    "for those that have to be computed, each; what does not fit is left out, and said to be.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed and effort give the same search, and the same mutants.",
)
@click.option(
    "--float32",
    is_flag=True,
    help="Audit the float32 program of MODEL instead: how far rounding can move a logit gap.",
)
@max_operations_option
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the audit into this file as one page (extra: report).",
)
@json_option
@pass_terminal
def audit(
    terminal: Terminal,
    model: str,
    certificate: Path | None,
    parts: Sequence[str],
    effort: int,
    seconds: float,
    seed: int,
    float32: bool,
    max_operations: int,
    html: Path | None,
    as_json: bool,
) -> int:
    """Attack CERTIFICATE, a proof about the weights of MODEL, and say what was found.

    \b
    check       the standalone checker, in a process of its own
    precisions  what decides the bound, in balls of two precisions, which must overlap and shrink
    tightness   the exact count, or the best that is known, and what each relaxation costs
    hunt        search the inputs for one that is counted as right and is wrong: floats choose, the
                checker says what counts (--explain), exact arithmetic evaluates
    tamper      several hundred mutants of this certificate, each of which must get the right answer

    Tightness and hunt serve max-of-k, the others every task.

    The exit code is 0 where nothing was found, 1 with a finding or where the certificate is
    REJECTED, 2 where it is DECLINED. No finding is no proof: the proof is the checker's verdict.

    With --float32 there is no certificate: it prints the smallest lead that no order of summation
    can turn round (T12), and runs the program in several orders, with numpy and with torch (extra
    train), on sequences that nearly tie. A program that leaves the bound is a finding.

    \b
    Examples:
      ballproof audit max-of-4-seed-123 exact.json
      ballproof audit my-model.safetensors theirs.json --only hunt --effort 100
      ballproof audit max-of-4-seed-123 exact.json --html audit.html --json
      ballproof audit --float32 max-of-4-seed-123
    """
    if float32:
        _require_alone(certificate, parts, html)
        return _audit_program(terminal, model, effort, seed, as_json)
    if certificate is None:
        raise click.UsageError("Name a MODEL and a CERTIFICATE.")
    if html:
        require_jinja()
    page = Output(terminal, html, as_json=as_json) if html else None
    if certificate.is_file() or not certificate.exists():
        certificate.open("rb").close()  # A file that cannot be read is a usage error, no finding.
    with lasting(resolve(model)) as weights, lasting(certificate) as claim:
        files = Files(weights, claim, max_operations)
        done = run_audit(files, parts or PARTS, Settings(effort, seconds, seed), terminal.bar)
    if page:
        page.write(audit_page(model, str(certificate), done))
    if as_json:
        terminal.json({"model": model, "certificate": str(certificate), **done.fields()})
    else:
        terminal.result(*audit_lines(model, str(certificate), done))
    return done.exit_code


def _require_alone(certificate: Path | None, parts: Sequence[str], html: Path | None) -> None:
    """Refuse what --float32 has no use for."""
    for value, name in ((certificate, "a CERTIFICATE"), (parts, "--only"), (html, "--html")):
        if value:
            raise click.UsageError(f"--float32 is about MODEL alone: {name} has no part in it.")


def _audit_program(terminal: Terminal, model: str, effort: int, seed: int, as_json: bool) -> int:
    """Audit the float32 program, and return the exit code."""
    weights = load_model(model)
    programs = [*numpy_programs(weights, seed)]
    note = None
    try:
        programs += torch_programs(weights)
    except MissingExtraError as error:
        note = str(error)
    with terminal.bar("scanning for near ties") as progress:
        done = audit_float32(weights, programs, effort=effort, seed=seed, progress=progress)
    if as_json:
        terminal.json({"model": model, "note": note, **done.fields()})
    else:
        terminal.result(f"{model}, as a program in float32", *done.lines())
        terminal.result(*(f"FINDING: {finding.sentence}" for finding in done.findings))
        terminal.result(*([f"Not run: {note}"] if note else []))
    return REJECTED if done.findings else 0
