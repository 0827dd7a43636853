"""Definitions of models and of programs, evaluated word by word: Fractions, and mpmath for exp."""

from fractions import Fraction

import mpmath
import numpy as np

from ballproof.models.architectures import Stated
from ballproof.models.tensors import Tensor
from ballproof.models.weights import freeze

BITS = 700


def exact(array):
    """A float array of any number of axes as nested lists of Fractions."""
    return np.vectorize(lambda x: Fraction(float(x)), otypes=[object])(array)


def real(value):
    """A Fraction or a number of mpmath as the latter, at the precision in force."""
    return (
        mpmath.mpf(value.numerator) / value.denominator if hasattr(value, "denominator") else value
    )


reals = np.vectorize(real, otypes=[object])


def relu(x):
    return np.array([max(value, 0) for value in x], dtype=object)


def one_layer(arrays, sequence, share=Fraction(1), normalised=False):
    """The logits of a one-layer transformer by its definition, with every bias present."""
    w = {name.split("blocks.0.")[-1]: exact(array) for name, array in arrays.items()}
    zero = [Fraction(0)]
    with mpmath.workprec(BITS):
        positions = w.get("pos_embed.W_pos", [0] * len(sequence))
        r = [w["embed.W_E"][t] + positions[i] for i, t in enumerate(sequence)]
        middle = r[-1] + w.get("attn.b_O", zero)
        for h in range(len(w["attn.W_Q"])):
            projected = {}
            for name in "QKV":
                bias = w[f"attn.b_{name}"][h] if f"attn.b_{name}" in w else zero
                projected[name] = [x @ w[f"attn.W_{name}"][h] + bias for x in r]
            root = mpmath.sqrt(w["attn.W_Q"].shape[2])
            scores = [real(projected["Q"][-1] @ key) / root for key in projected["K"]]
            powers = [mpmath.exp(score - max(scores)) for score in scores]
            for power, value in zip(powers, projected["V"], strict=True):
                uniform = (1 - share) / (len(sequence) if normalised else 1)
                alpha = real(share) * power / sum(powers) + real(uniform)
                middle = reals(middle) + alpha * reals(value @ w["attn.W_O"][h])
        if "mlp.W_in" in w:
            inner = relu(middle @ reals(w["mlp.W_in"]) + reals(w.get("mlp.b_in", zero)))
            middle = middle + inner @ reals(w["mlp.W_out"]) + reals(w.get("mlp.b_out", zero))
        return list(middle @ reals(w["unembed.W_U"]) + reals(w.get("unembed.b_U", zero)))


def pair(arrays, sequence, inputs):
    """The logits of a two-token network by its definition, in Fractions."""
    w = {name: exact(array) for name, array in arrays.items()}
    a = w["W_a" if "W_a" in w else "W_E"][sequence[0]]
    b = w["W_b" if "W_b" in w else "W_E"][sequence[1]]
    x = np.concatenate([a, b]) if inputs == "concatenated" else a + b
    x = x @ w["W_in"] if inputs != "added" else x
    x = relu(x + w.get("b_in", 0))
    number = 1
    while f"W_hidden.{number}" in w:
        x = relu(x @ w[f"W_hidden.{number}"] + w.get(f"b_hidden.{number}", 0))
        number += 1
    return list(x @ w["W_out"] + w.get("b_out", 0))


def value(matrix):
    """A DyadicMatrix as an array of Fractions."""
    scale = Fraction(2) ** matrix.exponent
    return np.array([[entry * scale for entry in row] for row in matrix.tolist()], dtype=object)


def run(program, sequence):
    """The outputs of a program on one input, divided by its denominator."""
    with mpmath.workprec(BITS):
        columns = Fraction(0)
        for table, token in zip(program.lookups, sequence, strict=True):
            columns = columns + (0 if table is None else value(table)[token])
        columns = columns if program.heads == () else reals(columns)
        query = sequence[-1]
        for head in program.heads:
            scores = [
                real(value(head.score)[query, t] + value(head.positional_score)[query, i])
                / mpmath.sqrt(head.d_head)
                for i, t in enumerate(sequence)
            ]
            powers = [mpmath.exp(score - max(scores)) for score in scores]
            for power, table, token in zip(powers, head.values, sequence, strict=True):
                columns = columns + power / sum(powers) * reals(value(table)[token])
        x, direct = columns[: program.neurons], columns[program.neurons :]
        for weight, bias in program.layers:
            x = relu(x) @ value_like(weight, x) + value_like(bias, x)[0]
        outputs = direct + x if program.layers else direct
        return [output / program.denominator for output in outputs]


def value_like(matrix, x):
    """A matrix as Fractions, or as numbers of mpmath where `x` are."""
    return value(matrix) if all(isinstance(each, Fraction) for each in x) else reals(value(matrix))


def frozen(arrays, parts=None, n_ctx=None):
    named = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    return freeze(named, "a file", Stated(parts, n_ctx))
