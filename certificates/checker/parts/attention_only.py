"""One layer of attention with one head: settings, layout of its tensors, exact path tables.

Its parts are embed, positions, attention and readout (docs/theorems.md, Objects).
"""

from typing import Any, NamedTuple

from arithmetic.matrices import Matrix, add, aligned, product, transposed
from arithmetic.tally import Tally
from files.strictjson import MAX_DIGITS
from files.tensors import BUFFERS, Tensor, matrix, require_buffers
from files.verdict import Declined, decline_unless
from parts.architecture import MAX_TABLE, Parts, require_settings
from parts.tables import Head, Tables
from tasks.task import Task


class Shape(NamedTuple):
    """Sizes of a one-layer, one-head, attention-only transformer."""

    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int
    d_vocab_out: int


# What the tensors do not show of the function, as certificates state it: the settings served.
PARTS: tuple[dict[str, Any], ...] = (
    {"part": "embed"},
    {"part": "positions"},
    {"part": "attention", "heads": 1, "mask": "causal", "scale": "1/sqrt(d_head)"},
    {"part": "readout", "position": "last"},
)
WORDS = "embed,positions,attention(1-head,causal,1/sqrt(d_head)),readout(last)"


class Model(NamedTuple):
    """Weights as exact matrices by short name (`W_E` .. `b_U`); absent biases are zero rows."""

    shape: Shape
    weights: dict[str, Matrix]


# short name: (key in the file, shape in the file as axes of Shape, 1 being the one head)
_LAYOUT = {
    "W_E": ("embed.W_E", ("d_vocab", "d_model")),
    "W_pos": ("pos_embed.W_pos", ("n_ctx", "d_model")),
    "W_Q": ("blocks.0.attn.W_Q", ("head", "d_model", "d_head")),
    "W_K": ("blocks.0.attn.W_K", ("head", "d_model", "d_head")),
    "W_V": ("blocks.0.attn.W_V", ("head", "d_model", "d_head")),
    "W_O": ("blocks.0.attn.W_O", ("head", "d_head", "d_model")),
    "W_U": ("unembed.W_U", ("d_model", "d_vocab_out")),
    "b_Q": ("blocks.0.attn.b_Q", ("head", "d_head")),
    "b_K": ("blocks.0.attn.b_K", ("head", "d_head")),
    "b_V": ("blocks.0.attn.b_V", ("head", "d_head")),
    "b_O": ("blocks.0.attn.b_O", ("d_model",)),
    "b_U": ("unembed.b_U", ("d_vocab_out",)),
}


def words(parts: Parts) -> str:
    """Return WORDS; parts with other settings are declined."""
    require_settings(parts, PARTS)
    return WORDS


def read_model(tensors: dict[str, Tensor], *_: Any) -> Model:
    """Return the model that the tensors make up; anything missing or unknown is declined."""
    for name in sorted(tensors.keys() - {*BUFFERS, *(key for key, _ in _LAYOUT.values())}):
        raise Declined("unsupported", f"weights: {name[:80]!a} is not a tensor of this model.")
    for short, (key, _) in _LAYOUT.items():
        present = key in tensors or short.startswith("b")
        decline_unless(present, "unsupported", f"weights: {key} is missing.")
    shape = _shape(tensors)
    require_buffers(tensors, shape.n_ctx)
    weights = {}
    for short, (key, axes) in _LAYOUT.items():
        sizes = tuple(1 if axis == "head" else getattr(shape, axis) for axis in axes)
        weights[short] = Matrix([[0] * sizes[-1]], 0)
        if key in tensors:
            found = tensors[key].shape
            decline_unless(found == sizes, "unsupported", f"weights: {key} has the shape {found}.")
            weights[short] = matrix(tensors[key], sizes[-1], key)
    return Model(shape, weights)


def _shape(tensors: dict[str, Tensor]) -> Shape:
    names = ("W_E", "W_pos", "W_Q", "W_U")
    embedding, positions, query, readout = (tensors[_LAYOUT[x][0]].shape for x in names)
    axes = (len(embedding), len(positions), len(query), len(readout))
    sentence = f"weights: {', '.join(names)} have other axes."
    decline_unless(axes == (2, 2, 3, 2), "unsupported", sentence)
    shape = Shape(embedding[0], positions[0], embedding[1], query[2], readout[1])
    decline_unless(0 not in shape, "unsupported", "weights: a size is zero.")
    fits = shape.n_ctx * shape.d_vocab.bit_length() <= 3 * MAX_DIGITS
    decline_unless(fits, "limit", f"weights: d_vocab**n_ctx may exceed {MAX_DIGITS} digits.")
    table = shape.d_vocab * max(shape.d_vocab, shape.d_vocab_out) * shape.n_ctx
    fits = max(table, shape.d_model**2, shape.d_head**2) <= MAX_TABLE
    decline_unless(fits, "limit", f"weights: a table would have more than {MAX_TABLE} entries.")
    return shape


def of_answers(model: Model, answers: range) -> Model:
    """Return the model with the logits of some outputs only."""
    columns = slice(answers.start, answers.stop)
    read = {name: model.weights[name] for name in ("W_U", "b_U")}
    kept = {name: Matrix([row[columns] for row in x.rows], x.exponent) for name, x in read.items()}
    return Model(model.shape, model.weights | kept)


def tables(model: Model, margin: tuple[int, int], task: Task, tally: Tally) -> Tables:
    """Return D, V, P, sqrt(h) S and sqrt(h) R of the model, and the margin n/d beside them.

    The columns of D, V and P are the answers.

    D[q] = (W_E[q] + W_pos[k-1] + b_V W_O + b_O) W_U + b_U, V = W_E W_V W_O W_U,
    P = W_pos W_V W_O W_U, sqrt(h) S[q,t] = ((W_E[q] + W_pos[k-1]) W_Q + b_Q) . (W_E[t] W_K),
    R likewise with W_pos. b_K adds one constant per query to every score and is dropped.
    The margin's denominator d multiplies D, V and P, so that all stay integers.
    """
    model = of_answers(model, task.answers)
    w = model.weights
    query = query_rows(model, tally)
    query_to_keys = product(w["W_Q"], transposed(w["W_K"]), tally)
    queried = product(query, query_to_keys, tally)
    queried = add(queried, product(w["b_Q"], transposed(w["W_K"]), tally), tally)
    score = product(queried, transposed(w["W_E"]), tally)
    positional_score = product(queried, transposed(w["W_pos"]), tally)
    output, places = output_tables(model, tally)
    direct = direct_table(model, direct_rows(model, query, tally), tally)
    logits, _ = aligned([direct, output, places, Matrix([[1]], 0)], tally, margin[1].bit_length())
    d, v, p = ([[margin[1] * x for x in row] for row in rows] for rows in logits[:3])
    (score_rows, place_rows), exponent = aligned([score, positional_score], tally)
    eps, one = (x * logits[3][0][0] for x in margin)
    head = Head(v, p, score_rows, place_rows, exponent, model.shape.d_head)
    return Tables(d, (head,), task.answers, eps, one)


def query_rows(model: Model, tally: Tally) -> Matrix:
    """Return W_E + W_pos[k-1], the residual stream of each query token (v,d)."""
    positions = model.weights["W_pos"]
    return add(model.weights["W_E"], Matrix(positions.rows[-1:], positions.exponent), tally)


def direct_rows(model: Model, query: Matrix, tally: Tally) -> Matrix:
    """Return query rows + b_V W_O + b_O (v,d): what reaches the unembedding past attention."""
    w = model.weights
    return add(query, add(product(w["b_V"], w["W_O"], tally), w["b_O"], tally), tally)


def direct_table(model: Model, rows: Matrix, tally: Tally) -> Matrix:
    """Return D (v,v), the direct path, from `direct_rows`."""
    return add(product(rows, model.weights["W_U"], tally), model.weights["b_U"], tally)


def output_tables(model: Model, tally: Tally) -> tuple[Matrix, Matrix]:
    """Return V (v,v) and P (k,v), the logits of a token and of a position that is attended to."""
    w = model.weights
    value_to_logits = product(product(w["W_V"], w["W_O"], tally), w["W_U"], tally)
    return product(w["W_E"], value_to_logits, tally), product(w["W_pos"], value_to_logits, tally)
