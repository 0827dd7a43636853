"""The tensors of a one-layer transformer: names, shapes, refusals."""

from __future__ import annotations

from collections.abc import Iterable

from ballproof.models.architectures.architecture import LinearName, Shape, Shapes
from ballproof.models.architectures.attention_only.layout import (
    B_K,
    B_O,
    B_Q,
    B_U,
    B_V,
    BIAS_NAMES,
    DEEPER,
    W_E,
    W_K,
    W_O,
    W_POS,
    W_Q,
    W_U,
    W_V,
    refuse_names,
)
from ballproof.models.architectures.attention_only.layout import LINEAR as ONE_HEAD_LINEAR
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Dims

__all__ = [
    "ALWAYS",
    "B_IN",
    "B_K",
    "B_O",
    "B_OUT",
    "B_Q",
    "B_U",
    "B_V",
    "LINEAR",
    "MLP_NAMES",
    "OPTIONAL",
    "SIZES",
    "W_E",
    "W_IN",
    "W_K",
    "W_O",
    "W_OUT",
    "W_POS",
    "W_Q",
    "W_U",
    "W_V",
    "check_layout",
    "check_names",
    "expected_shapes",
    "fits",
]

W_IN, B_IN = "blocks.0.mlp.W_in", "blocks.0.mlp.b_in"
W_OUT, B_OUT = "blocks.0.mlp.W_out", "blocks.0.mlp.b_out"

ALWAYS = (W_E, W_Q, W_K, W_V, W_O, W_U)
MLP_NAMES = (W_IN, W_OUT, B_IN, B_OUT)
# What a file may leave out, and is zero then.
OPTIONAL = (W_POS, *BIAS_NAMES, B_IN, B_OUT)
SIZES = ("d_vocab", "n_ctx", "d_model", "n_heads", "d_head", "d_mlp", "d_vocab_out")
LINEAR = {
    **ONE_HEAD_LINEAR,
    "blocks.0.mlp.in.weight": LinearName(W_IN, transposed=True),
    "blocks.0.mlp.in.bias": LinearName(B_IN),
    "blocks.0.mlp.out.weight": LinearName(W_OUT, transposed=True),
    "blocks.0.mlp.out.bias": LinearName(B_OUT),
}


def expected_shapes(shape: Shape) -> dict[str, Dims]:
    """Shape of every tensor that a model of these sizes may hold, as it stands in the file."""
    v, d, m, out = shape.d_vocab, shape.d_model, shape.d_mlp, shape.d_vocab_out
    heads, h = shape.n_heads, shape.d_head
    mlp: dict[str, Dims] = {W_IN: (d, m), W_OUT: (m, d), B_IN: (m,), B_OUT: (d,)} if m else {}
    return {
        W_E: (v, d),
        W_POS: (shape.n_ctx, d),
        **dict.fromkeys((W_Q, W_K, W_V), (heads, d, h)),
        W_O: (heads, h, d),
        W_U: (d, out),
        **dict.fromkeys((B_Q, B_K, B_V), (heads, h)),
        B_O: (d,),
        B_U: (out,),
        **mlp,
    }


def fits(shapes: Shapes) -> bool:
    """Say whether these may be the tensors of such a model, by names and number of heads."""
    known = {*ALWAYS, *OPTIONAL, *MLP_NAMES}
    if shapes.keys() <= known and shapes.keys() >= {*ALWAYS}:
        return True
    if any(map(DEEPER.fullmatch, shapes)):
        return False
    several = len(shapes.get(W_Q, ())) == 3 and shapes[W_Q][0] != 1
    return several or any(".mlp." in name for name in shapes)


def check_layout(shapes: Shapes, source: str) -> Shape:
    """Return the sizes of a model whose tensors have these names and shapes, buffers left out.

    Raises ModelError for any tensor that is missing, unknown, unsupported or of another shape.
    """
    check_names(shapes, source)
    needed = [*ALWAYS, *((W_IN, W_OUT) if shapes.keys() & {*MLP_NAMES} else ())]
    for name in needed:
        if name not in shapes:
            raise ModelError(f"{source} has no tensor {name}, which a model of its kind needs.")
    shape = _sizes(shapes, source)
    expected = expected_shapes(shape)
    for name, dims in expected.items():
        if shapes.get(name, dims) != dims:
            raise ModelError(
                f"{source}: {name} has shape {list(shapes[name])}, where {list(dims)} is "
                f"expected from the shapes of {W_E}, {W_Q}, {W_U} and what else gives a size."
            )
    return shape


def check_names(names: Iterable[str], source: str) -> None:
    """Raise ModelError for a tensor that is no part of the layout, with the reason if it is known.

    Buffers are left out.
    """
    unknown = set(names) - {*ALWAYS, *OPTIONAL, *MLP_NAMES}
    refuse_names(unknown, "a one-layer model", source)


def _sizes(shapes: Shapes, source: str) -> Shape:
    ranks = {W_E: 2, W_POS: 2, W_Q: 3, W_U: 2, W_IN: 2}
    for name, dims in shapes.items():
        rank = ranks.get(name, len(dims))
        if len(dims) != rank:
            raise ModelError(
                f"{source}: {name} has shape {list(dims)}, where {rank} axes are expected."
            )
        if 0 in dims:
            raise ModelError(f"{source}: {name} has shape {list(dims)}, which holds no numbers.")
    heads, d_model, d_head = shapes[W_Q]
    return Shape(
        d_vocab=shapes[W_E][0],
        n_ctx=shapes[W_POS][0] if W_POS in shapes else 0,
        d_model=d_model,
        d_head=d_head,
        d_vocab_out=shapes[W_U][1],
        n_heads=heads,
        d_mlp=shapes[W_IN][1] if W_IN in shapes else 0,
        stated=SIZES,
    )
