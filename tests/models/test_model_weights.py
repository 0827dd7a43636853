"""Weights are frozen exactly, identified by their digest, or refused by a sentence."""

import hashlib
import json
import struct
from fractions import Fraction

import numpy as np
import pytest
from small_models import dyadic_values, fractions, random_tensors

from ballproof.models import files
from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only.layout import BIAS_NAMES, W_POS, WEIGHT_NAMES
from ballproof.models.convert import convert, read_source
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor, read_file, require_plain, write_tensors
from ballproof.models.weights import load_weights, save_weights, weights_from_bytes


def file_bytes(tensors):
    return write_tensors(Tensor.from_array(name, array) for name, array in tensors.items())


def frozen(tensors):
    return weights_from_bytes(file_bytes(tensors), "small.safetensors")


def raw_file(header, data=b""):
    text = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def independent_digest(data):
    """The digest, from the bytes of the file and the words of its definition."""
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    buffers = {"blocks.0.attn.mask", "blocks.0.attn.IGNORE", "__metadata__"}
    message = b""
    for name in sorted(set(header) - buffers, key=str.encode):
        start, end = header[name]["data_offsets"]
        shape = ",".join(map(str, header[name]["shape"]))
        for text in (name, header[name]["dtype"], shape):
            message += text.encode() + b"\0"
        message += struct.pack("<Q", end - start) + body[start:end]
    return hashlib.sha256(message).hexdigest()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_every_tensor_is_frozen_exactly(dtype):
    tensors = random_tensors(1, dtype=dtype)
    weights = frozen(tensors)
    assert weights.shape == Shape(5, 3, 4, 2)
    assert {name: dyadic_values(m) for name, m in weights.tensors.items()} == {
        name: fractions(array) for name, array in tensors.items()
    }


def test_integer_weights_are_read():
    tensors = {name: np.ones_like(a, dtype=np.int8) for name, a in random_tensors(1).items()}
    assert dyadic_values(frozen(tensors).tensors["embed.W_E"])[0] == [1] * 4


def test_bfloat16_weights_are_read_exactly():
    arrays = random_tensors(2)
    tensors = []
    for name, array in arrays.items():
        bits = (array.view(np.uint32) >> 16).astype("<u2")
        tensors.append(Tensor(name, "BF16", array.shape, bits.tobytes()))
    truncated = (arrays["embed.W_E"].view(np.uint32) & 0xFFFF0000).view(np.float32)
    weights = weights_from_bytes(write_tensors(tensors), "bf16.safetensors")
    assert dyadic_values(weights.tensors["embed.W_E"]) == fractions(truncated)


def test_absent_biases_are_zero_but_change_the_digest():
    without = random_tensors(3, biases=False)
    zeros = {name: np.zeros_like(a) for name, a in random_tensors(3).items() if name in BIAS_NAMES}
    first, second = frozen(without), frozen({**without, **zeros})
    assert first.tensors == second.tensors
    assert first.tensors["blocks.0.attn.b_O"].shape == (1, 4)
    assert first.digest != second.digest


def test_the_digest_follows_its_definition():
    tensors = random_tensors(4)
    tensors["blocks.0.attn.IGNORE"] = np.array(-np.inf, dtype=np.float32)
    tensors["blocks.0.attn.mask"] = np.tri(3, dtype=bool)
    data = file_bytes(tensors)
    assert weights_from_bytes(data, "x").digest == independent_digest(data)


def test_one_changed_bit_changes_the_digest():
    tensors = random_tensors(5)
    other = {name: array.copy() for name, array in tensors.items()}
    other["unembed.W_U"].view(np.uint32)[0, 0] ^= 1
    assert frozen(tensors).digest != frozen(other).digest


def test_saving_is_deterministic_and_leaves_no_temporary_file(tmp_path):
    tensors = random_tensors(6)
    save_weights(tmp_path / "a.safetensors", tensors)
    save_weights(tmp_path / "b.safetensors", dict(reversed(tensors.items())))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]
    assert load_weights(tmp_path / "a.safetensors").digest == frozen(tensors).digest


def test_arrays_that_are_not_contiguous_are_saved_right(tmp_path):
    tensors = random_tensors(6)
    plain = frozen(tensors).digest
    tensors["embed.W_E"] = np.asfortranarray(tensors["embed.W_E"])
    tensors["unembed.W_U"] = tensors["unembed.W_U"].astype(">f4")
    save_weights(tmp_path / "a.safetensors", tensors)
    assert load_weights(tmp_path / "a.safetensors").digest == plain


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_weights(tmp_path / "nothing.safetensors")


def test_a_file_over_the_limit_is_refused(tmp_path, monkeypatch):
    save_weights(tmp_path / "a.safetensors", random_tensors(6))
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100)
    with pytest.raises(ModelError, match=r"a\.safetensors is larger than the limit of 100 bytes\."):
        load_weights(tmp_path / "a.safetensors")


def refused(tensors):
    with pytest.raises(ModelError) as caught:
        frozen(tensors)
    message = str(caught.value)
    assert message.startswith("small.safetensors") and message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: " " + json.dumps(header), "has spaces before its header"),
        (
            lambda header: {**header, "embed.W_E": {**header["embed.W_E"], "note": 1}},
            "has the unknown key 'embed.W_E.note'",
        ),
        (lambda header: {"__metadata__": None, **header}, "has metadata that is no object"),
    ],
)
def test_what_the_checker_declines_is_refused_until_it_is_rewritten(tmp_path, change, words):
    data = file_bytes(random_tensors(6))
    length = struct.unpack("<Q", data[:8])[0]
    file = raw_file(change(json.loads(data[8 : 8 + length])), data[8 + length :])
    with pytest.raises(ModelError, match=f"{words}.*`ballproof import` rewrites the file"):
        weights_from_bytes(file, "small.safetensors")
    (tmp_path / "odd.safetensors").write_bytes(file)
    assert write_tensors(convert(read_source(tmp_path / "odd.safetensors")).values()) == data


@pytest.mark.parametrize("name", [name for name in WEIGHT_NAMES if name != W_POS])
def test_a_missing_tensor_is_named(name):
    tensors = random_tensors(7)
    del tensors[name]
    assert f"has no tensor {name}, which every model needs" in refused(tensors)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("blocks.0.attn.W_X", "is no part of a one-layer attention-only model"),
        ("embed.weight", "is no part of a one-layer attention-only model"),
        ("blocks.0.attn.mask2", "is no part of"),
    ],
)
def test_unsupported_tensors_are_refused_by_name(name, words):
    message = refused({**random_tensors(7), name: np.ones((1, 2), dtype=np.float32)})
    assert repr(name) in message and words in message


def test_heads_that_differ_in_number_are_refused():
    tensors = random_tensors(7)
    tensors["blocks.0.attn.W_Q"] = np.concatenate([tensors["blocks.0.attn.W_Q"]] * 2)
    assert "W_K has shape [1, 4, 2], where [2, 4, 2] is expected" in refused(tensors)


def test_wrong_shapes_are_refused():
    tensors = random_tensors(7)
    tensors["unembed.W_U"] = np.ones((4, 6), dtype=np.float32)
    assert "unembed.b_U has shape [5], where [6] is expected" in refused(tensors)
    tensors["unembed.W_U"] = np.ones((3, 5), dtype=np.float32)
    assert "unembed.W_U has shape [3, 5], where [4, 5] is expected" in refused(tensors)
    tensors = random_tensors(7)
    tensors["blocks.0.attn.b_Q"] = np.ones(2, dtype=np.float32)
    assert "b_Q has shape [2], where [1, 2] is expected" in refused(tensors)
    tensors = random_tensors(7)
    tensors["embed.W_E"] = np.ones(4, dtype=np.float32)
    assert "embed.W_E has shape [4], where 2 axes are expected" in refused(tensors)


def test_outputs_apart_from_the_vocabulary_are_read():
    shape = Shape(5, 3, 4, 2, 3)
    weights = frozen(random_tensors(8, shape))
    assert weights.shape == shape
    assert weights.tensors["unembed.W_U"].shape == (4, 3)
    assert frozen(random_tensors(8, shape, biases=False)).tensors["unembed.b_U"].shape == (1, 3)
    assert Shape(5, 3, 4, 2).d_vocab_out == 5


def test_the_metadata_names_the_task_and_does_not_count(tmp_path):
    tensors = random_tensors(6)
    save_weights(tmp_path / "a.safetensors", tensors, "min-of-3")
    weights = load_weights(tmp_path / "a.safetensors")
    assert weights.task == "min-of-3"
    assert weights.digest == frozen(tensors).digest and frozen(tensors).task is None


def test_empty_axes_are_refused():
    tensors = random_tensors(7)
    tensors["pos_embed.W_pos"] = np.ones((0, 4), dtype=np.float32)
    assert "pos_embed.W_pos has shape [0, 4], which holds no numbers" in refused(tensors)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_by_place(bad):
    tensors = random_tensors(7)
    tensors["blocks.0.attn.W_O"][0, 1, 3] = bad
    message = refused(tensors)
    assert "blocks.0.attn.W_O holds a NaN or an infinity at [0, 1, 3]" in message
    tensors = random_tensors(7)
    tensors["unembed.b_U"][4] = bad
    assert "unembed.b_U holds a NaN or an infinity at [4]" in refused(tensors)


def test_unsupported_dtypes_are_refused():
    data = file_bytes({**random_tensors(7), "unembed.b_U": np.ones(5, dtype=np.uint8)})
    changed = data.replace(b'"dtype":"U8"', b'"dtype":"BOOL"')
    changed = struct.pack("<Q", struct.unpack("<Q", data[:8])[0] + 2) + changed[8:]
    with pytest.raises(ModelError, match=r"unembed\.b_U cannot be read: the dtype BOOL is not one"):
        weights_from_bytes(changed, "x")


def test_a_tensor_named_twice_is_refused():
    entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    data = raw_file(f'{{"a":{entry},"a":{entry}}}', b"\0" * 4)
    with pytest.raises(ModelError, match=r"twice\.safetensors"):
        weights_from_bytes(data, "twice.safetensors")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\xff" * 100,
        raw_file("not json"),
        raw_file({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4),
        raw_file({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}),
        raw_file({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
        raw_file("[" * 100_000),
        raw_file({}),
    ],
)
def test_malformed_files_are_model_errors(data):
    with pytest.raises(ModelError, match=r"bad\.safetensors"):
        weights_from_bytes(data, "bad.safetensors")


def test_every_truncation_is_a_model_error():
    data = file_bytes(random_tensors(8, Shape(1, 1, 1, 1)))
    for length in range(len(data)):
        with pytest.raises(ModelError):
            weights_from_bytes(data[:length], "cut.safetensors")


def test_the_smallest_model_is_legal():
    weights = frozen(random_tensors(9, Shape(1, 1, 1, 1), biases=False))
    assert weights.shape == Shape(1, 1, 1, 1)
    assert dyadic_values(weights.tensors["unembed.b_U"]) == [[Fraction(0)]]


def test_metadata_are_written_in_one_order():
    tensors = [Tensor.from_array("x", np.arange(3.0)), Tensor.from_array("y", np.arange(4))]
    keys = ["task", "parts", "n_ctx", "compared", "é", "recipe", "other"]
    data = write_tensors(tensors, {key: f"{key} of ö" for key in keys})
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    assert list(header["__metadata__"]) == sorted(keys)
    read, metadata = read_file(data, "several")
    # The library gives tensors in no order.
    assert read == {each.name: each for each in tensors} and metadata == {
        key: f"{key} of ö" for key in keys
    }
    require_plain(data, "several")
