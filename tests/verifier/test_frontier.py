"""The frontier: no point on it is beaten, and the picture shows what was measured."""

import json
import sys

import pytest
from support.toy import random_toys

from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.frontier import Point, frontier
from ballproof.verifier.report.plot import require_plotting


def point(operations, right, strategy="cubic"):
    return Point(strategy, operations, right, 100, 100)


def test_the_frontier_holds_the_points_that_no_other_beats():
    points = [point(5, 50), point(3, 40), point(4, 40), point(3, 39), point(9, 50), point(8, 60)]
    assert frontier(points) == [point(3, 40), point(5, 50), point(8, 60)]


@pytest.mark.parametrize(
    ("strategy", "published"),
    [
        ("brute-force", True),
        ("cubic", True),
        ("subcubic/max-diff/drop-average/svd", True),
        ("subcubic/max-diff/chord/svd", False),
        ("exact", False),
        ("ladder", False),
    ],
)
def test_the_study_s_strategies_are_told_from_ours(strategy, published):
    assert point(1, 1, strategy).published is published


@pytest.fixture(scope="module")
def toy_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    model = next(m for m in random_toys(5, 9, 5, 3, flavours=("trained",)) if m.d_vocab > 3)
    model.write(path)
    return path


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_all_points_are_listed_and_drawn(toy_path, tmp_path, capsys, suffix):
    plot = tmp_path / f"plot.{suffix}"
    code = main(["frontier", str(toy_path), "--budgets", "2", "--out", str(plot), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code == 0
    points = answer["points"]
    assert {"brute-force", "cubic", "exact", "ladder"} <= {p["strategy"] for p in points}
    assert sum(p["strategy"].startswith("subcubic/") for p in points) == 150
    best = [p for p in points if p["on_frontier"]]
    counts = [int(p["correct_at_least"]) for p in best]
    assert counts == sorted(set(counts))
    assert max(counts) == max(int(p["correct_at_least"]) for p in points)
    assert plot.stat().st_size > 5000
    start = plot.read_bytes()[:200]
    assert b"PNG" in start or b"<?xml" in start


def test_a_format_that_cannot_be_drawn_is_refused_before_any_work(toy_path, capsys):
    assert main(["frontier", str(toy_path), "--out", "plot.gif"]) == 64
    assert "ends with one of .svg, .png, .pdf" in capsys.readouterr().err


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"'\.\[report\]'"):
        require_plotting()
