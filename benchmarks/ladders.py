"""Ladders over the zoo: certified against sampled accuracy. Resumable: finished models are kept.

    python benchmarks/ladders.py [--out FILE] [--strategy ladder] MODEL_PATTERN...

Each model is proved by one `ballproof prove` and its figures are appended to FILE as a line of
JSON. At the end the table is printed; the README and docs/results take their figures from it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

from models.catalogue import zoo_names, zoo_record

DEFAULT = ["max-of-5-*", "max-of-10-seed-*", "max-of-20-*", "max-of-10-of-128-*"]


def main() -> int:
    """Prove what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=DEFAULT, metavar="MODEL_PATTERN")
    parser.add_argument("--out", type=Path, default=Path("ladders.jsonl"))
    parser.add_argument("--strategy", default="ladder")
    parser.add_argument("--max-operations", default=None)
    parser.add_argument("--report", action="store_true", help="print what is there, prove nothing")
    arguments = parser.parse_args()
    names = [n for n in zoo_names() if any(fnmatchcase(n, p) for p in arguments.patterns)]
    every = list(names)
    if arguments.report:
        names = [name for name in names if name in _finished(arguments.out)]
    done = _finished(arguments.out)
    for count, name in enumerate(names, start=1):
        if name not in done:
            print(f"{count} of {len(names)}: {name}", file=sys.stderr, flush=True)
            row = _prove(name, arguments.strategy, arguments.max_operations)
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            done[name] = row
    rows = [done[name] for name in names]
    print("# Ladders beyond max-of-4\n")
    print("Made by `make bench-ladders` on 2 shared cores; times hold while other work ran beside.")
    print(
        "Sampled accuracy is an estimate from 200,000 inputs, which proves nothing: a ratio above 1"
    )
    print("is chance. `at most` counts one rival of each class from below, on a coarse grid.\n")
    print(f"Measured: {len(rows)} of the {len(every)} models asked for.\n")
    _print_summary(rows)
    _print_table(rows)
    return 0


def _finished(path: Path) -> dict[str, dict[str, object]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # A run that was killed while it wrote.
    return {row["model"]: row for row in rows}


def _prove(name: str, strategy: str, max_operations: str | None) -> dict[str, object]:
    limit = [f"--max-operations={max_operations}"] if max_operations else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "certificate.json"
        command = [sys.executable, "-m", "verifier", "prove", name, "--strategy", strategy]
        command += [*limit, "--out", str(out), "--json", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr}")
        row: dict[str, object] = json.loads(done.stdout)
    row["sampled_accuracy"] = zoo_record(name)["sampled_accuracy"]
    return row


def _share(row: dict[str, object], end: str) -> float:
    return int(str(row[f"correct_at_{end}"])) / int(str(row["total"]))


def _ratio(row: dict[str, object]) -> float:
    """Return certified over sampled accuracy; above 1 only by chance of the sample."""
    return _share(row, "least") / float(str(row["sampled_accuracy"]))


def _print_summary(rows: list[dict[str, object]]) -> None:
    """Print one line for each kind of model."""
    kinds: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        kinds.setdefault(str(row["model"]).rsplit("-seed-", 1)[0], []).append(row)
    print("| models | measured | least ratio | mean ratio | prove, s at most | check, s at most |")
    print("|---|---|---|---|---|---|")
    for kind, group in kinds.items():
        ratios = [_ratio(row) for row in group]
        prove, check = (
            max(float(str(row[f"seconds_to_{step}"])) for row in group)
            for step in ("prove", "check")
        )
        mean = sum(ratios) / len(ratios)
        cells = (
            f"{kind} | {len(group)} | {min(ratios):.5f} | {mean:.5f} | {prove:.0f} | {check:.0f}"
        )
        print(f"| {cells} |")
    print()


def _print_table(rows: list[dict[str, object]]) -> None:
    columns = ["model", "at least", "at most", "sampled", "at least / sampled"]
    columns += ["operations", "prove, s", "check, s", "bytes"]
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for row in rows:
        times = f"{row['seconds_to_prove']} | {row['seconds_to_check']}"
        ends = f"{_share(row, 'least'):.6f} | {_share(row, 'most'):.6f}"
        ratio = f"{ends} | {row['sampled_accuracy']} | {_ratio(row):.5f}"
        print(f"| {row['model']} | {ratio} | {row['operations']} | {times} | {row['bytes']} |")


if __name__ == "__main__":
    raise SystemExit(main())
