"""Mutants of a file: where, what stands there instead, and the code that results."""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import NamedTuple

from kernel_mutants.operators import mutations

TESTS = Path(__file__).resolve().parents[1]
KERNEL = TESTS.parent / "certificates" / "checker"
Place = tuple[tuple[str, int | None], ...]
SKIPPED_FIELDS = {"annotation", "returns", "decorator_list"}
SKIPPED_NODES = (ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Global, ast.expr_context)
# Module-level names of types: nothing runs there.
TYPES = ("list[", "tuple[", "dict[", "Mapping[", "Callable[", "TypeVar(")


class Mutant(NamedTuple):
    """One change of one statement.

    `file` is a path below the kernel. `line` is that of the changed node, `statement` the first
    line of its statement; `before` and `after` are the statement, of a compound one the head.
    `name` is function, operator, and which of that operator's mutants of the function it is: it
    stays the same when the function moves to another file, unless several files have the function
    or a class around it, which their modules' names then tell apart.
    """

    file: str
    function: str
    line: int
    statement: int
    operator: str
    before: str
    after: str
    name: str
    place: Place
    node: ast.AST | None

    @property
    def anew(self) -> bool:
        """Say whether the change is outside of functions, where only importing anew shows it."""
        return not any(map(str.islower, re.findall(r"(?:^|\.)_*(.)", self.function)))

    def tree(self, source: str) -> ast.Module:
        """Return the syntax tree of the mutated file."""
        tree = ast.parse(source)
        *parents, (field, index) = self.place
        holder = _at(tree, tuple(parents))
        if self.node is None:
            _put(holder, field, index, ast.Pass())
        else:
            _put(holder, field, index, self.node)
        return ast.fix_missing_locations(tree)

    def undone(self, source: str) -> Mutant:
        """Return what puts the original in the same place: the true kernel, loaded as this is."""
        return self._replace(node=_at(ast.parse(source), self.place))

    def code(self, source: str) -> CodeType:
        """Return the mutated file compiled, as if it lay where the original lies."""
        return compile(self.tree(source), str(KERNEL / self.file), "exec")

    def source(self, source: str) -> str:
        """Return the mutated file as text, without its comments."""
        return ast.unparse(self.tree(source)) + "\n"


def kernel_files() -> list[str]:
    """Return the kernel's files by their paths below its folder."""
    return sorted(str(path.relative_to(KERNEL)) for path in KERNEL.rglob("*.py"))


@cache
def _homonyms() -> set[str]:
    """Return the names of functions, with their classes, that several files have."""
    found = Counter(
        name
        for file in kernel_files()
        for name in set(_functions(ast.parse((KERNEL / file).read_text()), ""))
    )
    return {name for name, files in found.items() if files > 1}


def _functions(tree: ast.AST, scope: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield scope + node.name
            yield from _functions(node, f"{scope}{node.name}.")


def scope_of(file: str, function: str) -> str:
    """Return a function's name, after its module's where several files have it or its class."""
    if not function:
        return f"({_module(file)})"
    parts = function.split(".")
    around = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return f"{_module(file)}.{function}" if around & _homonyms() else function


def _module(file: str) -> str:
    """Return a file's name without its ending, its folder before it if other folders have one."""
    path = Path(file)
    return path.stem if _stems()[path.stem] < 2 else f"{path.parent.name}/{path.stem}"


@cache
def _stems() -> Counter[str]:
    return Counter(Path(file).stem for file in kernel_files())


def digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]


@cache
def all_mutants() -> tuple[Mutant, ...]:
    """Return the mutants of the whole kernel, which stays as it is while this process runs."""
    return tuple(
        m for file in kernel_files() for m in mutants_of(file, (KERNEL / file).read_text())
    )


def mutants_of(file: str, source: str) -> list[Mutant]:
    """Return all mutants of a file, each text once."""
    tree, seen, turns = ast.parse(source), set(), Counter[tuple[str, str]]()
    found: list[Mutant] = []
    first_uses = _first_bindings(tree)
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {"min", "max", "any", "all"}
    for place, statement, function in _places(tree, (), (), ""):
        node, head = _at(tree, place), _at(tree, statement)
        before, (field, index) = _head(head), place[-1]
        holder = _at(tree, place[:-1])
        for operator, changed in mutations(node):
            if _crashes(node, changed, first_uses, names):
                continue
            _put(holder, field, index, changed or ast.Pass())
            after = "(dropped)" if changed is None else _head(_at(tree, statement))
            _put(holder, field, index, node)
            key = (statement, after)
            if before == after or key in seen:
                continue
            seen.add(key)
            turns[function, operator] += 1
            name = f"{scope_of(file, function)} {operator} {turns[function, operator]}"
            line = getattr(node, "lineno", getattr(head, "lineno", 0))
            lines = line, getattr(head, "lineno", 0)
            text = (operator, before, after, name)
            found.append(Mutant(file, function, *lines, *text, place, changed))
    return found


def _crashes(
    node: ast.AST, changed: ast.AST | None, first_uses: set[ast.AST], names: set[str]
) -> bool:
    """Say whether a change only makes a name unknown: a crash that tells nothing of the tests."""
    if changed is None:
        return node in first_uses
    return isinstance(changed, ast.Name) and changed.id not in names


def _first_bindings(tree: ast.AST) -> set[ast.AST]:
    """Return the assignments that bind a name for the first time in their function."""
    found: set[ast.AST] = set()
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.Module | ast.ClassDef):
            continue
        arguments = scope.args if isinstance(scope, ast.FunctionDef) else ast.arguments()
        bound = {node.arg for node in ast.walk(arguments) if isinstance(node, ast.arg)}
        for node in _own_nodes(scope):
            if isinstance(node, ast.Assign):
                names = {x.id for t in node.targets for x in ast.walk(t) if isinstance(x, ast.Name)}
                if names - bound:
                    found.add(node)
                bound |= names
    return found


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield child
            yield from _own_nodes(child)


def _places(
    node: ast.AST, place: Place, statement: Place, function: str
) -> Iterator[tuple[Place, Place, str]]:
    """Yield the place of each node that may change, of its statement, and its function's name."""
    for field, value in ast.iter_fields(node):
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _skipped(node, field, child):
                continue
            here = (*place, (field, index))
            inside = here if isinstance(child, ast.stmt) else statement
            named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            scope = ".".join(filter(None, (function, child.name))) if named else function
            if inside and not named:
                yield here, inside, scope
            yield from _places(child, here, inside, scope)


def _skipped(parent: ast.AST, field: str, child: ast.AST) -> bool:
    if field in SKIPPED_FIELDS or isinstance(child, SKIPPED_NODES):
        return True
    if isinstance(child, ast.keyword) and child.arg == "strict":
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # A docstring.
    if isinstance(parent, ast.Module) and isinstance(child, ast.Assign):
        return ast.unparse(child.value).startswith(TYPES)
    return False


def _at(tree: ast.AST, place: Place) -> ast.AST:
    for field, index in place:
        value = getattr(tree, field)
        tree = value if index is None else value[index]
    return tree


def _put(holder: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[index] = node


def _head(statement: ast.AST) -> str:
    """Return a statement's text, of a compound one the head."""
    return ast.unparse(ast.fix_missing_locations(statement)).split("\n")[0]
