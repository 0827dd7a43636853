"""The time that one claim may take: what is not decided by then is said to be undecided."""

from __future__ import annotations

import time

from ballproof.verifier.counting.goal import Progress


class OutOfTimeError(RuntimeError):
    """A claim has used up its seconds."""


class Deadline:
    """Seconds that start now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def require(self) -> None:
        """Raise OutOfTimeError if the time is up."""
        if time.monotonic() > self._end:
            raise OutOfTimeError(f"not decided within {self.seconds:g} seconds")

    def watched(self, progress: Progress) -> Progress:
        """Return a report of progress that raises OutOfTimeError once the time is up."""

        def report(done: int, every: int) -> None:
            self.require()
            progress(done, every)

        return report
