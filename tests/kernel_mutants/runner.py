"""Run mutants: each in a child of a process that has everything loaded, until a test fails."""

from __future__ import annotations

import gc
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from kernel_mutants import suite
from kernel_mutants.graft import graft, loaded, point_commands_at, write_copy
from kernel_mutants.mutants import Mutant

MEMORY = 2**31
# A test gets so many times the processor time that it takes on the true kernel, and this on top.
PATIENCE, SECONDS_MORE = 5, 0.5
SILENCE = 240  # Seconds of the clock after which a child is stopped that does not use any.


class Outcome(NamedTuple):
    """What became of a mutant: the test that killed it and how, or neither."""

    killed: bool
    by: str
    how: str
    seconds: float


class Child:
    """One mutant in a process of its own, which reports test by test through a pipe.

    Without a mutant it is the true kernel.
    """

    def __init__(
        self,
        mutant: Mutant | None,
        source: str,
        tests: list[str],
        items: dict[str, pytest.Item],
        costs: dict[str, suite.Cost],
    ) -> None:
        self.mutant, self.tests, self.start = mutant, tests, time.monotonic()
        self.folder = Path(tempfile.mkdtemp(prefix="kernel-mutant-"))
        self.pipe, writing = os.pipe()
        self.text = b""
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            try:
                _live(mutant, source, tests, items, costs, self.folder, writing)
            finally:
                os._exit(0)
        os.close(writing)

    def read(self) -> bool:
        """Take in what the child says; return whether it has ended."""
        data = os.read(self.pipe, 65536)
        self.text += data
        return not data

    def late(self) -> bool:
        return time.monotonic() - self.start > SILENCE + 4 * len(self.tests)

    def outcome(self) -> Outcome:
        """Wait for the end and say what became of the mutant."""
        os.close(self.pipe)
        if self.late():
            os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder, ignore_errors=True)
        lines, seconds = self.text.decode().split(), time.monotonic() - self.start
        if lines and lines[-1] == "survived":
            return Outcome(False, "", "", seconds)
        if lines and lines[-1] == "import":
            return Outcome(True, "", "import", seconds)
        how = "failed" if lines and lines[-1] == "failed" else f"stopped ({_ending(status)})"
        place = [int(line) for line in lines if line.isdecimal()]
        return Outcome(True, self.tests[place[-1]] if place else "", how, seconds)


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _live(
    mutant: Mutant | None,
    source: str,
    tests: list[str],
    items: dict[str, pytest.Item],
    costs: dict[str, suite.Cost],
    folder: Path,
    pipe: int,
) -> None:
    """Be the child: become the mutant, run the tests, say what happened."""

    def say(word: object) -> None:
        os.write(pipe, f"{word}\n".encode())

    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if mutant and not _become(mutant, source, tests, costs, folder, say):
        return
    factory = next(iter(items.values())).config._tmp_path_factory
    factory._basetemp = folder
    for place, test in enumerate(tests):
        say(place)
        _limit_time(costs[test].seconds)
        if not suite.passes(items[test]):
            say("failed")
            return
    say("survived")


def _become(
    mutant: Mutant,
    source: str,
    tests: list[str],
    costs: dict[str, suite.Cost],
    folder: Path,
    say: Callable[[object], None],
) -> bool:
    """Put the mutant in the kernel's place; return whether the tests are still to be run."""
    copy = folder
    if mutant.anew or any(costs[test].commands for test in tests):
        copy = write_copy(folder, mutant.file, mutant.source(source))
        point_commands_at(copy)
    if mutant.anew:
        _limit_time(sum(costs[test].seconds for test in tests) + 20)
        sys.path.insert(0, str(copy))
        failed = suite.run_anew(tests, copy)
        if failed in tests:
            say(tests.index(failed))
        say("survived" if failed is None else "failed" if failed else "import")
    elif module := loaded(mutant.file):
        try:
            graft(module, mutant.code(source))
        except Exception:
            say("import")
            return False
    return not mutant.anew


def _limit_time(seconds: float) -> None:
    """Let the kernel stop this process after some more processor time, whatever it is doing."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE * seconds + SECONDS_MORE)


def run_one(
    mutant: Mutant | None,
    source: str,
    tests: list[str],
    items: dict[str, pytest.Item],
    costs: dict[str, suite.Cost],
) -> Outcome:
    """Run one mutant, or the true kernel, to its end."""
    child = Child(mutant, source, tests, items, costs)
    while not child.read():
        pass
    return child.outcome()


def run_all(
    mutants: Iterable[tuple[Mutant, str, Callable[[], list[str]]]],
    items: dict[str, pytest.Item],
    costs: dict[str, suite.Cost],
    jobs: int,
    done: Callable[[Mutant, Outcome], None],
) -> None:
    """Run mutants, `jobs` at a time, each with its source and tests (chosen at the last moment)."""
    gc.collect()
    gc.freeze()
    waiting, running = iter(mutants), {}
    while True:
        while len(running) < jobs and (following := next(waiting, None)):
            mutant, source, tests = following
            child = Child(mutant, source, tests(), items, costs)
            running[child.pipe] = child
        if not running:
            return
        ready, _, _ = select.select(list(running), [], [], 5)
        late = [pipe for pipe, child in running.items() if child.late()]
        for pipe in {*ready, *late}:
            child = running[pipe]
            if pipe in late or child.read():
                del running[pipe]
                done(child.mutant, child.outcome())
