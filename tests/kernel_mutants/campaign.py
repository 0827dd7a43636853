"""A campaign: all mutants that are asked for, what is known of them, and the rest to be run."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

import pytest

from kernel_mutants.document import listed
from kernel_mutants.mutants import KERNEL, Mutant, digest, kernel_files, mutants_of, scope_of
from kernel_mutants.plan import Planner
from kernel_mutants.results import Results, Row, overview
from kernel_mutants.runner import Outcome, run_all, run_one
from kernel_mutants.suite import Cost, measured

# Seconds of tests that each mutant meets, and whether those of few functions come first: else it is
# those that have killed most. What is left of one stage meets the next.
STAGES = ((0.4, False), (8.0, True), (60.0, False))


class TrueKernelFails(Exception):
    """The kernel as it is fails a test, so that no mutant can be judged."""


class Progress:
    """One line on standard error, again and again: at once on a terminal, else now and then."""

    def __init__(self) -> None:
        self.terminal, self.shown = sys.stderr.isatty(), 0.0

    def __call__(self, text: str) -> None:
        if time.monotonic() - self.shown > (0.5 if self.terminal else 30):
            self.shown = time.monotonic()
            start, end = ("\r\x1b[K", "") if self.terminal else ("", "\n")
            print(f"{start}{text}", end=end, file=sys.stderr, flush=True)


class Campaign:
    """Runs the mutants of some files in stages; what is known already is not run again."""

    def __init__(
        self,
        files: list[str],
        functions: list[str],
        tests: list[Path],
        folder: Path,
        jobs: int = 1,
        stages: int = len(STAGES),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.jobs, self.stages, self.say = folder, jobs, stages, Progress()
        self.sources = {file: (KERNEL / file).read_text() for file in files}
        found = [m for file in files for m in mutants_of(file, self.sources[file])]
        self.mutants = [
            m
            for m in found
            if not functions or {m.function, scope_of(m.file, m.function)} & {*functions}
        ]
        self.results = Results(folder, self.sources, tests)

    def work(self, items: list[pytest.Item]) -> None:
        """Measure the tests on the true kernel, then run the mutants that are open."""
        kernel = {file: digest((KERNEL / file).read_text()) for file in kernel_files()}
        costs = measured(items, self.folder / "tests.jsonl", kernel, self.say)
        failed = [name for name, cost in costs.items() if not cost.passed]
        if failed:
            raise TrueKernelFails(failed[0])
        planner = Planner(costs)
        for mutant in self.mutants:
            if (test := self.results.killer(mutant)) in costs:
                planner.learn(mutant, test)
        by_name = {item.nodeid: item for item in items}
        for stage in range(self.stages):
            _Stage(self, stage, planner, by_name, costs).run()

    def unlisted(self) -> list[Mutant]:
        """Return the survivors that are not listed as equivalent."""
        known = listed()
        return [m for m in self.mutants if self.results.survives(m) and m.name not in known]

    def table(self) -> list[Row]:
        """Return the figures by file."""
        return overview(self.mutants, self.results, listed())


class _Stage:
    """One pass over the open mutants with tests of so many seconds."""

    def __init__(
        self,
        campaign: Campaign,
        number: int,
        planner: Planner,
        items: dict[str, pytest.Item],
        costs: dict[str, Cost],
    ) -> None:
        self.campaign, self.number, self.planner = campaign, number, planner
        self.results = campaign.results
        self.items, self.costs, self.true = items, costs, set[str]()
        # In an order by chance, so that a part of a run says something about the whole.
        shuffled, known = sorted(campaign.mutants, key=lambda m: digest(m.name)), listed()
        self.todo = [m for m in shuffled if m.name not in known and self.results.open(m, number)]
        self.start, self.done, self.true_loads = time.monotonic(), 0, False
        self.alive = sum(map(self.results.survives, campaign.mutants))

    def run(self) -> None:
        sources = self.campaign.sources
        chosen = ((m, sources[m.file], partial(self._tests, m)) for m in self.todo)
        run_all(chosen, self.items, self.costs, self.campaign.jobs, self._note)

    def _require_true(self, test: str) -> None:
        """Demand that the true kernel passes a test that has killed a mutant."""
        if test not in self.true and run_one(None, "", [test], self.items, self.costs).killed:
            raise TrueKernelFails(test)
        self.true.add(test)

    def _require_loading(self, mutant: Mutant) -> None:
        """Demand that the true kernel loads where this mutant has failed before any test."""
        if mutant.anew and not self.true_loads:
            source, tests = self.campaign.sources[mutant.file], self._tests(mutant)[:1]
            true = mutant.undone(source)
            if run_one(true, source, tests, self.items, self.costs).killed:
                raise TrueKernelFails(f"to load for {mutant.name}")
            self.true_loads = True

    def _tests(self, mutant: Mutant) -> list[str]:
        files = self.results.new_tests(mutant, self.number)
        seconds, focused = STAGES[self.number]
        return self.planner.tests(mutant, seconds, files, focused=focused)

    def _note(self, mutant: Mutant, outcome: Outcome) -> None:
        if outcome.killed and outcome.by:
            self._require_true(outcome.by)
            self.planner.learn(mutant, outcome.by)
        elif outcome.killed:
            self._require_loading(mutant)
        self.done += 1
        self.alive += (not outcome.killed) - self.results.survives(mutant)
        self.results.add(mutant, outcome, self.number)
        rate = self.done / (time.monotonic() - self.start)
        left = (len(self.todo) - self.done) / rate / 60
        self.campaign.say(
            f"stage {self.number + 1} of {self.campaign.stages}: {self.done} of {len(self.todo)}"
            f" mutants, {rate:.1f}/s, {left:.1f} min left, {self.alive} alive"
        )
