"""The docs name functions that exist: the tables of docs/theorems.md, code side."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| (`[^|]*`) \|", re.MULTILINE)
PROVER = "ballproof."


def named_functions():
    """Yield the first name of each row that is a dotted path, kernel and prover alike."""
    for cell in ROW.findall((ROOT / "docs" / "theorems.md").read_text(encoding="utf-8")):
        for name in re.findall(r"`([A-Za-z_.0-9]+)`", cell)[:1]:
            if "." in name:
                yield name


def resolved(name):
    """Import as much of a dotted path as is a module, and look up the rest."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def test_the_tables_are_found():
    names = list(named_functions())
    assert len(names) > 60
    assert any(name.startswith(PROVER) for name in names)


@pytest.mark.parametrize("name", sorted(set(named_functions())))
def test_every_function_of_the_tables_exists(name):
    assert resolved(name) is not None


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page):
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_citation_is_of_this_version():
    """CITATION.cff states the version of setup.cfg, and the keys without which it is none."""
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    stated = dict(line.split(": ", 1) for line in lines if re.match(r"[a-z-]+: \S", line))
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert f"\nversion = {stated['version']}\n" in settings
    assert f"\nlicense = {stated['license']}\n" in settings
    assert (stated["cff-version"], stated["title"]) == ("1.2.0", "ballproof")
    assert {"message", "abstract"} <= stated.keys() and "authors:" in lines
