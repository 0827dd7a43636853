"""The function of layers in sequence, in exact numbers that are ready to be rounded (T16).

Weights of norms are folded into the maps that read them, the scale of attention and the step to
base 2 into the queries, and a constant that all answers share is taken from the last readout.
"""

from fractions import Fraction
from typing import NamedTuple

from arithmetic.matrices import Matrix, Rows, add, aligned, product, scaled
from arithmetic.powers import SCALE_BITS, base_two
from arithmetic.tally import Tally
from files.verdict import decline_unless
from parts.architecture import MAX_TABLE
from parts.layers import Model, Norm, behind_norm
from parts.program import of_answers
from tasks.task import Task


class Affine(NamedTuple):
    """x -> x weight + bias, a matrix and one row."""

    weight: Matrix
    bias: Matrix


class Neurons(NamedTuple):
    """An MLP: `into` has the neurons' columns, those of the gate first where there is one."""

    norm: Norm | None
    into: Affine
    activation: str
    gated: bool
    out: Affine


class Attention(NamedTuple):
    """`into` has the columns of queries, keys and values, the heads in order in each.

    The queries are multiplied by log2(e) / sqrt(d_head), up to 2**-200 of themselves: a score is
    the exponent of a power of two. Keys have no bias, which no softmax sees.
    """

    norm: Norm | None
    into: Affine
    out: Affine


class Layers(NamedTuple):
    """What a pass needs. `stream` holds rows of the residual stream by position and token.

    `share` is that of softmax, None for all of it; beside it stands the rest, divided by the number
    of positions seen if it is `normalised`. Outputs are multiplied by `scale`.
    """

    positions: tuple[range, ...]
    stream: list[Rows]
    exponent: int
    heads: int
    d_head: int
    causal: bool
    share: Fraction | None
    normalised: bool
    blocks: list[tuple[Attention, Neurons | None]]
    norm: Norm | None
    position: str | int
    readouts: list[Affine]
    scale: int


def function(model: Model, margin: tuple[int, int], task: Task, tally: Tally) -> Layers:
    """Return the function of a model for the inputs and answers of a task."""
    shape, settings, w = model
    heads = settings.heads
    places = w["W_pos"] if settings.positions else Matrix([[0] * shape.d_model] * shape.n_ctx, 0)
    (tokens, rows), exponent = aligned([w["W_E"], places], tally)
    rows_in_all = sum(map(len, task.positions))
    fits = rows_in_all * max(16, shape.d_model, 3 * shape.n_heads * shape.d_head) <= MAX_TABLE
    decline_unless(fits, "limit", f"{rows_in_all} tokens at all positions are too many for layers.")
    tally.charge(rows_in_all * shape.d_model)
    stream = [
        [[x + y for x, y in zip(tokens[t], place, strict=True)] for t in span]
        for span, place in zip(task.positions, rows, strict=True)
    ]
    blocks = [_block(model, number, tally) for number in range(shape.n_layers)]
    scale = shape.n_ctx if settings.position == "mean" else 1
    position = shape.n_ctx - 1 if settings.position == "last" else settings.position
    attention = (shape.n_heads, shape.d_head, heads.mask == "causal", heads.share, heads.normalised)
    read = (settings.norm, position, _readouts(model, task.answers, scale, tally), scale)
    return Layers(task.positions, stream, exponent, *attention, blocks, *read)


def _block(model: Model, number: int, tally: Tally) -> tuple[Attention, Neurons | None]:
    """Return attention and MLP of a layer."""
    w, shape, block = model.weights, model.shape, model.settings.blocks[number]
    count, width = shape.n_heads, shape.n_heads * shape.d_head
    factor = base_two(shape.d_head)
    weights = [_beside(w[f"W_{x}.{number}"], count) for x in "QKV"]
    biases = [_beside(w[f"b_{x}.{number}"], count) for x in "QKV"]
    biases[1] = Matrix([[0] * width], 0)
    for part in (weights, biases):
        rows, exponent = scaled(part[0], factor, tally)
        part[0] = Matrix(rows, exponent - SCALE_BITS)
    queries, keys, values = (
        _folded(Affine(*pair), w, f"1.{number}", block.norm, tally)
        for pair in zip(weights, biases, strict=True)
    )
    into = _joined(_joined(queries, keys._replace(bias=biases[1]), tally), values, tally)
    out = Affine(w[f"W_O.{number}"], w[f"b_O.{number}"])
    attention = Attention(block.norm, into, out)
    if block.mlp is None:
        return attention, None
    into = Affine(w[f"W_in.{number}"], w[f"b_in.{number}"])
    if block.mlp.gated:
        gate = Matrix([[0] * len(into.bias.rows[0])], 0)
        into = _joined(Affine(w[f"W_gate.{number}"], gate), into, tally)
    into = _folded(into, w, f"2.{number}", block.mlp_norm, tally)
    out = Affine(w[f"W_out.{number}"], w[f"b_out.{number}"])
    return attention, Neurons(block.mlp_norm, into, *block.mlp, out)


def _beside(a: Matrix, heads: int) -> Matrix:
    """Return the matrix whose heads stand side by side, of one whose heads stand below each other.

    A bias has one row a head.
    """
    count = len(a.rows) // heads
    rows = [[x for head in range(heads) for x in a.rows[head * count + i]] for i in range(count)]
    return Matrix(rows, a.exponent)


def _joined(a: Affine, b: Affine, tally: Tally) -> Affine:
    """Return the map whose columns are those of a, then those of b."""
    made = []
    for pair in zip(a, b, strict=True):
        (x, y), exponent = aligned(list(pair), tally)
        made.append(Matrix([s + t for s, t in zip(x, y, strict=True)], exponent))
    return Affine(*made)


def _folded(
    a: Affine,
    w: dict[str, Matrix],
    short: str,
    norm: Norm | None,
    tally: Tally,
    times: int = 1,
) -> Affine:
    """Return the map with the weights of the norm before it: rows times w, the bias plus b W.

    What it reads is the sum of so many vectors.
    """
    weight, bias = a
    if norm is None:
        return a
    if f"b_norm.{short}" in w:
        shift = product(scaled(w[f"b_norm.{short}"], times, tally), weight, tally)
        bias = add(bias, shift, tally)
    return Affine(behind_norm(weight, w, short, tally), bias)


def _readouts(model: Model, answers: range, scale: int, tally: Tally) -> list[Affine]:
    """Return the layers of the readout, biases times `scale`, outputs but for a common constant.

    They read the sum over all positions, where they read more than one: a norm's bias as often.
    """
    w, count = model.weights, model.settings.readouts
    found = [Affine(w[f"W_hidden.{i}"], w[f"b_hidden.{i}"]) for i in range(1, count)]
    rows, exponent = of_answers(w["W_U"], answers)
    means = [sum(row) // len(row) for row in rows]
    centred = [[x - mean for x in row] for row, mean in zip(rows, means, strict=True)]
    found.append(Affine(Matrix(centred, exponent), of_answers(w["b_U"], answers)))
    found = [Affine(weight, scaled(bias, scale, tally)) for weight, bias in found]
    summed = model.shape.n_ctx if model.settings.position in ("sum", "mean") else 1
    found[0] = _folded(found[0], w, "final", model.settings.norm, tally, summed)
    return found
