"""The command line as a function: exit codes and error sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ballproof.models.errors import ModelError
from ballproof.verifier.commands import ballproof
from ballproof.verifier.proving.checking import DECLINED, INTERNAL, INTERRUPTED, USAGE
from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.pipeline import NotApplicableError
from ballproof.verifier.strategies import UnknownStrategyError
from ballproof.verifier.study.events import WorkersLostError
from ballproof.verifier.study.store import StoreError

TERMINATED, CLOSED = 143, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no traceback reaches the user."""
    try:
        words = _quiet_first(sys.argv[1:] if arguments is None else arguments)
        # Not click's own `main`, which prints an empty line at an interrupt.
        with ballproof.make_context("ballproof", words) as context:
            return int(ballproof.invoke(context) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt) as error:
        terminated = isinstance(error, KeyboardInterrupt) and bool(error.args)
        return _fail(*(("terminated", TERMINATED) if terminated else ("interrupted", INTERRUPTED)))
    except BrokenPipeError:
        return CLOSED  # Nobody reads on; a line about it would be for nobody.
    except MemoryError:
        return _fail("limit: there is not enough memory", DECLINED)
    except (UnknownStrategyError, MissingExtraError, StoreError) as error:
        return _fail(str(error), USAGE)
    except (ModelError, NotApplicableError) as error:
        return _fail(str(error), DECLINED)
    except WorkersLostError as error:
        return _fail(f"{error} What was finished is kept: the same command goes on.", INTERNAL)
    except OSError as error:
        if error.errno and not error.filename:
            return _fail(f"standard output cannot be written: {error.strerror}", INTERNAL)
        return _fail(_sentence(error), USAGE)
    except Exception as error:
        return _fail(f"internal error: {type(error).__name__}: {error}", INTERNAL)


def _quiet_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with --quiet in front: it may stand before or after the command."""
    quiet = [word for word in arguments if word in ("-q", "--quiet")]
    return [*quiet, *(word for word in arguments if word not in quiet)]


def _fail(sentence: str, code: int) -> int:
    print(f"ballproof: {sentence}", file=sys.stderr)
    return code


def _sentence(error: OSError) -> str:
    if error.strerror and error.filename:
        return f"{error.filename!r}: {error.strerror}"
    return str(error)
