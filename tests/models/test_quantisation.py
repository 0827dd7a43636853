"""Rounded weights: the levels, the scale and float64 are what the definition says, exactly."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save
from support.toy import Recipe

from ballproof.models.errors import ModelError
from ballproof.models.quantisation import SCALE_BITS, _rounded, is_rounded, quantised, scale
from ballproof.models.tensors import Tensor
from ballproof.models.weights import weights_from_bytes

TOY = Recipe("gaussian", 5, 3, 4, 3, seed=1).build()
BITS = st.integers(2, 16)


def in_memory(data):
    return replace(weights_from_bytes(data, "toy"), data=data)


def rounded(model, bits, granularity):
    return load(quantised(in_memory(model.bytes()), bits, granularity, "t").data)


def groups(array, granularity):
    return array.reshape(-1, array.shape[-1]) if granularity == "row" else array.reshape(1, -1)


def levels_of(before, after, bits):
    """Return the exact levels of one group, having held it to the definition."""
    most = 2 ** (bits - 1) - 1
    exact, found = [Fraction(float(x)) for x in before], [Fraction(float(x)) for x in after]
    largest = max(map(abs, exact))
    if largest == 0:
        assert not any(found)
        return []
    # The scale by its own definition: the least multiple of 2^e, with 38 bits, that is no less.
    wanted = largest / most
    e = 0
    while wanted / Fraction(2) ** e >= 2**SCALE_BITS:
        e += 1
    while wanted / Fraction(2) ** e < 2 ** (SCALE_BITS - 1):
        e -= 1
    s = -(-wanted // Fraction(2) ** e) * Fraction(2) ** e
    levels = [value / s for value in found]
    # round() of a Fraction goes to the even one of two.
    assert levels == [round(x / s) for x in exact]
    assert max(map(abs, levels)) == most
    assert all(abs(x - y) <= s / 2 for x, y in zip(exact, found, strict=True))
    return levels


@pytest.mark.parametrize("granularity", ["tensor", "row"])
@given(bits=BITS, kind=st.sampled_from(["gaussian", "extreme", "dyadic", "zeros"]))
def test_every_number_is_the_nearest_multiple_of_the_scale(granularity, bits, kind):
    model = Recipe(kind, 4, 2, 3, 2, seed=bits).build()
    after = rounded(model, bits, granularity)
    for name, before in model.tensors.items():
        if not is_rounded(name):
            assert after[name].dtype == before.dtype
            assert np.array_equal(after[name], before)
            continue
        assert after[name].dtype == np.float64
        pairs = zip(groups(before, granularity), groups(after[name], granularity), strict=True)
        for one, other in pairs:
            levels_of(one, other, bits)


@pytest.mark.parametrize("granularity", ["tensor", "row"])
@given(bits=BITS)
def test_rounding_twice_is_rounding_once(granularity, bits):
    once = quantised(in_memory(TOY.bytes()), bits, granularity, "t")
    assert quantised(once, bits, granularity, "t").digest == once.digest


@given(st.integers(1, 2**80), st.integers(2, 16).map(lambda bits: 2 ** (bits - 1) - 1))
def test_the_scale_is_the_ratio_rounded_up_to_38_bits(largest, levels):
    factor, shift = scale(largest, levels)
    unit, exact = Fraction(2) ** shift, Fraction(largest, levels)
    assert 2 ** (SCALE_BITS - 1) <= factor <= 2**SCALE_BITS
    assert 0 <= factor * unit - exact < unit


def test_biases_are_kept_and_the_file_says_what_was_done():
    weights = quantised(in_memory(TOY.bytes()), 4, "row", "max-of-3")
    assert weights.task == "max-of-3"
    assert weights.notes == {"variant": "matrices rounded to 4 bits, one scale for each row"}
    again = weights_from_bytes(weights.data, "again")
    assert (again.notes, again.digest, again.task) == (weights.notes, weights.digest, "max-of-3")


def test_numbers_beyond_float64_are_refused_by_name():
    tiny = {name: x.astype(np.float64) * 2.0**-1060 for name, x in TOY.tensors.items()}
    with pytest.raises(ModelError, match="W_"):
        quantised(in_memory(save(tiny)), 16, "tensor", "t")


@pytest.mark.parametrize("bits", [1, 17])
def test_other_numbers_of_bits_are_refused(bits):
    with pytest.raises(ValueError, match="bits"):
        quantised(in_memory(TOY.bytes()), bits, "tensor", "t")


def test_tensors_of_any_dtype_are_read_exactly():
    array = np.array([[3, -7], [0, 1]], dtype=np.int8)
    assert is_rounded("W_a") and not is_rounded("blocks.0.ln1.w") and not is_rounded("b_out")
    tensor = Tensor.from_array("W_a", array)
    numbers = np.frombuffer(_rounded(tensor, 4, "tensor").data).reshape(2, 2)
    assert np.array_equal(numbers, array)  # A largest of 7 has the scale 1.
