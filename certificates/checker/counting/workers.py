"""Work that is shared among processes of this code, forked from one that has made the tables.

Theorem. The pieces are those that one process would do, each is done once, and what they give is
added up. A worker that does not say how its pieces ended is an error of the whole. What several
workers have to do, and one process once, is charged by name and counts once, so that the sum of
operations is that of one process.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from interrupts import leave

from arithmetic.tally import Tally
from files.verdict import Declined, Refusal, Rejected, decline_unless

# One piece of work, by its number.
Work = Callable[[int], Sequence[int]]
Lines = Iterator[Any]


def shared(pieces: int, work: Work, tally: Tally) -> list[int]:
    """Return the sums of what the pieces give; the tally's processes share the work.

    Raises the refusal of the first worker that has one, and the tally's where all together spend
    more than the budget.
    """
    forks = hasattr(os, "fork")
    decline_unless(forks, "unsupported", "--processes needs a system that can fork.")
    count, parent = min(tally.processes, pieces), os.getpid()
    children: dict[int, int] = {}
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*_: object) -> None:
        _end(children)
        leave()

    try:
        if before is leave:
            signal.signal(signal.SIGINT, interrupted)
        for number in range(count):
            read, write = os.pipe()
            # An interrupt before its child is entered would leave it behind.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                os.close(read)
                _work(range(number, pieces, count), work, tally, write, parent)
            children[child] = read
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(write)
        answers = [_answer(child, read) for child, read in children.items()]
    finally:
        _end(children)
        signal.signal(signal.SIGINT, before)
    return _added(answers, tally)


def _work(pieces: range, work: Work, tally: Tally, write: int, parent: int) -> None:
    """Do some pieces, write how they ended as one line of JSON, and leave: never returns."""
    code = 1
    try:
        tally.spent, found = 0, list[Sequence[int]]()
        answer: dict[str, Any] = {}
        try:
            for piece in pieces:
                # Nobody reads what an orphan finds.
                if os.getppid() != parent:
                    return
                found.append(work(piece))
            sums = list(map(sum, zip(*found, strict=True)))
            once = [[list(key), cost] for key, cost in tally.once.items()]
            answer = {"sums": sums, "spent": tally.spent, "once": once}
        except Refusal as refusal:
            answer = {"refusal": [refusal.word, refusal.reason, refusal.sentence]}
        except MemoryError:
            found.clear()
            answer = {"refusal": ["DECLINED", "limit", "out of memory."]}
        data = json.dumps(answer).encode() + b"\n"
        while data:
            data = data[os.write(write, data) :]
        code = 0
    finally:
        os._exit(code)


def _answer(child: int, read: int) -> dict[str, Any]:
    """Return what a worker wrote; anything but a whole line, and an exit code of 0, is an error."""
    data = b""
    while chunk := os.read(read, 2**16):
        data += chunk
    _, status = os.waitpid(child, 0)
    if status or not data.endswith(b"\n"):
        raise RuntimeError("a worker process ended without an answer")
    found: dict[str, Any] = json.loads(data)
    return found


def _end(children: dict[int, int]) -> None:
    """Stop what still runs, and close what was read."""
    while children:
        child, read = children.popitem()
        os.close(read)
        try:
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                os.kill(child, signal.SIGTERM)
                os.waitpid(child, 0)
        except ChildProcessError:
            continue


def _added(answers: list[dict[str, Any]], tally: Tally) -> list[int]:
    for answer in answers:
        if "refusal" in answer:
            word, *why = answer["refusal"]
            raise (Declined if word == Declined.word else Rejected)(*why)
    once = {tuple(_hashable(key)): cost for x in answers for key, cost in x["once"]}
    tally.charge(sum(x["spent"] for x in answers) + sum(once.values()))
    return [sum(column) for column in zip(*(x["sums"] for x in answers), strict=True)]


def _hashable(key: list[Any]) -> list[Any]:
    return [tuple(x) if isinstance(x, list) else x for x in key]
