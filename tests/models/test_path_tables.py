"""The path tables are exact: held against products of Fractions, straight from the formulas."""

import numpy as np
import pytest
from small_models import dyadic_values, fractions, plus_row, product, random_tensors, transposed
from test_model_weights import frozen

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only.paths import tables as path_tables

SHAPES = [Shape(5, 3, 4, 2), Shape(1, 1, 1, 1), Shape(3, 1, 2, 5), Shape(2, 6, 3, 3)]


def expected_tables(tensors):
    """D, V, P, sqrt(h) S and sqrt(h) R by the formulas of the theory, with every bias."""
    short = {name.rsplit(".", 1)[1]: fractions(array) for name, array in tensors.items()}
    residual = plus_row(short["W_E"], [short["W_pos"][-1]])
    query = plus_row(product(residual, short["W_Q"]), short["b_Q"])
    bias = plus_row(product(short["b_V"], short["W_O"]), short["b_O"])
    ov = product(product(short["W_V"], short["W_O"]), short["W_U"])
    return {
        "direct": plus_row(product(plus_row(residual, bias), short["W_U"]), short["b_U"]),
        "output": product(short["W_E"], ov),
        "positional_output": product(short["W_pos"], ov),
        "score": product(query, transposed(product(short["W_E"], short["W_K"]))),
        "positional_score": product(query, transposed(product(short["W_pos"], short["W_K"]))),
    }


def assert_equal(tables, expected):
    (head,) = tables.heads
    for name, values in expected.items():
        table = tables.direct if name == "direct" else getattr(head, name)
        assert dyadic_values(table) == values


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tables_equal_the_formulas(shape, dtype):
    tensors = random_tensors(1, shape, dtype=dtype)
    tables = path_tables(frozen(tensors))
    assert_equal(tables, expected_tables(tensors))
    assert tables.heads[0].d_head == shape.d_head


def test_tables_of_extreme_weights_are_exact():
    tensors = random_tensors(2, dtype=np.float64)
    tensors["embed.W_E"][0, 0], tensors["embed.W_E"][1, 1] = 1e308, 5e-324
    tensors["unembed.W_U"][0, 0], tensors["unembed.W_U"][1, 1] = 1e-300, -1e30
    tables = path_tables(frozen(tensors))
    assert_equal(tables, expected_tables(tensors))


def test_the_key_bias_does_not_change_the_tables():
    tensors = random_tensors(3)
    other = {**tensors, "blocks.0.attn.b_K": tensors["blocks.0.attn.b_K"] + 1}
    first, second = path_tables(frozen(tensors)), path_tables(frozen(other))
    assert first == second


def test_absent_biases_are_zero_biases():
    tensors = random_tensors(4, biases=False)
    zeros = {name: np.zeros_like(array) for name, array in random_tensors(4).items()}
    assert path_tables(frozen(tensors)) == path_tables(frozen({**zeros, **tensors}))
