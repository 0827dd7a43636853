"""From cases to files: what the corpus of one category is, and how it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from accept_cases import accept_cases
from arena_case import ARENA, MODELS, Case
from arena_models import write_missing_models
from hostile_certificates import plain
from no_crash_cases import no_crash_cases
from reject_cases import reject_cases

CATEGORIES: dict[str, Callable[[], Iterator[Case]]] = {
    "accept": accept_cases,
    "reject": reject_cases,
    "no_crash": no_crash_cases,
}
BASE = "models/trained.cert"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,150}")
Files = dict[str, bytes]


def corpus(category: str) -> Files:
    """Return the files of a category by their path below the arena, the manifest among them.

    Two cases with the same content share one file, named after the first.
    """
    files: Files = {}
    known: dict[bytes, str] = {}
    entries = []
    names: set[str] = set()
    for case in CATEGORIES[category]():
        assert NAME.fullmatch(case.name), case.name
        assert case.name.lower() not in names, f"{case.name}: two cases of one name"
        names.add(case.name.lower())
        paths = [
            _place(content, f"{category}/{case.name}{suffix}", files, known)
            for content, suffix in ((case.model, ".safetensors"), (case.certificate, ".cert"))
        ]
        entries.append(_entry(case, category, *paths))
    files[f"{category}/manifest.json"] = _manifest(category, entries)
    return files


def _place(content: str | bytes, path: str, files: Files, known: dict[bytes, str]) -> str:
    """Return the path of a file of a case, adding the file if it is new."""
    if isinstance(content, str):
        if content == "base":
            return BASE
        shared = "/" in content or ":" in content or content == "models"
        return content if shared else f"models/{content}.safetensors"
    if content not in known:
        known[content] = path
        files[path] = content
    return known[content]


def _entry(case: Case, category: str, model: str, certificate: str) -> dict[str, Any]:
    exit_code, reason = case.answer
    entry: dict[str, Any] = {"name": case.name, "about": case.about, "model": model}
    own = certificate == f"{category}/{case.name}.cert"
    entry |= {} if own else {"certificate": certificate}
    entry |= {"arguments": list(case.arguments)} if case.arguments else {}
    entry |= {"exit_code": exit_code, "reason": reason}
    flags = {"false": case.false, "tally": case.tally}
    return entry | {key: True for key, holds in flags.items() if holds}


def _manifest(category: str, entries: Iterable[dict[str, Any]]) -> bytes:
    """Return the manifest, a case on a line."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    return f'{{"category": "{category}", "cases": [\n{lines}\n]}}\n'.encode()


def write(folder: Path = ARENA) -> Iterator[str]:
    """Write the whole corpus, remove what is no longer part of it, and yield what was done."""
    for name in write_missing_models():
        yield f"made models/{name}.safetensors"
    (MODELS / "trained.cert").write_bytes(plain())
    for category in CATEGORIES:
        files = corpus(category)
        (folder / category).mkdir(exist_ok=True)
        for old in (folder / category).iterdir():
            if f"{category}/{old.name}" not in files:
                old.unlink()
        for path, data in files.items():
            (folder / path).write_bytes(data)
        yield f"{category}: {len(files) - 1} files, {sum(map(len, files.values()))} bytes"
