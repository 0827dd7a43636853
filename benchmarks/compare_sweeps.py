"""Compare two sweeps of the same models, such as before and after a change of the code.

    python benchmarks/compare_sweeps.py BEFORE AFTER

Each is a folder of `ballproof sweep`. Counts have to be equal wherever both sweeps verified a
certificate, and operations within 2 %; times are printed as ratios. Exit code 1 if they are not.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

COUNTS = ("correct_at_least", "correct_at_most")
MOST_MORE_OPERATIONS = 0.02
Row = dict[str, str]


def main() -> int:
    """Print one line for each family of strategies, and each difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    arguments = parser.parse_args()
    before, after = verified(arguments.before), verified(arguments.after)
    both = sorted(before.keys() & after.keys())
    differing = [key for key in both if not same(before[key], after[key])]
    groups = defaultdict(list)
    for key in both:
        groups[before[key]["strategy_group"]].append((before[key], after[key]))
    print("| group | certificates | operations, after / before | prove | check |")
    print("|---|---|---|---|---|")
    for group, pairs in groups.items():
        print(f"| {group} | {len(pairs)} | {figures(pairs)} |")
    print(f"\n{len(both)} certificates in both sweeps, {len(differing)} differ.")
    for key in differing:
        for row in (before[key], after[key]):
            fields = [f"{name} {row[name]}" for name in (*COUNTS, "operations")]
            print(row["name"], row["strategy"], *fields)
    return int(bool(differing) or not both)


def verified(folder: Path) -> dict[tuple[str, str], Row]:
    """Return the verified rows of a sweep's index by the model's digest and the strategy."""
    index = sqlite3.connect(f"file:{folder / 'index.sqlite'}?mode=ro", uri=True)
    index.row_factory = sqlite3.Row
    query = "SELECT * FROM results JOIN models USING (sha256) WHERE verdict = 'VERIFIED'"
    return {(row["sha256"], row["strategy"]): dict(row) for row in index.execute(query)}


def same(before: Row, after: Row) -> bool:
    """Return whether counts are equal and operations within 2 %."""
    most = int(before["operations"]) * MOST_MORE_OPERATIONS
    more = abs(int(after["operations"]) - int(before["operations"]))
    return all(before[name] == after[name] for name in COUNTS) and more <= most


def figures(pairs: list[tuple[Row, Row]]) -> str:
    """Return the medians of after / before: operations with their extremes, and both times."""
    columns = []
    for name in ("operations", "seconds_to_prove", "seconds_to_check"):
        ratios = [float(after[name]) / max(float(before[name]), 1e-9) for before, after in pairs]
        ends = f" ({min(ratios):.3f} to {max(ratios):.3f})" if name == "operations" else ""
        columns.append(f"{median(ratios):.3f}{ends}")
    return " | ".join(columns)


if __name__ == "__main__":
    sys.exit(main())
