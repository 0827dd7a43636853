"""A key map renames, turns and stacks tensors, moves no bit, and forgets nothing in silence."""

import numpy as np
import pytest
from small_models import random_tensors
from test_model_weights import frozen

from ballproof.models.convert import convert, read_source
from ballproof.models.errors import ModelError
from ballproof.models.key_map import apply_key_map, load_key_map
from ballproof.models.tensors import Tensor
from ballproof.models.weights import freeze, save_weights

MAP = """
"embed.W_E" = "tok.weight"
"pos_embed.W_pos" = "pos"
"unembed.W_U" = ["out.weight", "transpose"]
"unembed.b_U" = "out.bias"
"blocks.0.attn.W_Q" = ["qkv.weight", "part 1/3", "transpose"]
"blocks.0.attn.W_K" = ["qkv.weight", "part 2/3", "transpose"]
"blocks.0.attn.W_V" = ["qkv.weight", "part 3/3", "transpose"]
"blocks.0.attn.b_Q" = ["qkv.bias", "part 1/3"]
"blocks.0.attn.b_K" = ["qkv.bias", "part 2/3"]
"blocks.0.attn.b_V" = ["qkv.bias", "part 3/3"]
"blocks.0.attn.W_O" = ["heads.*.o", "transpose"]
"blocks.0.attn.b_O" = "bias_o"
ignore = ["probe.*"]
"""


def own_layout(tensors):
    """The same model as somebody else's module has it: merged q, k, v, and heads one by one."""
    matrices = [tensors[f"blocks.0.attn.W_{part}"][0].T for part in "QKV"]
    biases = [tensors[f"blocks.0.attn.b_{part}"][0] for part in "QKV"]
    named = {
        "tok.weight": tensors["embed.W_E"],
        "pos": tensors["pos_embed.W_pos"],
        "out.weight": tensors["unembed.W_U"].T,
        "out.bias": tensors["unembed.b_U"],
        "qkv.weight": np.concatenate(matrices),
        "qkv.bias": np.concatenate(biases),
        "heads.0.o": tensors["blocks.0.attn.W_O"][0].T,
        "bias_o": tensors["blocks.0.attn.b_O"],
    }
    return {name: np.ascontiguousarray(array) for name, array in named.items()}


@pytest.fixture
def mapped(tmp_path):
    def read(tensors, text):
        save_weights(tmp_path / "own.safetensors", tensors)
        (tmp_path / "map.toml").write_text(text)
        source = read_source(tmp_path / "own.safetensors")
        return convert(source, key_map=load_key_map(tmp_path / "map.toml"))

    return read


def test_the_same_model_comes_out(mapped):
    tensors = random_tensors(1)
    assert freeze(mapped(own_layout(tensors), MAP), "a file").digest == frozen(tensors).digest


def test_what_is_ignored_is_said(mapped):
    tensors = random_tensors(1)
    probed = {**own_layout(tensors), "probe.weight": np.ones(3, dtype=np.float32)}
    assert freeze(mapped(probed, MAP), "a file").digest == frozen(tensors).digest
    with pytest.raises(ModelError, match=r"'probe.weight', which the key map does not name"):
        mapped(probed, MAP.replace("probe", "other"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"tok.weight"', '"token"', "no tensor 'token', which the key map names"),
        ("heads.*.o", "head.*.o", "no tensors 'head.*.o' numbered 0, 1"),
        ("part 1/3", "part 4/3", "'part 4/3' does not fit qkv.weight"),
        ("part 1/3", "part 1/5", "'part 1/5' does not fit"),
        ("part 1/3", "flip", "'flip' does not fit"),
        ('"bias_o"', '["bias_o", "transpose"]', "'transpose' does not fit bias_o"),
        ('"embed.W_E"', "embed.W_E", "Quote names with dots"),
        ('= "pos"', "= 3", "is 3, where a name is expected"),
        ('= "pos"', "=", "no well-formed TOML"),
        ('"unembed.b_U"', '"unembed.beta"', "no part of"),
        ('= ["out.weight", "transpose"]', '= "out.weight"', "unembed.W_U has shape [5, 4]"),
    ],
)
def test_maps_that_do_not_fit_are_refused(mapped, old, new, words):
    tensors = random_tensors(1)
    with pytest.raises(ModelError) as caught:
        mapped(own_layout(tensors), MAP.replace(old, new, 1))
    assert words in str(caught.value)


def test_heads_are_stacked_by_number():
    tensors = {f"h.{i}.w": Tensor(f"h.{i}.w", "U8", (1, 2), bytes([i, i])) for i in range(11)}
    stacked = apply_key_map(tensors, {"blocks.0.attn.W_Q": "h.*.w"}, {}, "a file")
    assert stacked["blocks.0.attn.W_Q"].shape == (11, 1, 2)
    assert stacked["blocks.0.attn.W_Q"].data == bytes(i for i in range(11) for _ in range(2))
    del tensors["h.3.w"]
    with pytest.raises(ModelError, match="numbered"):
        apply_key_map(tensors, {"blocks.0.attn.W_Q": "h.*.w"}, {}, "a file")
    tensors["h.3.w"] = Tensor("h.3.w", "U8", (2, 1), b"00")
    with pytest.raises(ModelError, match="differ in dtype or shape"):
        apply_key_map(tensors, {"blocks.0.attn.W_Q": "h.*.w"}, {}, "a file")


def applied(array, *operations):
    tensor = Tensor.from_array("a", array)
    made = apply_key_map({"a": tensor}, {"b": ["a", *operations]}, {}, "a file")["b"]
    return np.frombuffer(made.data, array.dtype).reshape(made.shape)


def test_an_axis_is_split_and_cut():
    array = np.arange(24.0).reshape(6, 4)
    assert (applied(array, "split 3") == array.reshape(3, 2, 4)).all()
    assert (applied(array, "transpose", "split 2") == array.T.reshape(2, 2, 6)).all()
    # Axes count after the operations before.
    assert (applied(array[0], "split 2", "transpose") == array[0].reshape(2, 2).T).all()
    assert (applied(array, "first 5") == array[:5]).all()


@pytest.mark.parametrize("operation", ["split 4", "split 0", "first 7", "first 0", "split"])
def test_what_does_not_divide_an_axis_is_refused(operation):
    with pytest.raises(ModelError, match=rf"'{operation}' does not fit a of shape \[6, 4\]"):
        applied(np.zeros((6, 4)), operation)
