"""From cases to files: what the corpus is, what its manifest says, and how it is written."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from accept_cases import accept_cases
from arena_case import Case
from arena_models import makers, weights
from hostile_certificates import plain
from layered_cases import LAYERED, layered_accept_cases, layered_reject_cases, model
from network_cases import network_accept_cases
from network_cells import network_cells_accept_cases, network_cells_reject_cases
from network_models import ABOUT, network
from network_refusals import network_reject_cases
from network_split import network_split_accept_cases, network_split_reject_cases
from no_crash_cases import no_crash_cases
from reject_cases import reject_cases

ARENA = Path(__file__).resolve().parent
TREE = ARENA.parents[1]
MANIFEST = ARENA / "manifest.txt"
CATEGORIES: dict[str, Callable[[], Iterator[Case]]] = {
    "accept": lambda: chain(
        accept_cases(),
        network_accept_cases(),
        network_cells_accept_cases(),
        network_split_accept_cases(),
        layered_accept_cases(),
    ),
    "reject": lambda: chain(
        reject_cases(),
        network_reject_cases(),
        network_cells_reject_cases(),
        network_split_reject_cases(),
        layered_reject_cases(),
    ),
    "no_crash": no_crash_cases,
}
BASE = "models/trained.cert"
RUNNER = ("score.py", "scorecard.py", "statements.py", "large_files.py")
# What other checkers' authors need beside the files of the cases, by its name there.
TOOLS = {name: ARENA / name for name in ("README.md", *RUNNER)}
TOOLS |= {"certificate.md": TREE / "docs" / "certificate.md", "LICENSE": TREE / "LICENSE"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,150}")
Files = dict[str, bytes]


class ManifestError(ValueError):
    """What was built is not what the manifest says."""


class Corpus(NamedTuple):
    """The files by their path below the arena, and the lines of the manifest, sorted."""

    files: Files
    lines: list[str]


def build() -> Corpus:
    """Return the whole corpus."""
    files = {f"models/{name}.safetensors": weights(name) for name in makers()}
    files |= {f"models/{name}.safetensors": network(name).bytes() for name in ABOUT}
    files |= {f"models/{name}.safetensors": model(name).bytes() for name in LAYERED}
    files[BASE] = plain()
    lines = [f"{path} {_sha256(data)}" for path, data in files.items()]
    for category in CATEGORIES:
        _add_category(category, files, lines)
    return Corpus(files, sorted(lines))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _add_category(category: str, files: Files, lines: list[str]) -> None:
    """Add files and lines of a category. Two cases with the same content share one file."""
    entries = []
    names: set[str] = set()
    known: dict[bytes, str] = {}
    for case in CATEGORIES[category]():
        assert NAME.fullmatch(case.name), case.name
        assert case.name.lower() not in names, f"{case.name}: two cases of one name"
        names.add(case.name.lower())
        paths = [
            _place(content, f"{category}/{case.name}{suffix}", files, known)
            for content, suffix in ((case.model, ".safetensors"), (case.certificate, ".cert"))
        ]
        entries.append(_entry(case, category, *paths))
        lines.append(_line(case, category, *paths))
    text = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    whole = f'{{"category": "{category}", "cases": [\n{text}\n]}}\n'
    files[f"{category}/manifest.json"] = whole.encode()


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


def _line(case: Case, category: str, model: str, certificate: str) -> str:
    """Return a case's line: name, answer, model, certificate (a path or a digest), arguments."""
    exit_code, reason = case.answer
    flags = {reason or "": reason, "false": case.false, "tally": case.tally}
    answer = ":".join([str(exit_code), *(name for name, holds in flags.items() if holds)])
    contents = (case.model, model), (case.certificate, certificate)
    files = [path if isinstance(content, str) else _sha256(content) for content, path in contents]
    arguments = [json.dumps(case.arguments)] if case.arguments else []
    return " ".join([f"{category}/{case.name}", answer, *files, *arguments])


def require(lines: list[str], manifest: list[str]) -> None:
    """Demand that these lines are those of the manifest; raise ManifestError naming the cases."""
    built, said = ({line.split(" ")[0]: line for line in x} for x in (lines, manifest))
    wrong = sorted(x for x in built.keys() | said.keys() if built.get(x) != said.get(x))
    if wrong:
        parts = [
            f"{name}\n  manifest: {said.get(name, 'no such case')}"
            f"\n  built:    {built.get(name, 'no such case')}"
            for name in wrong[:10]
        ]
        more = f"\nand {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise ManifestError("\n".join(parts) + more)


def read_manifest() -> list[str]:
    """Return the lines of the manifest."""
    return MANIFEST.read_text(encoding="utf-8").splitlines()


def write_manifest(lines: list[str]) -> None:
    """Write the manifest anew."""
    MANIFEST.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def whole(corpus: Corpus) -> Files:
    """Return all files of the arena as others get it: corpus, manifest, runner and documents."""
    tools = {name: path.read_bytes() for name, path in TOOLS.items()}
    manifest = "".join(f"{line}\n" for line in corpus.lines).encode()
    return corpus.files | tools | {"manifest.txt": manifest}


def write(files: Files, folder: Path) -> None:
    """Write files below a folder, and remove from its folders what is not among them."""
    for name in ("models", *CATEGORIES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for old in (folder / name).iterdir():
            if f"{name}/{old.name}" not in files:
                old.unlink()
    for path, data in files.items():
        (folder / path).write_bytes(data)


def pack(files: Files, archive: Path) -> None:
    """Write files as an archive whose bytes depend on nothing else: not compressed, no dates."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(f"ballproof-arena/{path}")
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, BytesIO(data))
