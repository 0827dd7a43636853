"""Configurations of TransformerLens, of three of its versions: what they state of deep models."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.deep_networks import attention, deep, drawn, mlp, norm, text

from ballproof.models.convert import Reading, Source, read_model
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor

CONFIGURATIONS = Path(__file__).parents[1] / "data/configurations"
VERSIONS = sorted(CONFIGURATIONS.glob("*.json"))
SIZES = {
    "d_vocab": 5, "n_ctx": 4, "d_model": 6, "n_heads": 2, "d_head": 3, "d_mlp": 7, "d_vocab_out": 4,
}  # fmt: skip
GATED = mlp("silu", gated=True)
# Parts, and what a configuration says: the normalisation and the activation.
DESIGNS = {
    "relu": (deep(*[attention(), mlp()] * 2), None, "relu"),
    "attention": (deep(attention(), attention()), None, None),
    "LN": (deep(*[norm(), attention(), norm(), mlp("gelu")] * 2, norm()), "LN", "gelu"),
    "LNPre": (
        deep(*[norm(), attention(), norm(), mlp("gelu-tanh")] * 2, norm()),
        "LNPre",
        "gelu_new",
    ),
    "RMS": (
        deep(*[norm("rms"), attention(), norm("rms"), GATED] * 2, norm("rms")),
        "RMS",
        "silu",
    ),
    "RMSPre": (
        deep(norm("rms"), attention(), norm("rms"), mlp("silu"), norm("rms")),
        "RMSPre",
        "silu",
    ),
    "one": (deep(attention(), mlp("gelu")), None, "gelu"),
}


def settings(version, name, **changes):
    parts, kind, act = DESIGNS[name]
    values = json.loads(version.read_text())
    gated = any(part.get("gated") for part in parts)
    layers = sum(part["part"] == "attention" for part in parts)
    stated = {"attn_only": act is None, "act_fn": act, "normalization_type": kind, "eps": 1e-05}
    stated |= {"gated_mlp": gated, "n_layers": layers, "attn_scale": float(np.sqrt(3)), **SIZES}
    return values | stated | changes


def arrays_of(name, **options):
    parts, kind, _ = DESIGNS[name]
    arrays = drawn(parts, 3, weighed=kind in ("LN", "RMS"), **options)
    gated = any(part.get("gated") for part in parts)
    return {key: x for key, x in arrays.items() if not (gated and key.endswith("mlp.b_in"))}


def read(arrays, values, metadata=None, **reading):
    tensors = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    beside = {} if values is None else {"cfg": values}
    return read_model(Source("a file", tensors, beside, metadata or {}), Reading(**reading))


def linear(arrays):
    """The same weights as TransformerBridge holds them."""
    made = {}
    for name, x in arrays.items():
        block, _, last = name.rpartition(".")
        kind, _, letter = last.partition("_")
        merged = x.swapaxes(0, 1).reshape(x.shape[1], -1) if x.ndim == 3 and letter != "O" else x
        if name == "embed.W_E":
            made["embed.weight"] = x
        elif name == "pos_embed.W_pos":
            made["pos_embed.weight"] = x
        elif ".attn." in name and kind == "W":
            flat = x.reshape(-1, x.shape[2]) if letter == "O" else merged
            made[f"{block}.{letter.lower()}.weight"] = flat.T
        elif ".attn." in name:
            made[f"{block}.{letter.lower()}.bias"] = x.reshape(-1)
        elif ".mlp." in name:
            made[f"{block}.{letter}.{'weight' if kind == 'W' else 'bias'}"] = x.T
        elif name.startswith("unembed"):
            made[f"unembed.{'weight' if kind == 'W' else 'bias'}"] = x.T
        else:
            made[f"{block}.{'weight' if last == 'w' else 'bias'}"] = x
    return {name: np.ascontiguousarray(x) for name, x in made.items()}


@pytest.mark.parametrize("layout", ["standard", "linear"])
@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.stem)
def test_every_design_of_the_library_is_read_in_both_layouts(version, name, layout):
    arrays = arrays_of(name)
    given = arrays if layout == "standard" else linear(arrays)
    _, weights = read(given, settings(version, name))
    assert weights.architecture.text == text(DESIGNS[name][0])
    assert weights.digest == read(arrays, settings(version, name))[1].digest


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.stem)
def test_both_directions_are_read_and_unused_masks_left_out(version):
    values = settings(version, "LN", attention_dir="bidirectional")
    masks = {f"blocks.{i}.attn.mask": np.tril(np.ones((4, 4), dtype=bool)) for i in (0, 1)}
    tensors, weights = read({**arrays_of("LN"), **masks}, values)
    assert "attention(2-heads,full," in weights.architecture.words
    assert not masks.keys() & tensors.keys()
    with pytest.raises(ModelError, match=r"attention_dir = 'both'"):
        read(arrays_of("LN"), settings(version, "LN", attention_dir="both"))


def test_eps_is_the_number_that_is_written():
    for eps, words in ((1e-05, "1/100000"), (1e-3, "1/1000"), (0, "0"), (1.5e-6, "3/2000000")):
        _, weights = read(arrays_of("LN"), settings(VERSIONS[0], "LN", eps=eps))
        assert weights.architecture.words.endswith(f"norm(layer,{words}),readout(last)")


def test_the_final_norm_may_be_another_one():
    arrays = {key: x for key, x in arrays_of("LN").items() if key != "ln_final.b"}
    _, weights = read(arrays, settings(VERSIONS[0], "LN", final_rms=True))
    assert weights.architecture.words.endswith("norm(rms,1/100000),readout(last)")
    with pytest.raises(ModelError, match=r"tensor ln_final\.b"):
        read(arrays_of("LN"), settings(VERSIONS[0], "LN", final_rms=True))


def test_tied_embeddings_are_written_out():
    arrays = {key: x for key, x in arrays_of("LN", out=5).items() if key != "unembed.W_U"}
    values = settings(VERSIONS[0], "LN", d_vocab_out=5)
    tensors, _ = read(arrays, values | {"tie_word_embeddings": True})
    written = np.frombuffer(tensors["unembed.W_U"].data, dtype=np.float32).reshape(6, 5)
    assert np.array_equal(written, arrays["embed.W_E"].T)
    with pytest.raises(ModelError, match=r"no tensor unembed\.W_U"):
        read(arrays, values)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("LN", {"act_fn": "gelu_fast"}, "act_fn = 'gelu_fast'"),
        ("LN", {"act_fn": "solu_ln"}, "act_fn = 'solu_ln'"),
        ("LN", {"act_fn": None}, "act_fn = None"),
        ("LN", {"normalization_type": "LNPre"}, "states LNPre, where the model has the tensor"),
        ("LNPre", {"normalization_type": "LN"}, "states LN, where the model has no tensor"),
        ("LN", {"normalization_type": "RMS"}, r"no norm with such a tensor"),
        ("LN", {"normalization_type": "BN"}, "normalization_type = 'BN'"),
        ("LN", {"normalization_type": None}, r"tensor blocks\.0\.ln1"),
        ("LN", {"eps": None}, "eps = None"),
        ("LN", {"eps": -1e-5}, "eps = -1e-05"),
        ("LN", {"eps": True}, "eps = True"),
        ("LN", {"eps": float("nan")}, "eps = nan"),
        ("LN", {"use_normalization_before_and_after": True}, "use_normalization_before_and_after"),
        ("LN", {"rmsnorm_uses_offset": True}, "rmsnorm_uses_offset = True"),
        ("LN", {"layer_norm_folding": True}, "layer_norm_folding = True"),
        ("LN", {"uses_rms_norm": True}, "uses_rms_norm = True"),
        ("LN", {"post_embedding_ln": True}, "post_embedding_ln = True"),
        ("LN", {"parallel_attn_mlp": True}, "parallel_attn_mlp = True"),
        ("LN", {"gated_mlp": True}, "gated_mlp = True"),
        ("RMS", {"gated_mlp": False}, "gated_mlp = False"),
        ("LN", {"n_layers": 3}, "n_layers = 3, where the tensors have 2"),
        ("LN", {"attn_only": True}, "attn_only = True"),
        ("LN", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        ("LN", {"attn_types": ["global", "local"]}, "attn_types = "),
        ("LN", {"positional_embedding_type": "shortformer"}, "'shortformer'"),
        ("LN", {"use_qk_norm": True}, "use_qk_norm = True"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(name, changes, words):
    with pytest.raises(ModelError, match=words):
        read(arrays_of(name), settings(VERSIONS[0], name, **changes))


def test_a_bias_that_the_library_adds_after_the_gate_is_refused():
    """Its gated MLP is act(y W_gate) (y W_in) + b_in, and not act(y W_gate) (y W_in + b_in)."""
    name = "blocks.1.mlp.b_in"
    zeros = {**arrays_of("RMS"), name: np.zeros(7, dtype=np.float32)}
    assert read(zeros, settings(VERSIONS[0], "RMS"))
    ones = {**zeros, name: np.ones(7, dtype=np.float32)}
    with pytest.raises(ModelError, match=r"blocks\.1\.mlp\.b_in TransformerLens adds after"):
        read(ones, settings(VERSIONS[0], "RMS"))


def test_metadata_and_configuration_have_to_agree():
    parts = DESIGNS["LN"][0]
    agreed = settings(VERSIONS[0], "LN")
    assert read(arrays_of("LN"), agreed, {"parts": text(parts)})
    with pytest.raises(ModelError, match="state different parts"):
        read(arrays_of("LN"), agreed | {"eps": 1e-3}, {"parts": text(parts)})


def test_one_layer_without_norm_stays_what_it_was():
    parts = deep(attention(), mlp())
    values = settings(VERSIONS[0], "one", act_fn="relu", attention_dir="bidirectional")
    _, weights = read(drawn(parts, 1), values)
    assert (
        weights.architecture.text == text(parts) and weights.shape.fields().get("n_layers") is None
    )
