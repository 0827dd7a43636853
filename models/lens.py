"""What configurations of TransformerLens say of a model beyond its tensors, as parts."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ballproof.models.architectures import Shapes
from ballproof.models.architectures.layers.design import Design, Layer, Norm
from ballproof.models.architectures.layers.layout import shown
from ballproof.models.architectures.layers.names import FINAL_W, in_layer
from ballproof.models.architectures.one_layer.settings import Settings
from ballproof.models.errors import ModelError

# By the library's names. Its gelu_fast has rounded constants, and is another function.
ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu-tanh",
    "gelu_pytorch_tanh": "gelu-tanh",
    "silu": "silu",
    "swish": "silu",
}
# The kind of each normalisation, and whether its weights are among the tensors.
NORMS = {"LN": ("layer", True), "LNPre": ("layer", False), "RMS": ("rms", True)}
NORMS["RMSPre"] = ("rms", False)
MASKS = {"causal": "causal", "bidirectional": "none"}
# Where there is a normalisation, these change what it does.
_OF_OTHER_NORMS = (
    "layer_norm_folding",
    "rmsnorm_uses_offset",
    "use_normalization_before_and_after",
    "post_embedding_ln",
)
Values = Mapping[str, object]


def design_of_config(values: Values, shapes: Shapes, source: str) -> Design | None:
    """Return the design that a configuration states of tensors with these shapes.

    None where it says nothing beyond what one layer without normalisation, with ReLU, has: mask and
    direction are one there. Raises ModelError, which names `source`, for what is not supported.
    """
    found = shown(shapes)
    norm = values.get("normalization_type")
    activation = _activation(values, found, source)
    deep = len(found.layers) > 1 or norm not in (None, "None") or activation not in (None, "relu")
    if not deep and not any(layer.gated for layer in found.layers):
        return None
    mask = values.get("attention_dir", "causal")
    if not isinstance(mask, str) or mask not in MASKS:
        raise ModelError(
            f"{source} states attention_dir = {mask!r}, where causal or bidirectional is supported."
        )
    inner, final = _norms(values, shapes, len(found.layers), source)
    layers = tuple(
        Layer(inner, inner, activation, layer.gated) if layer.activation else Layer(inner)
        for layer in found.layers
    )
    return Design(
        found.heads, layers, Settings(MASKS[mask]), found.positions, final, "last", found.readouts
    )


def _activation(values: Values, found: Design, source: str) -> str | None:
    """Return the activation, None where there is no MLP."""
    if not any(layer.activation for layer in found.layers):
        return None
    stated = values.get("act_fn")
    known = ACTIVATIONS.get(stated.lower()) if isinstance(stated, str) else None
    if known is None:
        raise ModelError(
            f"{source} states act_fn = {stated!r}, where an MLP with one of "
            f"{', '.join(ACTIVATIONS)} is supported."
        )
    return known


def _norms(
    values: Values, shapes: Shapes, layers: int, source: str
) -> tuple[Norm | None, Norm | None]:
    """Return the norm before attention and MLPs, and the final one."""
    name = values.get("normalization_type")
    if not isinstance(name, str) or name not in NORMS:
        return None, None
    for key in _OF_OTHER_NORMS:
        if values.get(key) not in (None, False):
            raise ModelError(
                f"{source} states {key} = {values[key]!r}, where {name} without it is supported."
            )
    kind, weighed = NORMS[name]
    if values.get("uses_rms_norm") is True and kind != "rms":
        raise ModelError(f"{source} states uses_rms_norm = True, and {name}, which is none.")
    _check_weights(name, weighed, shapes, layers, source)
    eps = _eps(name, values, source)
    final = "rms" if values.get("final_rms") else kind
    return Norm(kind, eps), Norm(final, eps)


def _check_weights(name: str, weighed: bool, shapes: Shapes, layers: int, source: str) -> None:
    """Raise ModelError if a norm has no weights that it should have, or has some."""
    expected = [FINAL_W]
    for layer in range(layers):
        expected.append(in_layer(layer, "ln1.w"))
        if in_layer(layer, "mlp.W_in") in shapes:
            expected.append(in_layer(layer, "ln2.w"))
    for each in expected:
        if (each in shapes) != weighed:
            has = "no tensor" if weighed else "the tensor"
            raise ModelError(f"{source} states {name}, where the model has {has} {each}.")


def _eps(name: str, values: Values, source: str) -> Fraction:
    """Return the exact number that the configuration writes: 1e-05 is 1/100000."""
    eps = values.get("eps")
    if isinstance(eps, bool) or not isinstance(eps, int | float) or not 0 <= eps < 1:
        raise ModelError(
            f"{source} states normalization_type = {name!r} and eps = {eps!r}, where a number from "
            "0 to 1 is expected."
        )
    return Fraction(repr(eps))
