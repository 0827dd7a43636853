"""`ballproof sweep`: one command, resumable, that loses nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from support.certify import run_checker
from sweeps import STRATEGIES, index_of, sweep

from ballproof.verifier.strategies import strategies_matching
from ballproof.verifier.study import local
from ballproof.verifier.study.store import opened

FEW = ["--strategies", "subcubic/*/drop-average/svd"]


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}


@pytest.fixture(scope="module")
def whole(toy_paths, tmp_path_factory):
    """Return the folder of a sweep that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    command = [sys.executable, "-m", "ballproof", "sweep", *map(str, toy_paths), *FEW]
    done = subprocess.run([*command, "--out", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "25 certificates verified, 0 not proven, 0 rejected, 0 failed, 0 missing" in done.stdout
    return folder


def test_every_certificate_of_a_sweep_is_verified_by_the_checker_alone(whole, toy_paths):
    models, results = index_of(whole)
    assert len(models) == len(toy_paths)
    assert len(results) == len(toy_paths) * len(STRATEGIES)
    by_digest = {row.sha256: path for row in models for path in toy_paths if path.stem == row.name}
    with opened(whole) as store:
        for row in results[::4]:
            run = run_checker(by_digest[row.sha256], store.certificate_path(row.certificate))
            assert run.exit_code == 0
            assert f"at least {row.correct_at_least} of " in run.stdout
            assert f" {row.operations} operations" in run.stdout


def test_a_second_run_does_nothing_again(whole, toy_paths, capsys):
    before = files(whole)
    code, answer, remarks = sweep(capsys, *toy_paths, *FEW, "--out", whole)
    assert (code, answer["new"], answer["verified"]) == (0, 0, 25)
    assert "25 of 25 results are there already" in remarks
    assert files(whole) == before


def test_a_sweep_in_pieces_gives_the_index_of_one_in_one_go(whole, toy_paths, tmp_path, capsys):
    out = tmp_path / "study"
    steps = [(toy_paths[:2], STRATEGIES[:2]), (toy_paths[1:], STRATEGIES[1:]), (toy_paths, None)]
    for paths, names in steps:
        chosen = [w for name in names or STRATEGIES for w in ("--strategies", name)]
        code, answer, _ = sweep(capsys, *paths, *chosen, "--jobs", 1, "--out", out)
        assert code == 0
    assert answer["new"] == 3 + 3
    assert index_of(out) == index_of(whole)


def test_what_does_not_apply_is_recorded_with_its_reason_and_not_tried_again(
    toy_paths, tmp_path, capsys
):
    words = [toy_paths[0], "--strategies", "cubic", "--strategies", "brute-force"]
    words += ["--max-operations", "9000", "--out", tmp_path]
    code, answer, _ = sweep(capsys, *words)
    assert (code, answer["verified"], answer["not_proven"]) == (0, 1, 1)
    row = next(row for row in index_of(tmp_path)[1] if row.certificate is None)
    assert (row.verdict, row.strategy) == ("NOT PROVEN", "brute-force")
    assert "more than the limit of 9000" in row.reason
    assert sweep(capsys, *words)[1]["new"] == 0


def running_workers(driver):
    """Return the processes below a driver, by their parents in /proc."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    state, parent = file.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry)] = int(parent)
    below, found = {driver}, set()
    while below:
        below = {child for child, parent in parents.items() if parent in below}
        found |= below
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def waited_for(holds, seconds=120):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_driver_loses_its_tasks_in_flight_and_leaves_no_process(
    whole, toy_paths, tmp_path, capsys
):
    out = tmp_path / "study"
    command = [sys.executable, "-m", "ballproof", "sweep", *map(str, toy_paths), *FEW]
    driver = subprocess.Popen([*command, "--out", str(out), "--jobs", "1"])
    waited_for(lambda: out.exists() and len(list(out.glob("records/*.json"))) >= 2)
    workers = running_workers(driver.pid)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    waited_for(lambda: not any(map(alive, workers)))
    kept = index_of(out)[1]
    assert kept
    before = files(out)
    code, answer, _ = sweep(capsys, *toy_paths, *FEW, "--out", out)
    assert (code, answer["verified"], answer["new"]) == (0, 25, 25 - len(kept))
    assert before.items() <= files(out).items()
    assert index_of(out) == index_of(whole)


def test_a_damaged_certificate_and_a_damaged_index_are_named_and_nothing_is_lost(
    whole, toy_paths, tmp_path, capsys
):
    out = tmp_path / "study"
    assert sweep(capsys, *toy_paths, *FEW, "--out", out)[0] == 0
    spoilt = sorted((out / "certificates").rglob("*.json"))[3]
    spoilt.write_bytes(spoilt.read_bytes().replace(b'"correct_at_least":', b'"correct_at_lEast":'))
    (out / "index.sqlite").write_bytes(b"SQLite format 3\0" + bytes(5000))
    before = files(out)
    code, answer, remarks = sweep(capsys, *toy_paths, *FEW, "--out", out)
    assert (code, answer["new"], answer["verified"]) == (0, 1, 25)
    assert f"{spoilt} is damaged" in remarks
    assert "index.sqlite is damaged" in remarks
    assert "Traceback" not in remarks
    before.pop(spoilt)
    assert before.items() <= files(out).items()
    assert index_of(out) == index_of(whole)


def test_a_contradiction_of_prover_and_checker_is_reported_and_tried_again(
    toy_paths, tmp_path, capsys
):
    words = [toy_paths[0], "--strategies", "cubic", "--out", tmp_path]
    assert sweep(capsys, *words)[0] == 0
    with opened(tmp_path) as store:
        index = sqlite3.connect(tmp_path / "index.sqlite")
        with index:
            index.execute("UPDATE results SET verdict = 'REJECTED'")
        index.close()
        assert store.results()[0].verdict == "REJECTED"
    code, answer, _ = sweep(capsys, *words)
    assert (code, answer["new"], answer["rejected"]) == (0, 1, 0)


def test_a_model_that_cannot_be_worked_on_is_named_and_the_others_are_done(
    toy_paths, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(local, "ATTEMPTS", 0)
    real = local._Worker.give
    monkeypatch.setattr(
        local._Worker,
        "give",
        lambda self, number, task: (real(self, number, task), number or self._process.kill()),
    )
    words = [*toy_paths[:2], "--strategies", "cubic", "--out", tmp_path, "--jobs", "1"]
    code, answer, remarks = sweep(capsys, *words)
    assert code == 70
    assert list(answer["failures"]) == ["toy-0"]
    assert "toy-0 could not be worked on: its process died" in remarks
    assert answer["verified"] == 1


def test_a_model_given_twice_is_studied_once(toy_paths, tmp_path, capsys):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(toy_paths[0].read_bytes())
    words = [toy_paths[0], copy, "--strategies", "cubic", "--out", tmp_path / "study"]
    _, answer, remarks = sweep(capsys, *words)
    assert answer["models"] == 1
    assert "copy has the weights of toy-0" in remarks


def test_a_folder_of_models_is_taken_whole(toy_paths, tmp_path, capsys):
    folder = toy_paths[0].parent
    _, answer, _ = sweep(capsys, folder, "--strategies", "cubic", "--out", tmp_path)
    assert answer["models"] == len(toy_paths)


def test_the_study_has_102_strategies():
    names = [strategy.name for strategy in strategies_matching("study")]
    assert len(names) == 102
    assert {"brute-force", "cubic"} < set(names)
    assert not any("chord" in name for name in names)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["max-of-4-seed-1234567"], 64, "neither a file nor a model of the zoo"),
        (["max-of-99-*"], 64, "No model of the zoo fits 'max-of-99-*'"),
        (["EMPTY"], 64, "holds no safetensors file"),
        (["BROKEN"], 2, "broken.safetensors"),
        (["max-of-4-seed-50", "--strategies", "nonsense"], 64, "'nonsense' is no strategy"),
        (["max-of-4-seed-50", "--jobs", "0"], 64, "--jobs"),
        (["max-of-4-seed-50", "--margin", "-1"], 64, "--margin"),
        ([], 64, "MODELS"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, capsys, words, code, sentence):
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "broken.safetensors").write_bytes(b"\x10")
    places = {"EMPTY": tmp_path / "EMPTY", "BROKEN": tmp_path / "broken.safetensors"}
    named = [places.get(word, word) for word in words]
    found, _, remarks = sweep(capsys, *named, "--out", tmp_path / "study")
    assert found == code
    assert sentence in remarks
    assert "Traceback" not in remarks


def test_results_of_another_margin_are_refused(whole, toy_paths, capsys):
    code, _, remarks = sweep(capsys, *toy_paths, *FEW, "--margin", "1/2", "--out", whole)
    assert code == 64
    assert "margin 0, not 1/2; name another folder" in remarks
