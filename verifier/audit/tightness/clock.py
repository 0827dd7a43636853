"""Time for work that may be given up: phases that report progress and end when it runs out."""

from __future__ import annotations

from time import monotonic

from ballproof.verifier.counting.goal import Progress

STEPS = 1000


class OutOfTimeError(Exception):
    """There was no time for a phase."""


class Clock:
    """Some seconds for several phases, reported as one piece of work."""

    def __init__(self, seconds: float, progress: Progress, phases: int) -> None:
        self.started, self.seconds = monotonic(), seconds
        self.progress, self.phases, self.begun = progress, phases, 0

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return monotonic() - self.started

    def phase(self, share: float = 1.0) -> Progress:
        """Return what a phase reports to; it raises OutOfTimeError past a share of the time."""
        index = min(self.begun, self.phases - 1)
        self.begun += 1

        def report(done: int, every: int) -> None:
            step = STEPS * done // max(every, 1)
            self.progress(STEPS * index + step, STEPS * self.phases)
            if self.spent > share * self.seconds:
                raise OutOfTimeError

        report(0, 1)
        return report
