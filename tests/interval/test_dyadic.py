"""Bits become exact dyadics: every dtype is held against fractions.Fraction."""

import pickle
import random
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballproof.interval.dyadic import DTYPES, DyadicMatrix, NonFiniteError

FLOATS = {"F64": (11, 52), "F32": (8, 23), "F16": (5, 10), "BF16": (8, 7)}
INTEGERS = [dtype for dtype in DTYPES if dtype not in FLOATS]


def values(matrix):
    scale = Fraction(2) ** matrix.exponent
    return [[entry * scale for entry in row] for row in matrix.tolist()]


def float_value(bits, dtype):
    """The value of an IEEE bit pattern, straight from the definition."""
    exponent_bits, fraction_bits = FLOATS[dtype]
    bias = 2 ** (exponent_bits - 1) - 1
    fraction = Fraction(bits % 2**fraction_bits, 2**fraction_bits)
    field = bits >> fraction_bits & 2**exponent_bits - 1
    sign = -1 if bits >> exponent_bits + fraction_bits else 1
    if field == 2**exponent_bits - 1:
        return None
    if field == 0:
        return sign * fraction * Fraction(2) ** (1 - bias)
    return sign * (1 + fraction) * Fraction(2) ** (field - bias)


def width(dtype):
    return (1 + sum(FLOATS[dtype])) // 8


def freeze_pattern(bits, dtype):
    return DyadicMatrix.from_bits(bits.to_bytes(width(dtype), "little"), dtype, (1, 1))


def edge_patterns(dtype):
    exponent_bits, fraction_bits = FLOATS[dtype]
    sign = 1 << exponent_bits + fraction_bits
    smallest_normal = 1 << fraction_bits
    infinity = (2**exponent_bits - 1) << fraction_bits
    low = [0, 1, 2, 3, smallest_normal - 1, smallest_normal, smallest_normal + 1, infinity - 1]
    return low + [sign | bits for bits in low]


@pytest.mark.parametrize("dtype", FLOATS)
def test_edge_floats_are_exact(dtype):
    for bits in edge_patterns(dtype):
        assert values(freeze_pattern(bits, dtype)) == [[float_value(bits, dtype)]]


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_every_sixteen_bit_float_is_exact(dtype):
    finite = [bits for bits in range(2**16) if float_value(bits, dtype) is not None]
    data = np.array(finite, dtype="<u2").tobytes()
    frozen = DyadicMatrix.from_bits(data, dtype, (1, len(finite)))
    assert values(frozen)[0] == [float_value(bits, dtype) for bits in finite]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_any_finite_float64_is_exact(numbers):
    data = struct.pack(f"<{len(numbers)}d", *numbers)
    frozen = DyadicMatrix.from_bits(data, "F64", (1, len(numbers)))
    assert values(frozen)[0] == [Fraction(number) for number in numbers]
    assert frozen.trimmed().exponent == frozen.exponent
    assert frozen.to_float().tolist()[0] == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=6))
def test_any_finite_float32_is_exact(numbers):
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    frozen = DyadicMatrix.from_bits(data, "F32", (len(numbers), 1))
    assert values(frozen) == [[Fraction(number)] for number in numbers]


def test_extreme_ranges_share_one_exponent_without_loss():
    numbers = [1e308, 5e-324, -1e30, 1e-30, -0.0, 2.0**-1074 * 3, 1.0, -1.7976931348623157e308]
    frozen = DyadicMatrix.from_bits(struct.pack("<8d", *numbers), "F64", (2, 4))
    assert values(frozen) == [
        [Fraction(n) for n in numbers[:4]],
        [Fraction(n) for n in numbers[4:]],
    ]
    assert frozen.exponent == -1074


def test_the_exponent_is_no_smaller_than_needed():
    frozen = DyadicMatrix.from_bits(struct.pack("<2f", 12.0, 40.0), "F32", (1, 2))
    assert (frozen.tolist(), frozen.exponent) == ([[3, 10]], 2)


def test_minus_zero_is_zero():
    frozen = DyadicMatrix.from_bits(struct.pack("<2f", -0.0, 0.0), "F32", (1, 2))
    assert (frozen.tolist(), frozen.exponent) == ([[0, 0]], 0)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_exact_up_to_their_limits(dtype):
    code = ("i" if dtype[0] == "I" else "u") + str(int(dtype[1:]) // 8)
    limits = np.iinfo(code)
    numbers = [int(limits.min), int(limits.max), 0, 1, 6, int(limits.max) - 1]
    data = np.array(numbers, dtype=f"<{code}").tobytes()
    frozen = DyadicMatrix.from_bits(data, dtype, (2, 3))
    assert values(frozen) == [numbers[:3], numbers[3:]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("fraction", [0, 1])
def test_nan_and_infinity_are_refused_by_index(dtype, fraction):
    exponent_bits, fraction_bits = FLOATS[dtype]
    patterns = [0] * 6
    patterns[5] = (2**exponent_bits - 1) << fraction_bits | fraction
    data = b"".join(bits.to_bytes(width(dtype), "little") for bits in patterns)
    with pytest.raises(NonFiniteError, match=r"\[1, 2\] is a NaN or an infinity") as caught:
        DyadicMatrix.from_bits(data, dtype, (2, 3))
    assert caught.value.index == (1, 2)


def test_unknown_dtypes_and_wrong_lengths_are_refused():
    with pytest.raises(ValueError, match="the dtype BOOL is not one of F64"):
        DyadicMatrix.from_bits(b"\0", "BOOL", (1, 1))
    with pytest.raises(ValueError, match=r"7 bytes, where F32 of shape \[1, 2\] has 8"):
        DyadicMatrix.from_bits(b"\0" * 7, "F32", (1, 2))


def random_matrix(rng, rows, columns):
    entries = [[rng.randint(-(2**80), 2**80) for _ in range(columns)] for _ in range(rows)]
    return DyadicMatrix.from_ints(entries, rng.randint(-90, 90))


def test_arithmetic_is_exact():
    rng = random.Random(1)
    for _ in range(20):
        a, b, c = random_matrix(rng, 2, 3), random_matrix(rng, 2, 3), random_matrix(rng, 3, 2)
        va, vb, vc = values(a), values(b), values(c)
        assert values(a + b) == [[va[i][j] + vb[i][j] for j in range(3)] for i in range(2)]
        assert values(a - b) == [[va[i][j] - vb[i][j] for j in range(3)] for i in range(2)]
        assert values(a @ c) == [
            [sum(va[i][n] * vc[n][j] for n in range(3)) for j in range(2)] for i in range(2)
        ]
        assert values(a.transpose()) == [[va[i][j] for i in range(2)] for j in range(3)]
        assert values(a.scaled(-7)) == [[-7 * x for x in row] for row in va]
        assert values(a.row(1)) == [va[1]]
        assert values(a.plus_row(b.row(0))) == [
            [x + y for x, y in zip(r, vb[0], strict=True)] for r in va
        ]
        assert values(a.trimmed()) == va


def test_equality_compares_values():
    assert DyadicMatrix.from_ints([[2, 4]], 1) == DyadicMatrix.from_ints([[4, 8]], 0)
    assert DyadicMatrix.from_ints([[2, 4]], 1) != DyadicMatrix.from_ints([[2, 4]], 0)
    assert DyadicMatrix.from_ints([[0]]) != DyadicMatrix.from_ints([[0, 0]])


def test_trimming_makes_mantissas_small():
    trimmed = DyadicMatrix.from_ints([[2**100, -(2**98) * 3]], -98).trimmed()
    assert (trimmed.tolist(), trimmed.exponent) == ([[4, -3]], 0)
    assert DyadicMatrix.from_ints([[0]], 50).trimmed().exponent == 0


def test_floats_of_huge_mantissas_do_not_crash():
    matrix = DyadicMatrix.from_ints([[3 << 5000, -(5 << 4000), 1, 0]], -5000)
    assert matrix.to_float().tolist() == [[3.0, -5 * 2.0**-1000, 0.0, 0.0]]
    overflowing = DyadicMatrix.from_ints([[1, -1]], 5000)
    assert overflowing.to_float().tolist() == [[float("inf"), float("-inf")]]


def test_matrices_travel_between_processes():
    matrix = DyadicMatrix.from_ints([[1 << 200, -3]], -77)
    copy = pickle.loads(pickle.dumps(matrix))
    assert (copy.tolist(), copy.exponent) == (matrix.tolist(), matrix.exponent)


def test_rows_and_columns_are_taken_and_joined_exactly():
    matrix = DyadicMatrix.from_ints([[1, 2], [3, 4], [5, 6]], -3)
    assert matrix.rows(1, 3) == DyadicMatrix.from_ints([[3, 4], [5, 6]], -3)
    other = DyadicMatrix.from_ints([[7], [8], [9]], 2)
    expected = DyadicMatrix.from_ints([[1, 2, 224], [3, 4, 256], [5, 6, 288]], -3)
    assert matrix.beside(other) == expected
    assert other.beside(matrix).shape == (3, 3)
    with pytest.raises(ValueError, match="shorter"):
        matrix.beside(other.rows(0, 2))
