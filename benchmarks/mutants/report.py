"""Figures of the answers, and the page that is made of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mutants.make import BUDGET
from mutants.watch import LARGE, SLOW

Row = dict[str, Any]
KINDS = {
    "toy": "models of at most 125 inputs, all of which are known",
    "zoo": "max-of-4-seed-123 and max-of-10-seed-50",
    "hard": "built to be slow, nothing claimed",
}


def summary(rows: list[Row], how: str = "") -> tuple[dict[str, Any], str]:
    """Return the figures for machines, and the same as Markdown, with how they were come by."""
    rows = list({row["number"]: row for row in rows}.values())
    figures = {
        "mutants": len(rows),
        "kinds": dict(Counter(row["kind"] for row in rows)),
        "answers": dict(Counter(row["answer"] for row in rows).most_common()),
        "findings": sum(row["finding"] is not None for row in rows if not is_slow(row)),
        "slow": sum(map(is_slow, rows)),
        "slowest_seconds": max((row["seconds"] for row in rows), default=0),
        "large": sum(map(is_large, rows)),
        "largest_bytes": max((row.get("memory", 0) for row in rows), default=0),
    }
    return figures, "\n".join(
        [*_head(figures, how), *_answers(rows), *_slowest(rows), *_found(rows)]
    )


def is_slow(row: Row) -> bool:
    """Say whether the answer took more than SLOW seconds, or was not waited for."""
    return bool(row["seconds"] > SLOW)


def is_large(row: Row) -> bool:
    """Say whether the answer took more than LARGE bytes of memory, those of asking included."""
    return bool(row.get("memory", 0) > LARGE)


def _head(figures: dict[str, Any], how: str) -> list[str]:
    return [
        "# Mutated certificates",
        "",
        *([how, ""] if how else []),
        "Made by `python benchmarks/mutated_certificates.py`. The checker is asked in process with",
        f"`--max-operations {BUDGET}`. An accepted statement, the counts that a refusal reports",
        "as established, and what is explained of accepted certificates are held against exact",
        "enumeration (toy), or against the bounds that are known of the whole model (zoo:",
        "16765884 right for max-of-4 at margin 0, a two-sided ladder for max-of-10). Seconds are",
        "CPU time, which other work on the machine does not lengthen.",
        "",
        f"{figures['mutants']} certificates: {figures['findings']} false or crashed answers, "
        f"{figures['slow']} of more than {SLOW:.0f} s; the slowest took "
        f"{figures['slowest_seconds']:.1f} s. {figures['large']} took more than "
        f"{LARGE / 2**30:.0f} GiB; the largest {figures['largest_bytes'] / 2**20:.0f} MiB.",
        *(
            []
            if "hard" in figures["kinds"]
            else ["Those that are built to be slow are not yet in."]
        ),
        "",
    ]


def _answers(rows: list[Row]) -> list[str]:
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    lines = [f"| answer | {' | '.join(f'{kind}: {KINDS[kind]}' for kind in kinds)} |"]
    lines.append("|---" * (len(kinds) + 1) + "|")
    counts = Counter((row["answer"], row["kind"]) for row in rows)
    for answer, _ in Counter(row["answer"] for row in rows).most_common():
        cells = " | ".join(str(counts[answer, kind]) for kind in kinds)
        lines.append(f"| {answer} | {cells} |")
    totals = " | ".join(str(sum(row["kind"] == kind for row in rows)) for kind in kinds)
    return [*lines, f"| all | {totals} |", ""]


def _slowest(rows: list[Row], most: int = 5) -> list[str]:
    lines = ["Slowest answers of each kind:", ""]
    lines.append("| kind | number | strategy | answer | seconds | MiB |")
    lines.append("|---|---|---|---|---|---|")
    for kind in KINDS:
        own = sorted((r for r in rows if r["kind"] == kind), key=lambda r: -r["seconds"])
        for row in own[:most]:
            cells = f"{kind} | {row['number']} | {row['strategy']} | {row['answer']}"
            memory = row.get("memory", 0) / 2**20
            lines.append(f"| {cells} | {row['seconds']:.1f} | {memory:.0f} |")
    return [*lines, ""]


def _found(rows: list[Row]) -> list[str]:
    found = [row for row in rows if row["finding"] is not None or is_slow(row) or is_large(row)]
    lines = ["Findings (write one's two files with `--show NUMBER`):", ""] if found else []
    for row in found:
        words = row["finding"] or f"answered after {row['seconds']:.0f} s"
        words += f", {row['memory'] / 2**20:.0f} MiB" if is_large(row) else ""
        lines.append(f"- {row['number']}, {row['strategy']}: {words}")
    return [*lines, ""] if found else ["Nothing was found.", ""]
