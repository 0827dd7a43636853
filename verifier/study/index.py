"""The index of a sweep, an SQLite file: rows of models and results, made from records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ballproof.verifier.study.rows import ModelRow, ResultRow

SCHEMA = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
# Columns of integers that can exceed SQLite's 64 bits, kept as decimal text.
_WIDE = {"total", "correct_at_least", "correct_at_most", "operations", "unexplained_dimension"}
_KEYS = {"models": "sha256", "results": "sha256, strategy"}
Record = Mapping[str, Any]


class DamagedIndexError(ValueError):
    """The file is no index, or one whose pages do not fit together."""


class Index:
    """An open index; raises DamagedIndexError where the file cannot be one."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        if not writable and not path.exists():
            raise DamagedIndexError(f"{path} is missing")
        mode = "rwc" if writable else "ro"
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)
        try:
            self._require_sound(writable)
        except sqlite3.DatabaseError as error:
            self.close()
            raise DamagedIndexError(f"{path} is damaged ({error})") from None

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def settings(self) -> dict[str, str]:
        """What all results have in common."""
        return dict(self._connection.execute("SELECT key, value FROM settings"))

    def keep(self, settings: Mapping[str, str]) -> None:
        """Keep these settings."""
        with self._connection:
            self._set(settings)

    def models(self) -> list[ModelRow]:
        """Return the rows of all models, in the order in which they came."""
        rows = self._rows("models", ModelRow)
        return [
            ModelRow(**{**row, "portrait": json.loads(row["portrait"] or "null")}) for row in rows
        ]

    def results(self) -> list[ResultRow]:
        """Return the rows of all strategies on all models."""
        return [ResultRow(**row) for row in self._rows("results", ResultRow)]

    def records(self) -> set[str]:
        """Return the digests of the records whose rows are here."""
        return {sha for (sha,) in self._connection.execute("SELECT sha256 FROM records")}

    def add(self, records: Mapping[str, Record]) -> None:
        """Put in the rows of these records, by digest; all of them or, if killed, none."""
        with self._connection:
            for digest, record in records.items():
                self._set(record["settings"])
                self._add_model(record["model"])
                for row in record["results"]:
                    self._put("results", ResultRow, row)
                self._connection.execute("INSERT OR REPLACE INTO records VALUES (?)", (digest,))

    def forget(self, certificate: str) -> None:
        """Take out the result that has this certificate."""
        with self._connection:
            self._connection.execute("DELETE FROM results WHERE certificate = ?", (certificate,))

    def _require_sound(self, writable: bool) -> None:
        """Make the tables of a new index; raise DatabaseError where a file is no index."""
        if self._connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the check of its pages fails")
        if writable and not self._connection.execute("SELECT * FROM sqlite_master").fetchall():
            with self._connection:
                # One transaction: a killed driver leaves no half of the tables.
                self._connection.execute("BEGIN")
                for statement in _statements(SCHEMA):
                    self._connection.execute(statement)
        for table, kind in (("models", ModelRow), ("results", ResultRow)):
            self._connection.execute(f"SELECT {_names(kind)} FROM {table} LIMIT 1")
        self._connection.execute("SELECT sha256, key, value FROM records, settings LIMIT 1")

    def _set(self, settings: Mapping[str, str]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO settings VALUES (?, ?)", list(settings.items())
        )

    def _add_model(self, model: Record) -> None:
        """Put in a model; a portrait that is there stays where the new row brings none."""
        row = {**model, "portrait": model["portrait"] and json.dumps(model["portrait"])}
        query = "SELECT portrait FROM models WHERE sha256 = ?"
        known = self._connection.execute(query, (model["sha256"],)).fetchone()
        if known and row["portrait"] is None:
            row["portrait"] = known[0]
        self._put("models", ModelRow, row)

    def _put(self, table: str, kind: type, row: Record) -> None:
        names = [field.name for field in fields(kind)]
        # An upsert keeps the row's place, which the order of models rests on.
        updates = ", ".join(f"{name} = excluded.{name}" for name in names)
        self._connection.execute(
            f"INSERT INTO {table} ({_names(kind)}) VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT ({_KEYS[table]}) DO UPDATE SET {updates}",
            [_stored(name, row.get(name)) for name in names],
        )

    def _rows(self, table: str, kind: type) -> Iterator[dict[str, Any]]:
        names = [field.name for field in fields(kind)]
        for values in self._connection.execute(
            f"SELECT {_names(kind)} FROM {table} ORDER BY rowid"
        ):
            row = dict(zip(names, values, strict=True))
            yield {name: _read(name, value) for name, value in row.items()}


def _names(kind: type) -> str:
    return ", ".join(field.name for field in fields(kind))


def _stored(name: str, value: Any) -> Any:
    return str(value) if name in _WIDE and value is not None else value


def _read(name: str, value: Any) -> Any:
    return int(value) if name in _WIDE and value is not None else value


def _statements(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [statement for statement in "\n".join(lines).split(";") if statement.strip()]
