"""Run the standalone checker in processes of its own: nothing else decides a certificate."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ballproof.certificates import CHECKER, answers

VERIFIED, REJECTED, DECLINED = answers.VERIFIED, answers.REJECTED, answers.DECLINED
USAGE, INTERNAL, INTERRUPTED = 64, 70, 130
DEFAULT_MAX_OPERATIONS = 10**11


class CheckerError(RuntimeError):
    """The checker ended without a verdict."""


@dataclass(frozen=True)
class CheckerRun:
    """What the checker printed, its exit code, and how long it took with its start-up."""

    exit_code: int
    output: str
    diagnostics: str
    seconds: float


def _command(*arguments: str) -> list[str]:
    """Return the command line: isolated mode, no site packages, nothing shared with us."""
    return [sys.executable, "-I", "-S", str(CHECKER), *arguments]


def verified_checker() -> Path | None:
    """Return the program that `make verified` builds, of this clone or on the path, or None."""
    built = CHECKER.parents[1] / "formal" / "verified-checker"
    found = built if built.is_file() else shutil.which("verified-checker")
    return Path(found) if found else None


def run_checker(
    model: Path,
    certificate: Path,
    arguments: Sequence[str] = (),
    program: Path | None = None,
) -> CheckerRun:
    """Check one certificate in a process that does nothing else, by another program if given."""
    words = (*arguments, "--", str(model), str(certificate))
    command = _command(*words) if program is None else [str(program), *words]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    return CheckerRun(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)


@contextmanager
def temporary(data: bytes, suffix: str) -> Iterator[Path]:
    """Give a file that holds these bytes, and ends with its use: the checker reads files."""
    with tempfile.NamedTemporaryFile(prefix="ballproof-", suffix=suffix) as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


class CheckerProcess:
    """A checker process that serves many certificates, one after the other.

    Use it as a context manager; each thread needs one of its own.
    """

    def __init__(self) -> None:
        self._diagnostics = tempfile.TemporaryFile("w+")  # noqa: SIM115 closed by close()
        self._process = subprocess.Popen(
            _command("--serve"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._diagnostics,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()
        self._diagnostics.close()

    @property
    def running(self) -> bool:
        """Whether the process can be asked; it ends after a request that gets no verdict."""
        return self._process.poll() is None

    def check(self, model: Path, certificate: bytes, max_operations: int) -> dict[str, Any]:
        """Return the verdict on a certificate as the fields of the checker's `--json`.

        `seconds` is added. Raises CheckerError if the process ends without a verdict.
        """
        with temporary(certificate, ".json") as path:
            return self.check_file(model, path, [f"--max-operations={max_operations}"])

    def check_file(self, model: Path, certificate: Path, flags: Sequence[str]) -> dict[str, Any]:
        """Return the same for a certificate in a file, with these flags of the checker."""
        started = time.perf_counter()
        fields: dict[str, Any] = json.loads(self._ask([*flags, "--", str(model), str(certificate)]))
        return {**fields, "seconds": time.perf_counter() - started}

    def _ask(self, arguments: list[str]) -> str:
        if self._process.stdin is None or self._process.stdout is None:
            raise CheckerError("the checker has no pipes")
        try:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if line:
            return line
        if self._process.wait() == INTERRUPTED:
            raise KeyboardInterrupt
        self._diagnostics.seek(0)
        raise CheckerError(
            f"the checker ended without a verdict: {self._diagnostics.read().strip()}"
        )


class Checkers:
    """Threads that each have a checker process of their own; use it as a context manager."""

    def __init__(self, jobs: int) -> None:
        self.pool = ThreadPoolExecutor(jobs)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def of_this_thread(self) -> CheckerProcess:
        """Return the checker of the calling thread, a new one if the last has ended."""
        checker: CheckerProcess | None = getattr(self._local, "checker", None)
        if checker is None or not checker.running:
            with self._lock:
                checker = self._local.checker = self._stack.enter_context(CheckerProcess())
        return checker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Ending the processes lets go of threads that wait for one.
        self._stack.close()
        self.pool.shutdown(wait=False, cancel_futures=True)
