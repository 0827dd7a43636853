"""The index as CSV and Parquet: one row for each model and strategy, the model's columns first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.shares import share
from ballproof.verifier.study.rows import ModelRow, ResultRow

MODEL_COLUMNS = tuple(f.name for f in fields(ModelRow) if f.name != "portrait")
RESULT_COLUMNS = tuple(f.name for f in fields(ResultRow) if f.name != "sha256")
# `bound` is correct_at_least / total, rounded down to five decimals.
COLUMNS = (*MODEL_COLUMNS, *RESULT_COLUMNS, "bound")
# Counts may exceed 64 bits: decimal strings, in CSV as well as in Parquet.
COUNTS = frozenset({"total", "correct_at_least", "correct_at_most", "operations", "bound"})
FLOATS = frozenset({"sampled_accuracy", "seconds_to_prove", "seconds_to_check"})
INTEGERS = frozenset(
    {"d_vocab", "n_ctx", "d_model", "d_head", "samples", "unexplained_dimension", "bytes"}
)
INT64 = 2**63


def index_rows(
    models: Sequence[ModelRow], results: Sequence[ResultRow]
) -> Iterator[dict[str, Any]]:
    """Yield the rows by COLUMNS, in the order of the index; what is not known is None."""
    by_digest = {model.sha256: model for model in models}
    for result in results:
        model = by_digest.get(result.sha256)
        if model is None:
            continue
        row = {name: getattr(model, name) for name in MODEL_COLUMNS}
        row |= {name: getattr(result, name) for name in RESULT_COLUMNS}
        count = result.correct_at_least
        row["bound"] = None if count is None else share(count, model.total)
        yield row


def csv_bytes(models: Sequence[ModelRow], results: Sequence[ResultRow]) -> bytes:
    """Return the index as CSV in UTF-8; an empty cell is what is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in index_rows(models, results):
        writer.writerow(row)
    return text.getvalue().encode()


def parquet_bytes(models: Sequence[ModelRow], results: Sequence[ResultRow]) -> bytes:
    """Return the index as Parquet.

    Counts are strings there, as they may exceed 64 bits; so is an unexplained dimension's column if
    one does.
    """
    pyarrow, parquet = require_parquet()
    rows = list(index_rows(models, results))
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    arrays = [_array(pyarrow, name, columns[name]) for name in COLUMNS]
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, names=list(COLUMNS)), sink, compression="zstd")
    return sink.getvalue()


def require_parquet() -> tuple[Any, Any]:
    """Return pyarrow and its module for Parquet, or raise MissingExtraError."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("Parquet", "pyarrow", "report") from None
    return pyarrow, parquet


def _array(pyarrow: Any, name: str, values: list[Any]) -> Any:
    if name in FLOATS:
        return pyarrow.array(values, pyarrow.float64())
    if name in INTEGERS and all(value is None or value < INT64 for value in values):
        return pyarrow.array(values, pyarrow.int64())
    strings = [None if value is None else str(value) for value in values]
    return pyarrow.array(strings, pyarrow.string())
