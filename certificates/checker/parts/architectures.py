"""The table of architectures, by the parts that a claim states."""

from typing import Any

from files.verdict import Declined
from parts import attention_only, float32, one_head_program, one_layer, pair
from parts.architecture import FACTORS, ONE_HEAD, PROGRAM, Architecture, Parts

_ONE_HEAD = Architecture(
    attention_only.words,
    attention_only.Shape._fields,
    attention_only.read_model,
    # The factors of its tables are its weights.
    {
        ONE_HEAD: attention_only.tables,
        FACTORS: lambda model, *_: model,
        PROGRAM: one_head_program.program,
    },
    float32.deviation,
)
# Parts by name, in their order, and the architectures that have them: the first that serves them.
ARCHITECTURES: dict[tuple[str, ...], tuple[Architecture, ...]] = {
    ("embed", "positions", "attention", "readout"): (_ONE_HEAD, one_layer.ROW),
    ("embed", "attention", "readout"): (one_layer.ROW,),
    ("embed", "positions", "attention", "mlp", "readout"): (one_layer.ROW,),
    ("embed", "attention", "mlp", "readout"): (one_layer.ROW,),
    ("pair", "mlp", "readout"): (pair.ROW,),
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
