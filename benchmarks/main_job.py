"""Measure the main job: prove and check times, memory and length, one row per model and strategy.

Run as `make bench`, or `python benchmarks/main_job.py --json`. Every step is a process of its own,
so times include start-up; `--runs` repeats each, and the median is shown. The proving time is the
process with its check taken off.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

JOBS = [
    ("max-of-4-seed-123", "compact"),
    ("max-of-4-seed-123", "ladder"),
    ("max-of-4-seed-123", "exact"),
    ("max-of-4-seed-123", "cubic"),
    ("max-of-4-seed-123", "brute-force"),
    ("max-of-4-seed-104", "compact"),
    ("max-of-4-seed-104", "ladder"),
    ("max-of-4-seed-104", "exact"),
    ("max-of-4-seed-104", "brute-force"),
    ("max-of-5-seed-50", "ladder"),
    ("max-of-5-seed-50", "exact"),
    ("max-of-10-seed-50", "ladder"),
    ("max-of-10-seed-50", "cubic"),
    ("max-of-20-seed-50", "ladder"),
    ("max-of-20-seed-50", "cubic"),
]
COLUMNS = ("model", "strategy", "bound", "operations", "prove, s", "check, s", "MiB", "bytes")


def run(arguments: list[str]) -> tuple[str, float, float]:
    """Run one command of the project; return its output, seconds and peak memory in MiB."""
    started = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ballproof", "--quiet", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"ballproof {' '.join(arguments)} failed")
    return output, perf_counter() - started, usage.ru_maxrss / 1024


def measure(model: str, strategy: str, runs: int, folder: Path) -> dict[str, Any]:
    """Prove and check one certificate `runs` times; return the medians."""
    path = folder / f"{model}-{strategy}.json"
    proving, checking, memory = [], [], []
    for _ in range(runs):
        arguments = ["prove", model, "--strategy", strategy, "--out", str(path), "--json"]
        output, seconds, prove_peak = run(arguments)
        facts = json.loads(output)
        proving.append(seconds - facts["seconds_to_check"])
        _, seconds, check_peak = run(["check", model, str(path)])
        checking.append(seconds)
        memory.append(max(prove_peak, check_peak, _children_peak()))
    at_least, total = int(facts["correct_at_least"]), int(facts["total"])
    scaled = at_least * 10**5 // total
    return {
        "model": model,
        "strategy": strategy,
        "bound": f"{scaled // 10**5}.{scaled % 10**5:05d}",
        "operations": int(facts["operations"]),
        "prove, s": round(statistics.median(proving), 2),
        "check, s": round(statistics.median(checking), 2),
        "MiB": round(max(memory)),
        "bytes": path.stat().st_size,
    }


def _children_peak() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Measure every job and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="repetitions; medians are shown")
    parser.add_argument("--only", default="", help="only jobs whose model or strategy holds this")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for model, strategy in JOBS:
            if options.only in f"{model} {strategy}":
                print(f"{model} {strategy} ...", file=sys.stderr)
                rows.append(measure(model, strategy, options.runs, Path(folder)))
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for row in rows:
        print("| " + " | ".join(str(row[column]) for column in COLUMNS) + " |")


if __name__ == "__main__":
    main()
