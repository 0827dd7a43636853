"""What is known of the mutants: a file of outcomes, and the summary."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kernel_mutants.mutants import Mutant, digest
from kernel_mutants.runner import Outcome
from kernel_mutants.suite import TESTS, digest_of_tests

COLUMNS = ("mutants", "killed", "equivalent", "survivors")
Row = dict[str, Any]


class Results:
    """Outcomes by mutant, appended to a file; an old one counts while nothing it rests on changed.

    A kill rests on the mutated file and the test that killed. A survivor meets again the tests that
    were changed or added since.
    """

    def __init__(self, folder: Path, sources: dict[str, str], tests: list[Path]) -> None:
        self.path = folder / "results.jsonl"
        self.outcomes: dict[str, Row] = {}
        self.keys = {file: digest(source) for file, source in sources.items()}
        names = [str(file.relative_to(TESTS.parent)) for file in sorted(tests)]
        self.digests = {name: digest_of_tests(name) for name in names}
        self.tests = digest(json.dumps(self.digests))
        self.sets = folder / "test-sets"
        self.sets.mkdir(exist_ok=True)
        (self.sets / self.tests).write_text(json.dumps(self.digests))
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            row = json.loads(line)
            if row["source"] == self.keys.get(row["file"]) and self._still(row):
                self.outcomes[row["name"]] = row

    def _still(self, row: Row) -> bool:
        if not row["killed"] or not row["by"]:
            return True
        return bool(row["tests"] == self.digests.get(row["by"].split("::")[0]))

    def add(self, mutant: Mutant, outcome: Outcome, stage: int) -> None:
        row = {"name": mutant.name, "file": mutant.file, "source": self.keys[mutant.file]}
        row |= outcome._asdict() | {"stage": stage, "operator": mutant.operator}
        row["line"], row["tests"] = mutant.line, self.tests
        if outcome.killed and outcome.by:
            row["tests"] = self.digests[outcome.by.split("::")[0]]
        self.outcomes[mutant.name] = row
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def new_tests(self, mutant: Mutant, stage: int) -> set[str] | None:
        """Return test files that a survivor of this stage has not met as they are, else None."""
        row = self.outcomes.get(mutant.name)
        if row is None or row["killed"] or row["stage"] < stage:
            return None
        met = json.loads((self.sets / row["tests"]).read_text())
        return {name for name, key in self.digests.items() if met.get(name) != key}

    def open(self, mutant: Mutant, stage: int) -> bool:
        """Say whether a mutant is still to be run in a stage."""
        row = self.outcomes.get(mutant.name)
        if row is None or row["killed"]:
            return row is None
        return row["stage"] < stage or (
            row["stage"] == stage and bool(self.new_tests(mutant, stage))
        )

    def survives(self, mutant: Mutant) -> bool:
        row = self.outcomes.get(mutant.name)
        return row is not None and not row["killed"]

    def killed(self, mutant: Mutant) -> bool:
        return self.outcomes.get(mutant.name, {}).get("killed", False)

    def killer(self, mutant: Mutant) -> str:
        """Return the test that killed the mutant, or nothing."""
        return str(self.outcomes.get(mutant.name, {}).get("by", ""))


def overview(mutants: Iterable[Mutant], results: Results, known: set[str]) -> list[Row]:
    """Return one row for each file, and the last for all."""
    rows: dict[str, Row] = {}
    for m in mutants:
        row = rows.setdefault(m.file, {"file": m.file, **dict.fromkeys(COLUMNS, 0)})
        alive = results.survives(m)
        row["mutants"] += 1
        row["killed"] += results.killed(m) and m.name not in known
        row["equivalent"] += m.name in known
        row["survivors"] += alive and m.name not in known
    totals = {key: sum(row[key] for row in rows.values()) for key in COLUMNS}
    return [*rows.values(), {"file": "all", **totals}]
