"""The table of architectures, by the parts that a claim states."""

from typing import Any

from files.verdict import Declined
from parts import attention_only, final_norm, float32, layers, one_head_program, one_layer, pair
from parts import layers_function as function
from parts.architecture import FACTORS, HEADS, LAYERS, ONE_HEAD, PROGRAM, Architecture, Parts

_ONE_HEAD = Architecture(
    attention_only.words,
    attention_only.Shape._fields,
    attention_only.read_model,
    # The factors of its tables are its weights.
    {
        ONE_HEAD: attention_only.tables,
        FACTORS: lambda model, *_: model,
        PROGRAM: one_head_program.program,
        HEADS: one_head_program.program,
    },
    float32.deviation,
)
_READ = (layers.words, layers.Shape._fields, layers.read_model)
_LAYERS = Architecture(*_READ, {LAYERS: function.function, HEADS: final_norm.program}, None)
# The row of every list of parts that begins with `embed` and that no other row serves.
IN_SEQUENCE = ("embed", "layers", "readout")
# Parts by name, in their order, and the architectures that have them: the first that serves them.
ARCHITECTURES: dict[tuple[str, ...], tuple[Architecture, ...]] = {
    ("embed", "positions", "attention", "readout"): (_ONE_HEAD, one_layer.ROW),
    ("embed", "attention", "readout"): (one_layer.ROW,),
    ("embed", "positions", "attention", "mlp", "readout"): (one_layer.ROW,),
    ("embed", "attention", "mlp", "readout"): (one_layer.ROW,),
    ("pair", "mlp", "readout"): (pair.ROW,),
    IN_SEQUENCE: (_LAYERS,),
}


def architecture_of(value: Any) -> tuple[Architecture, Parts]:
    """Return the architecture of the parts that `claim.model.parts` states, or decline them."""
    parts = value if isinstance(value, list) else [value]
    names = tuple(str(x.get("part")) if isinstance(x, dict) else ascii(x) for x in parts)
    rows = ARCHITECTURES.get(names, ()) if names != IN_SEQUENCE else ()
    refusal = None
    for row in (*rows, *(ARCHITECTURES[IN_SEQUENCE] if names[:1] == ("embed",) else ())):
        try:
            row.words(parts)
        except Declined as error:
            # What is wrong is said by the last of the rows that have these parts, if there is one.
            refusal = error if row in rows or not rows else refusal
        else:
            return row, parts
    sentence = f"claim.model.parts: no model of {','.join(names)[:200]!a}."
    raise refusal or Declined("unsupported", sentence)
