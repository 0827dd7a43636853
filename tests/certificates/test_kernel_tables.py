"""The checker reads weights exactly, and its tables are the exact ones, rounded outward only."""

import struct
from fractions import Fraction
from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import (
    checker_tables,
    digest,
    join_weights,
    mean_diff_sign,
    shapes,
    trained_toy,
)
from support.toy import FLAVOURS, Recipe, random_toys, toy_models

from arithmetic.tally import Tally
from counting.separable import GapRows
from files.tensors import FLOATS, INTEGERS, SIZES, Tensor, matrix, read_tensors
from files.tensors import digest as checker_digest
from files.verdict import Declined
from parts.attention import Attention
from parts.attention_only import read_model

FORMATS = {"F64": "<d", "F32": "<f", "F16": "<e"} | {
    name: "<" + code for name, code in zip(sorted(INTEGERS), "hiqbHIQB", strict=True)
}


def value_of(dtype, data):
    """Return one number of a file as a rational, by `struct`; None if it is none."""
    if dtype == "BF16":  # The upper half of a float32.
        dtype, data = "F32", b"\0\0" + data
    (number,) = struct.unpack(FORMATS[dtype], data)
    return Fraction(number) if abs(number) < float("inf") else None


def test_every_integer_type_has_its_own_format():
    sizes = {name: struct.calcsize(FORMATS[name]) for name in INTEGERS}
    assert sizes == INTEGERS


@pytest.mark.parametrize("dtype", sorted(FLOATS | INTEGERS))
@given(data=st.binary(min_size=48, max_size=48))
def test_every_number_of_every_type_is_read_exactly(dtype, data):
    size = SIZES[dtype]
    numbers = [value_of(dtype, data[i : i + size]) for i in range(0, len(data), size)]
    tensor = Tensor(dtype, (2, len(numbers) // 2), data)
    if None in numbers:
        with pytest.raises(Declined, match=f"x holds a NaN or infinity at {numbers.index(None)}"):
            matrix(tensor, 1, "x")
        return
    rows, exponent = matrix(tensor, len(numbers) // 2, "x")
    assert len(rows) == 2
    assert [x * Fraction(2) ** exponent for row in rows for x in row] == numbers


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_the_ends_of_every_float_type_are_read_exactly(dtype):
    size, exponent_bits, fraction_bits = FLOATS[dtype]
    special = ((1 << exponent_bits) - 1) << fraction_bits
    patterns = [0, 1, 2, (1 << fraction_bits) - 1, 1 << fraction_bits, special - 1]
    signs = (0, 1 << (8 * size - 1))
    data = b"".join((p | sign).to_bytes(size, "little") for p in patterns for sign in signs)
    rows, exponent = matrix(Tensor(dtype, (1, 12), data), 12, "x")
    expected = [value_of(dtype, data[i : i + size]) for i in range(0, len(data), size)]
    assert [x * Fraction(2) ** exponent for x in rows[0]] == expected
    for bad in (special, special + 1, special | signs[1]):
        with pytest.raises(Declined, match="NaN or infinity"):
            matrix(Tensor(dtype, (1,), bad.to_bytes(size, "little")), 1, "x")


def test_truth_values_are_no_weights():
    with pytest.raises(Declined, match="unsupported"):
        matrix(Tensor("BOOL", (2,), b"\0\1"), 2, "x")


@given(toy_models())
def test_the_digest_and_shapes_agree_with_an_independent_reading(model):
    weights = model.bytes()
    tensors = read_tensors(weights)
    assert checker_digest(tensors) == digest(weights)
    assert read_model(tensors).shape._asdict() == shapes(weights)


def test_the_digest_does_not_depend_on_order_padding_metadata_or_buffers():
    def entry(start, end):
        return {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}

    plain = join_weights({"a": entry(0, 2), "b": entry(2, 3)}, b"abc")
    turned = join_weights({"b": entry(0, 1), "a": entry(1, 3)}, b"cab")
    mask = {"blocks.0.attn.mask": entry(0, 1), "__metadata__": {"x": "y"}}
    masked = join_weights(mask | {"b": entry(3, 4), "a": entry(1, 3)}, b"?abc")
    digests = {checker_digest(read_tensors(file)) for file in (plain, turned, masked)}
    assert digests == {digest(plain)}
    other = join_weights({"a": entry(0, 1), "b": entry(1, 3)}, b"abc")
    assert checker_digest(read_tensors(other)) != digest(plain)


def rational(array):
    """Return a tensor as an object array of Fractions, without its head axis."""
    array = array[0] if array.ndim == 3 else array
    return np.vectorize(lambda x: Fraction(float(x)), otypes=[object])(array)


def fraction_tables(model):
    """Return D, V, P and the root of d_head times S and R, by their definitions."""
    w = {name: rational(model.get(name)) for name in ("W_E", "W_pos", "W_U", "W_V", "W_O")}
    w |= {name: rational(model.get(name)) for name in ("W_Q", "W_K")}
    for name, size in (("b_Q", model.d_head), ("b_V", model.d_head), ("b_O", model.d_model)):
        bias = model.get(name)
        w[name] = np.full(size, Fraction(0)) if bias is None else rational(np.atleast_1d(bias))
        w[name] = w[name].reshape(-1)
    bias = model.get("b_U")
    outputs = Fraction(0) if bias is None else rational(bias)
    asked = w["W_E"] + w["W_pos"][-1]
    direct = (asked + w["b_V"] @ w["W_O"] + w["b_O"]) @ w["W_U"] + outputs
    written = w["W_V"] @ w["W_O"] @ w["W_U"]
    queries = asked @ w["W_Q"] + w["b_Q"]
    keys = [(table @ w["W_K"]).T for table in (w["W_E"], w["W_pos"])]
    return direct, w["W_E"] @ written, w["W_pos"] @ written, queries @ keys[0], queries @ keys[1]


@settings(max_examples=60)
@given(toy_models(max_width=4), st.fractions(Fraction(1, 9), 9, max_denominator=99))
def test_the_path_tables_are_the_exact_matrix_products(model, margin):
    tables = checker_tables(model, margin)
    head = tables.head
    direct, output, positional, score, positional_score = fraction_tables(model)
    unit = margin / tables.eps
    for found, expected in (
        (tables.direct, direct),
        (head.output, output),
        (head.positional_output, positional),
    ):
        assert (np.array(found, object) * unit == expected).all()
    unit = Fraction(2) ** head.score_exponent
    assert (np.array(head.score, object) * unit == score).all()
    assert (np.array(head.positional_score, object) * unit == positional_score).all()


def unpacked(lanes, vector):
    """Return the entries of a vector; fails if it does not fit its lanes."""
    mask, shifted = (1 << lanes.width) - 1, vector + lanes.offset
    assert 0 <= shifted < 1 << (lanes.width * lanes.count)
    entries = [(shifted >> (lanes.width * i)) & mask for i in range(lanes.count)]
    return [entry - lanes.half for entry in entries]


def true_weights(head, query):
    """Return functions of exp(S[q,t] - S*) and exp(R[q,i] - R*), to 1500 bits."""
    root = mpmath.sqrt(head.d_head)

    def factor(scores):
        top = max(scores)
        steps = [mpmath.ldexp(mpmath.mpf(s - top), head.score_exponent) for s in scores]
        return [mpmath.exp(step / root) for step in steps]

    return factor(head.score[query]), factor(head.positional_score[query])


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("bits", [32, 100])
def test_tables_in_lanes_lie_outside_the_true_terms_of_every_rival(flavour, bits):
    tally = Tally(10**9)
    (model,) = random_toys(31, 1, 4, 3, flavours=(flavour,))
    tables = checker_tables(model, Fraction(1, 3))
    with mpmath.workprec(1500):
        for maximum in range(model.d_vocab):
            rows = GapRows(tables, maximum, range(maximum + 1), bits, tally)
            for query in range(maximum + 1):
                attention = Attention(tables.head, query, bits, tally)
                upper, lower = (side(attention, tally) for side in (rows.upper, rows.lower))
                tokens, places = true_weights(tables.head, query)
                scale = -(attention.unit(range(maximum + 1)) + rows.shift)
                for i, t in product(range(model.n_ctx), range(maximum + 1)):
                    weight = mpmath.ldexp(tokens[t] * places[i], scale)
                    low, high = (unpacked(rows.lanes, side[i][t]) for side in (lower, upper))
                    for rival in set(range(model.d_vocab)) - {maximum}:
                        true = weight * true_gap(tables, (query, maximum, rival), i, t)
                        assert low[rival] <= true <= high[rival]


def true_gap(tables, names, position, token):
    query, label, rival = names
    head = tables.head
    rows = tables.direct[query], head.output[token], head.positional_output[position]
    return tables.eps + sum(row[rival] - row[label] for row in rows)


@pytest.mark.parametrize("bits", [32, 53, 1024])
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(("v", "k"), [(1, 40), (2, 40), (3, 17), (5, 1)])
def test_no_sum_that_is_formed_leaves_its_lane(flavour, v, k, bits):
    tally = Tally(10**9)
    model = Recipe(flavour, v, k, 2, 2, frozenset({"b_U", "b_Q"}), "float64", k).build()
    tables = checker_tables(model, Fraction(10**9))
    for maximum in range(v):
        rows = GapRows(tables, maximum, range(maximum + 1), bits, tally)
        for query in range(maximum + 1):
            attention = Attention(tables.head, query, bits, tally)
            for table in (rows.upper(attention, tally), rows.lower(attention, tally)):
                entries = [[unpacked(rows.lanes, x) for x in row] for row in table]
                # Whatever is chosen at each position, and once more for the difference of T3.
                size = max(abs(x) for row in entries for entry in row for x in entry)
                assert (k + 2) * size < rows.lanes.half
                row, plain = (
                    sum(x[-1] for x in table),
                    [sum(c) for c in zip(*(e[-1] for e in entries), strict=True)],
                )
                assert unpacked(rows.lanes, row) == plain


def test_the_models_of_the_other_tests_have_room_to_lie():
    sizes = shapes(trained_toy().bytes())
    assert len(set(sizes.values())) == 4
    assert shapes(mean_diff_sign().bytes()) == {
        "d_vocab": 16,
        "n_ctx": 2,
        "d_model": 34,
        "d_head": 34,
        "d_vocab_out": 16,
    }
