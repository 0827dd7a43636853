"""Small models of one layer with tasks of any rule, and their counts by the definition."""

import itertools
import json
from fractions import Fraction

import numpy as np

from ballproof.models.architectures import Shape
from ballproof.models.architectures.one_layer.layout import W_POS, expected_shapes
from ballproof.models.architectures.one_layer.settings import Settings
from ballproof.models.tasks import task_of_json
from support import literal_models
from support.literal_models import frozen

SETTINGS = [
    Settings(),
    Settings("none", Fraction(0)),
    Settings("causal", Fraction(1, 2), True),
    Settings("none", Fraction(7, 5)),
]


def one_layer(rng, heads, neurons, settings, draw, positions=True):
    """Tensors for 4 tokens at 3 positions and 4 outputs, and the model that they are."""
    dims = expected_shapes(Shape(4, 3, 3, 2, 4, heads, neurons))
    arrays = {
        name: draw(shape) for name, shape in dims.items() if "b_" not in name or rng.integers(0, 2)
    }
    if not positions:
        del arrays[W_POS]
    parts = settings.parts({name: array.shape for name, array in arrays.items()})
    text = json.dumps(parts, separators=(",", ":"))
    return arrays, frozen(arrays, text, None if positions else 3)


def asked(weights, rng):
    """A task: any rule, domain and answers, a single one among them, or a label that is none."""
    k, v, outputs = weights.shape.n_ctx, weights.shape.d_vocab, weights.shape.d_vocab_out
    ends = [sorted(rng.choice(v + 1, 2, replace=False).tolist()) for _ in range(k)]
    if rng.integers(0, 2):
        ends[-1] = [v - 1, v]
    reads = sorted(rng.choice(k, int(rng.integers(1, k + 1)), replace=False).tolist())
    first = int(rng.integers(0, outputs))
    answers = [first, int(rng.integers(first + 1, outputs + 1))]
    inputs = np.prod([ends[i][1] - ends[i][0] for i in reads])
    rules = [
        {"rule": "max"},
        {"rule": "rank", "rank": 1},
        {"rule": "sum", "modulus": 4, "coefficients": [1, -1, 3][: len(reads)]},
        {"rule": "table", "labels": rng.integers(0, outputs + 1, inputs).tolist()},
    ]
    rule = rules[rng.integers(0, len(rules))]
    task = {**rule, "positions": ends, "reads": reads, "answers": answers}
    return task_of_json(task, weights.shape)


def literal_count(task, margin, logits):
    """How many inputs are right, by the definition; near ties are the test's own mistake."""
    right = 0
    for sequence in itertools.product(*task.positions):
        label = task.label(sequence)
        if label not in task.answers:
            continue
        found = logits(sequence)
        leads = [found[label] - found[j] - margin for j in task.answers if j != label]
        right += all(lead > 0 for lead in leads)
    return right


def truth_of(arrays, task, margin, settings):
    """How many inputs a model of one layer gets right."""

    def logits(sequence):
        found = literal_models.one_layer(arrays, sequence, settings.share, settings.normalised)
        return [literal_models.real(x) for x in found]

    with literal_models.mpmath.workprec(literal_models.BITS):
        return literal_count(task, literal_models.real(margin), logits)
