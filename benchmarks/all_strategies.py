"""Prove a model with every strategy and set the bounds beside the published code's, as Markdown.

Run as `make bench-strategies`, or `python benchmarks/all_strategies.py`. The published figures are
those that the study's own code gives on the weights of max-of-4-seed-123, in float32.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ballproof.verifier.strategies import STRATEGIES

MODEL = "max-of-4-seed-123"
DATA = Path(__file__).parent.parent / "tests" / "data"
PUBLISHED_FILE = DATA / "published-bounds-max-of-4-seed-123.json"


def prove_all(folder: str) -> tuple[list[dict[str, Any]], float]:
    """Return the figures of every certificate, and the seconds for all, start-up included."""
    command = [sys.executable, "-m", "ballproof", "--quiet", "prove", MODEL]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--strategy", "all", "--out", folder, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)["certificates"]
    return rows, time.perf_counter() - started


def share(row: dict[str, Any]) -> float:
    """Return the bound as a fraction, for display."""
    return int(row["correct_at_least"]) / int(row["total"])


def group_table(rows: list[dict[str, Any]], published: dict[str, float]) -> list[str]:
    """Return the best of each group: the published code, the same strategies here, with chord."""
    groups = {strategy.name: strategy.group.name for strategy in STRATEGIES}
    lines = ["| group | published code | ours, same strategies | ours, with `chord` | operations |"]
    lines.append("|---|---|---|---|---|")
    for group in dict.fromkeys(groups.values()):
        members = [row for row in rows if groups[row["strategy"]] == group]
        ours = [row for row in members if "/chord/" not in row["strategy"]]
        known = [published[row["strategy"]] for row in ours if row["strategy"] in published]
        best = max(members, key=share)
        cells = (
            group,
            f"{max(known):.4f}" if known else "-",
            f"{max(map(share, ours)):.4f}",
            f"{share(best):.4f}",
            best["operations"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def strategy_table(rows: list[dict[str, Any]], published: dict[str, float]) -> list[str]:
    """Return one line for each strategy."""
    lines = ["| strategy | published | ours | operations | unexplained dimension | bytes |"]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        name = row["strategy"]
        known = f"{published[name]:.4f}" if name in published else "-"
        dimension = row["unexplained_dimension"] or "-"
        lines.append(
            f"| `{name}` | {known} | {share(row):.4f} | {row['operations']} | {dimension} "
            f"| {row['bytes']} |"
        )
    return lines


def main() -> None:
    """Measure and print the two tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    content = json.loads(PUBLISHED_FILE.read_text())
    published = {**content["bounds"], "cubic": content["cubic"]["bound"]}
    with tempfile.TemporaryDirectory() as folder:
        rows, seconds = prove_all(folder)
    family = [row for row in rows if "/" in row["strategy"]]
    looser = [row for row in rows if share(row) < published.get(row["strategy"], 0) - 0.003]
    print(f"# Every strategy on {MODEL}\n")
    print("Made by `make bench-strategies`. Best bound of each group:\n")
    print("\n".join(group_table(rows, published)))
    print(f"\n{len(rows)} certificates proved and checked in {seconds:.0f} s on 2 shared cores.")
    print(
        f"One subcubic proof takes {max(r['seconds_to_prove'] for r in family):.2f} s at most, its "
        f"check in a warm process {max(r['seconds_to_check'] for r in family):.2f} s at most."
    )
    print(f"Strategies more than 0.003 below the published code: {len(looser)}.\n")
    print("\n".join(strategy_table(rows, published)))


if __name__ == "__main__":
    main()
