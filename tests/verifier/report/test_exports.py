"""CSV, Parquet, Markdown and figures: the index, whole, for other programs and for papers."""

import csv
import io
import sys

import pytest
from pyarrow import parquet
from sample import HOSTILE, SETTINGS, sample

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.report.exports import COLUMNS, csv_bytes, parquet_bytes, require_parquet
from ballproof.verifier.report.figures import study_figures
from ballproof.verifier.report.markdown import summary_bytes
from ballproof.verifier.report.study import families


def expected():
    models, results = sample()
    by_digest = {model.sha256: model for model in models}
    return [(by_digest[row.sha256], row) for row in results]


def test_csv_holds_every_row_and_every_digit():
    rows = list(csv.DictReader(io.StringIO(csv_bytes(*sample()).decode())))
    assert len(rows) == len(expected())
    for row, (model, result) in zip(rows, expected(), strict=True):
        assert row["name"] == model.name
        assert row["total"] == str(model.total)
        assert row["strategy"] == result.strategy
        count = result.correct_at_least
        assert row["correct_at_least"] == ("" if count is None else str(count))


def test_parquet_holds_the_same_with_types():
    table = parquet.read_table(io.BytesIO(parquet_bytes(*sample())))
    assert tuple(table.column_names) == COLUMNS
    assert str(table.schema.field("unexplained_dimension").type) == "int64"
    assert str(table.schema.field("correct_at_least").type) == "string"
    for row, (model, result) in zip(table.to_pylist(), expected(), strict=True):
        assert (row["sha256"], row["verdict"]) == (model.sha256, result.verdict)
        assert row["seconds_to_prove"] == result.seconds_to_prove
        count = result.correct_at_least
        assert row["correct_at_least"] == (None if count is None else str(count))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="Parquet needs pyarrow"):
        require_parquet()


def test_markdown_has_the_tables_and_escapes_names():
    text = summary_bytes(families(*sample()), SETTINGS).decode()
    assert "### max-of-20" in text and "0.700 ± 0.036" in text
    assert "27 verified certificates of 5 models" in text
    assert HOSTILE not in text
    assert "64^20 inputs \\<b\\>" in text
    widths = {line.count(" | ") for line in text.splitlines() if line.startswith("| subcubic")}
    assert widths == {9}


def test_every_picture_is_drawn_as_png_and_svg_the_same_each_time():
    studied = families(*sample())
    first = dict(study_figures(studied))
    stems = {"frontier-max-of-4", "dimension-max-of-4", "rank-max-of-4", "frontier-max-of-20"}
    stems |= {"noise-max-of-4", "noise-cost-max-of-4"}
    assert {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")} <= set(first)
    assert "noise-max-of-20.png" not in first
    again = dict(study_figures(studied[1:]))
    assert again == {name: first[name] for name in again}
    assert first["rank-max-of-4.png"].startswith(b"\x89PNG")
    assert first["rank-max-of-4.svg"].startswith(b"<?xml")
