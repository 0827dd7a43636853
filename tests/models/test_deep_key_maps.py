"""Key maps of deep models: an entry for every layer, and what no tensor shows."""

from pathlib import Path

import numpy as np
import pytest
from support.deep_networks import attention, deep, drawn, logits, mlp, norm, readout, text

import ballproof as bp
from ballproof.models.convert import Reading, Source, read_model
from ballproof.models.errors import ModelError
from ballproof.models.key_map import find_key_map
from ballproof.models.tensors import Tensor, read_file, write_tensors
from ballproof.models.weights import load_weights, stored
from ballproof.verifier.commands.main import main

LN = deep(*[norm(), attention(mask="none"), norm(), mlp("gelu")] * 2, norm(), read=readout(0))
NAMES = {
    "embed.W_E": "tok",
    "pos_embed.W_pos": ["pos", "first n_ctx"],
    **{f"blocks.#.attn.{x}": f"l.#.{x}" for x in ("W_Q", "W_K", "W_V", "W_O")},
    **{f"blocks.#.attn.b_{x}": f"l.#.b_{x}" for x in "QKVO"},
    "blocks.#.mlp.W_in": ["l.#.in", "transpose"],
    "blocks.#.mlp.W_out": ["l.#.out", "transpose"],
    **{f"blocks.#.mlp.{x}": f"l.#.{x}" for x in ("b_in", "b_out")},
    **{f"blocks.#.{x}": f"l.#.{x}" for x in ("ln1.w", "ln1.b", "ln2.w", "ln2.b")},
    **{x: x for x in ("ln_final.w", "ln_final.b", "unembed.W_U", "unembed.b_U")},
}
STATED = {"mask": "none", "activation": "gelu", "norm": "layer", "eps": "1e-5", "readout": "0"}
MAP = {**NAMES, **STATED}


def theirs(arrays):
    """The same weights under somebody's own names, with more positions than are read."""
    made = {}
    for name, x in arrays.items():
        new = name.replace("blocks.", "l.").replace("attn.", "").replace("mlp.", "")
        new = {"embed.W_E": "tok", "pos_embed.W_pos": "pos"}.get(name, new)
        if name.endswith((".W_in", ".W_out")):
            new, x = new.replace("W_", ""), np.ascontiguousarray(x.T)
        made[new] = np.concatenate([x, x + 1]) if new == "pos" else x
    return made


def read(arrays, key_map, **reading):
    tensors = {name: Tensor.from_array(name, array) for name, array in theirs(arrays).items()}
    return read_model(Source("a file", tensors), Reading(key_map=key_map, n_ctx=4, **reading))


def test_a_map_has_an_entry_for_all_layers_and_says_what_no_tensor_shows():
    arrays = drawn(LN, 2)
    tensors, weights = read(arrays, MAP)
    assert weights.architecture.text == text(LN)
    expected = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    assert tensors == dict(sorted(expected.items()))


def test_positions_that_are_cut_are_noted_and_the_note_is_kept(tmp_path):
    tensors, weights = read(drawn(LN, 2), MAP)
    note = "the first 4 of 8 rows of pos_embed.W_pos"
    assert weights.notes == {"cut": note} and weights.shape.n_ctx == 4
    path = tmp_path / "a.safetensors"
    path.write_bytes(stored(weights, tensors, None, None).data)
    assert load_weights(path).notes == {"cut": note}
    again = tmp_path / "b.safetensors"
    assert main(["import", str(path), "--out", str(again)]) == 0
    assert read_file(again.read_bytes(), "b")[1]["cut"] == note


def test_the_recipe_of_a_file_of_ours_is_kept(tmp_path):
    arrays = drawn(deep(attention(), attention()), 1)
    named = [Tensor.from_array(name, array) for name, array in arrays.items()]
    (tmp_path / "a.safetensors").write_bytes(write_tensors(named, {"recipe": "as ever", "x": "y"}))
    out = tmp_path / "b.safetensors"
    assert main(["import", str(tmp_path / "a.safetensors"), "--out", str(out)]) == 0
    assert read_file(out.read_bytes(), "b")[1] == {"recipe": "as ever"}


def test_a_name_that_is_no_map_is_answered_with_those_that_ship(tmp_path, capsys):
    source = tmp_path / "a.safetensors"
    source.write_bytes(write_tensors([Tensor.from_array("x", np.ones(2))]))
    assert main(["import", str(source), "--map", "nosuch", "--out", str(tmp_path / "b")]) != 0
    said = capsys.readouterr().err
    assert "'nosuch' is no file, and none of the maps that ship: brackets, dyck, grok" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norm": "batch"}, "norm of kind 'batch'"),
        ({"eps": "tiny"}, "states a norm, and no eps"),
        ({"eps": None}, "states a norm, and no eps"),
        ({"norm": None}, "an eps or places of norms without a norm"),
        ({"norm": None, "eps": None}, "where the parts that its metadata states have no norm"),
        ({"norms": ["ln3"]}, "has norms at ln3, where some of ln1, ln2, ln_final are"),
        ({"norms": ["ln1"], "norm": None, "eps": None}, "places of norms without a norm"),
        ({"norms": ["ln1"]}, r"tensor blocks\.0\.ln2\.b, where the parts"),
        ({"activation": "tanh"}, "activation 'tanh'"),
        ({"readout": "first"}, "reads out 'first'"),
        ({"readout": "7"}, "reads out position 7, where it has 4"),
        ({"mask": "window"}, "the mask 'window'"),
        ({"blocks.#.ln2.b": None}, r"holds 'l\.0\.ln2\.b', which the key map does not name"),
        ({"blocks.#.ln2.b": "l.#.none"}, r"no tensor 'l\.0\.none', which the key map names"),
    ],
)
def test_a_map_that_does_not_fit_is_refused_by_name(change, words):
    key_map = {name: value for name, value in (MAP | change).items() if value is not None}
    with pytest.raises(ModelError, match=words):
        read(drawn(LN, 2), key_map)


def test_norms_without_weights_are_listed():
    parts = deep(norm("rms"), attention(), mlp(), attention(), mlp(), norm("rms"))
    arrays = drawn(parts, 1, weighed=False)
    key_map = {name: x for name, x in NAMES.items() if "ln" not in name}
    stated = {"norm": "rms", "eps": "1/100000", "norms": ["ln1", "ln_final"]}
    _, weights = read(arrays, key_map | stated)
    with pytest.raises(ModelError, match="states a norm that stands nowhere"):
        read(arrays, key_map | {"norm": "rms", "eps": "1/100000"})
    words = weights.architecture.words
    assert words.count("norm(rms,1/100000)") == 2 and "2*(norm" in words


def test_a_configuration_has_to_say_what_a_map_expects(tmp_path):
    plain = deep(*[attention(), mlp()] * 2, read=readout("sum"))
    arrays = theirs(drawn(plain, 1))
    tensors = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    key_map = {name: x for name, x in NAMES.items() if "ln" not in name}
    key_map |= {"readout": "sum", "expects": ["causal = true", "pool=sum"]}

    def told(beside, config=None):
        source = Source("a file", tensors, {"cfg": beside} if beside else {})
        return read_model(source, Reading(key_map=key_map, n_ctx=4, config=config))[1]

    assert told({"causal": True, "pool": "sum", "lr": 0.1}).architecture.words.endswith("(sum)")
    assert told(None)
    with pytest.raises(ModelError, match=r"cfg states pool = 'mean', where the key map is for"):
        told({"causal": True, "pool": "mean"})
    config = tmp_path / "config.json"
    config.write_text('{"causal": false}')
    with pytest.raises(ModelError, match=r"config\.json states causal = False"):
        told(None, config)


def test_a_share_of_softmax_is_that_of_every_layer():
    parts = deep(*[attention(mask="none"), mlp()] * 2)
    names = {name: x for name, x in NAMES.items() if "ln" not in name}
    key_map = names | {"mask": "none", "normalised": "true"}
    _, weights = read(drawn(parts, 1), key_map, softmax_share="1/3")
    share = {"softmax": "1/3", "normalised": True}
    shared = deep(*[attention(mask="none", **share), mlp()] * 2)
    assert weights.architecture.text == text(shared)


def test_deep_models_are_compared_with_their_program(tmp_path):
    arrays = drawn(LN, 2, scale=0.4)
    tensors, weights = read(arrays, MAP)
    path = tmp_path / "a.safetensors"
    path.write_bytes(stored(weights, tensors, None, None).data)
    inputs = np.random.default_rng(0).integers(0, 5, (16, 4))
    ours = logits(LN, arrays, inputs)
    # Of logits at every position, those of the one that is read count.
    each = np.stack([ours, ours * 0 + 7, -ours, ours * 3], axis=1)
    for given in (ours, each):
        np.savez(tmp_path / "logits.npz", inputs=inputs, logits=given)
        out = tmp_path / "b.safetensors"
        options = ["--logits", str(tmp_path / "logits.npz"), "--out", str(out)]
        assert main(["import", str(path), *options]) == 0
        assert load_weights(out).compared.startswith("on 16 inputs")
    tanh = deep(*[norm(), attention(), norm(), mlp("gelu-tanh")] * 2, norm(), read=readout(0))
    np.savez(tmp_path / "logits.npz", inputs=inputs, logits=logits(tanh, arrays, inputs))
    assert main(["import", str(path), *options]) != 0


def test_the_library_takes_deep_arrays_and_says_what_they_are():
    arrays = drawn(deep(*[attention(), mlp()] * 2), 1)
    loaded = bp.load(arrays)
    layers = "2*(attention(2-heads,causal,1/sqrt(d_head)),mlp(relu))"
    assert loaded.architecture == f"embed,positions,{layers},readout(last)"
    assert loaded.sizes["n_layers"] == 2


def test_the_pizza_map_reads_two_layers():
    share = {"softmax": "37/5000", "normalised": False}
    parts = deep(*[attention(4, mask="none", **share), mlp()] * 2)
    sizes = {"heads": 4, "n": 2}
    arrays = drawn(parts, 1, **sizes)
    kept = {x: a for x, a in arrays.items() if ".attn.b_" not in x and x != "unembed.b_U"}
    given = {}
    for name, x in kept.items():
        turned = x.reshape(-1, x.shape[2]) if name.endswith("W_O") else x
        plain = turned.ndim == 1 or name in ("pos_embed.W_pos", "unembed.W_U")
        given[name] = x if plain else np.ascontiguousarray(turned.swapaxes(-1, -2))
    given |= {f"blocks.{i}.attn.mask": np.tril(np.ones((2, 2))) for i in (0, 1)}
    tensors = {name: Tensor.from_array(name, array) for name, array in given.items()}
    config = {"attn_coeff": 0.0074, "n_layers": 2, "n_heads": 4, "act_fn": "ReLU"}
    source, key_map = (
        Source("a file", tensors, {"cfg": config}),
        find_key_map(Path("pizza"), tensors),
    )
    made, weights = read_model(source, Reading(key_map=key_map))
    assert weights.architecture.text == text(parts)
    assert made == dict(sorted((x, Tensor.from_array(x, a)) for x, a in kept.items()))
    wrong = Source("a file", tensors, {"cfg": config | {"n_layers": 3}})
    with pytest.raises(ModelError, match="n_layers = 3, where the tensors have 2"):
        read_model(wrong, Reading(key_map=key_map))
