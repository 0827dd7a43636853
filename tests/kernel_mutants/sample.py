"""The sample: mutants that would let something false pass, each with a test that kills it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel_mutants.mutants import KERNEL, Mutant, all_mutants
from kernel_mutants.runner import run_one
from kernel_mutants.suite import TESTS, Cost, with_tests

SAMPLE = Path(__file__).parent / "sample.json"
COST = Cost(2, True, False, [])


def sample() -> dict[str, str]:
    """Return a test by the name of the mutant that it kills."""
    return dict(json.loads(SAMPLE.read_text()))


def sampled_mutants() -> Iterator[tuple[Mutant, str, str]]:
    """Yield each mutant, the source that it is of, and its test."""
    chosen = sample()
    for mutant in all_mutants():
        if mutant.name in chosen:
            yield mutant, (KERNEL / mutant.file).read_text(), chosen.pop(mutant.name)
    if chosen:
        sys.exit(f"kernel_mutants: {SAMPLE}: the kernel has no such mutant: {min(chosen)}")


def run_sample() -> int:
    """Return 0 if the true kernel passes all tests of the sample and no mutant does."""
    code = 0

    def judge(items: list[pytest.Item]) -> None:
        nonlocal code
        by_name = {item.nodeid: item for item in items}
        tests = sorted(set(sample().values()))
        gone = set(tests) - by_name.keys()
        if gone:
            sys.exit(f"kernel_mutants: {SAMPLE}: there is no test {min(gone)}")
        costs = dict.fromkeys(tests, COST)
        truth = run_one(None, "", tests, by_name, costs)
        if truth.killed:
            print(f"kernel_mutants: the true kernel fails {truth.by}", file=sys.stderr)
            code = 2
            return
        alive, count = [], len(sample())
        for mutant, source, test in sampled_mutants():
            if not run_one(mutant, source, [test], by_name, costs).killed:
                alive.append(f"{mutant.name} [{test}]")
            true = mutant.undone(source)
            if mutant.anew and run_one(true, source, [test], by_name, costs).killed:
                alive.append(f"{mutant.name}: the true kernel, loaded anew, fails [{test}]")
        print(*alive, f"{count} mutants, {count - len(alive)} killed", sep="\n", file=sys.stderr)
        code = int(bool(alive))

    files = {TESTS.parent / test.split("::")[0] for test in sample().values()}
    with_tests(sorted(files), judge)
    return code
