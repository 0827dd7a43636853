"""Run the standalone checker in a process of its own: the only judge of a certificate."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certificates import CHECKER

VERIFIED, REJECTED, DECLINED, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 64, 70, 130
DEFAULT_MAX_OPERATIONS = 10**11


@dataclass(frozen=True)
class CheckerRun:
    """What the checker printed, its exit code, and how long it took with its start-up."""

    exit_code: int
    output: str
    diagnostics: str
    seconds: float

    def fields(self) -> dict[str, Any]:
        """Return the verdict of a run with `--json`; empty if there is none."""
        lines = self.output.splitlines()
        fields: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return fields


def run_checker(model: Path, certificate: Path, arguments: Sequence[str] = ()) -> CheckerRun:
    """Check one certificate: isolated mode, no site packages, nothing shared with this process."""
    command = [sys.executable, "-I", "-S", str(CHECKER), *arguments, "--"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, str(model), str(certificate)], capture_output=True, text=True, check=False
    )
    if done.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    return CheckerRun(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)
