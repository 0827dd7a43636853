"""The graph of imports: rooms stand on floors, and every arrow points down.

A room is a folder of `verifier/`, or one of `interval`, `models` and `certificates`; folders inside
a room belong to it, and do not lean on each other in a circle. `pytest -s` prints the numbers.
"""

import ast
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("interval", "models", "certificates", "verifier")
# More is allowed, if somebody says why. The last was that proving reads files of `models`:
# policies, and other weights of a model that are proved in their turn.
ROOMS, FLOORS, ARROWS = 12, 9, 45


def modules():
    """Return the files by dotted name, the checker's apart: it imports itself alone."""
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")]
    names = {p: p.relative_to(ROOT).with_suffix("").parts for p in files}
    return {
        ".".join(name[:-1] if name[-1] == "__init__" else name): path
        for path, name in names.items()
        if "checker" not in name
    }


MODULES = modules()


@cache
def imports(name):
    """Return the modules that a module names in its imports, those for type checkers apart."""
    tree = ast.parse(MODULES[name].read_text())
    typing = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
    }
    found = set()
    for node in set(ast.walk(tree)) - typing:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ballproof."):
            source = node.module.removeprefix("ballproof.")
            inner = {f"{source}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inner or {source}
    return found & MODULES.keys()


def room(name):
    """Return the room of a module."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "verifier" and len(parts) > 1 else parts[0]


def folder(name):
    """Return the folder of a module inside its room, or the module where it stands in the room."""
    inner = name.removeprefix(room(name)).lstrip(".").split(".")
    is_folder = MODULES[name].name == "__init__.py" or len(inner) > 1
    return (room(name), inner[0] if is_folder else f"{inner[0]}.py")


def graph(group):
    arrows = defaultdict(set)
    for name in MODULES:
        arrows[group(name)] |= {group(other) for other in imports(name)} - {group(name)}
    return dict(arrows)


def floors(arrows):
    """Return how many floors a graph has; raises CycleError where there is no order."""
    height = {}
    for node in TopologicalSorter(arrows).static_order():
        height[node] = 1 + max((height[other] for other in arrows.get(node, ())), default=0)
    return max(height.values())


@pytest.mark.parametrize("group", [str, folder, room])
def test_modules_folders_and_rooms_import_in_no_circle(group):
    floors(graph(group))


def test_the_house_has_no_more_rooms_floors_and_arrows_than_were_counted():
    arrows = graph(room)
    del arrows["verifier"]  # The folder itself: a docstring.
    counted = len(arrows), floors(arrows), sum(map(len, arrows.values()))
    print(f"\n{counted[0]} rooms, {counted[1]} floors, {counted[2]} arrows")
    assert all(have <= most for have, most in zip(counted, (ROOMS, FLOORS, ARROWS), strict=True))
