"""Spoil one spot of the kernel at a time and demand that a test fails.

For each file of `certificates/checker` all mutants are made (a rounding turned round, a term
dropped, two ends swapped, a constant off by one, a demand left out, ...). Each runs against the
tests of tests/certificates that reach its function. One that no test kills must be listed in
tests/kernel_mutants/equivalents.json with the argument why it is no other checker; docs/kernel-mutants.md
is made from that list. Results are kept in --out and used again while the file and the test that
killed the mutant are the same. Exit code 0: all killed or listed; 1: some are neither; 2: the true
kernel fails a test.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

import pytest

from kernel_mutants.mutants import KERNEL, Mutant, digest, kernel_files, mutants_of
from kernel_mutants.plan import Planner
from kernel_mutants.results import Results, listed, overview
from kernel_mutants.runner import Outcome, run_all
from kernel_mutants.suite import TESTS, Cost, measured, with_tests

STAGES = (4.0, 40.0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kernel_mutants", description=__doc__)
    parser.add_argument("--files", nargs="+", metavar="FILE", help="kernel files, such as balls.py")
    parser.add_argument("--functions", nargs="+", metavar="NAME", help="only mutants of these functions")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default 1)")
    parser.add_argument("--out", type=Path, default=TESTS.parent / "out" / "kernel-mutants")
    parser.add_argument("--sample", type=int, metavar="N", help="a fixed sample of N mutants")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--survivors", action="store_true", help="list what neither died nor is listed")
    parser.add_argument("--first-stage", action="store_true", help="only the quick tests")
    return parser


class Campaign:
    """All mutants that are asked for, what is known of them, and the rest to be run."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        arguments.out.mkdir(parents=True, exist_ok=True)
        files = arguments.files or kernel_files()
        unknown = set(files) - set(kernel_files())
        if unknown:
            sys.exit(f"kernel_mutants: no kernel file {min(unknown)!r}; there are {kernel_files()}")
        self.sources = {file: (KERNEL / file).read_text() for file in files}
        self.mutants = [m for file in files for m in mutants_of(file, self.sources[file])]
        if arguments.functions:
            self.mutants = [m for m in self.mutants if m.function in arguments.functions]
        if arguments.sample:
            self.mutants = sorted(self.mutants, key=lambda m: digest(m.name))[: arguments.sample]
        self.results = Results(arguments.out / "results.jsonl", self.sources)
        self.started, self.shown = time.monotonic(), 0.0

    def say(self, text: str, *, last: bool = False) -> None:
        """Show progress on standard error, at most once a second."""
        if last or time.monotonic() - self.shown > (1 if sys.stderr.isatty() else 30):
            self.shown = time.monotonic()
            end = "\r" if sys.stderr.isatty() and not last else "\n"
            print(f"\x1b[K{text}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)

    def work(self, items: list[pytest.Item]) -> None:
        """Run what is not known yet, in stages of more and more tests."""
        key = digest("".join((KERNEL / file).read_text() for file in kernel_files()))
        costs = measured(items, self.arguments.out / "tests.json", key, self.say)
        self.require_true(costs)
        planner, by_name = Planner(costs), {item.nodeid: item for item in items}
        for mutant in self.mutants:
            if (test := self.results.killer(mutant)) in costs:
                planner.learn(mutant, test)
        for stage, seconds in enumerate(STAGES[: 1 if self.arguments.first_stage else 2]):
            todo = [m for m in self.mutants if self.results.open(m, stage)]
            start, count = time.monotonic(), 0

            def done(mutant: Mutant, outcome: Outcome) -> None:
                nonlocal count
                count += 1
                self.results.add(mutant, outcome, stage)
                rate = count / (time.monotonic() - start)
                left = (len(todo) - count) / rate
                alive = sum(self.results.survives(m) for m in self.mutants)
                self.say(
                    f"stage {stage + 1}: {count} of {len(todo)} mutants, {rate:.1f}/s, "
                    f"{left / 60:.1f} min left, {alive} alive"
                )

            chosen = ((m, self.sources[m.file]) for m in todo)
            run_all(chosen, planner, by_name, seconds, self.arguments.jobs, done)

    def require_true(self, costs: dict[str, Cost]) -> None:
        failed = [name for name, cost in costs.items() if not cost.passed]
        if failed:
            print(f"kernel_mutants: the true kernel fails {failed[0]}", file=sys.stderr)
            sys.exit(2)


def main() -> int:
    """Run the mutants, print the summary, return the exit code."""
    arguments = _parser().parse_args()
    # In the background it may be ignored, but tests send it to the commands that they run.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    campaign = Campaign(arguments)
    with_tests([TESTS / "certificates"], campaign.work)
    known = listed()
    survivors = [m for m in campaign.mutants if campaign.results.survives(m)]
    unlisted = [m for m in survivors if m.name not in known]
    table = overview(campaign.mutants, campaign.results, known)
    if arguments.json:
        print(json.dumps(table, indent=1))
    else:
        for row in table:
            print("{file:20}{mutants:>7}{killed:>7}{equivalent:>7}{survivors:>7}".format(**row))
    if arguments.survivors:
        for m in unlisted:
            print(f"{m.file}:{m.line} [{m.operator}] {m.name}")
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
