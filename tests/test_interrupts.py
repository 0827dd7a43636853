"""Ctrl-C at any moment: one line and exit code 130, from the first own line of Python on.

Before that Python itself is at work: it dies of the signal, or prints a traceback of its own files.
"""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest
from support.certify import CHECKER, certificate, encoded
from support.toy import Recipe

from ballproof.models.catalogue import zoo_path

MODEL = "max-of-4-seed-123"
COMMANDS = {
    "ballproof": ["-m", "ballproof", "info", MODEL],
    "checker": ["-I", "-S", str(CHECKER), str(zoo_path(MODEL)), "/dev/null"],
}
# Modules that load after the command heeds interrupts, from the first to near the last.
LOADED = {
    "ballproof": ["ballproof.verifier", "numpy", "click"],
    "checker": ["argparse", "fractions", "kernel"],
}
OURS = re.compile(r'File "[^"]*/(ballproof|interval|models|verifier|certificates)/')

commands = pytest.mark.parametrize("name", COMMANDS)


def start(*arguments, **options):
    """Start a Python program in a session of its own, as a terminal does for a command."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


@pytest.mark.parametrize(
    ("name", "module"), [(name, module) for name, modules in LOADED.items() for module in modules]
)
def test_an_interrupt_while_modules_load_is_one_line(name, module):
    process = start("-X", "importtime", *COMMANDS[name])
    # Python writes a line when a module is loaded.
    for line in process.stderr:
        if line.split("|")[-1].strip() == module:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=60)
    said = [line for line in err.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, said, out) == (130, [f"{name}: interrupted"], "")


@commands
def test_an_interrupt_at_any_instant_is_one_line_or_comes_before_our_first(name):
    for instant in range(12):
        process = start(*COMMANDS[name])
        time.sleep(instant**2 / 200)  # 0 to 0.6 seconds; whatever runs then is right.
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        if process.returncode == 130:
            assert err == f"{name}: interrupted\n"
        else:
            assert not OURS.search(err), err


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_proof_leaves_no_half_certificate(blow, tmp_path):
    target = tmp_path / "c.json"
    arguments = ["prove", MODEL, "--strategy", "brute-force", "--out", str(target)]
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ballproof", *arguments],
        stdout=end,
        stderr=end,
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(end)
    text = b""
    while b"proving" not in text:
        text += os.read(terminal, 4096)
    os.killpg(process.pid, blow)
    text += b"".join(rest(terminal))
    os.close(terminal)
    assert process.wait(timeout=60) == (130 if blow == signal.SIGINT else -blow)
    assert text.count(b"ballproof: interrupted") == (blow == signal.SIGINT)
    assert b"Traceback" not in text and not target.exists()


def rest(terminal):
    """Yield what is still written to a terminal, until its last writer is gone."""
    try:
        while data := os.read(terminal, 4096):
            yield data
    except OSError:
        return


def test_an_interrupted_check_exits_130_without_a_verdict(tmp_path):
    model, pipe = tmp_path / "model.safetensors", tmp_path / "cert"
    toy = Recipe("gaussian", 5, 12, 2, 2).build()
    toy.write(model)
    os.mkfifo(pipe)
    process = start("-I", "-S", str(CHECKER), str(model), str(pipe))
    # The checker opens the pipe only once it is at work.
    pipe.write_bytes(encoded(certificate(toy, "brute-force", operations=10**11)))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "checker: interrupted\n")


@commands
def test_a_command_that_was_started_to_ignore_interrupts_goes_on(name):
    command = " ".join(f"'{word}'" for word in (sys.executable, *COMMANDS[name]))
    script = f"trap '' INT; kill -INT $$; {command} & kill -INT $!; wait $!"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == (0 if name == "ballproof" else 2)
    assert "interrupted" not in done.stderr


# Stands in for the command: it runs what is given.
DRIVER = """
import os, signal, sys
import ballproof.verifier.commands.main as commands
from ballproof.__main__ import main

class Lost:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

def command():
    try:
        {body}
    finally:
        {at_last}
    return 7

commands.main = command
sys.exit(main())
"""
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"


@pytest.mark.parametrize(
    ("body", "at_last", "said"),
    [
        (INTERRUPT, "print('tidy', flush=True)", "tidy\n"),
        ("Lost()", "print('tidy', flush=True)", ""),
        (INTERRUPT, f"{INTERRUPT}; print('late', flush=True)", ""),
    ],
    ids=["tidies up", "an exception that is lost", "twice"],
)
def test_an_interrupt_at_work_is_neither_lost_nor_shown_as_a_traceback(body, at_last, said):
    process = start("-c", DRIVER.format(body=body, at_last=at_last))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, said, "ballproof: interrupted\n")


@pytest.mark.parametrize("module", ["ballproof", "ballproof.__main__"])
def test_the_first_modules_load_nothing_else(module):
    code = f"import sys; before = set(sys.modules); import {module}; print(sys.modules - before)"
    code = code.replace("sys.modules - before", "*(sys.modules.keys() - before)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"ballproof", module}
