"""The command `ballproof`, also `python -m ballproof`: an interrupt at any moment is one line."""

# Nothing else is imported here: an interrupt must find `main` at work as early as it can.
import os
import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command and return its exit code."""
    try:
        import signal

        heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if heeded:
            # While modules load there is nothing to put in order, and Python can lose an exception.
            signal.signal(signal.SIGINT, _leave)
        from ballproof.verifier.commands.main import main as command

        if heeded:
            sys.unraisablehook = _report_lost
            signal.signal(signal.SIGINT, _raise)
        code = command()
        if heeded:
            signal.signal(signal.SIGINT, _leave)
        return code
    except KeyboardInterrupt:
        _leave()
        return INTERRUPTED


def _raise(number: int, frame: object) -> None:
    """Let the command put things in order; a second interrupt ends it at once."""
    import signal

    signal.signal(number, _leave)
    raise KeyboardInterrupt


def _report_lost(lost: "sys.UnraisableHookArgs") -> None:
    """Leave where an interrupt came in a place that cannot raise: it would be forgotten."""
    if lost.exc_type is KeyboardInterrupt:
        _leave()
    sys.__unraisablehook__(lost)


def _leave(*_: object) -> None:
    """Say that the command was interrupted, and end at once."""
    os.write(2, b"ballproof: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
