"""The program of an attention-only model of one head: that of one layer with one head (M1)."""

from arithmetic.tally import Tally
from parts import attention_only, one_layer
from parts.program import Program
from tasks.task import Task


def program(
    model: attention_only.Model, margin: tuple[int, int], task: Task, tally: Tally
) -> Program:
    """Return the program of the model for the inputs and answers of a task."""
    shape = model.shape
    sizes = one_layer.Shape(*shape[:3], 1, shape.d_head, 0, shape.d_vocab_out)
    settings = one_layer.Settings(1, "causal", None, False, True, False)
    return one_layer.program(one_layer.Model(sizes, settings, model.weights), margin, task, tally)
