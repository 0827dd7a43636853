"""The tensors of deep transformers: names, shapes, refusals; and what a design has to fit."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ballproof.models.architectures.architecture import Shape, Shapes
from ballproof.models.architectures.attention_only.layout import DEEPER
from ballproof.models.architectures.layers.design import Design, Layer, Norm
from ballproof.models.architectures.layers.names import (
    B_U,
    MAX_LAYERS,
    W_E,
    W_POS,
    W_U,
    bias_of_readout,
    in_layer,
    is_known,
    layers_named,
    readouts_named,
    weight_of_readout,
)
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Dims

SIZES = (
    "d_vocab",
    "n_ctx",
    "d_model",
    "n_layers",
    "n_heads",
    "d_head",
    "d_mlp",
    "d_vocab_out",
)
_ATTENTION = ("W_Q", "W_K", "W_V", "W_O")
_W_Q = in_layer(0, "attn.W_Q")
# What a part of a name tells of, and what has to be stated then.
_TOLD = {
    "ln": "a LayerNorm or another norm, of some kind and eps",
    "W_gate": "a gated MLP of some activation",
    "readout.": "a readout of several layers at some position",
}


def fits(shapes: Shapes) -> bool:
    """Say whether these may be the tensors of such a model, by their names."""
    return any(map(DEEPER.fullmatch, shapes)) or (
        all(map(is_known, shapes)) and {*_needed(shapes, 1)} <= shapes.keys()
    )


def check_names(names: Iterable[str], source: str) -> None:
    """Raise ModelError for a tensor that is no part of the layout. Buffers are left out."""
    for name in sorted(names):
        if not is_known(name):
            raise ModelError(
                f"{source} holds the tensor {name!r}, which is no part of a model of several "
                "layers in the HookedTransformer layout (a key map renames tensors)."
            )


def check_layout(shapes: Shapes, source: str) -> Shape:
    """Return the sizes of a model whose tensors have these names and shapes, buffers left out.

    Raises ModelError for any tensor that is missing, unknown, unsupported or of another shape.
    """
    check_names(shapes, source)
    layers = _numbered(layers_named(shapes), 0, "layers", source)
    if not 1 <= layers <= MAX_LAYERS:
        raise ModelError(f"{source} has {layers} layers, where 1 to {MAX_LAYERS} are supported.")
    _numbered(readouts_named(shapes), 1, "hidden layers of the readout", source)
    for name in _needed(shapes, layers):
        if name not in shapes:
            raise ModelError(f"{source} has no tensor {name}, which a model of its kind needs.")
    shape = _sizes(shapes, layers, source)
    expected = _dims(shape, shown(shapes), hidden_widths(shapes))
    for name, dims in shapes.items():
        if dims != expected[name]:
            raise ModelError(
                f"{source}: {name} has shape {list(dims)}, where {list(expected[name])} is "
                f"expected from the shapes of {W_E}, {_W_Q}, {W_U} and what else gives a size."
            )
    return shape


def shown(shapes: Shapes) -> Design:
    """Return what tensors show of the design, with every norm that they may have.

    Activations are ReLU where there is nothing to tell.
    """
    some = Norm("layer", Fraction(0))
    layers = []
    for number in range(len(layers_named(shapes))):
        has_mlp = in_layer(number, "mlp.W_in") in shapes
        gated = in_layer(number, "mlp.W_gate") in shapes
        layers.append(Layer(some, some, "relu", gated) if has_mlp else Layer(some))
    readouts = 1 + len(readouts_named(shapes))
    heads = shapes[_W_Q][0] if shapes.get(_W_Q) else 0
    return Design(heads, tuple(layers), positions=W_POS in shapes, final=some, readouts=readouts)


def unstated(shapes: Shapes, source: str) -> Design:
    """Return the design of tensors of which a file states nothing: causal, ReLU, the last position.

    Raises ModelError where there is no telling: norms, gates and readouts of several layers.
    """
    for name in sorted(shapes):
        for word, what in _TOLD.items():
            if word in name:
                raise ModelError(
                    f"{source} holds the tensor {name!r}, which belongs to {what}; no tensor shows "
                    "it: `ballproof import --config` states it."
                )
    found = shown(shapes)
    layers = tuple(Layer(activation=layer.activation) for layer in found.layers)
    return Design(found.heads, layers, positions=found.positions)


def expected_shapes(
    shape: Shape, design: Design | None = None, widths: tuple[int, ...] = ()
) -> dict[str, Dims]:
    """Shape of every tensor that a model of these sizes may hold, as it stands in the file.

    Left out, the design is that of layers that are alike, without norms, with ReLU if there are
    neurons; `widths` are those of the readout's hidden layers.
    """
    if design is None:
        layer = Layer(activation="relu" if shape.d_mlp else None)
        design = Design(shape.n_heads, (layer,) * shape.n_layers)
    return _dims(shape, design, widths)


def optional_of(design: Design) -> tuple[str, ...]:
    """Return the tensors that a file may leave out, and are zero then: positions and biases."""
    return tuple(name for name in _named(design) if name == W_POS or ".b" in name)


def ones_of(design: Design) -> tuple[str, ...]:
    """Return the tensors that a file may leave out, and are one then: the weights of norms."""
    return tuple(name for name in _named(design) if name.endswith(".w"))


def _named(design: Design) -> dict[str, Dims]:
    """Return the tensors of a design; the sizes are of no model."""
    return _dims(Shape(1, 1, 1, 1), design, (1,) * (design.readouts - 1))


def check_design(design: Design, shapes: Shapes, n_ctx: int | None, source: str) -> None:
    """Raise ModelError if a design does not fit the tensors whose layout is right."""
    found = shown(shapes)
    for what, said, seen in (
        ("layers", len(design.layers), len(found.layers)),
        ("heads", design.heads, found.heads),
        ("layers of the readout", design.readouts, found.readouts),
        ("positions", design.positions, found.positions),
    ):
        if said != seen:
            raise ModelError(
                f"{source} states {said} as its {what} in its metadata, where its tensors have "
                f"{seen}."
            )
    for number, (one, other) in enumerate(zip(design.layers, found.layers, strict=True)):
        if (one.activation is None) != (other.activation is None) or one.gated != other.gated:
            raise ModelError(
                f"{source} states in its metadata another MLP of layer {number}, or none, than its "
                "tensors have."
            )
    if isinstance(design.position, int) and n_ctx and design.position >= n_ctx:
        raise ModelError(
            f"{source} reads out position {design.position}, where it has {n_ctx} positions."
        )
    allowed = expected_shapes(_sizes(shapes, len(design.layers), source), design)
    for name in sorted(shapes):
        if name not in allowed and not name.startswith("readout."):
            raise ModelError(
                f"{source} holds the tensor {name}, where the parts that its metadata states have "
                "no norm with such a tensor."
            )


def hidden_widths(shapes: Shapes) -> tuple[int, ...]:
    """Return the widths of the readout's hidden layers, as their weights show them."""
    count = len(readouts_named(shapes))
    weights = [shapes.get(weight_of_readout(i), ()) for i in range(1, count + 1)]
    return tuple(dims[-1] if dims else 0 for dims in weights)


def _dims(shape: Shape, design: Design, widths: tuple[int, ...]) -> dict[str, Dims]:
    d, heads, h, m = shape.d_model, shape.n_heads, shape.d_head, shape.d_mlp
    dims: dict[str, Dims] = {W_E: (shape.d_vocab, d), W_POS: (shape.n_ctx, d)}
    for number, layer in enumerate(design.layers):
        inner: dict[str, Dims] = {"attn.W_O": (heads, h, d)}
        inner |= dict.fromkeys(("attn.W_Q", "attn.W_K", "attn.W_V"), (heads, d, h))
        inner |= dict.fromkeys(("attn.b_Q", "attn.b_K", "attn.b_V"), (heads, h))
        inner |= {"attn.b_O": (d,), **_of_norm("ln1", layer.before_attention, d)}
        if layer.activation is not None:
            inner |= {"mlp.W_in": (d, m), "mlp.W_out": (m, d), "mlp.b_in": (m,), "mlp.b_out": (d,)}
            inner |= {"mlp.W_gate": (d, m)} if layer.gated else {}
            inner |= _of_norm("ln2", layer.before_mlp, d)
        dims |= {in_layer(number, name): size for name, size in inner.items()}
    dims |= _of_norm("ln_final", design.final, d)
    width = d
    for number, after in enumerate(widths, start=1):
        dims |= {weight_of_readout(number): (width, after), bias_of_readout(number): (after,)}
        width = after
    return dims | {W_U: (width, shape.d_vocab_out), B_U: (shape.d_vocab_out,)}


def _of_norm(name: str, norm: Norm | None, width: int) -> dict[str, Dims]:
    if norm is None:
        return {}
    weight: dict[str, Dims] = {f"{name}.w": (width,)}
    return weight | {f"{name}.b": (width,)} if norm.kind == "layer" else weight


def _numbered(found: set[int], first: int, what: str, source: str) -> int:
    """Return how many numbers these are, which have to follow each other."""
    if found != set(range(first, first + len(found))):
        raise ModelError(
            f"{source} has {what} with the numbers {', '.join(map(str, sorted(found)))}, where "
            f"{first}, {first + 1}, .. without a gap are expected."
        )
    return len(found)


def _needed(shapes: Shapes, layers: int) -> list[str]:
    names = [W_E, W_U, *(weight_of_readout(i) for i in sorted(readouts_named(shapes)))]
    for layer in range(layers):
        names += [in_layer(layer, f"attn.{name}") for name in _ATTENTION]
        if any(name.startswith(in_layer(layer, "mlp.")) for name in shapes):
            names += [in_layer(layer, "mlp.W_in"), in_layer(layer, "mlp.W_out")]
        if any(name.startswith(in_layer(layer, "ln2.")) for name in shapes):
            names.append(in_layer(layer, "mlp.W_in"))
    return names


def _sizes(shapes: Shapes, layers: int, source: str) -> Shape:
    into = [name for i in range(layers) if (name := in_layer(i, "mlp.W_in")) in shapes]
    ranks = {W_E: 2, W_POS: 2, _W_Q: 3, W_U: 2, **dict.fromkeys(into, 2)}
    for name, dims in shapes.items():
        rank = ranks.get(name, max(len(dims), 1))
        if len(dims) != rank:
            raise ModelError(
                f"{source}: {name} has shape {list(dims)}, where {rank} axes are expected."
            )
        if 0 in dims:
            raise ModelError(f"{source}: {name} has shape {list(dims)}, which holds no numbers.")
    heads, d_model, d_head = shapes[_W_Q]
    return Shape(
        d_vocab=shapes[W_E][0],
        n_ctx=shapes[W_POS][0] if W_POS in shapes else 0,
        d_model=d_model,
        d_head=d_head,
        d_vocab_out=shapes[W_U][1],
        n_heads=heads,
        d_mlp=shapes[into[0]][1] if into else 0,
        stated=SIZES,
        n_layers=layers,
    )
