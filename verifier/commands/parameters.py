"""Parameters and helpers that several commands share."""

from __future__ import annotations

import re
import sys
from fractions import Fraction
from pathlib import Path

import click

from ballproof.models.catalogue import resolve
from ballproof.models.comparison import assumptions
from ballproof.models.files import require_writable, write_atomically
from ballproof.models.task_choice import choose_task
from ballproof.models.tasks import Task
from ballproof.models.weights import Weights, load_weights
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.counting.float32 import SEMANTICS
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS

pass_terminal = click.make_pass_decorator(Terminal)
model_argument = click.argument("model")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for machines."
)
# A denominator is not zero.
_NUMBER = re.compile(r"[0-9]{1,1000}(\.[0-9]{1,1000}|/0*[1-9][0-9]{0,999})?")


class ExactNumber(click.ParamType[Fraction]):
    """A number >= 0 without rounding: 0.99 or 99/100."""

    name = "number"

    def convert(
        self, value: str | Fraction, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Return the exact value of a decimal or fraction."""
        if isinstance(value, Fraction):
            return value
        if not _NUMBER.fullmatch(value):
            self.fail(f"{value!r} is no exact decimal or fraction >= 0, such as 0.99 or 99/100.")
        return Fraction(value)


class Count(click.ParamType[int]):
    """A count of any size, with or without thousands separators."""

    name = "count"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the count."""
        if isinstance(value, int):
            return value
        digits = value.replace("_", "").replace(",", "")
        if not re.fullmatch(r"[0-9]{1,1000}", digits):
            self.fail(f"{value!r} is no count, such as 100000000 or 100_000_000.")
        return int(digits)


max_operations_option = click.option(
    "--max-operations",
    type=Count(),
    default=DEFAULT_MAX_OPERATIONS,
    show_default="10^11",
    help="The most operations that the check may take.",
)
semantics_option = click.option(
    "--semantics",
    type=click.Choice(SEMANTICS),
    default="real",
    show_default=True,
    help="real: the function in real numbers; float32: the program that runs, whatever the order "
    "of its sums.",
)
margin_option = click.option(
    "--margin",
    type=ExactNumber(),
    default=Fraction(0),
    show_default="0",
    help="Count an input as right only if the label's logit leads by more than this.",
)
task_option = click.option(
    "--task",
    "task_name",
    help="The question: max-of-4, min-of-4, rank-2-of-4, argmax-of-4, add-mod-113, product-in-s5, "
    "table:FILE, ...; left out, the one that the zoo or the file states, else max-of-k.",
)
out_option = click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, or - for standard output; an existing one is replaced once the new "
    "one is complete.",
)


def load_model(model: str) -> Weights:
    """Return the weights of a file or a zoo name."""
    return load_weights(resolve(model))


def asked_task(terminal: Terminal, weights: Weights, task_name: str | None) -> Task:
    """Return the task of --task, or the one that is known or assumed.

    What is assumed of the task or of the function is said.
    """
    task, assumption = choose_task(weights, task_name)
    for line in filter(None, (assumption, assumptions(weights))):
        terminal.remark(line)
    return task


class Output:
    """Where a command writes its main result: a file, or standard output for `-`.

    Made before the work begins: raises OSError where the file could not be written. With standard
    output, whatever else the command says goes to standard error.
    """

    def __init__(self, terminal: Terminal, path: Path, *, as_json: bool = False) -> None:
        self.path = path
        self.is_standard = str(path) == "-"
        if self.is_standard and as_json:
            raise click.UsageError("--json and --out - both write to standard output.")
        if self.is_standard:
            terminal.results = terminal.remarks
        else:
            require_writable(path)

    def write(self, data: bytes) -> None:
        """Write a whole file or nothing, or the bytes to standard output."""
        if self.is_standard:
            sys.stdout.buffer.write(data)
        else:
            write_atomically(self.path, data)

    def __str__(self) -> str:
        return "standard output" if self.is_standard else str(self.path)
