"""Put a mutated file in the place of a kernel module: in a live process, or on disk for commands.

In a live process the functions of the module keep their identity and get other code, so that all
who imported them run the mutant. Values computed from the kernel while the tests were imported stay
as they are; that is why mutants of module level run in a process that imports everything anew.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kernel_mutants.mutants import KERNEL, kernel_files


def graft(module: types.ModuleType, code: types.CodeType) -> None:
    """Make a loaded module behave as this code does; raises what the code raises on import."""
    fresh = {"__name__": module.__name__, "__file__": module.__file__, "__doc__": None}
    exec(code, fresh)
    for name, new in fresh.items():
        if not name.startswith("__"):
            _replace(module, name, new)


def _replace(module: types.ModuleType, name: str, new: Any) -> None:
    old = vars(module).get(name)
    own = getattr(new, "__module__", None) == module.__name__
    if isinstance(new, types.FunctionType) and own and isinstance(old, types.FunctionType):
        _graft_function(old, new)
    elif own and hasattr(new, "__wrapped__") and hasattr(old, "__wrapped__"):
        _graft_function(old.__wrapped__, new.__wrapped__)
        old.cache_clear()
    elif isinstance(new, type) and own and isinstance(old, type):
        _graft_class(old, new)
    elif not own and repr(old) != repr(new):
        for holder in tuple(sys.modules.values()):
            if isinstance(holder, types.ModuleType) and vars(holder).get(name) is old:
                setattr(holder, name, new)


def _graft_class(old: type, new: type) -> None:
    for name, value in vars(new).items():
        present = vars(old).get(name)
        if isinstance(value, property) and isinstance(present, property):
            value, present = value.fget, present.fget
        if isinstance(value, types.FunctionType) and isinstance(present, types.FunctionType):
            _graft_function(present, value)


def _graft_function(old: types.FunctionType, new: types.FunctionType) -> None:
    if old.__code__.co_freevars == new.__code__.co_freevars:
        old.__code__ = new.__code__
    else:  # Without `super()` the class is not needed any more.
        old.__code__ = new.__code__.replace(co_freevars=old.__code__.co_freevars)
    old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__


def loaded(file: str) -> types.ModuleType | None:
    """Return the module of a kernel file; the tests load the command's under another name."""
    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return sys.modules.get("checker_main" if file == "__main__.py" else module)


def forget() -> None:
    """Empty the caches of the kernel."""
    for file in kernel_files():
        for value in tuple(vars(loaded(file) or sys).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def note_calls(entered: set[tuple[str, object]]) -> None:
    """Let each kernel function note its file and name when it is called, and each line it runs."""
    for file in kernel_files():
        module, path = loaded(file), KERNEL / file
        if module is not None:
            tree = ast.parse(path.read_text())
            _instrument(tree, file, "")
            vars(module)["_entered"] = entered
            graft(module, compile(ast.fix_missing_locations(tree), str(path), "exec"))


def _instrument(tree: ast.AST, file: str, scope: str) -> None:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            _note_lines(node, file)
            node.body.insert(0, _note(file, scope + node.name))
        elif isinstance(node, ast.ClassDef):
            _instrument(node, file, f"{scope}{node.name}.")


def _note(file: str, what: object) -> ast.stmt:
    return ast.parse(f"_entered.add(({file!r}, {what!r}))").body[0]


def _note_lines(node: ast.AST, file: str) -> None:
    """Put a note before each statement of a function."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        statements = getattr(node, field, None)
        if isinstance(statements, list):
            for statement in statements:
                _note_lines(statement, file)
            if field != "handlers":
                notes = [_note(file, statement.lineno) for statement in statements]
                both = zip(notes, statements, strict=True)
                setattr(node, field, [x for pair in both for x in pair])


def write_copy(folder: Path, file: str, source: str) -> Path:
    """Write a checker folder in which one file is this source; return the folder."""
    copy = folder / "checker"
    for other in kernel_files():
        cached = Path(importlib.util.cache_from_source(other))
        (copy / cached).parent.mkdir(parents=True, exist_ok=True)
        if other != file:
            (copy / other).symlink_to(KERNEL / other)
            if (KERNEL / cached).exists():
                (copy / cached).symlink_to(KERNEL / cached)
    (copy / file).write_text(source)
    return copy


def point_commands_at(copy: Path) -> None:
    """Let the tests that run the checker as a command run this copy."""
    for module in tuple(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            for holder in _holders(module):
                for key, value in tuple(holder.items()):
                    if value == KERNEL and isinstance(value, Path):
                        holder[key] = copy
                    elif isinstance(value, list) and str(KERNEL) in value:
                        value[:] = [str(copy) if x == str(KERNEL) else x for x in value]


def _holders(module: types.ModuleType) -> Iterator[dict[str, Any]]:
    """Yield the names of a test module, and the defaults of its functions."""
    path = getattr(module, "__file__", None) or ""
    if str(KERNEL.parents[1] / "tests") in path and "kernel_mutants" not in path:
        yield vars(module)
        for value in vars(module).values():
            if isinstance(value, types.FunctionType) and value.__kwdefaults__:
                yield value.__kwdefaults__
