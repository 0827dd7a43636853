"""`ballproof report`: what it writes, and what it refuses before any work."""

import csv
import json

import pytest
from support.toy import random_toys

from ballproof.verifier.commands.main import main

STRATEGIES = ("cubic", "exact", "subcubic/max-diff-exact/*/exact")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("sweep")
    toy = next(m for m in random_toys(5, 9, 5, 3, flavours=("trained",)) if m.d_vocab > 3)
    toy.write(root / "toy.safetensors")
    wanted = [word for name in STRATEGIES for word in ("--strategies", name)]
    sweep = ["sweep", str(root / "toy.safetensors"), *wanted, "--out", str(root / "study")]
    assert main([*sweep, "--jobs", "1", "--quiet"]) == 0
    return root / "study"


def test_everything_can_be_written_at_once(folder, tmp_path, capsys):
    capsys.readouterr()
    names = {"--out": "r.html", "--csv": "r.csv", "--parquet": "r.parquet", "--summary": "r.md"}
    files = [word for option, name in names.items() for word in (option, str(tmp_path / name))]
    assert (
        main(["report", str(folder), *files, "--figures", str(tmp_path / "figures"), "--json"]) == 0
    )
    answer = json.loads(capsys.readouterr().out)
    assert answer["coverage"]["verified"] == answer["headlines"][0]["value"] == 5
    assert all((tmp_path / name).stat().st_size > 500 for name in names.values())
    drawn = {path.suffix for path in (tmp_path / "figures").iterdir()}
    assert drawn == {".png", ".svg"}
    assert len(list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))) == 5
    assert set(answer["written"]) >= {str(tmp_path / name) for name in names.values()}


def test_the_same_folder_gives_the_same_page(folder, tmp_path):
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        assert main(["report", str(folder), "--out", str(page), "--quiet"]) == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_nothing_to_write_is_a_usage_error(folder, capsys):
    assert main(["report", str(folder)]) == 64
    assert "name the page with --out report.html" in capsys.readouterr().err


def test_a_folder_without_a_sweep_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "r.html")]) == 64
    assert "holds no sweep" in capsys.readouterr().err


def test_a_missing_parent_folder_is_named_before_any_work(folder, tmp_path, capsys):
    assert main(["report", str(folder), "--out", str(tmp_path / "none" / "r.html")]) == 64
    assert "does not exist" in capsys.readouterr().err
