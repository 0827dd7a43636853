"""docs/kernel-mutants.md: figures of the last whole run and of a partial one, and what is listed.

The page is made of data files, `figures.json`, `figures-of-later-files.json`,
`equivalents.json`, and of the kernel, which says what each listed mutant is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kernel_mutants.mutants import TESTS, all_mutants

Row = dict[str, Any]
Group = dict[str, Any]
PATH = TESTS.parent / "docs" / "kernel-mutants.md"
FIGURES, LATER, EQUIVALENTS = (
    Path(__file__).parent / f"{name}.json"
    for name in ("figures", "figures-of-later-files", "equivalents")
)
HEAD = """# Mutants of the kernel

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

A mutant's name is the function, the operator, and which of this operator's mutants of the function
it is. `tests/kernel_mutants/equivalents.json` holds the listed ones by name, so a function may move
to another file; where several files have a function, or a class around it, of one name, the file's
name stands before it. After a change of its code the numbers may mean others. This page is made by
`python -m kernel_mutants --page` in `tests`, and says what each listed mutant is: read its diff
after a change of the kernel.

A tester from elsewhere would be less to keep. cosmic-ray takes operators of one's own, but writes
each mutant to disk and runs one command for it, in a new process and without knowing which tests
reach the statement. Loading the tests alone takes longer than a mutant takes here, where a child
of a process that holds them loaded meets the few tests that run its statement, the strongest first:
8,389 mutants in a quarter of an hour, not in a day or more. Its names count within a file, so a
list of equivalents would not outlive a move.

## Figures

Of the last whole run, before the modules were in folders and before they served any task: of
functions that have changed since, only mutants of statements that have not are listed until the
next. It counted its mutants outside of functions, about 300, as killed although they met no test:
the tester looked for the tests in the wrong folder. It does not now, and the next whole run says
what becomes of them.

"""
PARTIAL = """### Of later files: not whole

Files of layers in sequence, of `split`, and others that came after that run have met a few files
of tests and no others (`python -m kernel_mutants --stages 1 --tests ... --files ...`): of those,
tests of 0.4 seconds for each mutant, and of 8 seconds more in `split`, its tables, GELU,
activations and norms. A kill by an earlier version of a test, which had fewer cases, counts.
What survived is neither killed nor argued yet; other tests of `tests/certificates` may kill it.
Half of it is in the reader of layers' parts (`parts/layers.py`). The tasks met two files of tests
of theirs.

Three files of tests compare digests of every number with those that are stored
(`test_split_numbers.py`, `test_layered_numbers.py`, `test_walk_numbers.py`), so that a rounding
that a bound has room for is killed there and not argued here; that the true numbers are in their
bounds is what the other tests say. A mutated property did not take the place of the true one before
this run, in no test: the figures above count it as killed or not as it happened.
"""
LISTED = "## Mutants that are no other checker"


def groups() -> list[Group]:
    """Return the groups of listed mutants, each with a title and the argument."""
    return list(json.loads(EQUIVALENTS.read_text()))


def listed() -> set[str]:
    """Return the names of the mutants that are listed as equivalent."""
    return {name for group in groups() for name in group["mutants"]}


def unknown() -> list[str]:
    """Return the listed mutants that the kernel does not have any more."""
    return sorted(listed() - {mutant.name for mutant in all_mutants()})


def keep_figures(rows: Iterable[Row]) -> None:
    """Write the figures of a whole run."""
    lines = ",\n".join(map(json.dumps, rows))
    FIGURES.write_text(f"[\n{lines}\n]\n")


def _table(rows: Iterable[Row]) -> Iterable[str]:
    yield "| file | mutants | killed | listed | survivors |"
    yield "|---|--:|--:|--:|--:|"
    for row in rows:
        name, *numbers = row.values()
        cells = [f"`{name}`" if name != "all" else name, *map(str, numbers)]
        yield f"| {' | '.join(cells)} |"


def _listing() -> Iterable[str]:
    changes = {m.name: f"{m.before} -> {m.after}" for m in all_mutants()}
    for group in groups():
        yield f"\n### {group['title']}\n\n{group['argument']}\n"
        for name in group["mutants"]:
            change = changes.get(name, "not in the kernel any more").replace("`", "'")
            yield f"- {name}: `{change}`"


def page() -> str:
    """Return the page as the data files and the kernel make it."""
    whole, partial = (_table(json.loads(path.read_text())) for path in (FIGURES, LATER))
    return HEAD + "\n".join([*whole, "", PARTIAL, *partial, "", LISTED, *_listing()]) + "\n"


def write() -> None:
    """Write the page."""
    PATH.write_text(page())
