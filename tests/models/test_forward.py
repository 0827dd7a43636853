"""The forward pass encloses the true logits, and is the path-table form of the same function."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from small_models import ball_ends, dyadic_values, fractions, random_tensors
from test_model_weights import frozen

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only.paths import tables as path_tables
from ballproof.models.forward import evaluate

ORACLE_BITS = 400


def real(value):
    return mpmath.mpf(value.numerator) / value.denominator


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def times(row, matrix):
    return [dot(row, column) for column in zip(*matrix, strict=True)]


def add(*rows):
    return [sum(column) for column in zip(*rows, strict=True)]


def literal_logits(tensors, sequence):
    """The definition, step by step: exact until the square root and the exponentials."""
    w = {name.rsplit(".", 1)[1]: fractions(array) for name, array in tensors.items()}
    with mpmath.workprec(ORACLE_BITS):
        residuals = [add(w["W_E"][t], w["W_pos"][i]) for i, t in enumerate(sequence)]
        query = add(times(residuals[-1], w["W_Q"]), w["b_Q"][0])
        keys = [add(times(residual, w["W_K"]), w["b_K"][0]) for residual in residuals]
        values = [add(times(residual, w["W_V"]), w["b_V"][0]) for residual in residuals]
        root = mpmath.sqrt(len(query))
        weights = [mpmath.exp(real(dot(query, key)) / root) for key in keys]
        total = sum(weights)
        logits = [
            real(x) for x in add(times(add(residuals[-1], w["b_O"][0]), w["W_U"]), w["b_U"][0])
        ]
        for weight, value in zip(weights, values, strict=True):
            output = times(times(value, w["W_O"]), w["W_U"])
            logits = [x + weight / total * real(y) for x, y in zip(logits, output, strict=True)]
        return logits


def path_logits(tables, sequence):
    """The same logits from the path tables."""
    (head,) = tables.heads
    v, p, s, r = (
        dyadic_values(getattr(head, name))
        for name in ("output", "positional_output", "score", "positional_score")
    )
    d = dyadic_values(tables.direct)
    query = sequence[-1]
    with mpmath.workprec(ORACLE_BITS):
        root = mpmath.sqrt(head.d_head)
        exps = [mpmath.exp(real(s[query][t] + r[query][i]) / root) for i, t in enumerate(sequence)]
        total = sum(exps)
        return [
            real(d[query][j])
            + sum(exps[i] / total * real(v[t][j] + p[i][j]) for i, t in enumerate(sequence))
            for j in range(len(d[0]))
        ]


def assert_encloses(balls, logits, width):
    for ball, logit in zip(balls, logits, strict=True):
        low, high = ball_ends(ball)
        sign, mantissa, exponent, _ = logit._mpf_
        exact = (-1) ** sign * int(mantissa) * Fraction(2) ** exponent
        # The oracle itself is off by a few units at 400 bits.
        slack = Fraction(1, 2**300)
        assert low - slack <= exact <= high + slack
        assert high - low < width


@pytest.mark.parametrize("shape", [Shape(4, 3, 3, 2), Shape(3, 1, 2, 2), Shape(1, 4, 2, 1)])
def test_balls_enclose_the_literal_logits_of_every_sequence(shape):
    tensors = random_tensors(11, shape)
    weights, tables = frozen(tensors), path_tables(frozen(tensors))
    for sequence in itertools.product(range(shape.d_vocab), repeat=shape.n_ctx):
        logits = literal_logits(tensors, sequence)
        assert_encloses(evaluate(weights, sequence, 128), logits, Fraction(1, 2**100))
        assert_encloses(evaluate(weights, sequence, 53), logits, Fraction(1, 2**35))
        for direct, table in zip(logits, path_logits(tables, sequence), strict=True):
            assert abs(direct - table) < mpmath.mpf(2) ** -300


def test_scores_too_large_for_floats_do_not_overflow():
    tensors = random_tensors(12, dtype=np.float64)
    tensors["embed.W_E"] *= 1e6
    assert_encloses(
        evaluate(frozen(tensors), [0, 4, 2], 300), literal_logits(tensors, [0, 4, 2]), Fraction(1)
    )


def test_a_precision_that_bounds_nothing_is_refused():
    tensors = random_tensors(12, dtype=np.float64)
    tensors["embed.W_E"] *= 1e150
    with pytest.raises(ValueError, match=r"logits of \[0, 4, 2\] have no finite bounds at 53 bits"):
        evaluate(frozen(tensors), [0, 4, 2], 53)


def test_wrong_sequences_are_refused():
    weights = frozen(random_tensors(13))
    with pytest.raises(ValueError, match="The sequence has 2 tokens, where 3 are read"):
        evaluate(weights, [0, 1], 64)
    with pytest.raises(ValueError, match=r"The token 5 is not in the vocabulary 0\.\.4"):
        evaluate(weights, [0, 5, 1], 64)
    with pytest.raises(ValueError, match="The token -1 is not in the vocabulary"):
        evaluate(weights, [0, -1, 1], 64)
