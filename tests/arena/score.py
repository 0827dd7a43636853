#!/usr/bin/env python3
"""Score a checker of ballproof certificates on the cases of this folder (see README.md).

    python score.py -- ./my-checker --strict

Each case runs the command with MODEL CERTIFICATE [ARGUMENTS...] added, and compares its exit code,
the reason on its last line, and for a verified claim the whole last line. Needs Python alone.
Exit code 0: every answer is right; 1: some are not; 64: usage.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from large_files import large_file
from scorecard import ARENA, CATEGORIES, Answer, Case, Result, read_cases, score, table
from statements import statement


class Files:
    """Finds the files of cases; large ones are made when they are first asked for."""

    def __init__(self, arena: Path, scratch: Path) -> None:
        self.arena, self.scratch = arena, scratch

    def path(self, place: str) -> str:
        """Return the path of a model or a certificate as the command gets it."""
        if not place.startswith("large:"):
            return str(self.arena / place)
        name = place.removeprefix("large:")
        made = self.scratch / name
        if not made.exists():
            good = (self.arena / f"models/trained.{end}" for end in ("cert", "safetensors"))
            large_file(name, *(path.read_bytes() for path in good)).write(made)
        return str(made)

    def arguments(self, case: Case) -> list[str]:
        """Return what is added to the command for a case."""
        return [self.path(case.model), self.path(case.certificate), *case.arguments]

    def discard(self, case: Case) -> None:
        """Remove the large files of a case that was answered."""
        for place in (case.model, case.certificate):
            if place.startswith("large:"):
                (self.scratch / place.removeprefix("large:")).unlink(missing_ok=True)


def run(command: Sequence[str], arguments: Sequence[str], timeout: float) -> Answer:
    """Run a command on one case; one that takes too long is killed with all its children."""
    process = subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        return Answer(None)
    lines = output.decode("utf-8", "replace").splitlines()
    return Answer(process.returncode, lines[-1] if lines else "")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, 9)  # The process leads a group of its own.
    except (AttributeError, ProcessLookupError):
        process.kill()
    process.communicate()


def expected(case: Case, files: Files) -> str:
    """Return the line that a verified certificate must print."""
    return statement(json.loads(Path(files.path(case.certificate)).read_bytes()))


def play(
    arena: Path,
    cases: Sequence[Case],
    ask: Callable[[Sequence[str]], Answer],
    progress: Callable[[int, int], None] = lambda done, total: None,
    jobs: int = 1,
) -> list[Result]:
    """Return the results of all cases; `ask` gets the arguments of one and answers."""
    with tempfile.TemporaryDirectory(prefix="arena-") as scratch, ThreadPoolExecutor(jobs) as pool:
        files = Files(arena, Path(scratch))

        def one(case: Case) -> Result:
            answer = ask(files.arguments(case))
            line = expected(case, files) if case.exit_code == 0 else None
            files.discard(case)
            return Result(case, answer, line)

        results = []
        for result in pool.map(one, cases):
            results.append(result)
            progress(len(results), len(cases))
    return results


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} cases", end="" if done < total else "\n", file=sys.stderr)
    elif done % 200 == 0 or done == total:
        print(f"{done} of {total} cases", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        print(f"score.py: {message}", file=sys.stderr)
        sys.exit(64)


def _parser() -> _Parser:
    parser = _Parser(prog="score.py", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print all figures and wrong answers")
    parser.add_argument("--category", action="append", choices=CATEGORIES, help="this one alone")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases with TEXT in their name")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for a case (60)")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time (2)")
    parser.add_argument("command", nargs="+", metavar="CHECKER COMMAND", help="after --")
    return parser


def main(argv: Sequence[str], arena: Path = ARENA) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    command = options.command
    if shutil.which(command[0]) is None:
        parser.error(f"{command[0]!r} is no command that can be run")
    if not (arena / "accept").is_dir():
        parser.error(f"{arena} holds no cases; `make arena` builds them, in out/arena")
    cases = [x for x in read_cases(arena, options.category or CATEGORIES) if options.only in x.name]
    if not cases or options.jobs < 1 or options.timeout <= 0:
        parser.error("no case is chosen, or --jobs or --timeout is not positive")

    def ask(arguments: Sequence[str]) -> Answer:
        return run(command, arguments, options.timeout)

    figures = score(play(arena, cases, ask, _progress, options.jobs))
    print(json.dumps(figures) if options.json else "\n".join(table(figures)))
    return int(bool(figures["wrong"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
