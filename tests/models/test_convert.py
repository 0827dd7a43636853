"""Converted weights are the same numbers under the standard names, or a refusal that says why."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_models import random_tensors
from test_model_weights import frozen

from ballproof.models.architectures import Shape
from ballproof.models.architectures.one_layer.layout import expected_shapes
from ballproof.models.convert import convert as converted
from ballproof.models.convert import read_source
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor
from ballproof.models.weights import freeze, load_weights, save_tensors, save_weights


def linear_layout(tensors):
    """The same model as nn.Linear and nn.Embedding modules, one head."""
    linear = {
        "embed.weight": tensors["embed.W_E"],
        "pos_embed.weight": tensors["pos_embed.W_pos"],
        "unembed.weight": tensors["unembed.W_U"].T,
        "unembed.bias": tensors["unembed.b_U"],
        "blocks.0.attn.o.bias": tensors["blocks.0.attn.b_O"],
    }
    for part in "QKVO":
        linear[f"blocks.0.attn.{part.lower()}.weight"] = tensors[f"blocks.0.attn.W_{part}"][0].T
    for part in "QKV":
        linear[f"blocks.0.attn.{part.lower()}.bias"] = tensors[f"blocks.0.attn.b_{part}"][0]
    return {name: np.ascontiguousarray(array) for name, array in linear.items()}


@pytest.fixture
def linear_file(tmp_path):
    path = tmp_path / "linear.safetensors"
    save_weights(path, linear_layout(random_tensors(1)))
    return path


def config_file(tmp_path, **changes):
    values = {
        "n_layers": 1,
        "n_heads": 1,
        "d_model": 4,
        "d_head": 2,
        "n_ctx": 3,
        "d_vocab": 5,
        "d_vocab_out": 5,
        "attn_only": True,
        "act_fn": None,
        "normalization_type": None,
        "attn_scale": 2**0.5,
        "use_attn_scale": True,
        "attention_dir": "causal",
        "positional_embedding_type": "standard",
        "output_logits_soft_cap": -1.0,
        "seed": 123,
        **changes,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values))
    return path


def convert(path, key=None, **options):
    """The tensors of a file in the canonical layout."""
    return converted(read_source(path, key), **options)


def digest(tensors):
    return freeze(tensors, "converted").digest


def test_linear_layers_become_the_same_tensors(linear_file):
    assert digest(convert(linear_file, heads=1)) == frozen(random_tensors(1)).digest


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8])
def test_the_dtype_is_kept(tmp_path, dtype):
    tensors = {name: array.astype(dtype) for name, array in random_tensors(2).items()}
    save_weights(tmp_path / "a.safetensors", linear_layout(tensors))
    assert digest(convert(tmp_path / "a.safetensors", heads=1)) == frozen(tensors).digest


def test_the_other_name_of_the_positions_is_read(tmp_path):
    linear = linear_layout(random_tensors(1))
    linear["pos_embed.W_pos"] = linear.pop("pos_embed.weight")
    save_weights(tmp_path / "a.safetensors", linear)
    assert digest(convert(tmp_path / "a.safetensors", heads=1)) == frozen(random_tensors(1)).digest


def test_converted_weights_load_from_a_file(tmp_path, linear_file):
    save_tensors(tmp_path / "out.safetensors", convert(linear_file, heads=1))
    assert load_weights(tmp_path / "out.safetensors").digest == frozen(random_tensors(1)).digest


def test_the_standard_layout_passes_through_without_its_buffers(tmp_path):
    tensors = random_tensors(3)
    ignore = np.array(-np.inf, dtype=np.float32)
    save_weights(tmp_path / "a.safetensors", {**tensors, "blocks.0.attn.IGNORE": ignore})
    converted = convert(tmp_path / "a.safetensors")
    assert list(converted) == sorted(tensors)
    assert digest(converted) == frozen(tensors).digest


def refused(path, **arguments):
    with pytest.raises(ModelError) as caught:
        convert(path, **arguments)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_linear_layers_need_a_number_of_heads(linear_file, tmp_path):
    assert "do not show how many heads they merge" in refused(linear_file)
    config = config_file(tmp_path)
    assert digest(convert(linear_file, config=config)) == digest(convert(linear_file, heads=1))
    assert "n_heads = 1, where the tensors have 2" in refused(linear_file, heads=2, config=config)
    assert "has 2 rows, which are not those of 3 heads" in refused(linear_file, heads=3)
    values = json.loads(config.read_text())
    del values["n_heads"]
    config.write_text(json.dumps(values))
    assert "do not show how many heads they merge" in refused(linear_file, config=config)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("blocks.0.ln1.weight", "blocks.0.ln1.w has shape [2, 2]"),
        ("blocks.0.mlp.in.weight", "has no tensor blocks.0.mlp.W_out"),
        ("blocks.0.mlp.gate.weight", "has no tensor blocks.0.mlp.W_in"),
        ("blocks.1.attn.q.weight", "has no tensor blocks.1.attn.W_K"),
        ("embed.W_E", "twice, under two names"),
        ("embed.bias", "is no part of"),
        ("pos_embed.W_pos", "holds pos_embed.W_pos twice"),
    ],
)
def test_unsupported_linear_models_are_refused(tmp_path, name, words):
    linear = linear_layout(random_tensors(1))
    save_weights(tmp_path / "a.safetensors", {**linear, name: np.ones((2, 2), dtype=np.float32)})
    assert words in refused(tmp_path / "a.safetensors", heads=1)


def test_a_vector_where_a_matrix_belongs_is_refused(tmp_path):
    linear = {**linear_layout(random_tensors(1)), "unembed.weight": np.ones(5, dtype=np.float32)}
    save_weights(tmp_path / "a.safetensors", linear)
    assert "unembed.weight has shape [5], where a matrix" in refused(
        tmp_path / "a.safetensors", heads=1
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"normalization_type": "LNPre"}, "normalization_type = 'LNPre' and eps = None"),
        ({"normalization_type": "LN"}, "states LN, where the model has no tensor"),
        ({"n_layers": 2}, "n_layers = 2, where the tensors have 1"),
        ({"n_heads": 0}, "n_heads = 0, where only a number of heads"),
        ({"n_heads": True}, "n_heads = True"),
        ({"n_key_value_heads": 2}, "n_key_value_heads = 2"),
        ({"attn_only": False}, "attn_only = False, where the tensors are none of an MLP"),
        ({"positional_embedding_type": "rotary"}, "'rotary', where only standard positions"),
        ({"use_attn_scale": False}, "use_attn_scale = False, where only scaled attention"),
        ({"attn_scale": 2.0}, "attn_scale = 2.0, where the square root of d_head = 2"),
        ({"output_logits_soft_cap": 30.0}, "output_logits_soft_cap = 30.0, where only no soft cap"),
        ({"attn_scores_soft_cap": 1}, "attn_scores_soft_cap = 1"),
        ({"use_local_attn": True}, "use_local_attn = True, a setting that may change"),
        ({"attn_types": ["local"]}, "attn_types = ['local']"),
        ({"some_new_switch": 1}, "some_new_switch = 1, a setting that may change"),
        ({"d_vocab": 6}, "d_vocab = 6, where the tensors have 5"),
        ({"d_vocab_out": 6}, "d_vocab_out = 6, where the tensors have 5"),
        ({"n_ctx": 4}, "n_ctx = 4, where the tensors have 3"),
        ({"d_model": 8}, "d_model = 8, where the tensors have 4"),
        ({"d_head": 1}, "d_head = 1, where the tensors have 2"),
    ],
)
@pytest.mark.parametrize("layout", ["linear", "standard"])
def test_configurations_of_unsupported_models_are_refused(tmp_path, changes, words, layout):
    tensors = random_tensors(1)
    path = tmp_path / "a.safetensors"
    save_weights(path, tensors if layout == "standard" else linear_layout(tensors))
    message = refused(path, config=config_file(tmp_path, **changes))
    assert words in message and "config.json" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_dir": "bidirectional"},
        {"d_vocab_out": -1},
        {"attn_scale": -1.0},
        {"use_local_attn": False, "some_new_switch": None},
        {"act_fn": "relu", "model_name": "max", "use_attn_result": True},
    ],
)
def test_settings_that_change_nothing_are_accepted(tmp_path, linear_file, changes):
    assert convert(linear_file, config=config_file(tmp_path, **changes))


def test_a_configuration_must_state_its_normalisation(tmp_path, linear_file):
    path = tmp_path / "config.json"
    path.write_text('{"n_heads": 1}')
    assert "does not state normalization_type" in refused(linear_file, config=path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "holds no JSON object"),
        ("{", "holds no well-formed JSON"),
        ("[" * 100_000, "holds no well-formed JSON"),
        ('{"n_heads": 1, "n_heads": 2}', "names 'n_heads' twice"),
    ],
)
def test_malformed_configurations_are_refused(tmp_path, linear_file, text, words):
    path = tmp_path / "config.json"
    path.write_text(text)
    assert words in refused(linear_file, config=path)


def test_a_missing_file_is_an_os_error():
    with pytest.raises(FileNotFoundError):
        convert(Path("nothing.safetensors"), heads=1)
    with pytest.raises(FileNotFoundError):
        convert(Path("nothing.pt"), heads=1)


def torch_state(tensors):
    torch = pytest.importorskip("torch", reason="reading torch files needs the train extra")
    return torch, {name: torch.from_numpy(array.copy()) for name, array in tensors.items()}


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
@pytest.mark.parametrize("layout", ["linear", "standard"])
def test_torch_state_dicts_are_read(tmp_path, wrapper, suffix, layout):
    tensors = random_tensors(5)
    torch, state = torch_state(tensors if layout == "standard" else linear_layout(tensors))
    state["blocks.0.attn.IGNORE"] = torch.tensor(-torch.inf)
    path = tmp_path / f"model{suffix}"
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3}, path)
    assert digest(convert(path, heads=1)) == frozen(tensors).digest


def test_bfloat16_and_transposed_torch_tensors_keep_their_bits(tmp_path):
    torch, state = torch_state(random_tensors(5))
    state = {name: tensor.to(torch.bfloat16) for name, tensor in state.items()}
    state["unembed.W_U"] = state["unembed.W_U"].T.contiguous().T
    torch.save(state, tmp_path / "a.pt")
    expected = {
        name: Tensor(
            name, "BF16", tuple(t.shape), t.contiguous().view(torch.int16).numpy().tobytes()
        )
        for name, t in state.items()
    }
    assert digest(convert(tmp_path / "a.pt")) == digest(expected)


def test_damaged_torch_files_are_refused(tmp_path):
    torch, state = torch_state(random_tensors(5))
    torch.save(state, tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    for damaged in (b"", b"hello", data[: len(data) // 2]):
        (tmp_path / "b.pt").write_bytes(damaged)
        assert "cannot be read as a torch file" in refused(tmp_path / "b.pt")


def test_torch_files_without_tensors_are_refused(tmp_path):
    torch, state = torch_state(random_tensors(5))
    torch.save([1, 2], tmp_path / "list.pt")
    assert "holds no state dict" in refused(tmp_path / "list.pt")
    torch.save({**state, "epoch": 3}, tmp_path / "number.pt")
    assert "holds 'epoch', a int, where only tensors" in refused(tmp_path / "number.pt")
    torch.save({**state, "unembed.b_U": torch.ones(5).bool()}, tmp_path / "bool.pt")
    assert "unembed.b_U cannot be read: the dtype BOOL is not" in refused(tmp_path / "bool.pt")


def several(seed=5, heads=2, neurons=3):
    """A model of several heads with an MLP, by its canonical names."""
    rng = np.random.default_rng(seed)
    shapes = expected_shapes(Shape(5, 3, 4, 2, 5, heads, neurons))
    return {name: rng.normal(size=dims).astype(np.float32) for name, dims in shapes.items()}


def merged(tensors):
    """The same model in the layout of linear layers."""
    linear = {
        "embed.weight": tensors["embed.W_E"],
        "pos_embed.weight": tensors["pos_embed.W_pos"],
        "unembed.weight": tensors["unembed.W_U"].T,
        "unembed.bias": tensors["unembed.b_U"],
        "blocks.0.attn.o.weight": np.concatenate(tensors["blocks.0.attn.W_O"]).T,
        "blocks.0.attn.o.bias": tensors["blocks.0.attn.b_O"],
        "blocks.0.mlp.in.weight": tensors["blocks.0.mlp.W_in"].T,
        "blocks.0.mlp.in.bias": tensors["blocks.0.mlp.b_in"],
        "blocks.0.mlp.out.weight": tensors["blocks.0.mlp.W_out"].T,
        "blocks.0.mlp.out.bias": tensors["blocks.0.mlp.b_out"],
    }
    for part in "QKV":
        weight = np.concatenate([head.T for head in tensors[f"blocks.0.attn.W_{part}"]])
        linear[f"blocks.0.attn.{part.lower()}.weight"] = weight
        bias = np.concatenate(tensors[f"blocks.0.attn.b_{part}"])
        linear[f"blocks.0.attn.{part.lower()}.bias"] = bias
    return {name: np.ascontiguousarray(array) for name, array in linear.items()}


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_linear_layers_of_several_heads_and_an_mlp_are_the_same_model(tmp_path, heads):
    tensors, path = several(heads=heads), tmp_path / "linear.safetensors"
    save_weights(path, merged(tensors))
    assert digest(convert(path, heads=heads)) == frozen(tensors).digest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_heads": 1}, "n_heads = 1, where the tensors have 2"),
        ({"n_key_value_heads": 1}, "n_key_value_heads = 1, where the tensors have 2"),
        ({"attn_only": True}, "attn_only = True, where the tensors are an MLP"),
        ({"d_mlp": 4}, "d_mlp = 4, where the tensors have 3"),
        ({"act_fn": "gelu_fast"}, "act_fn = 'gelu_fast', where an MLP with one of relu"),
        ({"act_fn": None}, "act_fn = None, where an MLP with one of relu"),
        ({"gated_mlp": True}, "gated_mlp = True, where only a plain MLP"),
        ({"num_experts": 4}, "num_experts = 4, where only a plain MLP"),
    ],
)
def test_a_configuration_of_another_mlp_is_refused(tmp_path, changes, words):
    path = tmp_path / "a.safetensors"
    save_weights(path, several())
    good = {"n_heads": 2, "attn_only": False, "act_fn": "relu", "d_mlp": 3}
    assert convert(path, config=config_file(tmp_path, **good))
    assert words in refused(path, config=config_file(tmp_path, **{**good, **changes}))


def test_a_wrong_number_of_heads_is_refused_where_the_tensors_show_it(tmp_path):
    save_weights(tmp_path / "a.safetensors", several())
    assert "is said to have 3 heads, where its tensors have 2" in refused(
        tmp_path / "a.safetensors", heads=3
    )


def test_a_configuration_with_positions_is_refused_where_none_are(tmp_path):
    tensors, path = several(), tmp_path / "a.safetensors"
    del tensors["pos_embed.W_pos"]
    save_weights(path, tensors, "max-of-3")
    config = config_file(tmp_path, n_heads=2, attn_only=False, act_fn="relu", d_mlp=3)
    assert "'standard', where no tensor has positions" in refused(path, config=config)
    assert convert(path)
