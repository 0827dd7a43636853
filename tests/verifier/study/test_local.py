"""Workers of this machine: one that dies costs its task in flight, and that is tried again."""

import multiprocessing
import os
import signal
import tempfile
import time

from sweeps import STRATEGIES, task, timeless

from ballproof.verifier.study.events import Failed, Finished, Progressed
from ballproof.verifier.study.local import ATTEMPTS, run_locally
from ballproof.verifier.study.work import run_task


def finished(events):
    return {event.task: event.result for event in events if isinstance(event, Finished)}


def kill_workers():
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGKILL)


def require_same(found, tasks):
    assert sorted(found) == list(range(len(tasks)))
    for number, one in enumerate(tasks):
        alone = run_task(one)
        assert found[number].model == alone.model
        assert timeless(found[number].results) == timeless(alone.results)
        assert found[number].certificates == alone.certificates


def test_tasks_give_what_they_give_in_this_process(toy_paths):
    tasks = [task(path, STRATEGIES) for path in toy_paths]
    events = list(run_locally(tasks, 2))
    require_same(finished(events), tasks)
    counts = [e.done for e in events if isinstance(e, Progressed) and e.task == 0]
    assert counts == list(range(1, len(STRATEGIES) + 1))


def test_a_killed_worker_costs_nothing_but_time(toy_paths):
    tasks = [task(path, STRATEGIES) for path in toy_paths[:3]]
    events = []
    for event in run_locally(tasks, 2):
        if not events:
            kill_workers()
        events.append(event)
    assert not any(isinstance(event, Failed) for event in events)
    require_same(finished(events), tasks)


def test_weights_of_a_killed_worker_do_not_stay_behind(toy_paths, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    tasks = [task(path, STRATEGIES) for path in toy_paths[:3]]
    copies = set()
    for event in run_locally(tasks, 2):
        copies |= set(tmp_path.rglob("*.safetensors"))
        if isinstance(event, Progressed) and event.done == 1:
            kill_workers()
        if isinstance(event, Failed):
            break
    assert copies
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_kills_its_worker_each_time_is_given_up_and_the_others_are_done(toy_paths):
    tasks = [task(path, STRATEGIES) for path in toy_paths[:3]]
    events = []
    for event in run_locally(tasks, 1):
        if isinstance(event, Progressed) and event.task == 1:
            kill_workers()
        events.append(event)
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert (failed.task, str(ATTEMPTS) in failed.sentence) == (1, True)
    assert sorted(finished(events)) == [0, 2]


def test_weights_that_cannot_be_used_fail_alone(toy_paths):
    good = task(toy_paths[0], STRATEGIES)
    bad = task(toy_paths[1], STRATEGIES, weights=b"no weights", name="bad one")
    events = list(run_locally([bad, good], 1))
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.task == 0
    assert "bad one" in failed.sentence
    assert list(finished(events)) == [1]


def test_no_process_is_left_when_the_driver_stops_early(toy_paths):
    events = run_locally([task(path, STRATEGIES) for path in toy_paths], 2)
    next(events)
    events.close()
    deadline = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert multiprocessing.active_children() == []
