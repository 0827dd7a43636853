"""The rooms of the house: imports point down only, and a user's clone needs nothing beside it."""

import ast
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
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
        ours = {
            name.split(".")[1] for name in imported_names(path) if name.startswith("ballproof.")
        }
        assert ours <= MAY_IMPORT[room], path
        # The folder names are not import names: a user's own `models` must not be ours.
        assert not {name.split(".")[0] for name in imported_names(path)} & ROOMS, path


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_proving_and_checking_never_import_torch(room):
    lazily = {"train.py", "train_pairs.py", "training.py", "torch_program.py", "torch_module.py"}
    for path in (ROOT / room).rglob("*.py"):
        if path.name not in lazily:
            assert "torch" not in {name.split(".")[0] for name in imported_names(path)}, path


def test_every_package_is_listed_for_the_distribution():
    listed = (ROOT / "setup.cfg").read_text()
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            if "checker" in init.parts:
                continue  # A folder of scripts, and data to the distribution.
            package = ".".join(("ballproof", *init.parent.relative_to(ROOT).parts))
            assert f"\n    {package}\n" in listed, package


def test_the_distribution_holds_every_file_that_the_package_reads():
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    listed = {
        path
        for package, patterns in settings["options.package_data"].items()
        for pattern in patterns.split("\n")
        for path in (ROOT / package.removeprefix("ballproof.")).glob(pattern or "-")
    }
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                assert path in listed, path


def test_no_two_files_of_tests_have_one_name():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names)), sorted(names)
