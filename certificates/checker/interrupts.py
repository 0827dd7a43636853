"""An interrupt ends the checker with one line and exit code 130, at any moment of its life."""

import os

INTERRUPTED = 130


def heed() -> None:
    """Let an interrupt end this process at once, unless it was started to ignore interrupts.

    Not by an exception: one that comes while modules load can be lost, or be taken for another.
    The checker writes no files, so there is nothing to put in order.
    """
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, leave)
    except KeyboardInterrupt:
        leave()


def leave(*_: object) -> None:
    """Say that the check was interrupted, and end at once."""
    os.write(2, b"checker: interrupted\n")
    os._exit(INTERRUPTED)
