"""One layer whose only norm is the final one, as the program of the layer without it (T17).

At margin 0 a right input is right without the factor 1/sigma > 0 of the norm. Its weights and its
mean go into the unembedding; its bias and that of the unembedding have to be equal on all answers.
"""

from arithmetic.matrices import Matrix, add, product, scaled
from arithmetic.tally import Tally
from files.verdict import Declined, decline_unless
from parts import layers, one_layer
from parts.program import Program, of_answers
from tasks.task import Task

# What the layer has without the norm, by short name.
_INNER = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O", "W_in", "W_out", "b_in", "b_out")


def program(model: layers.Model, margin: tuple[int, int], task: Task, tally: Tally) -> Program:
    """Return a program with leads of the same signs, or decline the model or the margin."""
    shape, settings, w = model
    block, norm = settings.blocks[0], settings.norm
    one = len(settings.blocks) == 1 and settings.readouts == 1 and settings.position == "last"
    plain = block.norm is None and block.mlp_norm is None and block.mlp in (None, ("relu", False))
    if norm is None or not (one and plain):
        sentence = "heads are split in one layer of ReLU neurons whose only norm is the final one."
        raise Declined("unsupported", sentence)
    # The variance may be 0, and the root of nothing is no positive number.
    decline_unless(norm.eps > 0, "unsupported", "claim.model.parts: a final norm with eps 0.")
    decline_unless(margin[0] == 0, "unsupported", "claim.margin: beside a final norm it is 0.")
    to_outputs, bias = w["W_U"], w["b_U"]
    if "b_norm.final" in w:
        bias = add(product(w["b_norm.final"], to_outputs, tally), bias, tally)
    alike = len(set(of_answers(bias, task.answers).rows[0])) == 1
    decline_unless(alike, "unsupported", "weights: biases of the readout differ between answers.")
    to_outputs = layers.behind_norm(to_outputs, w, "final", tally)
    if norm.kind == "layer":
        to_outputs = _centred(to_outputs, tally)
    weights = {name: matrix for name, matrix in w.items() if name in ("W_E", "W_pos")}
    weights |= {name: w[f"{name}.0"] for name in _INNER if f"{name}.0" in w}
    weights |= {"W_U": to_outputs, "b_U": Matrix([[0] * shape.d_vocab_out], 0)}
    sizes = one_layer.Shape(*shape[:3], shape.n_heads, shape.d_head, shape.d_mlp, shape.d_vocab_out)
    one_layer.require_tables(sizes)
    served = one_layer.Settings(*settings.heads, settings.positions, block.mlp is not None)
    return one_layer.program(one_layer.Model(sizes, served, weights), margin, task, tally)


def _centred(weight: Matrix, tally: Tally) -> Matrix:
    """Return d_model times a matrix less the sum of its rows, which reads x less its mean."""
    count = len(weight.rows)
    less = product(Matrix([[-1] * count], 0), weight, tally)
    return add(scaled(weight, count, tally), less, tally)
