"""The tests as a list that is loaded once: what each costs, and which functions it reaches."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from kernel_mutants.graft import forget, note_calls, point_commands_at
from kernel_mutants.mutants import KERNEL, TESTS

# No shrinking: how a test fails does not matter. The same examples in each run.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
FLAGS = [
    *("-qq", "-s", "-x", "--tb=native", "--assert=plain", "-m", "not slow"),
    *("-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(TESTS.parent)),
    *("-c", str(TESTS.parent / "setup.cfg")),
]


# Examples of a property: a mutant that so many do not kill meets other tests.
EXAMPLES = 40


def _cap_examples(items: list[pytest.Item]) -> None:
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples > EXAMPLES:
            test._hypothesis_internal_use_settings = settings(own, max_examples=EXAMPLES)


class Cost(NamedTuple):
    """Seconds of one test on the true kernel, whether it runs commands, and what it enters.

    `functions` are named `file:name`; `lines` holds for each file a hexadecimal number whose bits
    are the lines that ran.
    """

    seconds: float
    passed: bool
    commands: bool
    functions: list[str]
    lines: dict[str, str] = {}  # noqa: RUF012

    def runs(self, file: str, line: int) -> bool:
        """Say whether the statement that starts on a line ran; True if it is not known."""
        return file not in self.lines or bool(int(self.lines[file], 16) >> line & 1)


class _Loop:
    """Does the given work where pytest would run the tests that it collected."""

    def __init__(self, work: Callable[[list[pytest.Item]], None]) -> None:
        self.work = work

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        _cap_examples(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.work(session.items)
        return True


class _Profile:
    """Sets the profile, and points commands at a copy: for runs that pytest does on its own."""

    def __init__(self, copy: Path) -> None:
        self.copy, self.failed = copy, ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        _cap_examples(items)
        point_commands_at(self.copy)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def with_tests(paths: Iterable[Path], work: Callable[[list[pytest.Item]], None]) -> int:
    """Load the tests under these paths and call `work` with them."""
    with contextlib.redirect_stdout(sys.stderr):
        return int(pytest.main([*FLAGS, *map(str, paths)], plugins=[_Loop(work)]))


def run_anew(tests: Iterable[str], copy: Path) -> str | None:
    """Import kernel and tests anew; return the first test that fails, None if all pass.

    Nothing ("") stands for a failure before any test.
    """
    for name, module in tuple(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        inside = path.startswith(str(TESTS)) and not name.startswith("kernel_mutants")
        if inside or (path.startswith(str(KERNEL)) and name != "__main__"):
            del sys.modules[name]
    # The copy comes before the kernel that the tests' own set-up appends.
    sys.path[:] = [entry for entry in sys.path if entry != str(KERNEL)]
    profile = _Profile(copy)
    # Names of tests are paths below the root, wherever this process runs.
    paths = [str(TESTS.parent / test) for test in tests]
    passed = int(pytest.main([*FLAGS, *paths], plugins=[profile])) == 0
    return None if passed else profile.failed


def passes(item: pytest.Item) -> bool:
    """Run one test; say if it passes, or skips itself."""
    return not any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))


@cache
def digest_of_tests(file: str) -> str:
    """Return a digest of a test file and of the data that it, or a helper of it, names.

    Not of the helpers themselves: they change often, and hardly what a test finds.
    """
    path = TESTS.parent / file
    text = path.read_text()
    helpers = re.findall(r"^from (support\.\w+)", text, re.MULTILINE)
    named = [text, *((TESTS / f"{name.replace('.', '/')}.py").read_text() for name in helpers)]
    chosen = (x for x in (TESTS / "data").iterdir() if any(x.name in t for t in named))
    data = sorted(y for x in chosen for y in (x.rglob("*") if x.is_dir() else [x]) if y.is_file())
    content = b"\0".join([path.read_bytes(), *(x.read_bytes() for x in data)])
    return hashlib.sha256(content).hexdigest()[:16]


def measure(item: pytest.Item, entered: set[tuple[str, Any]]) -> Cost:
    """Run one test on the true kernel and take down what it costs and reaches."""
    commands: list[bool] = []
    start, popen = os.times(), subprocess.Popen.__init__

    def noted(*arguments: Any, **options: Any) -> None:
        commands.append(True)
        popen(*arguments, **options)

    entered.clear()
    forget()
    subprocess.Popen.__init__ = noted
    try:
        passed = passes(item)
    finally:
        subprocess.Popen.__init__ = popen
    used = sum(b - a for a, b in zip(start[:4], os.times()[:4], strict=True))
    functions = sorted(f"{file}:{name}" for file, name in entered if isinstance(name, str))
    lines: dict[str, int] = {}
    for file, line in entered:
        if isinstance(line, int):
            lines[file] = lines.get(file, 0) | 1 << line
    masks = {file: f"{mask:x}" for file, mask in lines.items()}
    return Cost(round(used, 3), passed, bool(commands), functions, masks)


def measured(
    items: list[pytest.Item], cache: Path, kernel: dict[str, str], say: Callable[[str], None]
) -> dict[str, Cost]:
    """Return the cost of each test, from the cache where the test is the same as then.

    `kernel` holds the digests of the kernel's files. What is known of the lines of a file that was
    changed since is left out. The cache is a file of lines, one for each test function.
    """
    keys = {item.nodeid.split("::")[0]: "" for item in items}
    keys = {file: digest_of_tests(file) for file in keys}
    known: dict[str, Cost] = {}
    for line in cache.read_text().splitlines() if cache.exists() else ():
        row = json.loads(line)
        if row["key"] == keys.get(row["file"]):
            same = {file for file, key in row["kernel"].items() if kernel.get(file) == key}
            for name, values in row["costs"].items():
                cost = Cost(*values)
                lines = {file: mask for file, mask in cost.lines.items() if file in same}
                known[name] = cost._replace(lines=lines)
    todo: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.nodeid not in known:
            todo.setdefault(item.nodeid.split("[")[0], []).append(item)
    start = time.monotonic()
    for place, (group, members) in enumerate(todo.items(), start=1):
        file = group.split("::")[0]
        # In a child, so that whatever the tests remember stays out of this process.
        costs = _in_child(members, cache.with_suffix(".part"))
        known |= {name: Cost(*cost) for name, cost in costs.items()}
        row = {"key": keys[file], "file": file, "kernel": kernel, "costs": costs}
        with cache.open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        left = (time.monotonic() - start) / place * (len(todo) - place)
        say(f"measuring the tests: {place} of {len(todo)} functions, {left / 60:.1f} min left")
    return {item.nodeid: known[item.nodeid] for item in items}


def _in_child(items: list[pytest.Item], part: Path) -> dict[str, list[Any]]:
    """Return the costs of a few tests, measured in a child of this process."""
    child = os.fork()
    if not child:
        try:
            entered: set[tuple[str, Any]] = set()
            note_calls(entered)
            part.write_text(json.dumps({item.nodeid: measure(item, entered) for item in items}))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return dict(json.loads(part.read_text()))
