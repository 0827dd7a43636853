"""One layer of several heads, with or without positions, an MLP and a uniform share of attention.

Settings, layout of the tensors, and the function as a program (docs/theorems.md, M1).
"""

from fractions import Fraction
from typing import Any, NamedTuple

from arithmetic.matrices import Matrix, Rows, add, aligned, joined, product, scaled, transposed
from arithmetic.tally import Tally
from files.tensors import Tensor, require_buffers
from files.verdict import decline_unless
from parts.architecture import HEADS, PROGRAM, Architecture, Parts, require_settings
from parts.heads import Heads, heads_of, words_of
from parts.layout import axes_of, matrices_of, require_small
from parts.program import Layer, Program, ProgramHead, of_answers
from tasks.task import Task


class Settings(NamedTuple):
    """What the tensors do not show: weights of attention are `share` softmax + `uniform` each."""

    heads: int
    mask: str
    share: Fraction | None
    normalised: bool
    positions: bool
    mlp: bool


class Shape(NamedTuple):
    """Sizes of a one-layer transformer; without an MLP d_mlp is 0."""

    d_vocab: int
    n_ctx: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    d_vocab_out: int


class Model(NamedTuple):
    """Weights as exact matrices by short name, the heads' below each other."""

    shape: Shape
    settings: Settings
    weights: dict[str, Matrix]


# short name: (key in the file, shape in the file as axes of Shape)
_LAYOUT = {
    "W_E": ("embed.W_E", ("d_vocab", "d_model")),
    "W_pos": ("pos_embed.W_pos", ("n_ctx", "d_model")),
    "W_Q": ("blocks.0.attn.W_Q", ("n_heads", "d_model", "d_head")),
    "W_K": ("blocks.0.attn.W_K", ("n_heads", "d_model", "d_head")),
    "W_V": ("blocks.0.attn.W_V", ("n_heads", "d_model", "d_head")),
    "W_O": ("blocks.0.attn.W_O", ("n_heads", "d_head", "d_model")),
    "W_in": ("blocks.0.mlp.W_in", ("d_model", "d_mlp")),
    "W_out": ("blocks.0.mlp.W_out", ("d_mlp", "d_model")),
    "W_U": ("unembed.W_U", ("d_model", "d_vocab_out")),
    "b_Q": ("blocks.0.attn.b_Q", ("n_heads", "d_head")),
    "b_K": ("blocks.0.attn.b_K", ("n_heads", "d_head")),
    "b_V": ("blocks.0.attn.b_V", ("n_heads", "d_head")),
    "b_O": ("blocks.0.attn.b_O", ("d_model",)),
    "b_in": ("blocks.0.mlp.b_in", ("d_mlp",)),
    "b_out": ("blocks.0.mlp.b_out", ("d_model",)),
    "b_U": ("unembed.b_U", ("d_vocab_out",)),
}


_SERVED: dict[str, dict[str, Any]] = {
    "embed": {"part": "embed"},
    "positions": {"part": "positions"},
    "mlp": {"part": "mlp", "activation": "relu"},
    "readout": {"part": "readout", "position": "last"},
}


def settings_of(parts: Parts) -> Settings:
    """Return the settings that the parts of a claim state, or decline them."""
    by_name = {part["part"]: part for part in parts}
    heads, served = heads_of(by_name["attention"])
    known = _SERVED | {"attention": served}
    require_settings(parts, [known[part["part"]] for part in parts])
    return Settings(*heads, "positions" in by_name, "mlp" in by_name)


def words(parts: Parts) -> str:
    """Return the parts with their settings, as the verdict prints them, or decline them."""
    s = settings_of(parts)
    attention = words_of(Heads(s.heads, s.mask, s.share, s.normalised))
    named = ["embed", *["positions"] * s.positions, attention]
    return ",".join([*named, *["mlp(relu)"] * s.mlp, "readout(last)"])


def read_model(tensors: dict[str, Tensor], parts: Parts, sizes: dict[str, int]) -> Model:
    """Return the model of these parts that the tensors make up; anything else is declined.

    Where there is no W_pos, the number of positions is the one that the claim states.
    """
    settings = settings_of(parts)
    absent: tuple[str, ...] = () if settings.positions else ("W_pos",)
    absent += () if settings.mlp else ("W_in", "W_out", "b_in", "b_out")
    layout = {short: row for short, row in _LAYOUT.items() if short not in absent}
    axes = axes_of(tensors, layout)
    (d_vocab, d_model), (heads, _, d_head) = axes["W_E"], axes["W_Q"]
    n_ctx, d_mlp = axes.get("W_pos", (sizes["n_ctx"],))[0], axes.get("W_in", (0, 0))[1]
    shape = Shape(d_vocab, n_ctx, d_model, heads, d_head, d_mlp, axes["W_U"][1])
    fits = heads == settings.heads
    decline_unless(fits, "unsupported", f"weights: {heads} heads, not {settings.heads}.")
    require_tables(shape)
    require_buffers(tensors, n_ctx)
    return Model(shape, settings, matrices_of(tensors, layout, shape._asdict()))


def require_tables(s: Shape) -> None:
    """Decline sizes whose tables would be too large."""
    rows = max(s.d_vocab, s.n_ctx, s.d_model, s.d_head)
    table = s.n_heads * rows * (s.d_mlp + s.d_vocab_out)
    require_small(s.d_vocab, s.n_ctx, max(table, rows * rows, s.n_ctx * s.d_vocab))


def program(model: Model, margin: tuple[int, int], task: Task, tally: Tally) -> Program:
    """Return the program of the model for the inputs and answers of a task (M1).

    A query that is the same in all inputs has its row T taken from the other positions' rows: its
    own weight of attention is 1 minus theirs.
    """
    shape, settings, w = model
    softmax, uniform, scale = _weights(settings, shape.n_ctx)
    places = w["W_pos"] if settings.positions else Matrix([[0] * shape.d_model] * shape.n_ctx, 0)
    read, constant = _to_columns(model, task.answers, tally)
    tables = []
    for head in range(shape.n_heads):
        value, output, bias = (_of_head(w[x], head, shape.n_heads) for x in ("W_V", "W_O", "b_V"))
        to_columns = product(output, read, tally)
        tables += [product(product(x, value, tally), to_columns, tally) for x in (w["W_E"], places)]
        shift = scaled(product(bias, to_columns, tally), softmax + shape.n_ctx * uniform, tally)
        constant = add(scaled(constant, scale, tally) if head == 0 else constant, shift, tally)
    last = Matrix(places.rows[-1:], places.exponent)
    stream = scaled(product(add(w["W_E"], last, tally), read, tally), scale, tally)
    (token_rows, *rows), exponent = aligned([add(stream, constant, tally), *tables], tally)
    lookups, values = _look_ups(task.positions, token_rows, rows, softmax, uniform, tally)
    heads = [
        ProgramHead(values[head], *_scores(model, head, places, task.positions[-1], tally))
        for head in range(shape.n_heads if softmax else 0)
    ]
    layers = []
    if settings.mlp:
        weight = product(w["W_out"], of_answers(w["W_U"], task.answers), tally)
        layers = [Layer(weight, Matrix([[0] * len(task.answers)], 0))]
    return Program(task.positions, lookups, exponent, heads, shape.d_mlp, layers, True, scale)


def _weights(settings: Settings, n_ctx: int) -> tuple[int, int, int]:
    """Return the share of softmax, what each position has beside it, and their scale."""
    if settings.share is None:
        return 1, 0, 1
    softmax, whole = settings.share.as_integer_ratio()
    count = n_ctx if settings.normalised else 1
    return softmax * count, whole - softmax, whole * count


def _to_columns(model: Model, answers: range, tally: Tally) -> tuple[Matrix, Matrix]:
    """Return what leads from the residual stream to the columns, and the constant row."""
    w = model.weights
    to_answers, bias = of_answers(w["W_U"], answers), of_answers(w["b_U"], answers)
    if not model.settings.mlp:
        return to_answers, add(product(w["b_O"], to_answers, tally), bias, tally)
    read = joined(w["W_in"], to_answers, tally)
    bias = joined(w["b_in"], add(product(w["b_out"], to_answers, tally), bias, tally), tally)
    return read, add(product(w["b_O"], read, tally), bias, tally)


def _of_head(a: Matrix, head: int, heads: int) -> Matrix:
    """Return a head's rows."""
    count = len(a.rows) // heads
    return Matrix(a.rows[head * count : (head + 1) * count], a.exponent)


def _look_ups(
    spans: tuple[range, ...],
    stream: Rows,
    tables: list[Rows],
    softmax: int,
    uniform: int,
    tally: Tally,
) -> tuple[list[Rows | None], list[list[Rows | None]]]:
    """Return the rows L by position and token, and the rows T of each head.

    `tables` are each head's rows by token, then by position, without a factor.
    """
    last, zero = len(spans) - 1, [0] * len(stream[0])
    tally.charge(2 * len(tables) * sum(map(len, spans)) * len(zero))
    heads = [_spread(*pair, spans) for pair in zip(tables[::2], tables[1::2], strict=True)]
    lookups: list[Rows | None] = [None] * last + [[stream[q] for q in spans[last]]]
    for position, span in enumerate(spans if uniform else ()):
        rows = lookups[position] or [zero] * len(span)
        for head in heads:
            rows = [_plus(row, uniform, x) for row, x in zip(rows, head[position], strict=True)]
        lookups[position] = rows
    values = []
    for head in heads if softmax else ():
        fixed = head[last][0] if len(spans[last]) == 1 else None
        scaled_rows: list[Rows | None] = [
            [[softmax * (x - y) for x, y in zip(row, fixed or zero, strict=True)] for row in rows]
            for rows in head
        ]
        if fixed:
            lookups[last] = [_plus(row, softmax, fixed) for row in lookups[last] or []]
            scaled_rows[last] = None
        values.append(scaled_rows)
    return lookups, values


def _spread(tokens: Rows, places: Rows, spans: tuple[range, ...]) -> list[Rows]:
    """Return the rows token + position by position and token of its range."""
    pairs = zip(spans, places, strict=True)
    return [[_plus(tokens[t], 1, place) for t in span] for span, place in pairs]


def _plus(row: list[int], factor: int, other: list[int]) -> list[int]:
    return [x + factor * y for x, y in zip(row, other, strict=True)]


def _scores(
    model: Model, head: int, places: Matrix, queries: range, tally: Tally
) -> tuple[Rows, Rows, int, int]:
    """Return sqrt(d_head) times the scores of tokens and of positions, unit and d_head.

    b_K adds one constant per query to every score and is dropped.
    """
    w, heads = model.weights, model.shape.n_heads
    to_query, to_key, bias = (_of_head(w[x], head, heads) for x in ("W_Q", "W_K", "b_Q"))
    rows = Matrix(w["W_E"].rows[queries.start : queries.stop], w["W_E"].exponent)
    query = add(rows, Matrix(places.rows[-1:], places.exponent), tally)
    queried = add(product(query, to_query, tally), bias, tally)
    queried = product(queried, transposed(to_key), tally)
    both = [product(queried, transposed(x), tally) for x in (w["W_E"], places)]
    (score, positional), exponent = aligned(both, tally)
    return score, positional, exponent, model.shape.d_head


ROW = Architecture(words, Shape._fields, read_model, {PROGRAM: program, HEADS: program}, None)
