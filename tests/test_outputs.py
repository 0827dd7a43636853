"""Where results go: regular files, standard output for -, and exit codes when nobody can read."""

import os
import subprocess
import sys
import time

import pytest
from support.toy import Recipe

from ballproof.models.files import lasting, require_writable, write_atomically

BALLPROOF = [sys.executable, "-m", "ballproof"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model and a certificate of it."""
    folder = tmp_path_factory.mktemp("outputs")
    Recipe("gaussian", v=5, k=3, d=4, h=2, seed=3).build().write(folder / "plain.safetensors")
    run(folder, "import", "plain.safetensors", "--task", "max-of-3", "--out", "model.safetensors")
    run(folder, "prove", "model.safetensors", "--strategy", "exact", "--out", "exact.json")
    return folder


def run(folder, *arguments, **options):
    return subprocess.run(
        [*BALLPROOF, *arguments], cwd=folder, capture_output=True, check=False, **options
    )


COMMANDS = [
    ["check", "model.safetensors", "exact.json"],
    ["check", "model.safetensors", "exact.json", "--json"],
    ["info", "model.safetensors"],
    ["show", "exact.json"],
    ["strategies"],
    ["prove", "model.safetensors", "--strategy", "exact", "--out", "-"],
]
commands = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


def in_shell(folder, command, redirection):
    line = f'"$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", line, "sh", *BALLPROOF, *command],
        cwd=folder,
        stderr=subprocess.PIPE,
        check=False,
    )


@commands
def test_a_closed_pipe_is_no_verdict(folder, command):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*BALLPROOF, *command], cwd=folder, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr


@commands
def test_an_output_that_cannot_be_written_is_no_success(folder, command):
    closed = in_shell(folder, command, ">&-")
    assert closed.returncode == 70 and b"standard output cannot be written" in closed.stderr
    if os.path.exists("/dev/full"):
        full = in_shell(folder, command, ">/dev/full")
        assert full.returncode == 70 and b"standard output cannot be written" in full.stderr


@commands
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_lost_remark_changes_no_exit_code(folder, command, redirection):
    assert in_shell(folder, command, f">/dev/null {redirection}").returncode == 0


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_lost_error_changes_no_exit_code(folder, redirection):
    wrong = ["check", "model.safetensors", "missing.json"]
    assert in_shell(folder, wrong, f">/dev/null {redirection}").returncode == 64


def test_a_certificate_on_standard_output_is_the_one_of_a_file(folder):
    done = run(folder, "prove", "model.safetensors", "--strategy", "exact", "--out", "-")
    assert done.stdout == (folder / "exact.json").read_bytes()
    assert b"inputs right" in done.stderr
    both = run(folder, "prove", "model.safetensors", "--strategy", "exact", "--out", "-", "--json")
    assert both.returncode == 64 and b"both write to standard output" in both.stderr


def test_weights_go_to_standard_output(folder):
    done = run(folder, "import", "model.safetensors", "--out", "-")
    assert done.stdout == (folder / "model.safetensors").read_bytes()


def test_only_regular_files_are_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder", "missing/a", "folder/../missing/b"):
        for write in (require_writable, lambda path: write_atomically(path, b"x")):
            with pytest.raises(OSError, match=r"pipe|folder"):
                write(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "pipe"]


def test_links_are_followed(tmp_path):
    (tmp_path / "link").symlink_to("target")
    require_writable(tmp_path / "link")
    assert not (tmp_path / "target").exists()
    for data in (b"new", b"newer"):
        write_atomically(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == data
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle"):
        write_atomically(tmp_path / "circle", b"x")


def test_nothing_is_proved_before_the_output_is_known_to_work(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for out in (tmp_path / "pipe", tmp_path / "missing" / "a.json", tmp_path):
        done = run(folder, "prove", "model.safetensors", "--strategy", "exact", "--out", str(out))
        assert done.returncode == 64 and done.stdout == b""


def test_a_file_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "fixed"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="may not be written"):
        require_writable(path)


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="there is no process substitution")
def test_pipes_are_read_once_and_work(folder):
    line = '"$@" check <(cat model.safetensors) <(cat exact.json)'
    done = subprocess.run(["bash", "-c", line, "bash", *BALLPROOF], cwd=folder, check=False)
    assert done.returncode == 0
    line = '"$@" prove <(cat model.safetensors) --strategy exact --out -'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *BALLPROOF], cwd=folder, capture_output=True, check=False
    )
    assert done.stdout == (folder / "exact.json").read_bytes()


def test_a_copy_of_a_pipe_ends_with_its_use(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["sh", "-c", f"printf abc > {tmp_path / 'pipe'}"])
    with lasting(tmp_path / "pipe") as copy:
        assert copy.read_bytes() == copy.read_bytes() == b"abc"
    writer.wait()
    assert not copy.exists()


def test_a_termination_is_one_line_and_leaves_nothing(folder, tmp_path):
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [*BALLPROOF, "prove", "max-of-4-seed-123", "--strategy", "brute-force", "--out", "a.json"],
        cwd=tmp_path,
        env={
            **os.environ,
            "TMPDIR": str(tmp_path / "temporary"),
        },
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while process.poll() is None and not any((tmp_path / "temporary").iterdir()):
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143 and said.decode().splitlines()[-1] == "ballproof: terminated"
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]


def test_too_little_memory_is_declined(folder):
    limits = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); "
    code = (
        f"{limits}from ballproof.verifier.commands import main, inspect\n"
        "inspect.load_model = lambda *_: bytes(2**40)\n"
        "print(main.main(['info', 'model.safetensors']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["2"] and "limit: there is not enough memory" in done.stderr
