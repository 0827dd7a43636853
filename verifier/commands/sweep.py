"""`ballproof sweep`: many models, many strategies, one resumable folder of checked certificates."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import click

from ballproof.models.catalogue import resolve_all
from ballproof.models.files import read_limited
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    json_option,
    margin_option,
    max_operations_option,
    pass_terminal,
)
from ballproof.verifier.proving.checking import INTERNAL, REJECTED
from ballproof.verifier.strategies import strategies_matching
from ballproof.verifier.study.cluster import require_dask, run_on_cluster
from ballproof.verifier.study.events import Event
from ballproof.verifier.study.local import run_locally
from ballproof.verifier.study.rows import FAILED, NOT_PROVEN, VERIFIED
from ballproof.verifier.study.rows import REJECTED as REFUSED
from ballproof.verifier.study.store import Store, opened
from ballproof.verifier.study.sweep import Subject, Sweep, missing_tasks, subject
from ballproof.verifier.study.work import Done, Task


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option(
    "--strategies",
    "patterns",
    multiple=True,
    default=("study",),
    show_default=True,
    help="A name, a glob pattern, all, or study: the study's 102. May be given several times.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for certificates and index; one that is there is completed.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 4096),
    help="How many models to work on at a time, a process each.  [default: the number of cores]",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Work on the Dask cluster at this address, such as tcp://host:8786 (extra `sweep`).",
)
@margin_option
@max_operations_option
@json_option
@pass_terminal
def sweep(
    terminal: Terminal,
    models: Sequence[str],
    patterns: Sequence[str],
    out: Path,
    jobs: int | None,
    scheduler: str | None,
    margin: Fraction,
    max_operations: int,
    as_json: bool,
) -> int:
    """Prove MODELS with many strategies, check every certificate, and keep all of it in a folder.

    Each of MODELS is a safetensors file, a folder of them, or a name or glob pattern of the zoo.
    Certificates are verified by the standalone checker, in processes of their own, before they
    count. The folder holds them under their SHA-256, and an SQLite index, index.sqlite, with
    counts, operations, seconds and verdicts.

    Stop it whenever you like: the same command does what is missing, and a process that is killed
    costs the model in flight. Exit code 0: everything asked for was tried; 1: prover and checker
    contradicted each other; 70: a model could not be worked on, or a strategy ended with an error.

    \b
    Examples:
      ballproof sweep 'max-of-4-seed-*' --out study
      ballproof sweep max-of-4-seed-123 my-models/ --strategies all --out study
      ballproof sweep 'max-of-10-seed-*' --strategies ladder --strategies cubic --out ladders
      ballproof sweep 'max-of-4-seed-*' --out study --scheduler tcp://127.0.0.1:8786
      ballproof report study --out report.html
    """
    names = list(dict.fromkeys(s.name for p in patterns for s in strategies_matching(p)))
    if scheduler:
        require_dask()
    paths = [path for model in models for path in resolve_all(model)]
    settings = {
        "margin": str(margin),
        "max_operations": str(max_operations),
        "version": version("ballproof"),
    }
    with opened(out, create=True) as store:
        store.require_settings(settings)
        _mend(terminal, store)
        subjects = _subjects(terminal, paths)
        running = Sweep(missing_tasks(store, subjects, names, margin, max_operations))
        wanted = len(subjects) * len(names)
        if wanted > running.every:
            terminal.remark(f"{wanted - running.every} of {wanted} results are there already.")
        _drive(terminal, running, store, _events(running.tasks, jobs, scheduler))
        summary = _summary(store, subjects, names, running)
    if as_json:
        terminal.json({"out": str(out), **summary})
    else:
        terminal.result(*_lines(summary, out))
    if running.failures or summary["failed"]:
        return INTERNAL
    return REJECTED if summary["rejected"] else 0


def _mend(terminal: Terminal, store: Store) -> None:
    """Look for what is damaged, and say what was found."""
    with terminal.bar("looking at certificates") as report:
        for looked, every in store.forget_damaged():
            report(looked, every)
    for remark in store.remarks:
        terminal.remark(remark)


def _subjects(terminal: Terminal, paths: Sequence[Path]) -> list[Subject]:
    """Read the models; one that came before under another name is left out."""
    found: dict[str, Subject] = {}
    with terminal.bar("reading models") as report:
        for done, path in enumerate(paths, start=1):
            one = subject(path, read_limited(path))
            first = found.setdefault(one.digest, one)
            if first.name != one.name:
                terminal.remark(f"{one.name} has the weights of {first.name} and is left out.")
            report(done, len(paths))
    return list(found.values())


def _events(tasks: Sequence[Task], jobs: int | None, scheduler: str | None) -> Iterator[Event]:
    if not tasks:
        return iter(())
    if scheduler:
        return run_on_cluster(tasks, scheduler)
    return run_locally(tasks, jobs or os.cpu_count() or 1)


def _drive(terminal: Terminal, running: Sweep, store: Store, events: Iterator[Event]) -> None:
    """Run to the end under a bar, or with a line for each model where no bar can be shown."""
    started = time.monotonic()
    with terminal.bar("proving and checking", rated=True) as report:
        report(0, running.every)
        for done in running.run(events, store):
            report(running.done, running.every)
            if done and not terminal.animated:
                terminal.remark(_progress_line(running, done, time.monotonic() - started))
    for name, sentence in running.failures.items():
        terminal.remark(f"{name} could not be worked on: {sentence}")


def _progress_line(running: Sweep, done: Done, elapsed: float) -> str:
    rate = running.done / elapsed if elapsed else 0.0
    left = (running.every - running.done) / rate if rate else 0.0
    hours, minutes = divmod(round(left / 60), 60)
    return (
        f"{done.model.name}: {len(done.certificates)} certificates; {running.finished} of "
        f"{len(running.tasks)} models, {running.done} of {running.every} results, {rate:.1f}/s, "
        f"{hours}:{minutes:02d} h left"
    )


def _summary(
    store: Store, subjects: Sequence[Subject], names: Sequence[str], running: Sweep
) -> dict[str, object]:
    """Count the results that were asked for, those of earlier runs among them."""
    digests, asked = {one.digest for one in subjects}, set(names)
    rows = [r for r in store.results() if r.sha256 in digests and r.strategy in asked]
    verified = [row for row in rows if row.verdict == VERIFIED]
    unproven, rejected, failed = (
        sum(row.verdict == verdict for row in rows) for verdict in (NOT_PROVEN, REFUSED, FAILED)
    )
    return {
        "models": len(subjects),
        "strategies": len(names),
        "verified": len(verified),
        "not_proven": unproven,
        "rejected": rejected,
        "failed": failed,
        "missing": len(subjects) * len(names) - len(rows),
        "new": running.done,
        "seconds_to_prove": round(sum(row.seconds_to_prove or 0 for row in verified), 1),
        "seconds_to_check": round(sum(row.seconds_to_check or 0 for row in verified), 1),
        "failures": running.failures,
    }


def _lines(summary: dict[str, object], out: Path) -> list[str]:
    return [
        f"{summary['models']} models, {summary['strategies']} strategies: {summary['verified']} "
        f"certificates verified, {summary['not_proven']} not proven, "
        f"{summary['rejected']} rejected, {summary['failed']} failed, {summary['missing']} missing",
        f"{summary['seconds_to_prove']} s of proving, {summary['seconds_to_check']} s of checking, "
        "on one core each",
        f"look at it: ballproof report {out} --out report.html",
    ]
