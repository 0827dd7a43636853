"""The budget bounds processor time and memory: long numbers count, before they are made."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
from support.certify import certificate, encoded, verdict
from support.hard import far_apart
from support.witnesses import constant_gaps
from test_kernel_limits import LIMIT, SHAPE, read_subcubic, refused, subcubic_witness

from arithmetic.matrices import Matrix, add, aligned, product, scaled
from arithmetic.tally import Tally, exp_surcharge
from files import strictjson, tensors
from files.strictjson import parse_object
from files.tensors import Tensor, matrix
from files.verdict import Rejected
from strategies.subcubic_witness import read_witness


def test_as_many_marks_as_the_limit_are_read_and_one_more_is_not(monkeypatch):
    text = b'{"a":[{"b":1},2,[]],"c":",:"}'
    # In strings as well.
    marks = sum(chr(x) in '{}[],:"' for x in text)
    for most, reason in ((marks, None), (marks - 1, LIMIT)):
        monkeypatch.setattr(strictjson, "MAX_MARKS", most)
        assert refused(parse_object, text, "x") == reason


@pytest.mark.parametrize("item", [b"[]", b"{}", b"0", b'""', b"]", b'"', b'{"a":{}}', b":"])
def test_a_text_of_many_small_values_is_declined_before_it_is_parsed(monkeypatch, item):
    monkeypatch.setattr(strictjson, "MAX_MARKS", 10_000)
    text = b'{"x":[' + b",".join([item] * 2**17) + b"]}"
    tracemalloc.start()
    try:
        assert refused(parse_object, text, "x") == LIMIT
        assert tracemalloc.get_traced_memory()[1] < 3 * len(text)
    finally:
        tracemalloc.stop()


LONG = {
    "a_star": lambda low, high: {"a_star": [[low, high]] * 3},
    "mu": lambda low, high: {"mu": [low, high]},
}


@pytest.mark.parametrize("key", LONG)
def test_attentions_and_mu_have_1100_places_on_each_side_of_the_point(key):
    for exponent, reason in ((-1100, None), (-1101, LIMIT), (1099, None), (1100, LIMIT)):
        number = ["1", exponent]
        assert refused(read_subcubic, **LONG[key](number, ["0", 0])) == reason
        assert refused(read_subcubic, **LONG[key](number, ["-1", exponent])) == reason
    assert refused(read_subcubic, **LONG[key](["0", 0], ["0", 0])) is None


def test_the_ends_of_a_chord_have_1100_places_and_directions_any_exponent():
    fields = subcubic_witness()
    del fields["a_star"]
    for exponent, reason in ((-1100, None), (-1101, LIMIT)):
        fields["chord"] = [[[["1", exponent], ["3", exponent]]] * 2] * 3
        read = partial(read_witness, fields, ("svd-query", "chord", "svd"), SHAPE)
        assert refused(read) == reason
    assert refused(read_subcubic, query_directions=[[["1", 20_000]] * 3]) is None


def test_products_of_long_integers_count_by_both_lengths():
    for a, b, times in ((512, 511, 1), (512, 512, 2), (2**10, 2**9, 3), (2**15, 2**14, 2**11 + 1)):
        for left, right in ((a, b), (b, a)):
            tally = Tally(10**9)
            rows = [[1 << (left - 1), 1]] * 5
            product(Matrix(rows, 0), Matrix([[1 << (right - 1)], [1]], 0), tally)
            assert tally.spent == 15 * times


def size_surcharge(numbers, bits):
    tally = Tally(10**12)
    tally.charge_size(numbers, bits)
    return tally.spent


def test_tables_of_long_integers_are_surcharged_by_their_bits():
    free = 2**24 // 1024
    assert size_surcharge(free, 768) == 0
    assert size_surcharge(free, 769) == free // 64
    assert size_surcharge(1, 2**24 - 256 + 63) == 0
    assert size_surcharge(1, 2**24 - 256 + 64) == 1


def test_exponentials_of_long_numerators_are_surcharged():
    for length, surcharge in ((641, 0), (6 * 160 - 1, 0), (6 * 160, 1), (6 * 224, 4)):
        assert exp_surcharge(1, 96, length) == surcharge
        assert exp_surcharge(5, 160, length) == 5 * max(1, surcharge)


ONE = Matrix([[1] * 64] * 64, 0)
FAR = Matrix([[1] * 64] * 64, 60_000)


@pytest.mark.parametrize(
    ("work", "bits"),
    [
        (lambda tally: aligned([ONE, FAR], tally), 60_001),
        (lambda tally: add(ONE, FAR, tally), 60_001),
        (lambda tally: scaled(ONE, 1 << 60_000, tally), 60_002),
        (lambda tally: product(ONE, Matrix([[1 << 60_000] * 64] * 64, 0), tally), 60_002),
    ],
)
def test_long_integers_are_counted_before_they_are_made(work, bits):
    surcharge = size_surcharge(64**2, bits)
    assert surcharge > 3_000_000
    tracemalloc.start()
    try:
        with pytest.raises(Rejected):
            work(Tally(surcharge - 1))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("dtype", "numbers", "bits"),
    [
        ("u8", [0, 1, 2, 511], 9),
        ("u8", [0, 4, 8, 1023], 10),
        ("u8", [0, 0, 0, 0], 0),
        ("f8", [0.0, 0.0, -0.0, 0.0], 0),
        # What is 0 is so on any unit; 1.5 has 53 bits, the last of which are 0.
        ("f8", [0.0, 1.0, 1.5, -0.0], 53),
        ("f8", [-1.0, 0.0, 2.0**-1074, 2.0**1000], 2075),
    ],
)
def test_weights_too_far_apart_for_their_number_are_declined(monkeypatch, dtype, numbers, bits):
    tensor = Tensor(dtype[0].upper() + "64", (4,), np.array(numbers, "<" + dtype).tobytes())
    for most, reason in ((4 * (256 + bits), None), (4 * (256 + bits) - 1, LIMIT)):
        monkeypatch.setattr(tensors, "MAX_EXACT", most)
        assert refused(matrix, tensor, 1, "x") == reason


def test_a_class_counts_the_bits_of_attention_and_logits():
    model = far_apart(4, 3, 3, 2, 1e-300, 1e300, "float64")
    strategy, tallies = "subcubic/max-diff-exact/mean+diff/exact", []
    for places in (64, 1000):
        witness = {"gaps": constant_gaps(4, 3, 1), "a_star": [[["1", -places]] * 2] * 4}
        cert = certificate(model, strategy, at_least=0, witness=witness)
        tallies.append(verdict(model.bytes(), encoded(cert)).theorem.tally)
    # Each class multiplies eight times; more than eight thousand bits of the logits by 936 more.
    classes = sum(1 for m in range(1, 4) for q in range(m + 1) for c in (1, 2) if m - q or q)
    assert tallies[1] - tallies[0] > classes * 32 * (4000 * 936 >> 18)
