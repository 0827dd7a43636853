"""Scores and logits of a model by their definitions, in exact fractions, beside the kernel's."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from arithmetic.tally import Tally
from files.tensors import read_tensors
from parts.attention_only import read_model
from strategies.score_bounds import bounded_scores
from strategies.subcubic_witness import read_witness

BIASES = {"b_Q": "d_head", "b_V": "d_head", "b_O": "d_model", "b_U": "d_vocab"}


def rational(array):
    """Return a tensor as an object array of Fractions, without its head axis."""
    array = array[0] if array.ndim == 3 else array
    return np.vectorize(lambda x: Fraction(float(x)), otypes=[object])(array)


class Literal(NamedTuple):
    """M and R' times the root of d_head, D, V and P, and the rows A' that D is read from."""

    scores: Any
    rest: Any
    direct: Any
    output: Any
    places: Any
    read: Any
    unembedding: Any
    bias: Any


def literal(model):
    names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")
    w = {name: rational(model.get(name)) for name in names}
    for name, size in BIASES.items():
        found = model.get(name)
        array = np.zeros(getattr(model, size)) if found is None else found.reshape(-1)
        w[name] = rational(array)
    mean = sum(w["W_pos"]) / Fraction(model.n_ctx)
    asked = w["W_E"] + w["W_pos"][-1]
    queries = asked @ w["W_Q"] + w["b_Q"]
    read = asked + w["b_V"] @ w["W_O"] + w["b_O"]
    written = w["W_V"] @ w["W_O"] @ w["W_U"]
    return Literal(
        queries @ ((w["W_E"] + mean) @ w["W_K"]).T,
        queries @ ((w["W_pos"] - mean) @ w["W_K"]).T,
        read @ w["W_U"] + w["b_U"],
        w["W_E"] @ written,
        w["W_pos"] @ written,
        read,
        w["W_U"],
        w["b_U"],
    )


def largest_gap(row, maximum):
    """Return the largest row[j] - row[m] over j != m."""
    return max(row[j] - row[maximum] for j in range(len(row)) if j != maximum)


def kernel_model(model):
    return read_model(read_tensors(model.bytes()))


def kernel_scores(model, score_error, fields):
    read = kernel_model(model)
    witness = read_witness(fields, ("max-diff", "drop-average", score_error), read.shape)
    return bounded_scores(score_error, read, witness, Tally(10**12))


def exact_rows(rows, unit):
    return np.array([[x * unit for x in row] for row in rows], object)


def score_unit(scores):
    return Fraction(2) ** scores.exponent / scores.denominator


def spread(row):
    return max(row) - min(row)
