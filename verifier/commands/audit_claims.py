"""`ballproof audit-claims`: claims that other tools make about a model, decided exactly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from ballproof.verifier.claims.auditing import HOLDS, UNDECIDED, VIOLATED, Auditor, Finding, Limits
from ballproof.verifier.claims.reading import Claim, ClassClaim, CountClaim, read_claims
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    asked_task,
    json_option,
    load_model,
    max_operations_option,
    model_argument,
    pass_terminal,
    task_option,
)

ALL_HOLD, ANY_VIOLATED, ANY_UNDECIDED = 0, 1, 2


@click.command(name="audit-claims")
@model_argument
@click.argument("claims", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--slack",
    is_flag=True,
    help="For claims that hold, find the largest wrong logit there really is.",
)
@click.option(
    "--violated", "only_violated", is_flag=True, help="Leave out the claims that hold, in text."
)
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="The most time for one claim; one that needs more is undecided.",
)
@task_option
@max_operations_option
@json_option
@pass_terminal
def audit_claims(
    terminal: Terminal,
    model: str,
    claims: Path,
    slack: bool,
    only_violated: bool,
    seconds: int,
    task_name: str | None,
    max_operations: int,
    as_json: bool,
) -> int:
    """Test what another tool claims about MODEL, exactly: the file CLAIMS is JSON.

    A claim is about a class of sequences, those of one query (the last token) and one maximum, of
    which `below` tokens differ from the maximum, by `gap` or more; what is left out stays open. For
    any model and task it may be about one input, whose tokens `input` lists, or about all with some
    of its tokens, null for any. It says that no wrong logit leads by more than a number, or that
    all are correct; or it is a count of all correct sequences. Numbers are read without rounding,
    and a claim is violated only if a sequence is shown that breaks it; docs/audit-claims.md has the
    format.

    \b
    Claims, for instance:
      {"model": "max-of-4-seed-123",
       "claims": [
         {"query": 3, "maximum": 40, "below": 2, "gap": 5, "largest_wrong_logit": -1.25},
         {"query": 63, "maximum": 63, "all_correct": true},
         {"input": [3, 40, null, 7], "largest_wrong_logit": -1.25},
         {"correct_at_least": "16765884", "margin": "1/100"}]}

    \b
    Examples:
      ballproof audit-claims max-of-4-seed-123 claims.json
      ballproof audit-claims model.safetensors claims.json --violated --task add-mod-59
      ballproof audit-claims model.safetensors claims.json --slack --json > findings.json

    Exit codes: 0 all claims hold, 1 some claim is violated, 2 none is but some are undecided, or
    the file cannot be used, 64 usage.
    """
    weights = load_model(model)
    task = asked_task(terminal, weights, task_name)
    listed = read_claims(claims, weights, model, task)
    auditor = Auditor(weights, Limits(seconds, max_operations, slack), task)
    findings = _audited(terminal, auditor, listed)
    counts = Counter(finding.verdict for finding in findings)
    if as_json:
        head = {"model": model, "sha256": weights.digest, "claims": str(claims)}
        tally = {verdict: counts[verdict] for verdict in (HOLDS, VIOLATED, UNDECIDED)}
        terminal.json({**head, **tally, "findings": [x.fields() for x in findings]})
    else:
        for finding in findings:
            if finding.verdict != HOLDS or not only_violated:
                terminal.result(*_lines(finding))
        words = ", ".join(f"{counts[x]} {x}" for x in (HOLDS, VIOLATED, UNDECIDED))
        terminal.result(f"{len(findings)} claims about {model}: {words}")
    return exit_code(counts)


def exit_code(counts: Counter[str]) -> int:
    """Return the code for so many claims of each verdict."""
    if counts[VIOLATED]:
        return ANY_VIOLATED
    return ANY_UNDECIDED if counts[UNDECIDED] else ALL_HOLD


def _audited(terminal: Terminal, auditor: Auditor, claims: list[Claim]) -> list[Finding]:
    """Audit under one bar for all classes and inputs, and one for each count."""
    findings: dict[str, Finding] = {}
    classes = [claim for claim in claims if not isinstance(claim, CountClaim)]
    # Claims about one maximum and query share their tables.
    classes.sort(key=_order)
    every, before = sum(map(auditor.steps, classes)), 0
    with terminal.bar("auditing classes and inputs", rated=True) as progress:
        for each in classes:

            def report(done: int, _: int, before: int = before) -> None:
                progress(before + done, every)

            findings[each.place] = auditor.audit(each, report)
            before += auditor.steps(each)
    for claim in claims:
        if isinstance(claim, CountClaim):
            with terminal.bar(f"counting for {claim.place}") as progress:
                findings[claim.place] = auditor.audit(claim, progress)
    return [findings[claim.place] for claim in claims]


def _order(claim: Claim) -> list[int]:
    """Return what claims that share tables have in common."""
    if not isinstance(claim, ClassClaim):
        return []
    return [-1 if x is None else x for x in (claim.maximum, claim.query)]


def _lines(finding: Finding) -> list[str]:
    """Return what a reader wants to know of one claim."""
    claim = finding.claim
    said = ", ".join(f"{key} {value}" for key, value in claim.fields.items() if key != "name")
    name = f" {claim.fields['name']!r}" if "name" in claim.fields else ""
    lines = [
        f"{claim.place}{name}: {said}",
        f"  {finding.verdict.upper()} {finding.reason}",
    ]
    if finding.witness:
        about = ""
        if finding.verdict == HOLDS:
            about = "closest: " if finding.largest else "closest that was found in time: "
        lines.append(f"  {about}{finding.witness.line()}")
    return lines
