"""The folder of a sweep: certificates, records of finished tasks, and the index made from them.

    certificates/ab/<sha256>.json   each certificate under the SHA-256 of its bytes
    records/<sha256>.json           each finished task, whole: what the index is made from
    index.sqlite                    the index, written by the driver alone

Certificates are written first, then the record, then the index, each whole or not at all. A record
whose rows the index lacks is read in when the folder is opened the next time, and an index that is
damaged or missing is made anew from the records.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from ballproof.models.files import write_atomically
from ballproof.verifier.study.index import DamagedIndexError, Index
from ballproof.verifier.study.rows import ModelRow, ResultRow
from ballproof.verifier.study.work import Done

FORMAT = "ballproof-sweep/1"
INDEX = "index.sqlite"
# Results that differ in these do not belong together.
COMMON = ("margin", "max_operations")
_AGAIN = "The same `ballproof sweep` makes it again."


class StoreError(ValueError):
    """The folder of a sweep cannot be used as asked; the message says what to do."""


class Store:
    """An open folder of results; `remarks` say what was found damaged and what was done about it.

    Use `opened` to get one. Only a writable store repairs anything.
    """

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self.folder = folder
        self.remarks: list[str] = []
        self._index = self._opened_index(writable)
        if writable:
            self._read_in(self._unread_records())

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    @property
    def settings(self) -> dict[str, str]:
        """What all results of the folder have in common: margin, max_operations, version."""
        return self._index.settings

    def require_settings(self, settings: Mapping[str, str]) -> None:
        """Set the settings of a new folder, or refuse to mix results of different ones."""
        known = self.settings
        for key in COMMON:
            if known.get(key, settings[key]) != settings[key]:
                raise StoreError(
                    f"{str(self.folder)!r} holds results with {key} {known[key]}, not "
                    f"{settings[key]}; name another folder with --out."
                )
        self._index.keep(settings)

    def models(self) -> list[ModelRow]:
        """Return the rows of all models, in the order in which they came."""
        return self._index.models()

    def results(self) -> list[ResultRow]:
        """Return the rows of all strategies on all models."""
        return self._index.results()

    def certificate_path(self, digest: str) -> Path:
        """Return where the certificate with this SHA-256 is, or would be."""
        return self.folder / "certificates" / digest[:2] / f"{digest}.json"

    def certificate_bytes(self, digest: str) -> bytes:
        """Return a certificate; raise StoreError if it is missing or damaged."""
        path = self.certificate_path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}. {_AGAIN}") from None
        if sha256(data).hexdigest() != digest:
            raise StoreError(f"{path} is damaged: its bytes do not hash to its name. {_AGAIN}")
        return data

    def add(self, done: Done) -> None:
        """Keep what came of a task: certificates, then the record, then its rows in the index."""
        for digest, certificate in done.certificates.items():
            _write(self.certificate_path(digest), certificate)
        record = {
            "format": FORMAT,
            "sequence": len(self._index.records()),
            "settings": self.settings,
            "model": asdict(done.model),
            "results": [_without_nulls(row) for row in done.results],
        }
        data = json.dumps(record).encode()
        digest = sha256(data).hexdigest()
        _write(self.folder / "records" / f"{digest}.json", data)
        self._index.add({digest: record})

    def forget_damaged(self) -> Iterator[tuple[int, int]]:
        """Forget results whose certificate is missing or damaged; yields (looked at, all).

        A damaged file stays beside its place, with `.damaged` behind its name.
        """
        digests = [row.certificate for row in self.results() if row.certificate]
        for looked, digest in enumerate(digests, start=1):
            try:
                self.certificate_bytes(digest)
            except StoreError as error:
                _set_aside(self.certificate_path(digest))
                self._index.forget(digest)
                self.remarks.append(str(error).replace(_AGAIN, "It is made again."))
            yield looked, len(digests)

    def _opened_index(self, writable: bool) -> Index:
        path = self.folder / INDEX
        try:
            return Index(path, writable=writable)
        except DamagedIndexError as error:
            if not writable:
                raise StoreError(f"{error}, and the folder cannot be written to.") from None
            aside = _set_aside(path)
            # A journal belongs to the index that it was written for.
            _set_aside(path.with_name(f"{INDEX}-journal"))
            self.remarks.append(
                f"{error}. It was moved to {aside} and made anew from the records: nothing is lost."
            )
            return Index(path, writable=True)

    def _unread_records(self) -> dict[str, dict[str, Any]]:
        known = self._index.records()
        records = {}
        for path in sorted((self.folder / "records").glob("*.json")):
            record = None if path.stem in known else self._record(path)
            if record:
                records[path.stem] = record
        return records

    def _read_in(self, records: dict[str, dict[str, Any]]) -> None:
        """Add records to the index, oldest first: a later one replaces rows of an earlier one."""
        oldest_first = sorted(records, key=lambda digest: (records[digest]["sequence"], digest))
        self._index.add({digest: records[digest] for digest in oldest_first})

    def _record(self, path: Path) -> dict[str, Any] | None:
        """Return a record; None, with a remark, where the file is damaged."""
        data = path.read_bytes()
        if sha256(data).hexdigest() == path.stem:
            record: dict[str, Any] = json.loads(data)
            if record.get("format") == FORMAT:
                return record
        aside = _set_aside(path)
        self.remarks.append(f"{path} is damaged and was moved to {aside}. {_AGAIN}")
        return None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def _set_aside(path: Path) -> Path | None:
    """Rename a file that is there, and return its new path; none of that name is replaced."""
    if not path.exists():
        return None
    names = (path.with_name(f"{path.name}.damaged-{n}") for n in range(1, 10**6))
    aside = next(name for name in names if not name.exists())
    os.replace(path, aside)
    return aside


def _without_nulls(row: ResultRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if value is not None}


@contextmanager
def opened(folder: Path, *, create: bool = False) -> Iterator[Store]:
    """Yield the store in a folder.

    With `create` it is made where it is missing, and raises StoreError where another process has it
    open. Without, raises StoreError where there is none; a folder in use is read as it stands.
    """
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    elif not (folder / INDEX).exists() and not (folder / "records").is_dir():
        raise StoreError(f"{str(folder)!r} holds no sweep: neither {INDEX} nor records.")
    with _lock(folder) as alone:
        if create and not alone:
            raise StoreError(f"{str(folder)!r} is in use by another sweep.")
        with closing(Store(folder, writable=alone)) as store:
            yield store


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Yield whether this process alone may write to the folder while the context lasts."""
    try:
        file = open(folder / "lock", "ab")  # noqa: SIM115 closed below
    except PermissionError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
