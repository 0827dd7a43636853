"""The tensors of a two-token network: names, shapes, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ballproof.models.architectures.architecture import Shape, Shapes
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Dims

W_A, W_B, W_BOTH = "W_a", "W_b", "W_E"
W_IN, B_IN, W_OUT, B_OUT = "W_in", "b_in", "W_out", "b_out"
SIZES = ("d_vocab", "n_ctx", "d_model", "d_mlp", "d_vocab_out")
_HIDDEN = re.compile(r"(?a:[Wb]_hidden\.([1-9]\d{0,2}))")
_KNOWN = {W_A, W_B, W_BOTH, W_IN, B_IN, W_OUT, B_OUT}


class Layers(NamedTuple):
    """What the tensors show of the function: how the tokens enter, and the number of layers."""

    inputs: str
    hidden: int

    @property
    def optional(self) -> tuple[str, ...]:
        """The tensors that a file may leave out."""
        return (B_IN, B_OUT, *(bias(i) for i in range(1, self.hidden)))


ONE_HIDDEN = Layers("sum", 1)


def weight(number: int) -> str:
    """Return the name of the weight between hidden layers `number` and number + 1."""
    return f"W_hidden.{number}"


def bias(number: int) -> str:
    """Return the name of the bias of hidden layer number + 1."""
    return f"b_hidden.{number}"


def fits(shapes: Shapes) -> bool:
    """Say whether these may be the tensors of such a network, by their names."""
    return bool(shapes.keys() & {W_A, W_B, W_IN, W_OUT}) or any(map(_HIDDEN.fullmatch, shapes))


def check_names(names: Iterable[str], source: str) -> None:
    """Raise ModelError for a tensor that is no part of the layout."""
    for name in sorted(set(names) - _KNOWN):
        if not _HIDDEN.fullmatch(name):
            raise ModelError(
                f"{source} holds the tensor {name!r}, which is no part of a two-token network: "
                "W_a and W_b or W_E, W_in, b_in, W_hidden.1, b_hidden.1, W_out and b_out are."
            )


def layers_of(shapes: Shapes) -> Layers:
    """Return what tensors whose layout is right show of the function."""
    hidden = sum(name.startswith("W_hidden.") for name in shapes) + 1
    if W_IN not in shapes:
        return Layers("added", hidden)
    same = shapes[W_IN][0] == shapes[W_A if W_A in shapes else W_BOTH][1]
    return Layers("sum" if same else "concatenated", hidden)


def expected_shapes(shape: Shape, layers: Layers = ONE_HIDDEN) -> dict[str, Dims]:
    """Shape of every tensor of two embeddings with so many layers, as it stands in the file."""
    v, d, m, out = shape.d_vocab, shape.d_model, shape.d_mlp, shape.d_vocab_out
    read = {"sum": d, "concatenated": 2 * d, "added": 0}[layers.inputs]
    entering: dict[str, Dims] = {W_IN: (read, m)} if read else {}
    hidden: dict[str, Dims] = {}
    for number in range(1, layers.hidden):
        hidden |= {weight(number): (m, m), bias(number): (m,)}
    ends: dict[str, Dims] = {B_IN: (m,), W_OUT: (m, out), B_OUT: (out,)}
    return {W_A: (v, d), W_B: (v, d), **entering, **hidden, **ends}


def check_layout(shapes: Shapes, source: str) -> Shape:
    """Return the sizes of a network whose tensors have these names and shapes.

    Raises ModelError for any tensor that is missing, unknown or of another shape.
    """
    check_names(shapes, source)
    _check_present(shapes, source)
    for name, dims in shapes.items():
        axes = 2 if name.startswith("W") else 1
        if len(dims) != axes or 0 in dims:
            raise ModelError(
                f"{source}: {name} has shape {list(dims)}, where {axes} axes with numbers are "
                "expected."
            )
    first = shapes[W_A if W_A in shapes else W_BOTH]
    width = shapes[W_IN][1] if W_IN in shapes else first[1]
    shape = Shape(first[0], 2, first[1], 0, shapes[W_OUT][1], 0, width, SIZES)
    expected = expected_shapes(shape, layers_of(shapes)) | {W_BOTH: first}
    for name, dims in shapes.items():
        if dims != expected[name]:
            raise ModelError(
                f"{source}: {name} has shape {list(dims)}, where {list(expected[name])} is "
                "expected from the shapes of the embedding, W_in and W_out."
            )
    return shape


def _check_present(shapes: Shapes, source: str) -> None:
    one, two = W_BOTH in shapes, {W_A, W_B} <= shapes.keys()
    if one == two or (one and shapes.keys() & {W_A, W_B}):
        raise ModelError(f"{source} has to hold either W_a and W_b, or W_E, which serves as both.")
    if W_OUT not in shapes:
        raise ModelError(f"{source} has no tensor W_out, which every two-token network needs.")
    numbers = {int(match[1]) for match in map(_HIDDEN.fullmatch, shapes) if match}
    for number in range(1, max(numbers, default=0) + 1):
        if weight(number) not in shapes:
            raise ModelError(
                f"{source} has no tensor {weight(number)}, where {len(numbers)} "
                "hidden layers are numbered 1, 2, ..."
            )
