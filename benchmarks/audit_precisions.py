"""Recompute certificates of a sweep in balls at two precisions. Resumable: what is done is kept.

    python benchmarks/audit_precisions.py [--out FILE] [--models N] FOLDER...

The same certificates as benchmarks/audit_zoo.py: of the first N models of each task one of each
family. At the end the tables of docs/results/precisions.md are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from audit_zoo import FAMILIES, Job, jobs_of_folders

from ballproof.models.catalogue import resolve
from ballproof.verifier.audit.run import Settings, audit
from ballproof.verifier.audit.subject import Files

Row = dict[str, Any]
KEYS = ("quantities", "overlapping", "narrower")


def main() -> int:
    """Recompute what is missing, print the tables; 1 with any finding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=Path("precisions.jsonl"))
    parser.add_argument("--models", type=int, default=20, help="models of each task")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="these families only")
    arguments = parser.parse_args()
    lines = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    done = {row["key"]: row for row in map(json.loads, lines)}
    jobs = jobs_of_folders(arguments.folders, arguments.models, None)
    wanted = arguments.family or FAMILIES
    left = [job for job in jobs if job.family in wanted and job.key not in done]
    for place, job in enumerate(left, start=1):
        print(f"{place} of {len(left)}: {job.key}", file=sys.stderr, flush=True)
        row = done[job.key] = _row(job)
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    _print_table(list(done.values()))
    return int(any(row["findings"] for row in done.values()))


def _row(job: Job) -> Row:
    done = audit(Files(resolve(job.model), job.certificate), ("precisions",), Settings())
    found = done.fields()
    return {
        "key": job.key,
        "model": job.model,
        "family": job.family,
        "not_run": found["not_run"],
        "findings": found["findings"],
        **found.get("precisions", {}),
    }


def _print_table(rows: list[Row]) -> None:
    models = len({row["model"] for row in rows})
    print("# Certificates recomputed at two precisions\n")
    print("Made by `python benchmarks/audit_precisions.py FOLDER...`; what is compared is said in")
    print("[../audit.md](../audit.md#two-precisions). Of each family the certificate with the best")
    print("bound, at its own precision and at twice as many bits.\n")
    print(f"- certificates: {len(rows):,}, of {models:,} models")
    print(f"- not verified by the checker: {sum(bool(row['not_run']) for row in rows):,}")
    print(f"- **findings: {sum(len(row['findings']) for row in rows):,}**\n")
    print("| family | certificates | quantities | overlapping | exact or narrower when finer |")
    print("|---" * 5 + "|")
    for family in FAMILIES:
        group = [row for row in rows if row["family"] == family and not row["not_run"]]
        if group:
            sums = [f"{sum(row[key] for row in group):,}" for key in KEYS]
            print(f"| {family} | {len(group)} | {' | '.join(sums)} |")


if __name__ == "__main__":
    sys.exit(main())
