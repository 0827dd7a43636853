"""The page: self-contained, the same bytes each time, and nothing in the index is markup."""

import html
import json
import re
import sys
from pathlib import Path

import pytest
from sample import HOSTILE, SETTINGS, certificate, sample

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.report.data import script_json
from ballproof.verifier.report.page import report_page, require_page_libraries
from ballproof.verifier.report.study import families
from ballproof.verifier.report.tables import group_tables

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def page():
    return report_page(*sample(), certificate, SETTINGS).decode()


def embedded(page, name):
    return json.loads(re.search(rf'id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def test_equal_rows_give_equal_bytes(page):
    assert report_page(*sample(), certificate, SETTINGS).decode() == page


def test_the_order_of_the_rows_does_not_matter(page):
    models, results = sample()
    assert report_page(models[::-1], results[::-1], certificate, SETTINGS).decode() == page


def test_nothing_is_fetched(page):
    outside = page.replace(require_page_libraries()[1], "")
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", outside)
    assert "@import" not in outside and "url(" not in outside


def test_a_hostile_name_is_text(page):
    assert HOSTILE not in page
    assert "<script>window.stolen" not in page
    assert html.escape(HOSTILE) in page
    assert embedded(page, "study-data")["models"][4]["name"] == HOSTILE
    assert "64^20 inputs &lt;b&gt;." in page


def test_nothing_in_the_data_ends_its_element():
    assert script_json(["</script>", "<!--", "&"]) == (
        '["\\u003c/script\\u003e","\\u003c!--","\\u0026"]'
    )


def test_no_digit_of_a_large_count_is_lost(page):
    _, results = sample()
    large = embedded(page, "study-data")["models"][4]
    assert large["total"] == str(64**20)
    count = next(
        r.correct_at_least
        for r in results
        if r.strategy == "ladder" and r.note is None and r.correct_at_least > 2**64
    )
    assert str(count) in large["rows"]["at_least"]


def test_the_group_tables_are_those_of_the_summary(page):
    bare = html.unescape(re.sub(r"\s+", " ", page))
    for table in group_tables(families(*sample())):
        for row in table.rows:
            cells = "".join(f"<td>{cell}</td>" for cell in row.cells)
            assert f'<th scope="row">{row.name}</th>{cells}' in bare


def test_each_model_has_its_losses_beside_what_is_truly_wrong(page):
    pictures = embedded(page, "picture-data")
    assert pictures[0]["lost"]["strategy"] == "subcubic/max-diff-exact/chord/exact"
    assert sum(pictures[0]["lost"]["by_gap"]) == int(pictures[0]["lost"]["total"])
    assert pictures[0]["portrait"]["wrong"]["total"] == 64**4 - 16_765_884
    assert pictures[3] == {"portrait": None, "lost": None}


def test_an_empty_sweep_has_a_page():
    assert b"0 verified certificates" in report_page([], [], certificate, {})


@pytest.mark.parametrize("library", ["jinja2", "plotly.offline"])
def test_a_missing_library_is_named(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[report\]'"):
        require_page_libraries()
