"""Audit certificates of a sweep: hunt and tampering. Resumable: what is finished is kept.

    python benchmarks/audit_zoo.py [--out FILE] [--models N] FOLDER...

FOLDER is what `ballproof sweep` filled. Of the first N models of each task one certificate of each
family of strategies is audited; each audit's figures are appended to FILE as a line of JSON. At the
end the tables of docs/results/audit.md are printed. The models are those of the zoo.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ballproof.models.catalogue import resolve
from ballproof.models.weights import load_weights
from ballproof.verifier.audit.hunt.candidates import Candidates
from ballproof.verifier.audit.hunt.scan import scan
from ballproof.verifier.audit.run import Settings, audit
from ballproof.verifier.audit.subject import Files
from ballproof.verifier.study.rows import ModelRow, ResultRow
from ballproof.verifier.study.store import Store, opened

FAMILIES = (
    *("cubic", "exact", "ladder", "moment", "grid", "subcubic best", "subcubic svd"),
    *("subcubic recursive", "brute-force"),
)
PARTS = ("check", "hunt", "tamper")
COUNTED = ("wrong and counted", "smallest lead of a member")
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One certificate to audit."""

    model: str
    task: str
    family: str
    strategy: str
    certificate: Path

    @property
    def key(self) -> str:
        """What a finished audit is known by."""
        return f"{self.model} {self.family}"


def main() -> int:
    """Audit what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=Path("audit.jsonl"))
    parser.add_argument("--models", type=int, default=20, help="models of each task")
    parser.add_argument("--task", action="append", help="these tasks only")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="these families only")
    parser.add_argument("--effort", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument(
        "--again", action="store_true", help="also tamper again, where time ran out before"
    )
    parser.add_argument("--report", action="store_true", help="print what is there, audit nothing")
    arguments = parser.parse_args()
    done = _finished(arguments.out)
    if not arguments.report:
        jobs = jobs_of_folders(arguments.folders, arguments.models, arguments.task)
        jobs = [job for job in jobs if job.family in (arguments.family or FAMILIES)]
        left = [job for job in jobs if _is_left(done.get(job.key), arguments.again)]
        _audit_all(left, done, arguments.out, arguments.effort, arguments.seconds)
    _print_tables(list(done.values()))
    return int(any(row["findings"] for row in done.values()))


def _finished(path: Path) -> dict[str, Row]:
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # A run that was killed while it wrote.
    return {f"{row['model']} {row['family']}": row for row in rows}


def jobs_of_folders(folders: Iterable[Path], most: int, tasks: list[str] | None) -> list[Job]:
    """Return the audits of all folders, model by model, brute force last: it takes longest."""
    jobs: list[Job] = []
    for folder in folders:
        with opened(folder) as store:
            taken: dict[str, int] = {}
            for model in store.models():
                kind = model.name.rsplit("-seed-", 1)[0]
                taken[kind] = taken.get(kind, 0) + 1
                if taken[kind] <= most and (not tasks or model.task in tasks):
                    jobs += _jobs_of(store, model)
    return sorted(jobs, key=lambda job: job.family == "brute-force")


def _jobs_of(store: Store, model: ModelRow) -> Iterator[Job]:
    rows = [r for r in store.results() if r.sha256 == model.sha256 and r.verdict == "VERIFIED"]
    for family in FAMILIES:
        row = _chosen(family, rows)
        if row is not None and row.certificate is not None:
            path = store.certificate_path(row.certificate)
            yield Job(model.name, model.task, family, row.strategy, path)


def _chosen(family: str, rows: list[ResultRow]) -> ResultRow | None:
    """Return the family's certificate with the best bound."""
    name, _, end = family.partition(" ")
    found = [row for row in rows if row.strategy.split("/")[0] == name]
    if end and end != "best":
        found = [row for row in found if row.strategy.endswith(end)]
    return max(found, key=lambda row: row.correct_at_least or 0, default=None)


def _is_left(row: Row | None, again: bool) -> bool:
    return row is None or (again and not row["not_run"] and row["tamper"]["skipped"] > 0)


def _audit_all(
    jobs: list[Job], done: dict[str, Row], out: Path, effort: int, seconds: float
) -> None:
    scans: dict[str, Candidates] = {}
    for place, job in enumerate(jobs, start=1):
        print(f"{place} of {len(jobs)}: {job.key}", file=sys.stderr, flush=True)
        path, known = resolve(job.model), done.get(job.key, {})
        if not known and job.model not in scans:
            # One scan serves all certificates of a model.
            scans = {job.model: scan(load_weights(path), Fraction(0), effort, 0)}
        settings = Settings(effort, seconds, 0, scans.get(job.model))
        parts = [part for part in PARTS if part != "hunt"] if known else PARTS
        row = {
            "model": job.model,
            "task": job.task,
            "family": job.family,
            "strategy": job.strategy,
            **audit(Files(path, job.certificate), parts, settings).fields(),
        }
        if known:
            row = {**row, "hunt": known["hunt"], "findings": known["findings"] + row["findings"]}
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        done[job.key] = row


def _print_tables(rows: list[Row]) -> None:
    print("# Audits over the zoo\n")
    print(
        "Made by `benchmarks/audit_zoo.py`; what is counted is said in [../audit.md](../audit.md)."
    )
    print(
        "Of each family the certificate with the best bound, proved by `ballproof sweep`. A lead is"
    )
    print("the label's logit less the best rival's, of inputs that were evaluated exactly.\n")
    findings = sum(len(row["findings"]) for row in rows)
    print(f"- certificates: {len(rows):,}, of {len({row['model'] for row in rows}):,} models")
    print(f"- not verified by the checker: {sum(bool(row['not_run']) for row in rows):,}")
    print(f"- **findings: {findings:,}**")
    rows = [row for row in rows if not row["not_run"]]
    scans = {row["model"]: row["hunt"] for row in rows}
    whole = sum(hunt["every_input_tried"] for hunt in scans.values())
    print(f"- inputs tried in floats: {sum(hunt['tried'] for hunt in scans.values()):,}", end="")
    print(f", all there are for {whole:,} models")
    for key, words in (
        ("asked", "inputs that the checker was asked about"),
        ("members", "of those, counted as right"),
        ("evaluated_exactly", "evaluated exactly"),
        ("wrong", "of those, wrong"),
        ("wrong_counted", "wrong and counted as right"),
    ):
        print(f"- {words}: {_sum([row['hunt'] for row in rows], key)}")
    for key, words in (
        ("mutants", "mutants tried"),
        ("harmless", "of those, accepted with the same statement"),
        ("skipped", "mutants skipped for want of time"),
    ):
        print(f"- {words}: {_sum([row['tamper'] for row in rows], key)}")
    print("\n## Hunts\n")
    _print_hunts(rows)
    print("\n## Mutants\n")
    _print_mutants(rows)


def _print_hunts(rows: list[Row]) -> None:
    _print_row("family", "certificates", "asked", "members", "evaluated exactly", "wrong", *COUNTED)
    keys = ("asked", "members", "evaluated_exactly", "wrong", "wrong_counted")
    print("|---" * 8 + "|")
    for name, group in _groups(rows):
        hunts = [row["hunt"] for row in group]
        counts = [_sum(hunts, key) for key in keys]
        _print_row(name, str(len(group)), *counts, _smallest(group))


def _print_mutants(rows: list[Row]) -> None:
    _print_row("family", "tried", "harmless", "skipped", "findings", "answers")
    print("|---" * 6 + "|")
    for name, group in _groups(rows):
        tampers = [row["tamper"] for row in group]
        counts = [_sum(tampers, key) for key in ("mutants", "harmless", "skipped")]
        found = str(sum(len(part["findings"]) for part in tampers))
        _print_row(name, *counts, found, _answers(tampers))


def _print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def _groups(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    for task in tasks:
        for family in FAMILIES:
            group = [row for row in rows if (row["task"], row["family"]) == (task, family)]
            if group:
                yield f"{task}, {family}", group
    yield "all", rows


def _sum(parts: list[Row], key: str) -> str:
    return f"{sum(part[key] for part in parts):,}"


def _smallest(group: list[Row]) -> str:
    leads = [row["hunt"]["smallest_member"] for row in group]
    texts = [lead["lead"] for lead in leads if lead and lead["lead"]]
    return f"{min(map(float, texts)):.3g}" if texts else "-"


def _answers(tampers: list[Row]) -> str:
    counts: dict[str, int] = {}
    for part in tampers:
        for answer, count in part["answers"].items():
            counts[answer] = counts.get(answer, 0) + count
    return ", ".join(f"{answer} {count:,}" for answer, count in sorted(counts.items()))


if __name__ == "__main__":
    raise SystemExit(main())
