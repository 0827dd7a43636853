"""`ballproof audit`: attack a certificate before others do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from models.catalogue import resolve
from models.files import write_atomically
from verifier.audit.hunt import DEFAULT_EFFORT
from verifier.audit.page import audit_page, require_jinja
from verifier.audit.run import PARTS, Settings
from verifier.audit.run import audit as run_audit
from verifier.audit.subject import Files
from verifier.audit.tamper import DEFAULT_SECONDS
from verifier.audit.text import audit_lines
from verifier.commands.parameters import (
    json_option,
    max_operations_option,
    pass_terminal,
    require_writable,
)
from verifier.console import Terminal


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
    help="How far the hunt goes: starts, questions and evaluations grow with it.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="Time for mutants that are refused when they are read, and as much for those that have to "
    "be computed; what does not fit is counted as skipped.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed and effort give the same hunt, and the same mutants.",
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
    max_operations: int,
    html: Path | None,
    as_json: bool,
) -> int:
    """Attack CERTIFICATE, a proof about the weights of MODEL, and say what was found.

    \b
    check   the standalone checker, in a process of its own
    hunt    search the inputs for one that is counted as right and is wrong: floats choose, the
            checker says what counts (--explain), exact arithmetic judges
    tamper  several hundred mutants of this certificate, each of which must get the right answer

    The exit code is 0 where nothing was found, 1 with a finding or where the certificate is
    REJECTED, 2 where it is DECLINED. No finding is no proof: the proof is the checker's verdict.

    \b
    Examples:
      ballproof audit max-of-4-seed-123 exact.json
      ballproof audit my-model.safetensors theirs.json --only hunt --effort 100
      ballproof audit max-of-4-seed-123 exact.json --html audit.html --json
    """
    if certificate is None:
        raise click.UsageError("Name a MODEL and a CERTIFICATE.")
    if html:
        require_jinja()
        require_writable(html)
    certificate.open("rb").close()  # A file that cannot be read is a usage error, no finding.
    files = Files(resolve(model), certificate, max_operations)
    done = run_audit(files, parts or PARTS, Settings(effort, seconds, seed), terminal.bar)
    if html:
        write_atomically(html, audit_page(model, str(certificate), done))
    if as_json:
        terminal.json({"model": model, "certificate": str(certificate), **done.fields()})
    else:
        terminal.result(*audit_lines(model, str(certificate), done))
    return done.exit_code
