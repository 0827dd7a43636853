"""Whatever the weights file holds, the answer is a reason: no crash, no hang, no false success."""

import json
import time
import tracemalloc

import pytest
from spoilt import (
    BODY,
    CERT,
    HEADER,
    LIMIT,
    SYNTAX,
    UNSUPPORTED,
    WEIGHTS,
    header_with,
    refusal_of_weights,
)
from support.certify import (
    digest,
    holds,
    join_weights,
    run_checker,
    trained_toy,
    verdict,
)


def test_weights_cut_anywhere_are_declined():
    for end in range(len(WEIGHTS)):
        assert refusal_of_weights(WEIGHTS[:end]) == SYNTAX


def test_weights_with_bytes_appended_are_declined():
    for tail in (b"\0", b"\n", b"x" * 100, WEIGHTS):
        assert refusal_of_weights(WEIGHTS + tail) == SYNTAX


def test_lone_surrogates_in_names_of_tensors_are_refused():
    for name in ("\ud800", "\udfff", "embed.W_E\udc00"):
        header = HEADER | {name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}
        assert refusal_of_weights(join_weights(header, BODY)) == UNSUPPORTED


def test_no_flipped_bit_of_the_weights_is_verified():
    for place in range(len(WEIGHTS)):
        for bit in range(8):
            spoilt = bytearray(WEIGHTS)
            spoilt[place] ^= 1 << bit
            assert refusal_of_weights(bytes(spoilt))[0] in {1, 2}


def test_metadata_padding_and_buffers_change_nothing_that_is_claimed():
    size = trained_toy().n_ctx + 1
    span = [len(BODY), len(BODY) + size * size]
    buffer = {"dtype": "BOOL", "shape": [size, size], "data_offsets": span}
    header = {"__metadata__": {"note": "x"}, **HEADER, "blocks.0.attn.mask": buffer}
    causal = bytes(int(j <= i) for i in range(size) for j in range(size))
    for text in (json.dumps(header).encode(), json.dumps(header).encode() + b" " * 9):
        for mask in (causal, b"\1" * size * size):
            weights = join_weights(text, BODY + mask)
            assert digest(weights) == digest(WEIGHTS)
            found = verdict(weights, CERT)
            assert found.theorem and holds(found.theorem, trained_toy())


def with_buffer(name, dtype, shape, data):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [len(BODY), len(BODY) + len(data)]}
    return join_weights({**HEADER, f"blocks.0.attn.{name}": entry}, BODY + data)


def test_a_mask_that_hides_a_position_from_the_last_is_declined():
    k = trained_toy().n_ctx
    for size in (k, k + 2):
        causal = [int(j <= i) for i in range(size) for j in range(size)]
        assert verdict(with_buffer("mask", "BOOL", [size, size], bytes(causal)), CERT).theorem
        for place in range(size * size):
            mask = [*causal]
            mask[place] ^= 1
            weights = with_buffer("mask", "BOOL", [size, size], bytes(mask))
            hides = place // size == k - 1 and place % size < k
            assert verdict(weights, CERT).refusal == (UNSUPPORTED if hides else (0, None))


def test_a_declined_mask_is_named_with_what_it_hides(tmp_path):
    k = trained_toy().n_ctx
    mask = b"\1" * (k * k - k) + b"\0" + b"\1" * (k - 1)
    (tmp_path / "model").write_bytes(with_buffer("mask", "BOOL", [k, k], mask))
    (tmp_path / "cert").write_bytes(CERT)
    line = run_checker(tmp_path / "model", tmp_path / "cert").last_line
    assert "blocks.0.attn.mask hides the positions [0] from the last" in line


def test_buffers_of_another_form_are_declined():
    k = trained_toy().n_ctx
    ones = b"\1" * k * k
    accepted = [
        ("mask", "BOOL", [0, 0], b""),
        ("mask", "F32", [0], b""),
        ("mask", "BOOL", [k, k], ones),
        ("IGNORE", "F32", [], b"\0\0\x80\xff"),
        ("IGNORE", "F16", [1], b"\0\0"),
        ("IGNORE", "BOOL", [3, 0], b""),
    ]
    for buffer in accepted:
        assert verdict(with_buffer(*buffer), CERT).theorem
    declined = [
        ("mask", "U8", [k, k], ones),
        ("mask", "BOOL", [k * k], ones),
        ("mask", "BOOL", [1, k, k], ones),
        ("mask", "BOOL", [k, k + 1], ones + b"\1" * k),
        ("mask", "BOOL", [k + 1, k], ones + b"\1" * k),
        ("mask", "BOOL", [k - 1, k - 1], b"\1" * (k - 1) ** 2),
        ("mask", "BOOL", [k, k], b"\2" + ones[1:]),
        ("mask", "BOOL", [], b"\1"),
        ("IGNORE", "F32", [2], bytes(8)),
        ("IGNORE", "F8_E4M3", [1], b"\0"),
    ]
    for buffer in declined:
        assert refusal_of_weights(with_buffer(*buffer)) == UNSUPPORTED


@pytest.mark.parametrize("metadata", [None, [], "x", {"x": 1}, {"x": None}, {"x": {"y": "z"}}])
def test_metadata_that_is_no_table_of_strings_is_declined(metadata):
    assert refusal_of_weights(join_weights(HEADER | {"__metadata__": metadata}, BODY)) == SYNTAX


@pytest.mark.parametrize("name", sorted(HEADER))
def test_a_tensor_missing_renamed_or_unknown_is_declined_or_rejected(name):
    missing = {key: entry for key, entry in HEADER.items() if key != name}
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    for other in (missing, missing | {name + "x": HEADER[name]}, missing | {name: empty}):
        exit_code, reason = refusal_of_weights(join_weights(other, BODY))
        assert (exit_code, reason) in {SYNTAX, UNSUPPORTED}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dtype": "F64"}, SYNTAX),
        ({"dtype": "F8"}, UNSUPPORTED),
        ({"dtype": 5}, UNSUPPORTED),
        ({"dtype": ["F32"]}, UNSUPPORTED),
        ({"dtype": "I32"}, (1, "digest")),
        ({"shape": [5, 4]}, UNSUPPORTED),
        ({"shape": [20]}, UNSUPPORTED),
        ({"shape": [4, 5, 1]}, UNSUPPORTED),
        ({"shape": []}, SYNTAX),
        ({"shape": [4, True]}, SYNTAX),
        ({"shape": [-4, -5]}, SYNTAX),
        ({"shape": "45"}, SYNTAX),
        ({"shape": [2**70, 2**70]}, LIMIT),
        ({"shape": [2**40, 0]}, LIMIT),
        ({"shape": [1, 1, 1, 1, 1, 1, 1, 4, 5]}, LIMIT),
        ({"data_offsets": [0, 80]}, SYNTAX),
        ({"data_offsets": [80, 0]}, SYNTAX),
        ({"data_offsets": [0, 10**30]}, SYNTAX),
        ({"data_offsets": [0]}, SYNTAX),
        ({"data_offsets": None}, SYNTAX),
        ({"extra": 1}, SYNTAX),
    ],
)
def test_a_header_that_does_not_describe_its_data_is_refused(changes, expected):
    assert refusal_of_weights(header_with(**changes)) == expected


@pytest.mark.parametrize("length", [0, 1, 2**24, 2**63, 2**64 - 1])
def test_a_header_length_that_is_not_the_headers_is_declined(length):
    assert refusal_of_weights(length.to_bytes(8, "little") + WEIGHTS[8:]) == SYNTAX


def test_weights_that_are_not_finite_are_declined_by_name():
    start = HEADER["blocks.0.attn.W_K"]["data_offsets"][0]
    for bits in (0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF):
        body = BODY[:start] + bits.to_bytes(4, "little") + BODY[start + 4 :]
        assert refusal_of_weights(join_weights(HEADER, body)) == UNSUPPORTED


def test_many_tensors_over_the_same_bytes_are_declined_without_copying_them():
    size = 2**20
    entry = {"dtype": "U8", "shape": [size - 1], "data_offsets": [1, size]}
    weights = join_weights({f"x{i}": entry for i in range(100)}, bytes(size))
    tracemalloc.start()
    try:
        assert refusal_of_weights(weights) == SYNTAX
        assert tracemalloc.get_traced_memory()[1] < 8 * size
    finally:
        tracemalloc.stop()


def test_a_shape_of_endless_axes_is_declined_at_once():
    started = time.process_time()
    for axes in ([2**60] * 20_000 + [0], [1] * 10**5, [0] * 10**5):
        assert refusal_of_weights(header_with(shape=axes))[0] == 2
    assert time.process_time() - started < 2
