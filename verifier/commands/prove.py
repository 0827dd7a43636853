"""`ballproof prove`: from weights to verified certificates."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import click
from rich.table import Table

from ballproof.models.files import require_writable, write_atomically
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    ExactNumber,
    Output,
    asked_task,
    json_option,
    load_model,
    margin_option,
    max_operations_option,
    model_argument,
    pass_terminal,
    semantics_option,
    task_option,
)
from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS
from ballproof.verifier.proving.least_lead import decimal, raising
from ballproof.verifier.proving.pipeline import (
    NotProven,
    Proven,
    certificate_name,
    draft,
    prove_many,
    verify,
)
from ballproof.verifier.proving.searches import SEARCHES, Search, run_search, search_named
from ballproof.verifier.proving.shares import share
from ballproof.verifier.proving.steering import prove as prove_to_goal
from ballproof.verifier.strategies import STRATEGIES, is_pattern, strategies_matching
from ballproof.verifier.strategies.base import Strategy


@click.command()
@model_argument
@click.option(
    "--strategy",
    required=True,
    help="A name, a glob pattern such as 'subcubic/*/chord/svd', all, study (the study's 102), "
    "or a search: auto, compact, balanced, tight; `ballproof strategies` lists them.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The certificate to write, or - for standard output; for several strategies, the folder "
    "for the certificates.",
)
@click.option(
    "--at-least",
    type=ExactNumber(),
    help="Look for the shortest proof of this accuracy, such as 0.99 (ladders and searches).",
)
@task_option
@click.option(
    "--least-lead",
    is_flag=True,
    help="Raise the margin to a decimal that the lead of every right input exceeds, and claim it.",
)
@margin_option
@semantics_option
@max_operations_option
@json_option
@pass_terminal
def prove(
    terminal: Terminal,
    model: str,
    strategy: str,
    out: Path,
    at_least: Fraction | None,
    task_name: str | None,
    least_lead: bool,
    margin: Fraction,
    semantics: str,
    max_operations: int,
    as_json: bool,
) -> None:
    """Prove a bound on the accuracy of MODEL and write the certificate.

    The certificate is verified by the standalone checker, in a process of its own, before it is
    written. The budget it states is the number of operations that the checker counted.

    The task is what the model is asked: --task names it, as in min-of-4 or add-mod-113, or in full
    max-of-3[positions=0..63,0..63,0..63,64..64;reads=0,1,2]. Cubic and subcubic strategies serve
    max-of-k, the others every task. Models with several heads, an MLP or two tokens are served by
    `enumerate`, which counts every input, and by what `auto` finds.

    The strategies ladder, moment and grid are steered: with --max-operations they look for the best
    bound within that length, with --at-least for the shortest proof of that accuracy. The search
    `auto` does so over all strategies; `compact` (1.9 million operations), `balanced` (3.8 million)
    and `tight` (any length) need no figures. A certificate names the strategy that was found.

    With --least-lead the certificate says of every input that it counts as right by how much it
    leads at least: the margin is the largest, to a few digits, that loses no input. The number is
    found by evaluating every input, and the checker confirms it.

    With --semantics float32 the certificate is about the program in float32, not the function in
    real numbers: every logit gap has to exceed what rounding can do to it, in any order of
    summation. The checker derives that number from the weights.

    \b
    Examples:
      ballproof prove max-of-4-seed-123 --strategy tight --out exact.json
      ballproof prove max-of-4-seed-123 --strategy exact --semantics float32 --out program.json
      ballproof prove max-of-4-seed-123 --strategy auto --at-least 0.99 --out short.json
      ballproof prove max-of-10-seed-50 --strategy ladder --max-operations 15_000_000 --out l.json
      ballproof prove max-of-4-seed-123 --strategy all --out certificates
      ballproof prove add-mod-59-seed-0 --strategy enumerate --out sum.json
      ballproof prove pairs.safetensors --task table:labels.json --strategy auto --out table.json
    """
    goal = Goal(max_operations if max_operations < DEFAULT_MAX_OPERATIONS else None, at_least)
    search = search_named(strategy)
    chosen = [] if search else strategies_matching(strategy)
    _require_steerable(at_least, strategy, chosen)
    many = search is None and is_pattern(strategy)
    if many and least_lead:
        raise click.UsageError("--least-lead goes with one strategy or search.")
    output = None if many else Output(terminal, out, as_json=as_json)
    weights = load_model(model)
    problem = pose(weights, margin, semantics, asked_task(terminal, weights, task_name))
    if output is None:
        _prove_all(terminal, model, problem, chosen, out, max_operations, as_json)
        return
    how = search or chosen[0]
    if least_lead:
        with terminal.bar("finding the least lead") as progress:
            raised = raising(problem, progress)
        proven = raised.proven(lambda one: _prove_one(terminal, one, how, goal, max_operations))
    else:
        proven = _prove_one(terminal, problem, how, goal, max_operations)
    output.write(proven.certificate)
    if as_json:
        terminal.json({"model": model, "certificate": str(out), **proven.fields()})
    else:
        lines = describe(model, str(output), proven)
        if least_lead:
            margin = proven.claim.margin
            # In place of the margin, which is described if it is not 0.
            lines[1 : 1 + bool(margin)] = [f"each of them leads by more than {decimal(margin)}"]
        terminal.result(*lines)


def _prove_one(
    terminal: Terminal, problem: Problem, how: Search | Strategy, goal: Goal, max_operations: int
) -> Proven:
    """Return the certificate that a search or a strategy gives for the goal."""
    if not isinstance(how, Search) and not how.steerable:
        return prove_visibly(terminal, problem, how, max_operations)
    with terminal.bar(f"searching, proving and checking ({how.name})") as progress:
        if isinstance(how, Search):
            return run_search(problem, how, goal, max_operations, progress)
        return prove_to_goal(problem, how, max_operations, progress, goal)


def _require_steerable(at_least: Fraction | None, name: str, chosen: Sequence[Strategy]) -> None:
    """Refuse a bound to aim at where a strategy has nothing to steer."""
    if at_least is None:
        return
    if at_least > 1:
        raise click.BadParameter("no accuracy is above 1.", param_hint="--at-least")
    fixed = [strategy.name for strategy in chosen if not strategy.steerable]
    if fixed:
        aiming = [one.name for one in STRATEGIES if one.steerable]
        aiming += [one.name for one in SEARCHES]
        raise click.BadParameter(
            f"{fixed[0]} proves what it proves; {', '.join(aiming)} can aim at a bound.",
            param_hint="--at-least",
        )


def prove_visibly(
    terminal: Terminal, problem: Problem, strategy: Strategy, max_operations: int
) -> Proven:
    """Prove under a progress bar, then check under a spinner."""
    with terminal.bar(f"proving ({strategy.name})") as progress:
        drafted = draft(problem, strategy, max_operations, progress)
    with terminal.waiting(f"checking ({strategy.name})"):
        return verify(drafted)


def describe(model: str, out: str, proven: Proven) -> list[str]:
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
    if claim.semantics != "real":
        lines.append(f"as a program in {claim.semantics}, in any order of summation")
    lines.append(
        f"task {proven.task}, strategy {proof.strategy}, {proof.operations} operations, "
        f"proved in {proven.seconds_to_prove:.1f} s, checked in {proven.seconds_to_check:.1f} s"
    )
    if proven.note:
        lines.append(proven.note)
    lines.append(f"certificate: {out}")
    return lines


def _prove_all(
    terminal: Terminal,
    model: str,
    problem: Problem,
    strategies: list[Strategy],
    folder: Path,
    max_operations: int,
    as_json: bool,
) -> None:
    """Prove with every strategy that applies, write each certificate, print one table."""
    folder.mkdir(parents=True, exist_ok=True)
    require_writable(folder / certificate_name(strategies[0].name))
    rows: dict[str, Proven] = {}
    obstacles: dict[str, str] = {}
    with terminal.bar("proving and checking") as progress:
        for outcome in prove_many(problem, strategies, max_operations, progress):
            if isinstance(outcome, NotProven):
                obstacles[outcome.strategy] = outcome.reason
            else:
                name = outcome.proof.strategy
                rows[name] = outcome
                write_atomically(folder / certificate_name(name), outcome.certificate)
    applicable = [strategy for strategy in strategies if strategy.name in rows]
    ordered = [rows[strategy.name] for strategy in applicable]
    if as_json:
        certificates = [
            {"certificate": str(folder / certificate_name(p.proof.strategy)), **p.fields()}
            for p in ordered
        ]
        terminal.json({"model": model, "certificates": certificates, "not_applicable": obstacles})
        return
    terminal.results.print(_table(applicable, ordered))
    terminal.result(*(f"not applicable: {reason}" for reason in obstacles.values()))
    terminal.result(*(f"{p.proof.strategy}: {p.note}" for p in ordered if p.note))
    terminal.result(f"{len(ordered)} certificates of {model}, all verified, in {folder}")


def _table(strategies: list[Strategy], rows: list[Proven]) -> Table:
    table = Table("strategy", "group", box=None, pad_edge=False)
    for column in ("bound", "operations", "unexplained", "prove, s", "check, s"):
        table.add_column(column, justify="right")
    for strategy, row in zip(strategies, rows, strict=True):
        dimension = row.unexplained_dimension
        table.add_row(
            strategy.name,
            strategy.group.name,
            share(row.claim.correct_at_least, row.claim.total),
            str(row.proof.operations),
            "-" if dimension is None else str(dimension),
            f"{row.seconds_to_prove:.2f}",
            f"{row.seconds_to_check:.2f}",
        )
    return table
