"""Ladders of a sweep: certified against sampled accuracy, one row for each model.

    python benchmarks/ladders.py FOLDER > docs/results/ladders.md

FOLDER is that of `ballproof sweep`, with the strategy `ladder` on models of the zoo beyond
max-of-4. What it does not hold is named as missing.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

from ballproof.models.catalogue import parse_name, zoo_names
from ballproof.verifier.report.numbers import down
from ballproof.verifier.report.study import Subject, families
from ballproof.verifier.study.rows import ResultRow
from ballproof.verifier.study.store import opened

HEAD = """# Ladders beyond max-of-4

Made by `make bench-ladders`. Sampled accuracy is an estimate from 200,000 inputs, which
proves nothing: a ratio above 1 is chance. `at most` counts one rival of each class from
below, on a coarse grid. Seconds are of one core.
"""
Ladder = tuple[Subject, ResultRow]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    kinds = _ladders(parser.parse_args().folder)
    measured = {subject.model.name for ladders in kinds.values() for subject, _ in ladders}
    parsed = {name: parse_name(name) for name in zoo_names()}
    names = [n for n, p in parsed.items() if p.rule == "max" and p.n_ctx > 4 and not p.is_several]
    missing = [name for name in names if name not in measured]
    print(HEAD)
    print(f"Missing: {', '.join(missing) or 'none'} of {len(names)} models.\n")
    _print_summary(kinds)
    _print_table([ladder for ladders in kinds.values() for ladder in ladders])
    return 0


def _ladders(folder: Path) -> dict[str, list[Ladder]]:
    """Return the verified ladders beyond max-of-4 by task and vocabulary."""
    with opened(folder) as store:
        found = families(store.models(), store.results())
    kinds = {
        family.label: [
            (subject, row)
            for subject in family.subjects
            if subject.model.n_ctx != 4 and subject.model.sampled_accuracy is not None
            for row in subject.verified
            if row.strategy == "ladder"
        ]
        for family in found
    }
    return {label: ladders for label, ladders in kinds.items() if ladders}


def _ratio(ladder: Ladder) -> float:
    """Return certified over sampled accuracy; above 1 only by chance of the sample."""
    subject, row = ladder
    return float(subject.bound(row) / Fraction(str(subject.model.sampled_accuracy)))


def _print_summary(kinds: dict[str, list[Ladder]]) -> None:
    """Print one line for each kind of model."""
    print("| models | measured | least ratio | mean ratio | prove, s at most | check, s at most |")
    print("|---|---|---|---|---|---|")
    for kind, ladders in kinds.items():
        ratios = [_ratio(ladder) for ladder in ladders]
        prove = max(row.seconds_to_prove or 0 for _, row in ladders)
        check = max(row.seconds_to_check or 0 for _, row in ladders)
        mean = sum(ratios) / len(ratios)
        figures = f"{min(ratios):.5f} | {mean:.5f} | {prove:.0f} | {check:.0f}"
        print(f"| {kind} | {len(ladders)} | {figures} |")
    print()


def _print_table(ladders: list[Ladder]) -> None:
    columns = ["model", "at least", "at most", "sampled", "at least / sampled"]
    columns += ["operations", "prove, s", "check, s", "bytes"]
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for ladder in ladders:
        subject, row = ladder
        model = subject.model
        most = Fraction(-(-(row.correct_at_most or 0) * 10**6 // model.total), 10**6)
        ends = f"{down(subject.bound(row), 6)} | {down(most, 6)}"
        times = f"{row.seconds_to_prove:.1f} | {row.seconds_to_check:.1f}"
        figures = f"{ends} | {model.sampled_accuracy} | {_ratio(ladder):.5f} | {row.operations}"
        print(f"| {model.name} | {figures} | {times} | {row.bytes} |")


if __name__ == "__main__":
    raise SystemExit(main())
