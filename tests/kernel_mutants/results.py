"""What is known of the mutants: a file of outcomes, the list of equivalents, and the summary."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from kernel_mutants.mutants import Mutant, digest
from kernel_mutants.runner import Outcome
from kernel_mutants.suite import TESTS, digest_of_tests

EQUIVALENTS = Path(__file__).parent / "equivalents.json"
Row = dict[str, Any]


class Results:
    """Outcomes by mutant, appended to a file; an old one counts while nothing it rests on changed.

    A kill rests on the mutated file and the test that killed; a survival on the file and all tests.
    """

    def __init__(self, path: Path, sources: dict[str, str]) -> None:
        self.path, self.outcomes = path, {}
        self.keys = {file: digest(source) for file, source in sources.items()}
        tests = sorted((TESTS / "certificates").glob("*.py")) + sorted((TESTS / "support").glob("*.py"))
        self.tests = digest("".join(test.read_text() for test in tests))
        for line in path.read_text().splitlines() if path.exists() else ():
            row = json.loads(line)
            if row["source"] == self.keys.get(row["file"]) and _still(row, self.tests):
                self.outcomes[row["name"]] = row

    def add(self, mutant: Mutant, outcome: Outcome, stage: int) -> None:
        row = {"name": mutant.name, "file": mutant.file, "source": self.keys[mutant.file]}
        row |= outcome._asdict() | {"stage": stage, "operator": mutant.operator, "line": mutant.line}
        row |= {"function": mutant.function, "before": mutant.before, "after": mutant.after}
        row["tests"] = (_digest(outcome.by) if outcome.by else "") if outcome.killed else self.tests
        self.outcomes[mutant.name] = row
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def open(self, mutant: Mutant, stage: int) -> bool:
        """Say whether a mutant is still to be run in a stage."""
        row = self.outcomes.get(mutant.name)
        return row is None or (not row["killed"] and row["stage"] < stage)

    def survives(self, mutant: Mutant) -> bool:
        row = self.outcomes.get(mutant.name)
        return row is not None and not row["killed"]

    def killed(self, mutant: Mutant) -> bool:
        return self.outcomes.get(mutant.name, {}).get("killed", False)

    def killer(self, mutant: Mutant) -> str:
        """Return the test that killed the mutant, or nothing."""
        return str(self.outcomes.get(mutant.name, {}).get("by", ""))


@cache
def _digest(test: str) -> str:
    return _cached_digest(test.split("::")[0])


@cache
def _cached_digest(file: str) -> str:
    return digest_of_tests(file) if (TESTS.parent / file).exists() else "missing"


def _still(row: Row, tests: str) -> bool:
    if not row["killed"]:
        return row["tests"] == tests
    return not row["by"] or row["tests"] == _digest(row["by"])


def listed() -> dict[str, str]:
    """Return the argument of each mutant that is listed as equivalent, by name."""
    groups = json.loads(EQUIVALENTS.read_text()) if EQUIVALENTS.exists() else []
    return {name: group["argument"] for group in groups for name in group["mutants"]}


def overview(mutants: Iterable[Mutant], results: Results, known: dict[str, str]) -> list[Row]:
    """Return one row for each file, and the last for all."""
    rows: dict[str, Row] = {}
    for m in mutants:
        for file in (m.file, "all"):
            row = rows.setdefault(file, {"file": file, "mutants": 0, "killed": 0, "equivalent": 0, "survivors": 0})
            row["mutants"] += 1
            row["killed"] += results.killed(m)
            alive = results.survives(m)
            row["equivalent"] += alive and m.name in known
            row["survivors"] += alive and m.name not in known
    rows["all"] = rows.pop("all", {"file": "all", "mutants": 0, "killed": 0, "equivalent": 0, "survivors": 0})
    return list(rows.values())
