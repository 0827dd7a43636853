"""A sweep on a real Dask cluster: the scheduler and its workers are processes of their own."""

import re
import subprocess
import sys
import threading
import time

import pytest
from sweeps import STRATEGIES, index_of, sweep, task

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.study import cluster
from ballproof.verifier.study.events import Failed, Finished, WorkersLostError

distributed = pytest.importorskip("distributed")
FEW = ["--strategies", "subcubic/*/drop-average/svd", "--strategies", "ladder"]
QUIET = ["--no-dashboard", "--host", "127.0.0.1"]


def waited_for(log, pattern, count=1):
    """Wait until a log says something `count` times, and return what the first one says."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.findall(pattern, log.read_text())
        if len(found) >= count:
            return found[0]
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


class Cluster:
    """A scheduler on a free port of 127.0.0.1, and workers."""

    def __init__(self, folder, workers):
        self.folder, self.processes = folder, []
        self.log = folder / "scheduler.log"
        self._start("scheduler", ["--port", "0", "--no-show", *QUIET])
        self.address = waited_for(self.log, r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)")
        self.workers = [self.add_worker() for _ in range(workers)]
        if workers:
            waited_for(self.log, "Register worker", workers)

    def add_worker(self):
        words = [self.address, "--no-nanny", "--nthreads", "1", *QUIET]
        return self._start("worker", [*words, "--local-directory", str(self.folder)])

    def _start(self, role, words):
        name = f"{role}-{len(self.processes)}.log" if role == "worker" else "scheduler.log"
        log = self.folder / name
        code = f"from distributed.cli.dask_{role} import main; main()"
        with log.open("wb") as file:
            command = [sys.executable, "-c", code, *words]
            self.processes.append(subprocess.Popen(command, stdout=file, stderr=file))
        return self.processes[-1]

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster_of(tmp_path):
    clusters = []

    def start(workers):
        folder = tmp_path / "cluster"
        folder.mkdir()
        clusters.append(Cluster(folder, workers))
        return clusters[-1]

    yield start
    for one in clusters:
        one.stop()


def kill_once_under_way(out, worker):
    """Kill a worker when the first results are there and others are still to come."""
    deadline = time.monotonic() + 120
    while not list(out.glob("records/*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.kill()


def test_a_cluster_that_loses_a_worker_midway_gives_the_index_of_a_local_run(
    cluster_of, toy_paths, tmp_path, capsys
):
    assert sweep(capsys, *toy_paths, *FEW, "--out", tmp_path / "local")[0] == 0
    running = cluster_of(2)
    out = tmp_path / "remote"
    killer = threading.Thread(target=kill_once_under_way, args=(out, running.workers[0]))
    killer.start()
    words = [*toy_paths, *FEW, "--out", out, "--scheduler", running.address]
    code, answer, _ = sweep(capsys, *words)
    killer.join()
    assert running.workers[0].wait(60) == -9
    assert (code, answer["missing"], answer["failures"]) == (0, 0, {})
    assert index_of(out) == index_of(tmp_path / "local")
    assert sweep(capsys, *words)[1]["new"] == 0


def test_a_task_in_flight_on_a_killed_worker_is_done_by_the_other(cluster_of, toy_paths):
    running = cluster_of(2)
    tasks = [task(path, STRATEGIES * 4) for path in toy_paths]
    events, killed = [], False
    for event in cluster.run_on_cluster(tasks, running.address):
        events.append(event)
        if not killed:
            running.workers[1].kill()
            killed = True
    assert sorted(e.task for e in events if isinstance(e, Finished)) == list(range(len(tasks)))


def test_a_result_lost_with_its_worker_is_computed_again(cluster_of, toy_paths):
    running = cluster_of(1)
    tasks = [task(path, STRATEGIES) for path in toy_paths[:2]]
    events = cluster.run_on_cluster(tasks, running.address)
    first = next(events)
    with distributed.Client(running.address, set_as_default=False) as client:
        while any(client.processing().values()):
            time.sleep(0.01)
    running.workers[0].kill()
    waited_for(running.log, "Remove worker")
    running.add_worker()
    assert sorted(e.task for e in (first, *events) if isinstance(e, Finished)) == [0, 1]


def test_weights_that_cannot_be_used_fail_alone(cluster_of, toy_paths):
    running = cluster_of(1)
    tasks = [task(toy_paths[0], STRATEGIES, weights=b"no"), task(toy_paths[1], STRATEGIES)]
    events = sorted(cluster.run_on_cluster(tasks, running.address), key=lambda event: event.task)
    assert [type(event) for event in events] == [Failed, Finished]


def test_a_scheduler_that_ends_midway_is_reported_and_what_was_finished_is_kept(
    cluster_of, toy_paths, tmp_path, capsys
):
    running = cluster_of(1)
    out = tmp_path / "study"
    killer = threading.Thread(target=kill_once_under_way, args=(out, running.processes[0]))
    killer.start()
    words = [*toy_paths, *FEW, "--out", out]
    code, _, remarks = sweep(capsys, *words, "--scheduler", running.address)
    killer.join()
    assert code == 70
    assert f"The cluster at {running.address} was lost" in remarks
    assert "the same command goes on" in remarks
    kept = len(index_of(out)[1])
    assert kept
    code, answer, _ = sweep(capsys, *words)
    assert (code, answer["new"]) == (0, len(toy_paths) * (len(STRATEGIES) + 1) - kept)


def test_a_scheduler_that_is_not_there_or_has_no_workers_is_named(
    cluster_of, toy_paths, monkeypatch
):
    monkeypatch.setattr(cluster, "PATIENCE", 2)
    running = cluster_of(0)
    with pytest.raises(WorkersLostError, match="has no workers"):
        next(cluster.run_on_cluster([task(toy_paths[0], STRATEGIES)], running.address))
    running.stop()
    with pytest.raises(WorkersLostError, match="No Dask scheduler answers"):
        next(cluster.run_on_cluster([task(toy_paths[0], STRATEGIES)], running.address))


def test_workers_of_another_version_are_refused(cluster_of, toy_paths, monkeypatch):
    running = cluster_of(1)
    here = cluster.version_here
    monkeypatch.setattr(cluster, "_ours", lambda: "99.0")
    with pytest.raises(WorkersLostError, match=rf"no ballproof 99\.0: {here()}"):
        next(cluster.run_on_cluster([task(toy_paths[0], STRATEGIES)], running.address))


def test_an_address_that_is_none_is_named(toy_paths):
    with pytest.raises(WorkersLostError, match="No Dask scheduler answers at nonsense"):
        next(cluster.run_on_cluster([task(toy_paths[0], STRATEGIES)], "nonsense://x"))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[sweep\]'"):
        cluster.require_dask()
