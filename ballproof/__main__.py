"""The command `ballproof`, also `python -m ballproof`: an interrupt at any moment is one line."""

# Nothing else is imported here: an interrupt must find `main` at work as early as it can.
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

INTERRUPTED, TERMINATED = 130, 143
UNWRITABLE, CLOSED = 70, 141


class _Remarks:
    """Standard error, where what cannot be written is not missed: the exit code tells."""

    def __init__(self, file: "TextIO") -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, or not."""
        try:
            return self._file.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Write out what is left, or not; Python would replace the exit code by 120."""
        try:
            self._file.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def main() -> int:
    """Run the command and return its exit code."""
    try:
        import signal

        heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        numbers = [signal.SIGTERM, *([signal.SIGINT] if heeded else [])]
        # While modules load there is nothing to put in order, and Python can lose an exception.
        _handle(numbers, _leave)
        lost = _open_streams()
        from ballproof.verifier.commands.main import main as command

        sys.unraisablehook = _report_lost
        _handle(numbers, _raise)
        code = command()
        _handle(numbers, _leave)
        return _flushed(code, lost)
    except KeyboardInterrupt as error:
        _leave(15 if error.args else 2)
        return INTERRUPTED


def _handle(numbers: "Sequence[int]", action: "Callable[..., None]") -> None:
    import signal

    for number in numbers:
        signal.signal(number, action)


def _open_streams() -> bool:
    """Put something in the place of closed streams; return whether standard output was closed."""
    lost = sys.stdout is None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 open to the end
    sys.stderr = _Remarks(sys.stderr)
    return lost


def _flushed(code: int, lost: bool) -> int:
    """Write out what is left, and return the exit code: never success if the output was lost.

    Python would write at its end, and replace the code by 120.
    """
    try:
        if lost:
            raise OSError("it is closed")
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return CLOSED
    except (OSError, ValueError) as error:
        _discard_output()
        _say(f"standard output cannot be written: {error}")
        return UNWRITABLE
    return code


def _discard_output() -> None:
    """Let what is left for standard output vanish."""
    if not sys.stdout.closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(sentence: str) -> None:
    try:
        os.write(2, f"ballproof: {sentence}\n".encode())
    except OSError:
        return


def _raise(number: int, frame: object) -> None:
    """Let the command put things in order; a second interrupt ends it at once."""
    import signal

    signal.signal(number, _leave)
    # An argument tells the command that it was SIGTERM.
    raise KeyboardInterrupt(*(["terminated"] if number == signal.SIGTERM else []))


def _report_lost(lost: "sys.UnraisableHookArgs") -> None:
    """Leave where an interrupt came in a place that cannot raise: it would be forgotten."""
    if lost.exc_type is KeyboardInterrupt:
        _leave(15 if lost.exc_value and lost.exc_value.args else 2)
    sys.__unraisablehook__(lost)


def _leave(number: int, *_: object) -> None:
    """Say that the command was interrupted or terminated, and end at once."""
    terminated = number == 15
    _say("terminated" if terminated else "interrupted")
    os._exit(TERMINATED if terminated else INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
