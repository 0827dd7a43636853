"""docs/kernel-mutants.md: the figures of a run, and what is listed, with the arguments."""

from __future__ import annotations

from collections.abc import Iterable

from kernel_mutants.mutants import KERNEL, kernel_files, mutants_of
from kernel_mutants.results import Group, Row, groups
from kernel_mutants.suite import TESTS

PATH = TESTS.parent / "docs" / "kernel-mutants.md"
FIGURES = "## Figures"
LISTED = "## Mutants that are no other checker"
HEAD = f"""# Mutants of the kernel

`make kernel-mutants` spoils the checker in one spot at a time and demands that a test notices. A
mutant is one change of one statement of `certificates/checker`: a rounding turned round (floor for
ceiling, up for down), a term or factor left out, two items or arguments swapped, the other end
taken (low for high, min for max), a number one more or less, another comparison, a condition
negated or taken for granted, a demand that holds of anything, a statement left out, a slice or
range moved, a result one more or less. `tests/kernel_mutants/operators.py` is the list. Left alone
are annotations, docstrings, imports, the words of messages, and `strict=True`, which decides
nothing.

Each mutant meets the fast tests of `tests/certificates` that run its statement, first the strongest
and cheapest, then those that enter the fewest functions, until one fails. Every mutant must be
killed, or listed below with the argument why it can make no false claim pass. Run `make
kernel-mutants` after a change of the kernel: only the mutants of changed files run again, and
survivors meet the tests that are new.

{FIGURES}
"""


def figures(rows: Iterable[Row]) -> str:
    """Return the table of a run."""
    lines = ["| file | mutants | killed | listed | survivors |", "|---|--:|--:|--:|--:|"]
    for row in rows:
        name = f"`{row['file']}`" if row["file"] != "all" else "all"
        numbers = (row[key] for key in ("mutants", "killed", "equivalent", "survivors"))
        lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


def listing(found: list[Group]) -> str:
    """Return the arguments, each with its mutants."""
    parts = []
    for group in found:
        mutants = "\n".join(
            f"- `{name.replace('`', chr(39))}`" for name in sorted(group["mutants"])
        )
        parts.append(f"### {group['title']}\n\n{group['argument']}\n\n{mutants}\n")
    return "\n".join(parts)


def write(rows: Iterable[Row]) -> None:
    """Write the document after a run of all files."""
    PATH.write_text(f"{HEAD}\n{figures(rows)}\n\n{LISTED}\n\n{listing(groups())}")


def unknown() -> list[str]:
    """Return the listed mutants that the kernel does not have any more."""
    names = {name for group in groups() for name in group["mutants"]}
    for file in kernel_files() if names else ():
        names -= {mutant.name for mutant in mutants_of(file, (KERNEL / file).read_text())}
    return sorted(names)
