"""`--processes`: the same counts and the same operations, and no verdict where a worker dies."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from support.layered import layered
from support.networks import claim_of
from test_layered_truth import NARROW, WIDE, cert_of, passes_of, task_of

from arithmetic.tally import Tally
from counting import workers
from files.claims import Pins
from files.verdict import Declined, Rejected
from kernel import check
from strategies.layered_enumeration import Evaluator

NETWORKS = {
    "sums": {"position": "sum"},
    "norms": {"norm": "layer", "activation": "gelu"},
    "early": {"position": 0},
    "full": {"mask": "none"},
}


def answer(network, processes, *precisions, operations=10**10, at_least=0):
    task = task_of(network)
    total = len(task["labels"])
    cert = cert_of(network, task, (at_least, total), *precisions, operations=operations)
    return check(network.bytes(), cert, Pins(), partial(Tally, processes=processes))


@pytest.mark.parametrize("name", NETWORKS)
def test_any_number_of_processes_counts_the_same(name):
    network = layered(4, v=3, n=4, layers=2, **NETWORKS[name])
    coarse = NARROW._replace(unit=11, fine=12)
    expected = answer(network, 1, coarse, WIDE)
    for processes in (2, 3, 30):
        assert answer(network, processes, coarse, WIDE) == expected


def test_the_budget_holds_for_all_processes_together():
    network = layered(4, v=3, n=4, position="sum")
    tally = answer(network, 1, WIDE).tally
    assert answer(network, 3, WIDE, operations=tally).tally == tally
    for processes in (1, 3):
        with pytest.raises(Rejected) as caught:
            answer(network, processes, WIDE, operations=tally - 1)
        assert caught.value.reason == "budget"
        with pytest.raises(Rejected) as caught:
            answer(network, processes, WIDE, at_least=81)
        assert caught.value.reason == "count"


@pytest.mark.parametrize("how", ["exit", "raise", "kill"])
def test_a_worker_that_dies_is_an_error_and_no_verdict(monkeypatch, how):
    count = Evaluator.count

    def dying(evaluator, first):
        if first[0] == 1:
            if how == "raise":
                raise ArithmeticError
            os._exit(0) if how == "exit" else os.kill(os.getpid(), signal.SIGKILL)
        return count(evaluator, first)

    monkeypatch.setattr(Evaluator, "count", dying)
    with pytest.raises(RuntimeError, match="a worker process ended without an answer"):
        answer(layered(4, position="sum"), 2, WIDE)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_worker_that_runs_out_of_memory_declines(monkeypatch):
    def exhausted(evaluator, first):
        raise MemoryError

    monkeypatch.setattr(Evaluator, "count", exhausted)
    with pytest.raises(Declined, match="out of memory"):
        answer(layered(4, position="sum"), 2, WIDE)


def test_where_nothing_can_fork_processes_are_declined(monkeypatch):
    monkeypatch.delattr(workers.os, "fork")
    with pytest.raises(Declined) as caught:
        workers.shared(2, lambda _: (1,), Tally(10, 2))
    assert caught.value.reason == "unsupported"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no list of a process's children")
def test_an_interrupt_ends_all_of_them_with_one_line(tmp_path):
    network = layered(4, v=4, n=9, d=8, layers=3, position="sum")
    task = task_of(network)
    cert = claim_of(network, task, (0, 4**9), precision=128, witness=passes_of(WIDE))
    (tmp_path / "model").write_bytes(network.bytes())
    (tmp_path / "cert").write_bytes(json.dumps(cert).encode())
    checker = os.path.join(os.path.dirname(__file__), "../../certificates/checker")
    command = [sys.executable, "-I", "-S", checker, "model", "cert", "--processes", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **pipes)
    begun = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    while run.poll() is None and not begun.read_text():
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert (run.returncode, out, err) == (130, b"", b"checker: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)
