"""Tasks in processes of this machine: nothing to start, and a killed one loses only its task."""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from typing import Any

from ballproof.verifier.counting.processes import end_with_parent, spawning
from ballproof.verifier.study.events import Event, Failed, Finished, Progressed
from ballproof.verifier.study.work import Done, Task, run_task

# How often a task is tried whose process dies: of memory, or because somebody ends it.
ATTEMPTS = 3
# A fresh interpreter for each worker: balls and numpy do not like to be forked.
_CONTEXT = multiprocessing.get_context("spawn")


class _Worker:
    """A process that does one task at a time, and keeps its temporary files in a given folder."""

    def __init__(self, folder: str) -> None:
        self._ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, folder), daemon=True)
        with spawning():
            self._process.start()
        theirs.close()
        self.task = -1

    @property
    def connection(self) -> Connection:
        """Where its answers come from."""
        return self._ours

    def give(self, number: int, task: Task) -> None:
        """Hand over a task."""
        self.task = number
        self._ours.send(task)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def run_locally(tasks: Sequence[Task], jobs: int) -> Iterator[Event]:
    """Do the tasks in `jobs` processes, in order, and yield what happens to them.

    A task whose process dies is tried again in a new one, up to ATTEMPTS times.
    """
    waiting = deque(range(len(tasks)))
    attempts = [0] * len(tasks)
    busy: dict[Connection, _Worker] = {}
    with ExitStack() as stack:
        # Ours and not theirs: a worker is ended by killing it, and then cleans nothing up.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ballproof-"))

        def started() -> _Worker:
            worker = _Worker(folder)
            stack.callback(worker.end)
            return worker

        def employ(worker: _Worker | None = None) -> None:
            while waiting:
                worker = worker or started()
                number = waiting.popleft()
                attempts[number] += 1
                busy[worker.connection] = worker
                try:
                    worker.give(number, tasks[number])
                    return
                except OSError:  # It died before it had anything to do.
                    busy.pop(worker.connection)
                    waiting.appendleft(number)
                    worker = None

        for _ in range(min(jobs, len(tasks))):
            employ()
        while busy:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                number = worker.task
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):
                    del busy[worker.connection]
                    worker.end()
                    if attempts[number] < ATTEMPTS:
                        waiting.appendleft(number)
                    else:
                        yield Failed(number, f"its process died {ATTEMPTS} times.")
                    employ()
                    continue
                if isinstance(answer, int):
                    yield Progressed(number, answer)
                    continue
                del busy[worker.connection]
                employ(worker)
                yield _event(number, answer)


def _event(number: int, answer: Any) -> Event:
    return Finished(number, answer) if isinstance(answer, Done) else Failed(number, answer)


def _serve(connection: Connection, folder: str) -> None:
    """Do tasks until the other end is closed: send counts of strategies, then the result."""
    end_with_parent()
    tempfile.tempdir = folder
    # An interrupt at the keyboard reaches every process; the driver decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer: Done | str = run_task(task, lambda done, _: connection.send(done))
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        connection.send(answer)
