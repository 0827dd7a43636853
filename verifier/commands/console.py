"""What the commands print: results on standard output, progress and remarks on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ballproof.verifier.counting.goal import Progress as Report


class _Rate(ProgressColumn):
    """How much is done in a second."""

    def render(self, task: Task) -> Text:
        """Return the rate since the start."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "-/s")


class _Pipe(Console):
    """A console that leaves it to the command to end when nobody reads on."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError; the library would exit with 1, which says REJECTED."""
        raise BrokenPipeError


class Terminal:
    """Where a command's results, progress and remarks go; `quiet` keeps the results only."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.results: Console = _Pipe(soft_wrap=True, highlight=False)
        if not self.results.is_terminal:
            # A pipe has no width: do not fold tables at 80 columns.
            self.results.width = 160
        self.remarks = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def result(self, *lines: Any) -> None:
        """Print lines or tables to standard output."""
        for line in lines:
            self.results.print(line, markup=False)

    def json(self, fields: Any) -> None:
        """Print one JSON object, alone on standard output."""
        print(json.dumps(fields), file=sys.stdout)

    def remark(self, line: str) -> None:
        """Print a line to standard error unless quiet."""
        self.remarks.print(line, markup=False)

    @contextmanager
    def bar(self, label: str, *, rated: bool = False) -> Iterator[Report]:
        """Show a progress bar, with the rate if asked; yields what reports (done, all)."""
        progress = Progress(
            TextColumn(label),
            BarColumn(),
            MofNCompleteColumn(),
            *((_Rate(), TimeElapsedColumn()) if rated else ()),
            TimeRemainingColumn(),
            console=self.remarks,
            transient=True,
            disable=not self.animated,
        )
        with progress:
            task = progress.add_task(label, total=None)

            def report(done: int, every: int) -> None:
                progress.update(task, completed=done, total=every)

            yield report

    def waiting(self, label: str) -> AbstractContextManager[Any]:
        """Show a spinner with the elapsed time while something runs that reports nothing."""
        if not self.animated:
            return nullcontext()
        progress = Progress(
            SpinnerColumn(),
            TextColumn(label),
            TimeElapsedColumn(),
            console=self.remarks,
            transient=True,
        )
        progress.add_task(label, total=None)
        return progress

    @property
    def animated(self) -> bool:
        """Whether bars and spinners are shown."""
        return self.remarks.is_terminal and not self.quiet
