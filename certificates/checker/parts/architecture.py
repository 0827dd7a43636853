"""Architectures: what a model of the stated parts computes, and what strategies are given of it."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from arithmetic.tally import Tally
from files.tensors import Tensor
from files.verdict import Declined
from parts import attention_only, float32, one_layer, pair
from tasks.task import Task

# What a row makes of the tensors, and reads alone but for `shape`: the sizes by name.
Model = Any
# What strategies may need, each made for a margin n/d and a task.
ONE_HEAD, FACTORS, PROGRAM = "tables of one head", "factors of one head", "a program"
Maker = Callable[[Model, tuple[int, int], Task, Tally], Any]
Parts = list[dict[str, Any]]


class Architecture(NamedTuple):
    """The models that are made of some parts, in an order.

    `words` gives the parts with their settings, as the verdict prints them, and declines those that
    are not served; `read` is told the parts and the sizes. `sizes` are the names of the sizes. `deviation` bounds how far each logit
    gap of the float32 program may be from the real one (T12), None where this is not known.
    """

    words: Callable[[Parts], str]
    sizes: tuple[str, ...]
    read: Callable[[dict[str, Tensor], Parts, dict[str, int]], Model]
    gives: dict[str, Maker]
    deviation: Callable[[Model, Tally], Fraction] | None


_ONE_HEAD = Architecture(
    attention_only.words,
    attention_only.Shape._fields,
    attention_only.read_model,
    # The factors of its tables are its weights.
    {
        ONE_HEAD: attention_only.tables,
        FACTORS: lambda model, *_: model,
        PROGRAM: one_layer.program_of_one_head,
    },
    float32.deviation,
)
_ONE_LAYER = Architecture(
    one_layer.words,
    one_layer.Shape._fields,
    one_layer.read_model,
    {PROGRAM: one_layer.program},
    None,
)
_PAIR = Architecture(pair.words, pair.Shape._fields, pair.read_model, {PROGRAM: pair.program}, None)
# Parts by name, in their order, and the architectures that have them: the first that serves them.
ARCHITECTURES: dict[tuple[str, ...], tuple[Architecture, ...]] = {
    ("embed", "positions", "attention", "readout"): (_ONE_HEAD, _ONE_LAYER),
    ("embed", "attention", "readout"): (_ONE_LAYER,),
    ("embed", "positions", "attention", "mlp", "readout"): (_ONE_LAYER,),
    ("embed", "attention", "mlp", "readout"): (_ONE_LAYER,),
    ("pair", "mlp", "readout"): (_PAIR,),
}


def architecture_of(value: Any) -> tuple[Architecture, Parts]:
    """Return the architecture of the parts that `claim.model.parts` states, or decline them."""
    parts = value if isinstance(value, list) else [value]
    names = tuple(str(x.get("part")) if isinstance(x, dict) else ascii(x) for x in parts)
    refusal = Declined("unsupported", f"claim.model.parts: no model of {','.join(names)[:200]!a}.")
    for row in ARCHITECTURES.get(names, ()):
        try:
            row.words(parts)
        except Declined as error:
            refusal = error
        else:
            return row, parts
    raise refusal
