"""Ladders of a sweep: certified against sampled accuracy, one row for each model.

    python benchmarks/ladders.py FOLDER > docs/results/ladders.md

FOLDER is that of `ballproof sweep`, with the strategy `ladder` on models of the zoo beyond
max-of-4. What it does not hold is named as missing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from models.catalogue import zoo_names
from verifier.study.rows import ModelRow, ResultRow
from verifier.study.store import opened


class Ladder(NamedTuple):
    """A verified ladder and the model it is about."""

    model: ModelRow
    result: ResultRow

    @property
    def kind(self) -> str:
        """The model's name without its seed."""
        return self.model.name.rsplit("-seed-", 1)[0]

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends over all inputs, in six decimals: the lower rounded down, the other up."""
        least, most = self.result.correct_at_least, self.result.correct_at_most
        assert least is not None and most is not None
        low, high = least * 10**6 // self.model.total, -(-most * 10**6 // self.model.total)
        return f"{low / 10**6:.6f}", f"{high / 10**6:.6f}"

    @property
    def ratio(self) -> float:
        """Certified over sampled accuracy; above 1 only by chance of the sample."""
        least, sampled = self.result.correct_at_least, self.model.sampled_accuracy
        assert least is not None and sampled is not None
        return least / self.model.total / sampled


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    names = [name for name in zoo_names() if not name.startswith("max-of-4-")]
    ladders = _ladders(folder)
    print("# Ladders beyond max-of-4\n")
    print(
        "Made by `make bench-ladders`. Sampled accuracy is an estimate from 200,000 inputs, which"
    )
    print(
        "proves nothing: a ratio above 1 is chance. `at most` counts one rival of each class from"
    )
    print("below, on a coarse grid. Seconds are of one core beside other work.\n")
    missing = [name for name in names if name not in ladders]
    print(f"Missing: {', '.join(missing) or 'none'} of {len(names)} models.\n")
    found = [ladders[name] for name in names if name in ladders]
    _print_summary(found)
    _print_table(found)
    return 0


def _ladders(folder: Path) -> dict[str, Ladder]:
    with opened(folder) as store:
        models = {model.sha256: model for model in store.models()}
        rows = [
            row for row in store.results() if row.strategy == "ladder" and row.verdict == "VERIFIED"
        ]
    return {models[row.sha256].name: Ladder(models[row.sha256], row) for row in rows}


def _print_summary(ladders: list[Ladder]) -> None:
    """Print one line for each kind of model."""
    print("| models | measured | least ratio | mean ratio | prove, s at most | check, s at most |")
    print("|---|---|---|---|---|---|")
    for kind in dict.fromkeys(ladder.kind for ladder in ladders):
        group = [ladder for ladder in ladders if ladder.kind == kind]
        ratios = [ladder.ratio for ladder in group]
        prove = max(ladder.result.seconds_to_prove or 0 for ladder in group)
        check = max(ladder.result.seconds_to_check or 0 for ladder in group)
        mean = sum(ratios) / len(ratios)
        figures = f"{min(ratios):.5f} | {mean:.5f} | {prove:.0f} | {check:.0f}"
        print(f"| {kind} | {len(group)} | {figures} |")
    print()


def _print_table(ladders: list[Ladder]) -> None:
    columns = ["model", "at least", "at most", "sampled", "at least / sampled"]
    columns += ["operations", "prove, s", "check, s", "bytes"]
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for ladder in ladders:
        model, result = ladder
        ends = f"{' | '.join(ladder.ends)} | {model.sampled_accuracy} | {ladder.ratio:.5f}"
        times = f"{result.seconds_to_prove:.1f} | {result.seconds_to_check:.1f}"
        print(f"| {model.name} | {ends} | {result.operations} | {times} | {result.bytes} |")


if __name__ == "__main__":
    raise SystemExit(main())
