"""Corners of what the kernel reads: the last value that is taken and the first that is not."""

import numpy as np
import pytest
from mutation import changed
from support.certify import certificate, checker_eps, encoded, join_weights, trained_toy, verdict
from support.ladders import only, pool
from support.toy import ToyModel

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from files import claims
from files.strictjson import parse_object, rational, require_keys
from files.tensors import Tensor, matrix, read_tensors
from files.verdict import Declined, Rejected, Theorem
from files.witness import list_of
from parts.attention_only import read_model
from parts.float32 import _growth
from strategies.ladder_witness import RULES, Domain, read_ladder
from strategies.subcubic_witness import _directions, _dyadic, _dyadics


def test_a_size_of_zero_in_a_claim_is_declined():
    cert = certificate(trained_toy(), "exact")
    for key in ("d_vocab", "n_ctx", "d_model", "d_head", "d_vocab_out"):
        mutant = changed(cert, ("claim", "model", "sizes", key), 0)
        assert verdict(trained_toy().bytes(), encoded(mutant)).refusal == (2, "limit")


def test_a_certificate_may_be_as_long_as_the_limit_and_no_longer(monkeypatch):
    cert = encoded(certificate(trained_toy(), "exact"))
    weights = trained_toy().bytes()
    monkeypatch.setattr(claims, "MAX_FILE", len(cert))
    assert verdict(weights, cert).reason != "limit"
    monkeypatch.setattr(claims, "MAX_FILE", len(cert) - 1)
    assert verdict(weights, cert).refusal == (2, "limit")


def read_pools(v, witness):
    return read_ladder(witness, range(v), Domain(range(v), range(v), RULES["ladder"]))


def test_labels_ascend_within_those_of_the_task():
    for labels in ([], [0], [2], [0, 1, 2], [0, 2]):
        assert list(read_pools(3, {"labels": [[m, []] for m in labels]})) == labels
    for labels in ([-1], [3], [1, 0], [1, 1], [0, True], ["0"]):
        with pytest.raises(Rejected, match="witness"):
            read_pools(3, {"labels": [[m, []] for m in labels]})


def test_the_third_pool_follows_the_second():
    def read(*ends):
        return read_pools(6, only(5, *(pool(first, last) for first, last in ends)))

    assert len(read((0, 1), (2, 2), (3, 4))[5]) == 3
    for third in ((2, 3), (1, 3), (0, 0)):
        with pytest.raises(Rejected, match="witness"):
            read((0, 1), (2, 2), third)


@pytest.mark.parametrize("v", [2, 3, 7])
def test_a_pool_has_at_most_four_groups_an_answer_and_sixteen(v):
    def read(count):
        groups = [{"rule": "branch", "rivals": []}] * count
        return read_pools(v, only(v - 1, pool(0, 0, groups=groups)))

    assert len(read(4 * v + 16)[v - 1][0].groups) == 4 * v + 16
    with pytest.raises(Rejected, match="too many groups"):
        read(4 * v + 17)


@pytest.mark.parametrize("tokens", [[8, 0], [16, 8, 0], [9, 1], [32, 0], [0, 0], [3, 2, 5]])
def test_tokens_out_of_order_are_refused_however_a_set_holds_them(tokens):
    with pytest.raises(Rejected, match="ascends"):
        read_pools(40, only(39, pool(0, 0, thresholds=[[token, 1] for token in tokens])))


def test_a_number_of_a_header_is_quoted_as_unknown_or_missing():
    for fields, words in (
        ({"a": 1}, "'b' is missing"),
        ({"a": 1, "b": 2, "c": 3}, "'c' is unknown"),
    ):
        with pytest.raises(Declined, match=words):
            require_keys(fields, ("a", "b"), "it")
    assert require_keys({"b": 1, "a": 2}, ("a", "b"), "it") == {"b": 1, "a": 2}


def test_a_whole_number_has_no_denominator():
    assert [rational(text, "it") for text in ("3", "1/2", "-7/3")] == [(3, 1), (1, 2), (-7, 3)]
    for text in ("3/1", "2/4", "0/2", "0/1", "3/3"):
        with pytest.raises(Declined, match="lowest terms"):
            rational(text, "it")


def test_dyadics_have_their_limits_of_digits_and_bits():
    with pytest.raises(Declined, match="more than 2000 digits"):
        _dyadic(["1" * 5000, 0])
    with pytest.raises(Declined, match="over 1024 bits"):
        _dyadics([["1", 0], ["1", 1024]], 2)
    assert _dyadics([["1", 0], ["1", 1023]], 2) == ([1, 2**1023], 0)
    # A zero is a zero in any unit.
    assert _dyadics([["1", -1500], ["0", 0], ["-3", -1501]], 3) == ([2, 0, -3], -1501)
    assert _dyadics([["1", 1500], ["0", 0], ["-3", 1501]], 3) == ([1, 0, -6], 1500)


def test_every_direction_points_somewhere():
    zero, one = ["0", 0], ["1", 3]
    assert len(_directions([[zero, one], [one, zero]], 2, 2)) == 2
    for directions in ([[zero, zero], [one, zero]], [[one, zero], [zero, zero]]):
        with pytest.raises(Rejected, match="a direction is zero"):
            _directions(directions, 2, 2)


def test_a_list_is_asked_for_with_its_length_if_it_has_one():
    for value, length, words in ((5, None, "a list is expected"), ([], 3, "a list of 3 is")):
        with pytest.raises(Rejected, match=words):
            list_of(value, length)
    assert (list_of([1]), list_of([1, 2], 2)) == ([1], [1, 2])


def weights_without(changes):
    """Return the tensors of the toy, some of them left out or replaced."""
    tensors = read_tensors(trained_toy().bytes())
    return {key: value for key, value in (tensors | changes).items() if value is not None}


@pytest.mark.parametrize(
    "name",
    ["embed.W_E", "pos_embed.W_pos", "unembed.W_U", *(f"blocks.0.attn.W_{x}" for x in "QKVO")],
)
def test_no_matrix_may_be_missing_or_have_another_shape(name):
    with pytest.raises(Declined, match=f"{name} is missing"):
        read_model(weights_without({name: None}))
    found = read_tensors(trained_toy().bytes())[name]
    for shape in (found.shape[::-1], (1, *found.shape), found.shape[1:], (*found.shape[:-1], 1)):
        if shape != found.shape:
            with pytest.raises(Declined, match="unsupported"):
                read_model(weights_without({name: found._replace(shape=shape)}))
    with pytest.raises(Declined, match="'another' is not a tensor"):
        read_model(weights_without({"another": found}))


def test_a_bias_may_be_missing_but_has_its_shape():
    bias = Tensor("F32", (4,), bytes(16))
    for name, columns in (("unembed.b_U", 5), ("blocks.0.attn.b_O", 4)):
        read_model(weights_without({name: None}))
        with pytest.raises(Declined, match="has the shape"):
            read_model(weights_without({name: bias._replace(shape=(columns + 1,))}))


@pytest.mark.parametrize(
    ("count", "total", "share"),
    [(1, 81, "0.01234"), (2, 3, "0.66666"), (80, 81, "0.98765"), (81, 81, "1.00000")],
)
def test_a_share_that_is_no_decimal_is_printed_rounded_down(count, total, share):
    made = Theorem("max-of-4", "words", "0" * 64, "real", "0", total, count, total, 5, 4)
    assert f"at least {count} of {total} correct (>= {share}), 5 operations" in made.line()


def header_of(metadata=None, **fields):
    entry = {"dtype": "I8", "shape": [3], "data_offsets": [0, 3]} | fields
    extra = {} if metadata is None else {"__metadata__": metadata}
    return join_weights({**extra, "x": entry}, b"\1\2\3")


def test_a_header_has_its_own_lists_of_natural_numbers():
    assert read_tensors(header_of())["x"] == Tensor("I8", (3,), b"\1\2\3")
    assert matrix(read_tensors(header_of())["x"], 3, "x").rows == [[1, 2, 3]]
    wrong = [True, "3", 3.0, None, [3]]
    for fields in (
        *({"shape": [x]} for x in wrong),
        *({"shape": [1, x]} for x in wrong),
        *({"shape": [x, 3]} for x in wrong[1:]),
        *({"data_offsets": [0, x]} for x in wrong),
        *({"data_offsets": [x, 3]} for x in wrong[1:]),
        *({"shape": x} for x in (3, "3", None, {"3": 3})),
    ):
        with pytest.raises(Declined, match="syntax"):
            read_tensors(header_of(**fields))
    for dtype in (["I8"], {}, None, 8, "I9", "i8"):
        with pytest.raises(Declined, match="unsupported"):
            read_tensors(header_of(dtype=dtype))


def test_the_length_of_a_header_takes_eight_bytes():
    good = header_of()
    assert read_tensors(good)
    for length in (len(good) - 7, 2**56 + int.from_bytes(good[:8], "little"), 2**64 - 1):
        with pytest.raises(Declined, match="shorter than the header says"):
            read_tensors(length.to_bytes(8, "little") + good[8:])
    for size in range(8):
        with pytest.raises(Declined, match="syntax"):
            read_tensors(bytes(size))


def test_metadata_is_an_object_of_strings():
    for metadata in ({}, {"a": "b"}):
        assert read_tensors(header_of(metadata)).keys() == {"x"}
    for metadata in ({"a": 1}, {"a": "b", "c": None}, [], "a", {"a": ["b"]}):
        with pytest.raises(Declined, match="__metadata__"):
            read_tensors(header_of(metadata))


@pytest.mark.parametrize("text", ["[]", " {}", "null", "1", '"a"', "[[]]", ""])
def test_a_file_starts_with_its_object(text):
    with pytest.raises(Declined, match="must start with"):
        parse_object(text.encode(), "it")


def test_zero_has_one_spelling():
    assert parse_object(b'{"a": 0}', "it") == {"a": 0}
    with pytest.raises(Declined, match="'-0' is not an exact number"):
        parse_object(b'{"a": -0}', "it")


def test_a_digest_is_64_lower_case_hexadecimal_digits():
    cert = certificate(trained_toy(), "exact")
    for text in ("A" * 64, "g" * 64, "a" * 63, "a" * 65, "é" * 64):
        wrong = encoded(changed(cert, ("claim", "model", "sha256"), text))
        assert verdict(trained_toy().bytes(), wrong).refusal == (2, "syntax")


def test_the_lower_end_is_what_a_demanded_share_is_held_against():
    pins = claims.Pins(at_least=(100, 125))
    for least, most, reason in ((99, 125, "pin"), (100, 125, None), (0, 125, "pin")):
        cert = encoded(certificate(trained_toy(), "exact", at_least=least, at_most=most))
        assert verdict(trained_toy().bytes(), cert, pins).reason == reason


def float32_bounds(entry):
    """Say whether deviation takes a model with one weight of this size, beside zeros."""
    tensors = {"W_E": [[0.0], [0.0]], "W_pos": [[0.0], [0.0]], "W_U": [[0.0, 0.0]]}
    tensors |= {f"W_{x}": [[0.0]] for x in "QKVO"} | {"W_Q": [[entry]]}
    arrays = {name: np.array(rows, np.float64) for name, rows in tensors.items()}
    return checker_eps(ToyModel.from_short_names(**arrays))


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        *((0.0, True), (2.0**-126, True), (2.0**-127, False), (2.0**-126 * (1 - 2**-24), False)),
        *((2.0**125, True), ((2 - 2**-23) * 2.0**127, True), (2.0**128, False)),
        *((1 + 2.0**-23, True), (1 + 2.0**-24, False), (-(2.0**128), False)),
    ],
)
def test_weights_of_the_float32_program_are_its_normal_numbers(entry, good):
    if good:
        assert float32_bounds(entry) >= 0
    else:
        with pytest.raises(Declined, match="W_Q is no normal float32 matrix"):
            float32_bounds(entry)


@pytest.mark.parametrize(("bits", "good"), [(100, True), (126, True), (127, False), (300, False)])
def test_sums_of_the_float32_program_stay_below_its_largest_number(bits, good):
    """Any entry of any row may be the one that overflows."""
    for rows in ([[1, 2**bits - 1]], [[2**bits - 1], [1]], [[0, 0], [2**bits - 1, 3]]):
        for exponent in (0, 3, -5):
            a = Matrix([[x << 5 for x in row] for row in rows], exponent - 5)
            if good and bits + exponent <= 126:
                assert _growth(a, 3, Tally(10**6)).rows
            elif bits + exponent > 126:
                with pytest.raises(Declined, match="may overflow"):
                    _growth(a, 3, Tally(10**6))


@pytest.mark.parametrize("value", [[], "pool", None, 3, [["queries"]]])
def test_a_pool_that_is_no_object_is_refused(value):
    with pytest.raises(Rejected, match="an object with the keys"):
        read_pools(2, only(1, value))
