"""`ballproof check`: the standalone checker, with zoo names, policies, and for whole folders."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from ballproof.models.catalogue import resolve, resolve_all
from ballproof.models.files import lasting, read_limited
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import Count, ExactNumber, json_option, pass_terminal
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.proving.checking import (
    DECLINED,
    REJECTED,
    VERIFIED,
    run_checker,
    temporary,
    verified_checker,
)
from ballproof.verifier.proving.policy import Policy, PolicyError, judged, read_policy
from ballproof.verifier.proving.recheck import (
    Answer,
    certificate_files,
    check_files,
    exit_code,
    verdict_line,
)

_DEMANDS = ("at_most_operations", "unexplained_at_most", "least_lead")
_WORDS = {VERIFIED: "verified", REJECTED: "rejected", DECLINED: "declined"}


@click.command()
@click.argument("model", required=False)
@click.argument("certificate", type=click.Path(path_type=Path), required=False)
@click.argument("further", nargs=-1, metavar="")
@click.option(
    "--all",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Check every certificate below this folder, that of a sweep for instance.",
)
@click.option(
    "--models",
    "in_folder",
    is_flag=True,
    help="With --all: what follows are the models, files, folders, or names or patterns of the "
    "zoo, matched to certificates by digest.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Checkers at a time.  [default: cores]")
@click.option(
    "--at-least", type=ExactNumber(), help="Demand this accuracy: 0.99 or 99/100, exactly."
)
@click.option("--task", help="Demand this task, for instance max-of-4 or add-mod-113.")
@click.option("--semantics", help="Demand these semantics: real or float32.")
@click.option("--margin", type=ExactNumber(), help="Demand this margin.")
@click.option("--at-most-operations", type=Count(), help="Demand a proof of this length at most.")
@click.option(
    "--unexplained-at-most",
    type=Count(),
    help="Demand a strategy of the study whose unexplained dimension is no larger.",
)
@click.option(
    "--least-lead",
    type=ExactNumber(),
    help="Demand that inputs counted as right lead by more than this: a margin no smaller.",
)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    help="Demand what this JSON file demands, and a sentence for each demand that is not met.",
)
@click.option("--max-operations", type=Count(), help="Decline a larger budget.  [default: 10^11]")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    help="Let the checker share the inputs of a deep model, or the queries of several heads, among "
    "so many processes.  [default: 1]",
)
@click.option(
    "--verified",
    is_flag=True,
    help="Ask the checker that is proved in Coq instead, where `make verified` has built it; it "
    "serves exact and brute-force on max-of-k and min-of-k, and cubic on max-of-k.",
)
@json_option
@pass_terminal
def check(
    terminal: Terminal,
    /,
    model: str | None,
    certificate: Path | None,
    further: Sequence[str],
    folder: Path | None,
    in_folder: bool,
    jobs: int | None,
    policy_file: Path | None,
    verified: bool,
    as_json: bool,
    **pins: Any,
) -> int:
    """Re-validate CERTIFICATE against the weights of MODEL with the standalone checker.

    The last line of the output and the exit code say the same: 0 VERIFIED, 1 REJECTED (the claim
    is not established), 2 DECLINED (cannot be read, unsupported, or over a limit). The same
    without this command: python3 -I -S certificates/checker MODEL CERTIFICATE.

    With --all, every certificate below a folder is checked against the model that it names, if that
    is among the MODELS given: a verdict line for each file, and a summary. The exit code is 1 if
    any is rejected, else 2 if any is declined, else 0.

    --at-most-operations, --unexplained-at-most, --least-lead and --policy demand more of what was
    verified. A certificate that misses some of it is REJECTED as by any other demand, with exit
    code 1 and a sentence for each demand that is not met; --at-least is then one of them.

    \b
    Examples:
      ballproof check max-of-4-seed-123 exact.json --at-least 0.999 --task max-of-4
      ballproof check max-of-4-seed-123 c.json --at-least 0.95 --at-most-operations 4_000_000
      ballproof check max-of-4-seed-123 c.json --policy policy.json
      ballproof check product-in-s5-seed-0 group.json --task product-in-s5 --at-least 1
      ballproof check --all study --models 'max-of-4-seed-*' my-models/
    """
    policies = _policies(pins, policy_file)
    flags = [f"--{name.replace('_', '-')}={x}" for name, x in pins.items() if x is not None]
    given = [str(word) for word in (model, certificate, *further) if word is not None]
    if verified and (folder is not None or policies or pins["processes"] is not None):
        raise click.UsageError("--verified checks one certificate, in one process, by no policy.")
    if folder is not None:
        return _check_folder(terminal, folder, given, flags, policies, jobs, as_json)
    if in_folder or jobs:
        raise click.UsageError("--models and --jobs go with --all.")
    if len(given) != 2:
        raise click.UsageError("Name a MODEL and a CERTIFICATE, or a folder with --all.")
    program = _verified_program() if verified else None
    if policies:
        return _check_under(policies, terminal, given[0], given[1], flags, as_json)
    if as_json:
        flags.append("--json")
    with (
        terminal.waiting("checking"),
        lasting(resolve(given[0])) as weights,
        lasting(Path(given[1])) as claim,
    ):
        run = run_checker(weights, claim, flags, program)
    sys.stdout.write(run.output)
    sys.stderr.write(run.diagnostics)
    return run.exit_code


def _verified_program() -> Path:
    """Return the verified checker, or say how to get it."""
    if found := verified_checker():
        return found
    raise click.UsageError(
        "The verified checker is not built: `make verified` in a clone, with Coq (docs/formal.md)."
    )


def _policies(pins: dict[str, Any], policy_file: Path | None) -> list[Policy]:
    """Return the policy of the options, taken out of the checker's pins, and that of the file.

    With a policy, --at-least is part of it, so that all that is not met is said at once.
    """
    demands = {name: pins.pop(name) for name in _DEMANDS}
    judges = policy_file is not None or any(value is not None for value in demands.values())
    if judges:
        demands["at_least"] = pins.pop("at_least")
    try:
        policies = [Policy(**demands), *([read_policy(policy_file)] if policy_file else [])]
    except PolicyError as error:
        raise click.BadParameter(str(error), param_hint="--policy") from None
    return [policy for policy in policies if policy.demands()]


def _check_under(
    policies: Sequence[Policy],
    terminal: Terminal,
    model: str,
    certificate: str,
    flags: Sequence[str],
    as_json: bool,
) -> int:
    """Check one certificate and judge what was verified: the same bytes, whatever the file does."""
    data = read_limited(certificate)
    with (
        terminal.waiting("checking"),
        lasting(resolve(model)) as weights,
        temporary(data, ".json") as claim,
    ):
        run = run_checker(weights, claim, [*flags, "--json"])
    if not run.output:
        sys.stderr.write(run.diagnostics)
        return run.exit_code
    fields = judged(json.loads(run.output), data, policies)
    if as_json:
        terminal.json(fields)
    else:
        missed = fields.get("unmet", ())
        terminal.result(*(f"d {one['demand']}: {one['sentence']}" for one in missed))
        terminal.result(verdict_line(fields))
    return int(fields["exit_code"])


def _check_folder(
    terminal: Terminal,
    folder: Path,
    models: Sequence[str],
    flags: Sequence[str],
    policies: Sequence[Policy],
    jobs: int | None,
    as_json: bool,
) -> int:
    """Check all certificates below a folder; print a line for each, and a summary."""
    if not models:
        raise click.UsageError("--all needs --models and at least one model behind it.")
    files = certificate_files(folder)
    if not files:
        raise FileNotFoundError(f"{str(folder)!r} holds no certificate, that is no JSON file.")
    paths = {load_weights(p).digest: p for name in models for p in resolve_all(name)}
    answers = []
    # On a terminal the lines themselves show how far it is.
    lined = terminal.results.is_terminal and not as_json
    bar = nullcontext(silent) if lined else terminal.bar("checking", rated=True)
    with bar as report:
        checked = check_files(files, paths, flags, jobs or os.cpu_count() or 1, policies)
        for done, answer in enumerate(checked, start=1):
            answers.append(answer)
            report(done, len(files))
            if not as_json:
                terminal.result(f"{answer.path.relative_to(folder)}: {answer.line}")
    if as_json:
        terminal.json(_fields(folder, answers))
    else:
        terminal.result(_summary(answers))
    return exit_code([answer.exit_code for answer in answers])


def _counts(answers: Sequence[Answer]) -> Counter[str]:
    return Counter(_WORDS.get(answer.exit_code, "without a verdict") for answer in answers)


def _summary(answers: Sequence[Answer]) -> str:
    counts = _counts(answers)
    words = [f"{counts.pop(word, 0)} {word}" for word in _WORDS.values()]
    words += [f"{count} {word}" for word, count in counts.items()]
    return f"{len(answers)} certificates: {', '.join(words)}"


def _fields(folder: Path, answers: Sequence[Answer]) -> dict[str, object]:
    return {
        "certificates": [
            {"certificate": str(answer.path.relative_to(folder)), **answer.fields}
            for answer in answers
        ],
        "summary": dict(_counts(answers)),
    }
