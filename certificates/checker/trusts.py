"""Which files a claim rests on: what somebody has to read to trust its verdict, and how long it is.

Imports are followed from `kernel`. A file with an explicit table imports every row's file, and a
claim uses one row: the other rows are left out. So is what only words the verdict or explains it,
and of a ladder what only rules rest on that its witness does not name.
"""

import ast
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import PurePath
from tokenize import COMMENT, DEDENT, ENCODING, ENDMARKER, INDENT, NEWLINE, NL, generate_tokens

from files.claims import Claim
from kernel import OTHERS, STRATEGIES, strategy_of
from parts.architectures import ARCHITECTURES
from strategies import ladder
from strategies.ladder_witness import rules_of
from tasks.task import RULES

ROOT = PurePath(__file__).parent
_SILENT = {COMMENT, DEDENT, ENCODING, ENDMARKER, INDENT, NEWLINE, NL}


def trusted(claim: Claim) -> dict[str, int]:
    """Return the lines of code of each file that the claim rests on, by its path in this folder."""
    strategy, rule = strategy_of(claim), type(claim.task.rule)
    row = claim.architecture
    made = row.gives[strategy.needs]
    used = [strategy.count, rule, row.read, made]
    used += [row.deviation] if row.deviation and claim.semantics == "float32" else []
    if claim.strategy in ladder.NAMES:
        named = {rule for pools in ladder.read(claim).values() for rule in rules_of(pools)}
        used += [room for room, rules in ladder.ROOMS.items() if not named.isdisjoint(rules)]
    return closure(each.__module__ for each in used)


def closure(rows: Iterable[str]) -> dict[str, int]:
    """Return the lines of code by file of `kernel`, these rows of its tables, and their imports."""
    tables = {
        "kernel": {
            row.count.__module__
            for row in (*STRATEGIES.values(), *(row for rows in OTHERS.values() for row in rows))
        },
        "strategies.ladder": {room.__module__ for room in ladder.ROOMS},
        "tasks.task": {made.__module__ for _, made in RULES.values()},
        "parts.architectures": {
            each.__module__
            for rows in ARCHITECTURES.values()
            for row in rows
            for each in (row.read, row.deviation, *row.gives.values())
            if each
        },
    }
    found: dict[str, int] = {}
    todo = [("", "kernel"), *(("", row) for row in rows)]
    while todo:
        importer, name = todo.pop()
        path, skipped = name.replace(".", "/") + ".py", name in tables.get(importer, ())
        if path not in found and not skipped:
            source = _source(path)
            found[path] = len(code_lines(source))
            todo += [(name, other) for other in _imports(source)]
    return dict(sorted(found.items()))


def _source(path: str) -> str:
    """Return the text of a file of this folder, or of the archive that holds it."""
    return __loader__.get_data(str(ROOT.joinpath(path))).decode()  # type: ignore[name-defined,no-any-return]


def _imports(source: str) -> Iterator[str]:
    """Yield the modules of this folder that a file imports, as room.module or by a plain name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in (node.module, *names) if _is_ours(name))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))


def _is_ours(name: str) -> bool:
    try:
        return bool(_source(name.replace(".", "/") + ".py"))
    except OSError:
        return False


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code: no blanks, comments or docstrings."""
    lines: set[int] = set()
    for token in generate_tokens(StringIO(source).readline):
        if token.type not in _SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            text = node.body[0]
            lines -= set(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return lines
