"""Architectures: what a model of the stated parts computes, and what strategies are given of it."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from arithmetic.tally import Tally
from files.tensors import Tensor
from files.verdict import Declined
from parts import attention_only, float32

# What a row makes of the tensors, and reads alone but for `shape`: the sizes by name.
Model = Any
# What strategies may need, each made for a margin n/d and a range of answers.
ONE_HEAD, FACTORS = "tables of one head", "factors of one head"
Maker = Callable[[Model, tuple[int, int], range, Tally], Any]


class Architecture(NamedTuple):
    """The models that are made of some parts, in an order.

    `words` are the parts with their settings, as the verdict prints them; `require_settings`
    declines all others. `sizes` are the names of the sizes. `deviation` bounds how far each logit
    gap of the float32 program may be from the real one (T12), None where this is not known.
    """

    words: str
    sizes: tuple[str, ...]
    require_settings: Callable[[list[dict[str, Any]]], None]
    read: Callable[[dict[str, Tensor]], Model]
    gives: dict[str, Maker]
    deviation: Callable[[Model, Tally], Fraction] | None


# Parts by name, in their order.
ARCHITECTURES: dict[tuple[str, ...], Architecture] = {
    ("embed", "positions", "attention", "readout"): Architecture(
        attention_only.WORDS,
        attention_only.Shape._fields,
        attention_only.require_settings,
        attention_only.read_model,
        # The factors of its tables are its weights.
        {ONE_HEAD: attention_only.tables, FACTORS: lambda model, *_: model},
        float32.deviation,
    ),
}


def architecture_of(value: Any) -> Architecture:
    """Return the architecture of the parts that `claim.model.parts` states, or decline them."""
    parts = value if isinstance(value, list) else [value]
    names = tuple(str(x.get("part")) if isinstance(x, dict) else ascii(x) for x in parts)
    row, stated = ARCHITECTURES.get(names), ",".join(names)
    if row is None:
        raise Declined("unsupported", f"claim.model.parts: no model of {stated[:200]!a}.")
    row.require_settings(parts)
    return row
