"""Check a ballproof certificate against a weights file: `python3 -I -S checker MODEL CERT`.

Needs nothing but Python 3.11 and this folder. Exit code 0 means: the statement printed on the last
line follows from the weights in MODEL by the theorems in docs/theorems.md. The other exit codes: 1
REJECTED, 2 DECLINED, 64 usage, 70 internal error, 130 interrupted.
"""

if __name__ == "__main__":
    # First, so that an interrupt while the rest is loaded is one line as well.
    from interrupts import heed

    heed()

import argparse
import json
import re
import sys
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import NoReturn

from arithmetic.tally import Tally
from explain import Explanation, explanations
from files.claims import DEFAULT_MAX_OPERATIONS, MAX_FILE, Pins
from files.tensors import MAX_FILE as MAX_WEIGHTS
from files.verdict import (
    DECLINED,
    INTERNAL,
    INTERRUPTED,
    USAGE,
    VERIFIED,
    Declined,
    Refusal,
    Theorem,
)
from kernel import check, read
from session import Session
from trusts import trusted

_NUMBER = re.compile(r"[0-9]{1,1000}(\.[0-9]{1,1000}|/0*[1-9][0-9]{0,999})?")


class _Parser(argparse.ArgumentParser):
    """Argument errors are 64: the default, 2, would say DECLINED."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(USAGE)


def _number(text: str) -> tuple[int, int]:
    """Return (n, d) of an exact decimal ("0.99") or a fraction ("99/100"), in lowest terms."""
    if not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no exact decimal or fraction >= 0")
    return Fraction(text).as_integer_ratio()


def _parser() -> _Parser:
    parser = _Parser(prog="checker", description=__doc__, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="the weights, a safetensors file")
    parser.add_argument("certificate", metavar="CERT", help="the certificate, a JSON file")
    parser.add_argument("--at-least", type=_number, help="demand this accuracy, 0.99 or 99/100")
    parser.add_argument("--task", help="demand this task, for instance max-of-4")
    parser.add_argument("--semantics", help="demand these semantics, real or float32")
    parser.add_argument("--margin", type=_number, help="demand this margin, 0 or 1/10")
    budget = parser.add_argument("--max-operations", type=int, help="decline larger budgets")
    budget.default = DEFAULT_MAX_OPERATIONS
    processes = parser.add_argument("--processes", type=int, metavar="N", default=1)
    processes.choices = range(1, 257)
    processes.help = "share the inputs of several layers, or queries of several heads, among N"
    explain = parser.add_argument("--explain", action="append", default=[], metavar="TOKENS")
    explain.type = lambda text: tuple(map(int, text.split(",")))
    explain.help = "say what decides this sequence, such as 3,17,60,12"
    trusts = parser.add_argument("--trusts", action="store_true")
    trusts.help = "list the files that this claim rests on, with their lines of code"
    parser.add_argument("--json", action="store_true", help="print the verdict as a JSON object")
    return parser


def _read(path: str, limit: int) -> bytes:
    """Return a file's bytes, one more than the limit at most; exit 64 if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        print(f"checker: cannot read {path!r}: {error}", file=sys.stderr)
        sys.exit(USAGE)


def _verdict(arguments: argparse.Namespace, session: Session | None) -> int:
    pins = Pins(**{name: getattr(arguments, name) for name in Pins._fields})
    weights = _read(arguments.model, MAX_WEIGHTS)
    certificate = _read(arguments.certificate, MAX_FILE)
    try:
        if session and arguments.processes == 1:
            theorem = session.check(weights, certificate, pins)
        else:
            tally_of = partial(Tally, processes=arguments.processes)
            theorem = check(weights, certificate, pins, tally_of)
        reasons = arguments.explain and explanations(weights, certificate, pins, arguments.explain)
        sizes = trusted(read(weights, certificate, pins)[0]) if arguments.trusts else {}
    except Refusal as refusal:
        _print(refusal, arguments.json)
        return refusal.exit_code
    except MemoryError:
        _print(Declined("limit", "there is not enough memory."), arguments.json)
        return DECLINED
    _print(theorem, arguments.json, reasons or (), sizes)
    return VERIFIED


def _print(
    verdict: Theorem | Refusal,
    as_json: bool,
    reasons: Sequence[Explanation] = (),
    sizes: dict[str, int] | None = None,
) -> None:
    """Print the verdict; one that nobody can read is an internal error, not a success."""
    if sys.stdout is None:
        raise OSError("standard output is closed")
    sizes = sizes or {}
    added: dict[str, object] = {"trusts": sizes} if sizes else {}
    added |= {"explanations": [reason.fields() for reason in reasons]} if reasons else {}
    files = [f"t {size} lines of {path}" for path, size in sizes.items()]
    files += [f"t {sum(sizes.values())} lines in all"] if sizes else []
    text = "\n".join([*files, *(reason.line() for reason in reasons), verdict.line()])
    try:
        print(json.dumps(verdict.fields() | added) if as_json else text, flush=True)
    except OSError:
        sys.stdout = None  # Or the interpreter tries again, and replaces the exit code.
        raise


def _serve() -> int:
    """Answer each line of standard input, a JSON list of arguments, with one line of JSON.

    The first request that gets no verdict is the last; the exit code is the largest of all.
    """
    worst, session = VERIFIED, Session()
    for line in sys.stdin:
        try:
            worst = max(worst, main(["--json", *map(str.__str__, json.loads(line))], session))
        except (ValueError, TypeError, SystemExit):
            print("checker: a request is a JSON list of arguments", file=sys.stderr)
            return USAGE
        if worst >= USAGE:
            break
    return worst


def main(argv: Sequence[str], session: Session | None = None) -> int:
    """Run the checker, or with `--serve` alone many times; returns the exit code, never raises."""
    try:
        if list(argv) == ["--serve"] and session is None:
            return _serve()
        return _verdict(_parser().parse_args(argv), session)
    except KeyboardInterrupt:
        print("checker: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        # Standard error may be closed as well.
        print(f"checker: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        return INTERNAL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
