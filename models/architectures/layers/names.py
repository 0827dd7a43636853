"""What the tensors of deep transformers are called: the HookedTransformer layout, by layer."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ballproof.models.architectures.architecture import LinearName
from ballproof.models.architectures.attention_only.layout import B_U, W_E, W_POS, W_U

__all__ = [
    "B_U",
    "FINAL_B",
    "FINAL_W",
    "LINEAR",
    "MAX_LAYERS",
    "W_E",
    "W_POS",
    "W_U",
    "bias_of_readout",
    "in_layer",
    "is_known",
    "layers_named",
    "readouts_named",
    "weight_of_readout",
]

MAX_LAYERS = 16
FINAL_W, FINAL_B = "ln_final.w", "ln_final.b"

_LAYER = re.compile(
    r"(?a:blocks\.(0|[1-9]\d?)\."
    r"(?:attn\.[Wb]_[QKVO]|ln[12]\.[wb]|mlp\.(?:W_in|W_gate|W_out|b_in|b_out)))"
)
_READOUT = re.compile(r"(?a:readout\.[Wb]_hidden\.([1-9]\d?))")
_ENDS = {W_E, W_POS, W_U, B_U, FINAL_W, FINAL_B}


def in_layer(layer: int, name: str) -> str:
    """Return the name of a layer's tensor, as in blocks.1.attn.W_Q."""
    return f"blocks.{layer}.{name}"


def weight_of_readout(number: int) -> str:
    """Return the name of the weight of hidden readout layer 1, 2, .."""
    return f"readout.W_hidden.{number}"


def bias_of_readout(number: int) -> str:
    """Return the name of the bias of hidden readout layer 1, 2, .."""
    return f"readout.b_hidden.{number}"


def is_known(name: str) -> bool:
    """Say whether a tensor of some deep model has this name."""
    return name in _ENDS or bool(_LAYER.fullmatch(name) or _READOUT.fullmatch(name))


def layers_named(names: Iterable[str]) -> set[int]:
    """Return the numbers of the layers that these names belong to."""
    return {int(match[1]) for match in map(_LAYER.fullmatch, names) if match}


def readouts_named(names: Iterable[str]) -> set[int]:
    """Return the numbers of the hidden readout layers that these names belong to."""
    return {int(match[1]) for match in map(_READOUT.fullmatch, names) if match}


def _linear_of(layer: int) -> dict[str, LinearName]:
    """Return what the tensors of a layer are called in the layout of linear layers."""
    names = {}
    for word in ("q", "k", "v"):
        at, letter = in_layer(layer, f"attn.{word}"), word.upper()
        weight, bias = in_layer(layer, f"attn.W_{letter}"), in_layer(layer, f"attn.b_{letter}")
        names[f"{at}.weight"] = LinearName(weight, transposed=True, merged_heads=True)
        names[f"{at}.bias"] = LinearName(bias, merged_heads=True)
    out, b_out = in_layer(layer, "attn.W_O"), in_layer(layer, "attn.b_O")
    at = in_layer(layer, "attn.o")
    names[f"{at}.weight"] = LinearName(out, transposed=True, merged_heads=True, heads_last=True)
    names[f"{at}.bias"] = LinearName(b_out)
    for word in ("in", "gate", "out"):
        at = in_layer(layer, f"mlp.{word}")
        names[f"{at}.weight"] = LinearName(in_layer(layer, f"mlp.W_{word}"), transposed=True)
        if word != "gate":
            names[f"{at}.bias"] = LinearName(in_layer(layer, f"mlp.b_{word}"))
    for word in ("ln1", "ln2"):
        at = in_layer(layer, word)
        names |= {f"{at}.weight": LinearName(f"{at}.w"), f"{at}.bias": LinearName(f"{at}.b")}
    return names


# The layout of linear layers: TransformerBridge, or plain nn.Linear and nn.Embedding modules.
LINEAR = {
    "embed.weight": LinearName(W_E),
    "pos_embed.weight": LinearName(W_POS),
    "pos_embed.W_pos": LinearName(W_POS),
    **{name: to for layer in range(MAX_LAYERS) for name, to in _linear_of(layer).items()},
    "ln_final.weight": LinearName(FINAL_W),
    "ln_final.bias": LinearName(FINAL_B),
    "unembed.weight": LinearName(W_U, transposed=True),
    "unembed.bias": LinearName(B_U),
}
