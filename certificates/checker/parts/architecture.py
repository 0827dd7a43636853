"""What an architecture is: the function of models of stated parts, and what strategies get."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from arithmetic.tally import Tally
from files.tensors import Tensor
from files.verdict import decline_unless
from tasks.task import Task

# What a row makes of the tensors, and reads alone but for `shape`: the sizes by name.
Model = Any
# Entries of the largest table: what keeps memory bounded, whatever the budget.
MAX_TABLE = 2**22
# What strategies may need, each made for a margin n/d and a task.
ONE_HEAD, FACTORS, PROGRAM = "tables of one head", "factors of one head", "a program"
HEADS, LAYERS = "a program with heads", "layers in sequence"
Maker = Callable[[Model, tuple[int, int], Task, Tally], Any]
Parts = list[dict[str, Any]]


class Architecture(NamedTuple):
    """The models that are made of some parts, in an order.

    `words` gives the parts with their settings, as the verdict prints them, and declines those that
    are not served. `sizes` are the names of the sizes; `read` is told both. `deviation` bounds how
    far each logit gap of the float32 program may be from the real one (T12), None where this is not
    known.
    """

    words: Callable[[Parts], str]
    sizes: tuple[str, ...]
    read: Callable[[dict[str, Tensor], Parts, dict[str, int]], Model]
    gives: dict[str, Maker]
    deviation: Callable[[Model, Tally], Fraction] | None


def require_settings(parts: Parts, served: Sequence[dict[str, Any]]) -> None:
    """Decline a part with a setting that is missing, unknown or another than is served, by name."""
    for part, expected in zip(parts, served, strict=True):
        for key in sorted({*part, *expected}):
            # As text: true is no 1.
            stated, known = (ascii(x[key]) if key in x else "not set" for x in (part, expected))
            sentence = f"claim.model.parts: {key[:80]!a} of {expected['part']} is {stated[:80]}"
            decline_unless(stated == known, "unsupported", f"{sentence}; served is {known}.")
