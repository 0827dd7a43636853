"""Two-token networks: two embeddings into hidden layers with ReLU. Every number is rational."""

from typing import NamedTuple

from arithmetic.matrices import Matrix, add, aligned, product
from arithmetic.tally import Tally
from files.tensors import Tensor
from files.verdict import decline_unless
from parts.architecture import PROGRAM, Architecture, Parts, require_settings
from parts.layout import axes_of, matrices_of, require_small
from parts.program import Layer, Program, of_answers
from tasks.task import Task

MAX_LAYERS = 16
INPUTS = ("added", "sum", "concatenated")


class Shape(NamedTuple):
    """Sizes of a two-token network; all hidden layers have the width d_mlp."""

    d_vocab: int
    n_ctx: int
    d_model: int
    d_mlp: int
    d_vocab_out: int


class Model(NamedTuple):
    """Weights as exact matrices by name; absent biases are zero rows."""

    shape: Shape
    inputs: str
    layers: int
    weights: dict[str, Matrix]


def _settings(parts: Parts) -> tuple[str, int]:
    """Return how the embeddings come together and the number of hidden layers, or decline."""
    first, mlp, _ = parts
    inputs, layers = first.get("inputs"), mlp.get("layers")
    fits = type(layers) is int and 1 <= layers <= MAX_LAYERS
    known = inputs if inputs in INPUTS else " or ".join(INPUTS)
    served: Parts = [
        {"part": "pair", "inputs": known},
        {"part": "mlp", "activation": "relu", "layers": layers if fits else f"1 to {MAX_LAYERS}"},
        {"part": "readout"},
    ]
    require_settings(parts, served)
    return str(inputs), int(layers or 0)


def words(parts: Parts) -> str:
    """Return the parts with their settings, as the verdict prints them, or decline them."""
    inputs, layers = _settings(parts)
    return f"pair({inputs}),mlp(relu{f',{layers}-layers' if layers > 1 else ''}),readout"


def read_model(tensors: dict[str, Tensor], parts: Parts, sizes: dict[str, int]) -> Model:
    """Return the model of these parts that the tensors make up; anything else is declined."""
    inputs, layers = _settings(parts)
    names = ("W_E",) if "W_E" in tensors else ("W_a", "W_b")
    layout: dict[str, tuple[str, tuple[str, ...]]]
    layout = {name: (name, ("d_vocab", "d_model")) for name in names}
    if inputs != "added":
        layout["W_in"] = ("W_in", ("rows", "d_mlp"))
    layout["b_in"] = ("b_in", ("d_mlp",))
    for i in range(1, layers):
        layout[f"W_hidden.{i}"] = (f"W_hidden.{i}", ("d_mlp", "d_mlp"))
        layout[f"b_hidden.{i}"] = (f"b_hidden.{i}", ("d_mlp",))
    layout |= {"W_out": ("W_out", ("d_mlp", "d_vocab_out")), "b_out": ("b_out", ("d_vocab_out",))}
    axes = axes_of(tensors, layout)
    (d_vocab, d_model), (d_mlp, outputs) = axes[names[0]], axes["W_out"]
    fits = inputs != "added" or d_model == d_mlp
    decline_unless(fits, "unsupported", "weights: embeddings and neurons differ in number.")
    shape = Shape(d_vocab, 2, d_model, d_mlp, outputs)
    widest = max(d_vocab, 2 * d_model, d_mlp, outputs)
    require_small(d_vocab, 2, widest * max(d_mlp, d_model))
    rows = 2 * d_model if inputs == "concatenated" else d_model
    weights = matrices_of(tensors, layout, shape._asdict() | {"rows": rows})
    return Model(shape, inputs, layers, weights)


def program(model: Model, margin: tuple[int, int], task: Task, tally: Tally) -> Program:
    """Return the program of the model for the inputs and answers of a task (M1)."""
    w, d = model.weights, model.shape.d_model
    sides = [w["W_E"], w["W_E"]] if "W_E" in w else [w["W_a"], w["W_b"]]
    if model.inputs != "added":
        parts = [w["W_in"]] * 2
        if model.inputs == "concatenated":
            rows, exponent = w["W_in"]
            parts = [Matrix(rows[:d], exponent), Matrix(rows[d:], exponent)]
        sides = [product(x, into, tally) for x, into in zip(sides, parts, strict=True)]
    sides[1] = add(sides[1], w["b_in"], tally)
    both, exponent = aligned(sides, tally)
    lookups = [
        rows[span.start : span.stop] for rows, span in zip(both, task.positions, strict=True)
    ]
    layers = [Layer(w[f"W_hidden.{i}"], w[f"b_hidden.{i}"]) for i in range(1, model.layers)]
    out = Layer(of_answers(w["W_out"], task.answers), of_answers(w["b_out"], task.answers))
    neurons = model.shape.d_mlp
    return Program(task.positions, [*lookups], exponent, [], neurons, [*layers, out], False, 1)


ROW = Architecture(words, Shape._fields, read_model, {PROGRAM: program}, None)
