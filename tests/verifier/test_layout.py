"""The rooms of the house: imports point down only, and a user's clone needs nothing beside it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MAY_IMPORT = {
    "interval": {"interval"},
    "models": {"models", "interval"},
    "certificates": {"certificates"},
    "verifier": {"verifier", "models", "interval", "certificates"},
}
ROOMS = set(MAY_IMPORT)


def imported_names(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_imports_point_down_only(room):
    for path in (ROOT / room).rglob("*.py"):
        if "checker" in path.parts:
            continue
        tops = {name.split(".")[0] for name in imported_names(path)}
        assert tops & ROOMS <= MAY_IMPORT[room], path


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_proving_and_checking_never_import_torch(room):
    lazily = {"train.py", "checkpoint.py", "torch_program.py"}
    for path in (ROOT / room).rglob("*.py"):
        if path.name not in lazily:
            assert "torch" not in {name.split(".")[0] for name in imported_names(path)}, path


def test_every_package_is_listed_for_the_distribution():
    listed = (ROOT / "setup.cfg").read_text()
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            package = ".".join(init.parent.relative_to(ROOT).parts)
            assert f"\n    {package}\n" in listed, package
