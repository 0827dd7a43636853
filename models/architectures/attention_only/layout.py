"""The tensors of a one-layer, one-head, attention-only transformer: names, shapes, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ballproof.models.architectures.architecture import LinearName, Shape, Shapes
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Dims

W_E, W_POS, W_U = "embed.W_E", "pos_embed.W_pos", "unembed.W_U"
W_Q, W_K = "blocks.0.attn.W_Q", "blocks.0.attn.W_K"
W_V, W_O = "blocks.0.attn.W_V", "blocks.0.attn.W_O"
B_Q, B_K = "blocks.0.attn.b_Q", "blocks.0.attn.b_K"
B_V, B_O = "blocks.0.attn.b_V", "blocks.0.attn.b_O"
B_U = "unembed.b_U"

WEIGHT_NAMES = (W_E, W_POS, W_Q, W_K, W_V, W_O, W_U)
BIAS_NAMES = (B_Q, B_K, B_V, B_O, B_U)
# The layout of linear layers: TransformerBridge, or plain nn.Linear and nn.Embedding modules.
LINEAR = {
    "embed.weight": LinearName(W_E),
    "pos_embed.weight": LinearName(W_POS),
    "pos_embed.W_pos": LinearName(W_POS),
    "blocks.0.attn.q.weight": LinearName(W_Q, transposed=True, merged_heads=True),
    "blocks.0.attn.k.weight": LinearName(W_K, transposed=True, merged_heads=True),
    "blocks.0.attn.v.weight": LinearName(W_V, transposed=True, merged_heads=True),
    "blocks.0.attn.o.weight": LinearName(W_O, transposed=True, merged_heads=True, heads_last=True),
    "unembed.weight": LinearName(W_U, transposed=True),
    "blocks.0.attn.q.bias": LinearName(B_Q, merged_heads=True),
    "blocks.0.attn.k.bias": LinearName(B_K, merged_heads=True),
    "blocks.0.attn.v.bias": LinearName(B_V, merged_heads=True),
    "blocks.0.attn.o.bias": LinearName(B_O),
    "unembed.bias": LinearName(B_U),
}

# Names that no model of one layer without normalisation has, whatever else they are.
DEEPER = re.compile(
    r"(?a:blocks\.[1-9]\d*\..*|(?:blocks\.\d+\.ln\w*|ln_?\w*)\..*|blocks\.\d+\.mlp\.(?:W_)?gate.*|"
    r"readout\..*)"
)
# Names that say what the model has that this project does not support, and how to say so.
_UNSUPPORTED = (
    (
        re.compile(r"(^|\.)mlp\."),
        "is no part of an MLP of W_in, b_in, W_out and b_out, the kind that is supported",
    ),
)


def expected_shapes(shape: Shape) -> dict[str, Dims]:
    """Shape of every tensor that a model of these sizes may hold, as it stands in the file."""
    v, k, d, h = shape.d_vocab, shape.n_ctx, shape.d_model, shape.d_head
    out = shape.d_vocab_out
    into_head = dict.fromkeys((W_Q, W_K, W_V), (1, d, h))
    head_biases = dict.fromkeys((B_Q, B_K, B_V), (1, h))
    return {
        W_E: (v, d),
        W_POS: (k, d),
        **into_head,
        W_O: (1, h, d),
        W_U: (d, out),
        **head_biases,
        B_O: (d,),
        B_U: (out,),
    }


def fits(shapes: Shapes) -> bool:
    """Say whether these may be the tensors of such a model, by their names and number of heads."""
    named = shapes.keys() <= {*WEIGHT_NAMES, *BIAS_NAMES} and shapes.keys() >= {*WEIGHT_NAMES}
    return named and shapes[W_Q][:-2] == (1,)


def check_layout(shapes: Shapes, source: str) -> Shape:
    """Return the sizes of a model whose tensors have these names and shapes, buffers left out.

    Raises ModelError for any tensor that is missing, unknown, unsupported or of another shape.
    """
    check_names(shapes, source)
    for name in WEIGHT_NAMES:
        if name not in shapes:
            raise ModelError(f"{source} has no tensor {name}, which every model needs.")
    shape = _sizes(shapes, source)
    for name, dims in shapes.items():
        _check_dims(name, dims, expected_shapes(shape)[name], source)
    return shape


def check_names(names: Iterable[str], source: str) -> None:
    """Raise ModelError for a tensor that is no part of the layout, with the reason if it is known.

    Buffers are left out.
    """
    unknown = set(names) - {*WEIGHT_NAMES, *BIAS_NAMES}
    refuse_names(unknown, "a one-layer attention-only model", source)


def refuse_names(unknown: Iterable[str], kind: str, source: str) -> None:
    """Raise ModelError for the first of these names of tensors, none of which is known."""
    # A name with a reason says more than the first that has none.
    for name in sorted(unknown):
        for pattern, reason in _UNSUPPORTED:
            if pattern.search(name):
                raise ModelError(f"{source} holds the tensor {name!r}, which {reason}.")
    for name in sorted(unknown):
        raise ModelError(
            f"{source} holds the tensor {name!r}, which is no part of {kind} in the "
            "HookedTransformer layout (a key map renames tensors)."
        )


def _sizes(shapes: Shapes, source: str) -> Shape:
    for name, rank in ((W_E, 2), (W_POS, 2), (W_Q, 3), (W_U, 2)):
        if len(shapes[name]) != rank:
            raise ModelError(
                f"{source}: {name} has shape {list(shapes[name])}, where {rank} axes are expected."
            )
    for name, dims in shapes.items():
        if 0 in dims:
            raise ModelError(f"{source}: {name} has shape {list(dims)}, which holds no numbers.")
    d_vocab, d_model = shapes[W_E]
    return Shape(d_vocab, shapes[W_POS][0], d_model, shapes[W_Q][2], shapes[W_U][1])


def _check_dims(name: str, dims: Dims, expected: Dims, source: str) -> None:
    if dims == expected:
        return
    has_head_axis = ".attn." in name and name != B_O
    if has_head_axis and len(dims) == len(expected) and dims[0] != 1:
        raise ModelError(
            f"{source}: {name} has shape {list(dims)}, that is {dims[0]} heads, and models with "
            "one head are supported."
        )
    raise ModelError(
        f"{source}: {name} has shape {list(dims)}, where {list(expected)} is expected from the "
        f"shapes of {W_E}, {W_POS}, {W_Q} and {W_U}."
    )
