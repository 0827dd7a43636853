"""Spoil one spot of the kernel at a time and demand that a test fails.

For each file of certificates/checker all mutants are made: a rounding turned round, a term left
out, two ends swapped, a number off by one, a demand left out, and more. Each runs against the fast
tests of tests/certificates that reach its function. One that no test kills must be listed in
tests/kernel_mutants/equivalents.json with the argument why it can make no false claim pass. A run
of all files without other survivors writes docs/kernel-mutants.md. Results are kept in --out and
used again while the file and the test that killed the mutant are the same. Exit code 0: all killed
or listed; 1: some are neither; 2: the true kernel fails a test.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from kernel_mutants import document
from kernel_mutants.campaign import STAGES, Campaign, TrueKernelFails
from kernel_mutants.mutants import kernel_files
from kernel_mutants.sample import run_sample
from kernel_mutants.suite import TESTS, with_tests


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kernel_mutants", description=__doc__)
    names = kernel_files()
    parser.add_argument(
        "--files", nargs="+", choices=names, metavar="FILE", help=f"any of {', '.join(names)}"
    )
    parser.add_argument(
        "--functions", nargs="+", default=[], metavar="NAME", help="such as at_unit or Tail.count"
    )
    parser.add_argument(
        "--tests",
        nargs="+",
        type=Path,
        default=sorted((TESTS / "certificates").glob("test_*.py")),
        metavar="FILE",
        help="only these: what they do not kill, others may (default: all of tests/certificates)",
    )
    parser.add_argument(
        "--stages",
        type=int,
        choices=range(1, len(STAGES) + 1),
        default=len(STAGES),
        help=f"tests of so many seconds for each mutant: {', '.join(str(s) for s, _ in STAGES)}",
    )
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default 1)")
    parser.add_argument(
        "--out",
        type=Path,
        default=TESTS.parent / "out" / "kernel-mutants",
        help="folder of results (default out/kernel-mutants)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--survivors", action="store_true", help="list what no test kills")
    parser.add_argument("--page", action="store_true", help="only write docs/kernel-mutants.md")
    parser.add_argument("--sample", action="store_true", help="only those of sample.json, quickly")
    return parser


def main() -> int:
    """Run the mutants, print the figures, return the exit code."""
    arguments = _parser().parse_args()
    # In the background it may be ignored, but tests send it to the commands that they run.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arguments.page:
        document.write()
        return 0
    if arguments.sample:
        return run_sample()
    files = arguments.files or kernel_files()
    tests = [path.resolve() for path in arguments.tests]
    options = arguments.out, arguments.jobs, arguments.stages
    campaign = Campaign(files, arguments.functions, tests, *options)
    try:
        with_tests(tests, campaign.work)
    except TrueKernelFails as failure:
        print(f"kernel_mutants: the true kernel fails {failure}", file=sys.stderr)
        return 2
    table, unlisted = campaign.table(), campaign.unlisted()
    if arguments.json:
        print(json.dumps(table, indent=1))
    else:
        for row in [list(table[0]), *(row.values() for row in table)]:
            print("".join(f"{cell:>18}" for cell in row))
    for m in unlisted if arguments.survivors else ():
        print(f"{m.file}:{m.line} {m.name}: {m.before} -> {m.after}")
    whole = not (arguments.files or arguments.functions)
    if whole and not unlisted:
        document.keep_figures(table)
        document.write()
    return int(bool(unlisted))


if __name__ == "__main__":
    sys.exit(main())
