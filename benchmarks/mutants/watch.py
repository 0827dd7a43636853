"""Ask about one mutant under a watch: what was answered, how long it took, and what was wrong."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from support.truth import FalseAnswer, ask, hold_answer

from files.verdict import Refusal
from mutants.make import BUDGET, Bounded, Mutant

SLOW = 60.0
LARGE = 2**31
STOP = 65.0
EXPLAINED = 0.3


class Stopped(BaseException):
    """The answer took too long to be waited for."""


def answered(mutant: Mutant, rng: Random) -> dict[str, Any]:
    """Return one line of the results; `finding` is None where nothing is wrong.

    Seconds are of this process's own CPU time, which other work on the machine does not lengthen.
    """
    answer: Any = None
    if mutant.kind == "hard":
        # A refusal keeps what it was raised about until it is collected: that was another mutant's.
        gc.collect()
    forget_peak()
    started, wall = time.process_time(), time.monotonic()
    try:
        with stopped_after(STOP):
            answer = ask(mutant.truth.weights, mutant.cert, BUDGET)
        finding = None
    except Stopped:
        finding = f"no answer in {STOP:.0f} s"
    except Exception as error:
        finding = f"{type(error).__name__}: {error}"[:400]
    seconds, elapsed = time.process_time() - started, time.monotonic() - wall
    memory = peak()
    if finding is None:
        finding = contradiction(mutant, answer, rng)
    row = {"number": mutant.number, "kind": mutant.kind, "strategy": mutant.strategy}
    row |= {"did": mutant.did, "answer": word(answer), "seconds": round(seconds, 4)}
    row |= {"elapsed": round(elapsed, 3), "bytes": len(mutant.cert), "memory": memory}
    return row | {"finding": finding}


def forget_peak() -> None:
    """Count the peak of this process's memory from here on, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    """Return the peak of this process's memory in bytes, 0 where the system does not tell."""
    with suppress(OSError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    return 0


def contradiction(mutant: Mutant, answer: Any, rng: Random) -> str | None:
    """Return what is not true of the answer, or of what is explained of some that are verified."""
    try:
        if isinstance(mutant.truth, Bounded) or rng.random() > EXPLAINED:
            hold_answer(mutant.truth, mutant.cert, answer, rng, 0)
        else:
            hold_answer(mutant.truth, mutant.cert, answer, rng, 2)
    except FalseAnswer as error:
        return f"false: {error}"
    except Exception as error:
        return f"explaining: {type(error).__name__}: {error}"[:400]
    return None


def word(answer: Any) -> str:
    """Return VERIFIED, the reason of a refusal, or `none`."""
    if answer is None:
        return "none"
    return str(answer.reason) if isinstance(answer, Refusal) else "VERIFIED"


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise Stopped in the block after so much CPU time."""

    def stop(*_: object) -> None:
        raise Stopped

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)
