"""Check a whole folder of certificates: models are matched by digest, a verdict for each file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballproof.verifier.proving.checking import (
    DECLINED,
    INTERNAL,
    REJECTED,
    CheckerError,
    Checkers,
    temporary,
)
from ballproof.verifier.proving.policy import Policy, judged
from ballproof.verifier.proving.shares import share

# Bytes in which a certificate names its model and its strategy, as `prove` writes it.
HEADING = 2**14
HEADINGS = (re.compile(rb'"sha256": ?"(\w+)"'), re.compile(rb'"strategy": ?"([^"]+)"'))


@dataclass(frozen=True)
class Answer:
    """What became of one file: the checker's exit code, the verdict in a line and in fields."""

    path: Path
    exit_code: int
    line: str
    fields: dict[str, Any]


def certificate_files(folder: Path) -> list[Path]:
    """Return the JSON files below a folder, sorted; of a sweep's folder only the certificates."""
    within = folder / "certificates" if (folder / "records").is_dir() else folder
    return sorted(path for path in within.rglob("*.json") if path.is_file())


def check_files(
    files: Sequence[Path],
    models: Mapping[str, Path],
    flags: Sequence[str],
    jobs: int,
    policies: Sequence[Policy] = (),
) -> Iterator[Answer]:
    """Check files, `jobs` at a time; `models` maps digests to weights files.

    Those of one model, and of like strategies, follow each other: checks of one process share what
    they make of the same weights.
    """

    def answer(file: Path) -> Answer:
        return _answer(file, models, flags, checkers, policies)

    with Checkers(jobs) as checkers:
        yield from checkers.pool.map(answer, sorted(files, key=_heading))


def _answer(
    file: Path,
    models: Mapping[str, Path],
    flags: Sequence[str],
    checkers: Checkers,
    policies: Sequence[Policy],
) -> Answer:
    digest = _stated_digest(file)
    if digest is not None and digest not in models:
        sentence = f"none of the models given has the digest sha256:{digest}."
        return _of_fields(file, _declined("model", sentence))
    # A file that states no digest is declined whatever the weights: the checker says why.
    model = models[digest] if digest else next(iter(models.values()))
    try:
        checker = checkers.of_this_thread()
        if not policies:
            return _of_fields(file, checker.check_file(model, file, flags))
        data = file.read_bytes()
        with temporary(data, ".json") as copy:
            return _of_fields(file, judged(checker.check_file(model, copy, flags), data, policies))
    except CheckerError as error:
        return Answer(file, INTERNAL, f"no verdict: {error}", {"exit_code": INTERNAL})


def _heading(file: Path) -> tuple[list[bytes], Path]:
    """Return what a certificate seems to say of its model and strategy: it decides the order."""
    try:
        with file.open("rb") as stream:
            start = stream.read(HEADING)
    except OSError:
        start = b""
    return [word for pattern in HEADINGS for word in pattern.findall(start)[:1]], file


def _declined(reason: str, sentence: str) -> dict[str, Any]:
    return {"verdict": "DECLINED", "exit_code": DECLINED, "reason": reason, "sentence": sentence}


def _stated_digest(file: Path) -> str | None:
    """Return the digest that a certificate states, if it is one at all; nothing is checked."""
    try:
        digest = json.loads(file.read_bytes())["claim"]["model"]["sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return digest if isinstance(digest, str) and len(digest) == 64 and digest.isalnum() else None


def _of_fields(file: Path, fields: dict[str, Any]) -> Answer:
    return Answer(file, fields["exit_code"], verdict_line(fields), fields)


def verdict_line(fields: Mapping[str, Any]) -> str:
    """Return the verdict line that the checker prints for these fields of its `--json`."""
    if fields["exit_code"]:
        return f"s {fields['verdict']} {fields['reason']} {fields['sentence']}"
    low, high, total = (int(fields[k]) for k in ("correct_at_least", "correct_at_most", "total"))
    upper = f", at most {high}" if high < total else ""
    return (
        f"s VERIFIED {fields['task']} of {fields['model']} sha256:{fields['sha256']} "
        f"{fields['semantics']} margin {fields['margin']}: at least {low} of {total} correct "
        f"(>= {share(low, total)}){upper}, {fields['operations']} operations"
    )


def exit_code(codes: Sequence[int]) -> int:
    """Return 1 if any was rejected, else 2 if any was declined, else 0; no verdict is above all."""
    worst = max(codes, default=0)
    if worst > DECLINED:
        return worst
    return REJECTED if REJECTED in codes else worst
