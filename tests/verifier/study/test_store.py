"""The folder of a sweep: nothing that was written is lost, whatever is damaged or cut short."""

import os
import sqlite3
from dataclasses import replace

import pytest
from sweeps import SETTINGS, index_of, task, timeless

from ballproof.verifier.study.rows import ResultRow
from ballproof.verifier.study.store import Store, StoreError, opened
from ballproof.verifier.study.work import run_task

WIDE = 20**60


@pytest.fixture(scope="module")
def done(toy_paths):
    strategies = ("cubic", "exact", "brute-force", "ladder")
    return [run_task(task(path, strategies)) for path in toy_paths[:3]]


@pytest.fixture
def folder(tmp_path, done):
    """Return a folder with the results of three tasks."""
    with opened(tmp_path / "study", create=True) as store:
        store.require_settings(SETTINGS)
        for one in done:
            store.add(one)
    return tmp_path / "study"


def certificates(folder):
    return sorted((folder / "certificates").rglob("*.json"))


def test_rows_come_back_as_they_were_put_in(tmp_path, done):
    first = done[0]
    wide = replace(
        first.results[0], correct_at_least=WIDE, operations=WIDE, unexplained_dimension=WIDE
    )
    bare = ResultRow(first.model.sha256, "odd", "group", "NOT PROVEN", "It's \"odd\"; -- '")
    model = replace(first.model, total=WIDE, name="<b>'\"\n")
    with opened(tmp_path, create=True) as store:
        store.require_settings(SETTINGS)
        store.add(replace(first, model=model, results=(wide, bare, *first.results[1:])))
    with opened(tmp_path) as store:
        assert store.models() == [model]
        assert store.results() == [wide, bare, *first.results[1:]]
        assert store.settings == SETTINGS
        for digest, data in first.certificates.items():
            assert store.certificate_bytes(digest) == data


def test_a_later_task_adds_and_replaces_rows_and_keeps_the_portrait(tmp_path, done):
    first = done[0]
    later = replace(first.results[0], note="again")
    more = replace(first.results[1], strategy="new")
    with opened(tmp_path, create=True) as store:
        store.require_settings(SETTINGS)
        store.add(first)
        unpictured = replace(first.model, portrait=None)
        store.add(replace(first, model=unpictured, results=(later, more), certificates={}))
        assert store.models() == [first.model]
        assert store.results() == [later, *first.results[1:], more]


def spoil_with_text(path):
    path.write_text("this is no index\n" * 500)


def spoil_in_the_middle(path):
    data = bytearray(path.read_bytes())
    data[1024:-1024] = os.urandom(len(data) - 2048)
    path.write_bytes(data)


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_by_another_database(path):
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE models (colour TEXT)")
    connection.close()


DAMAGES = [spoil_with_text, spoil_in_the_middle, cut_short, replace_by_another_database]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_kept_and_made_anew_from_the_records(folder, damage):
    before = index_of(folder)
    damage(folder / "index.sqlite")
    spoilt = (folder / "index.sqlite").read_bytes()
    with opened(folder) as store:
        (remark,) = store.remarks
        assert "index.sqlite is damaged" in remark
        assert "nothing is lost" in remark
        assert store.settings == SETTINGS
    assert (folder / "index.sqlite.damaged-1").read_bytes() == spoilt
    assert index_of(folder) == before


@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_index_is_made_anew(folder, empty):
    before = index_of(folder)
    (folder / "index.sqlite").unlink()
    if empty:
        (folder / "index.sqlite").touch()
    assert index_of(folder) == before


def test_a_second_damaged_index_does_not_replace_the_first(folder):
    for _ in range(2):
        spoil_with_text(folder / "index.sqlite")
        index_of(folder)
    assert len(list(folder.glob("index.sqlite.damaged-*"))) == 2


def test_a_record_that_did_not_reach_the_index_is_read_in(folder, done):
    before = index_of(folder)
    with sqlite3.connect(folder / "index.sqlite") as connection:
        connection.execute("DELETE FROM results WHERE sha256 = ?", (done[1].model.sha256,))
        connection.execute("DELETE FROM models WHERE sha256 = ?", (done[1].model.sha256,))
        connection.execute("DELETE FROM records WHERE rowid = 2")
    connection.close()
    assert index_of(folder) == before


def test_a_damaged_record_is_set_aside_and_the_others_are_read(folder, done):
    (folder / "index.sqlite").unlink()
    path = next(p for p in (folder / "records").iterdir() if done[1].model.sha256 in p.read_text())
    cut_short(path)
    with opened(folder) as store:
        assert {row.sha256 for row in store.models()} == {
            done[0].model.sha256,
            done[2].model.sha256,
        }
        assert any(path.name in remark for remark in store.remarks)
    assert path.with_name(f"{path.name}.damaged-1").exists()


def test_half_written_files_of_a_killed_driver_are_not_read(folder):
    before = index_of(folder)
    (folder / "records" / ".abc.json.17.tmp").write_text("{")
    (folder / "certificates" / ".abc.json.17.tmp").write_text("{")
    (folder / "index.sqlite").unlink()
    assert index_of(folder) == before


@pytest.mark.parametrize("spoil", ["change", "cut", "empty", "remove"])
def test_a_damaged_certificate_is_forgotten_and_nothing_else(folder, spoil):
    path = certificates(folder)[1]
    good = path.read_bytes()
    if spoil == "remove":
        path.unlink()
    else:
        path.write_bytes({"change": b" " + good, "cut": good[:99], "empty": b""}[spoil])
    _, before = index_of(folder)
    with opened(folder) as store:
        with pytest.raises(StoreError, match=path.name):
            store.certificate_bytes(path.stem)
        assert [every for _, every in store.forget_damaged()] == [len(before)] * len(before)
        assert path.name in store.remarks[0]
        assert timeless(store.results()) == [row for row in before if row.certificate != path.stem]
    assert path.with_name(f"{path.name}.damaged-1").exists() is (spoil != "remove")
    assert not path.exists()


def test_two_sweeps_do_not_write_to_one_folder(folder):
    with (
        opened(folder, create=True),
        pytest.raises(StoreError, match="in use by another sweep"),
        opened(folder, create=True),
    ):
        pass


def test_a_folder_in_use_can_be_read(folder):
    before = index_of(folder)
    with opened(folder, create=True):
        assert index_of(folder) == before
    spoil_with_text(folder / "index.sqlite")
    with open(folder / "lock", "ab") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="damaged"), opened(folder):
            pass


def test_results_of_another_margin_or_limit_are_not_mixed_in(folder):
    with opened(folder, create=True) as store:
        for key in ("margin", "max_operations"):
            with pytest.raises(StoreError, match=f"{key} "):
                store.require_settings({**SETTINGS, key: "17"})
        store.require_settings({**SETTINGS, "version": "next"})
        assert store.settings["version"] == "next"


def test_a_folder_without_a_sweep_is_named(tmp_path):
    with pytest.raises(StoreError, match="holds no sweep"), opened(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_insertion_leaves_the_index_as_it_was(folder, done, monkeypatch):
    before = index_of(folder)
    with opened(folder) as store:
        monkeypatch.setattr(Store, "certificate_path", lambda self, digest: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.add(done[0])
    monkeypatch.undo()
    assert index_of(folder) == before
