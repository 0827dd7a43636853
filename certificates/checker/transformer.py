"""The model: layout of its tensors, and the five exact path tables (docs/theorems.md, Objects)."""

from typing import NamedTuple

from strictjson import MAX_DIGITS
from tally import Tally
from tensors import Matrix, Tensor, matrix
from verdict import Declined

MAX_BITS = 2**16
Rows = list[list[int]]


class Shape(NamedTuple):
    """Sizes of a one-layer, one-head, attention-only transformer."""

    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int


class Model(NamedTuple):
    """Weights as exact matrices by short name (`W_E` .. `b_U`); absent biases are zero rows."""

    shape: Shape
    weights: dict[str, Matrix]


class PathTables(NamedTuple):
    """The exact path tables in integers, in two units that do not matter for any sign.

    `direct` D (v,v), `output` V (v,v), `positional_output` P (k,v) and the margin `eps` share one
    unit. `score` (v,v) and `positional_score` (v,k) hold sqrt(d_head) times S and R in units of
    2**score_exponent.
    """

    shape: Shape
    direct: Rows
    output: Rows
    positional_output: Rows
    eps: int
    score: Rows
    positional_score: Rows
    score_exponent: int


# short name: (key in the file, shape in the file as axes of Shape, 1 being the one head)
_LAYOUT = {
    "W_E": ("embed.W_E", ("d_vocab", "d_model")),
    "W_pos": ("pos_embed.W_pos", ("n_ctx", "d_model")),
    "W_Q": ("blocks.0.attn.W_Q", ("head", "d_model", "d_head")),
    "W_K": ("blocks.0.attn.W_K", ("head", "d_model", "d_head")),
    "W_V": ("blocks.0.attn.W_V", ("head", "d_model", "d_head")),
    "W_O": ("blocks.0.attn.W_O", ("head", "d_head", "d_model")),
    "W_U": ("unembed.W_U", ("d_model", "d_vocab")),
    "b_Q": ("blocks.0.attn.b_Q", ("head", "d_head")),
    "b_K": ("blocks.0.attn.b_K", ("head", "d_head")),
    "b_V": ("blocks.0.attn.b_V", ("head", "d_head")),
    "b_O": ("blocks.0.attn.b_O", ("d_model",)),
    "b_U": ("unembed.b_U", ("d_vocab",)),
}


def read_model(tensors: dict[str, Tensor]) -> Model:
    """Return the model that the tensors make up; anything missing or unknown is declined."""
    known = {key for key, _ in _LAYOUT.values()}
    for name in sorted(tensors.keys() - known):
        raise Declined("unsupported", f"weights: {name[:80]!a} is not a tensor of this model.")
    for short, (key, _) in _LAYOUT.items():
        if short.startswith("W") and key not in tensors:
            raise Declined("unsupported", f"weights: {key} is missing.")
    shape = _shape(tensors)
    weights = {}
    for short, (key, axes) in _LAYOUT.items():
        sizes = tuple(1 if axis == "head" else getattr(shape, axis) for axis in axes)
        if key not in tensors:
            weights[short] = Matrix([[0] * sizes[-1]], 0)
        elif tensors[key].shape != sizes:
            raise Declined("unsupported", f"weights: {key} has the shape {tensors[key].shape}.")
        else:
            weights[short] = matrix(tensors[key], sizes[-1], key)
    return Model(shape, weights)


def _shape(tensors: dict[str, Tensor]) -> Shape:
    embedding = tensors["embed.W_E"].shape
    positions = tensors["pos_embed.W_pos"].shape
    query = tensors["blocks.0.attn.W_Q"].shape
    if len(embedding) != 2 or len(positions) != 2 or len(query) != 3:
        raise Declined("unsupported", "weights: W_E, W_pos or W_Q has the wrong number of axes.")
    shape = Shape(embedding[0], positions[0], embedding[1], query[2])
    if 0 in shape:
        raise Declined("unsupported", "weights: a size is zero.")
    if shape.n_ctx * shape.d_vocab.bit_length() > 3 * MAX_DIGITS:
        raise Declined("limit", f"weights: d_vocab**n_ctx may exceed {MAX_DIGITS} digits.")
    return shape


def path_tables(model: Model, margin: tuple[int, int], tally: Tally) -> PathTables:
    """Return D, V, P, sqrt(h) S and sqrt(h) R of the model, and the margin n/d beside them.

    D[q] = (W_E[q] + W_pos[k-1] + b_V W_O + b_O) W_U + b_U, V = W_E W_V W_O W_U,
    P = W_pos W_V W_O W_U, sqrt(h) S[q,t] = ((W_E[q] + W_pos[k-1]) W_Q + b_Q) . (W_E[t] W_K),
    R likewise with W_pos. b_K adds one constant per query to every score and is dropped.
    The margin's denominator d multiplies D, V and P, so that all stay integers.
    """
    w = model.weights
    last = Matrix(w["W_pos"].rows[-1:], w["W_pos"].exponent)
    query = _add(w["W_E"], last, tally)
    keys = _product(w["W_Q"], _transposed(w["W_K"]), tally)
    queried = _product(query, keys, tally)
    queried = _add(queried, _product(w["b_Q"], _transposed(w["W_K"]), tally), tally)
    score = _product(queried, _transposed(w["W_E"]), tally)
    positional_score = _product(queried, _transposed(w["W_pos"]), tally)
    unembedded = _product(_product(w["W_V"], w["W_O"], tally), w["W_U"], tally)
    bias = _add(_product(w["b_V"], w["W_O"], tally), w["b_O"], tally)
    direct = _product(_add(query, bias, tally), w["W_U"], tally)
    numerator, denominator = margin
    logits, _ = _aligned(
        [
            _add(direct, w["b_U"], tally),
            _product(w["W_E"], unembedded, tally),
            _product(w["W_pos"], unembedded, tally),
            Matrix([[1]], 0),
        ]
    )
    d, v, p = ([[denominator * x for x in row] for row in rows] for rows in logits[:3])
    scores, exponent = _aligned([score, positional_score])
    eps = numerator * logits[3][0][0]
    return PathTables(model.shape, d, v, p, eps, scores[0], scores[1], exponent)


def _transposed(a: Matrix) -> Matrix:
    return Matrix([list(column) for column in zip(*a.rows, strict=True)], a.exponent)


def _product(a: Matrix, b: Matrix, tally: Tally) -> Matrix:
    tally.charge(len(a.rows) * len(b.rows[0]) * (2 * len(b.rows) - 1))
    columns = list(zip(*b.rows, strict=True))
    return _limited(
        [[sum(x * y for x, y in zip(row, c, strict=True)) for c in columns] for row in a.rows],
        a.exponent + b.exponent,
    )


def _add(a: Matrix, b: Matrix, tally: Tally) -> Matrix:
    """Return a + b, where b may be one row that is added to each row of a."""
    tally.charge(len(a.rows) * len(a.rows[0]))
    (x, y), exponent = _aligned([a, b])
    if len(y) == 1:
        y = y * len(x)
    rows = [[s + t for s, t in zip(r, u, strict=True)] for r, u in zip(x, y, strict=True)]
    return _limited(rows, exponent)


def _aligned(matrices: list[Matrix]) -> tuple[list[Rows], int]:
    """Return the matrices' integers in units of their lowest exponent, and that exponent."""
    exponent = min(a.exponent for a in matrices)
    scaled = [[[x << (a.exponent - exponent) for x in row] for row in a.rows] for a in matrices]
    for rows in scaled:
        _limited(rows, exponent)
    return scaled, exponent


def _limited(rows: Rows, exponent: int) -> Matrix:
    bits = max(x.bit_length() for row in rows for x in row)
    if bits > MAX_BITS:
        raise Declined("limit", f"weights: an exact product needs more than {MAX_BITS} bits.")
    return Matrix(rows, exponent)
