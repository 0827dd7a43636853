"""What no tensor shows is stated once, at import, and stays with the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_models import random_tensors
from test_one_layer_and_pair import model

import ballproof as bp
from ballproof.models.architectures.attention_only import ATTENTION_ONLY
from ballproof.models.comparison import compare, random_inputs
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.key_map import SHIPPED, find_key_map, shipped_names
from ballproof.models.tensors import Tensor, read_file, write_tensors
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.main import main


def written(path, arrays, **metadata):
    named = [Tensor.from_array(name, array) for name, array in arrays.items()]
    path.write_bytes(write_tensors(named, metadata or None))
    return path


def metadata(path):
    return read_file(path.read_bytes(), str(path))[1]


def mapped(arrays, *lines):
    names = [f'"{name}" = "{name}"' for name in arrays]
    return "\n".join([*lines, *names])


@pytest.fixture
def imported(tmp_path, capsys):
    def run(arrays, *options, said=(), **kept):
        source = written(tmp_path / "source.safetensors", arrays, **kept)
        out = tmp_path / "out.safetensors"
        status = main(["import", str(source), "--out", str(out), *options])
        words = capsys.readouterr().err
        for each in said:
            assert each in words
        return (out if status == 0 else None), words

    return run


def test_a_share_of_softmax_is_written_and_read_back(imported):
    arrays, _ = model(1)
    out, _ = imported(arrays, "--softmax-share", "1/2")
    text = metadata(out)["parts"]
    assert json.loads(text)[2] == {
        "part": "attention", "heads": 2, "mask": "causal", "scale": "1/sqrt(d_head)",
        "softmax": "1/2", "normalised": False,
    }  # fmt: skip
    weights = load_weights(out)
    assert weights.architecture.text == text
    assert "1/2*softmax+1/2)" in weights.architecture.words
    again, _ = imported(arrays, parts=text)
    assert metadata(again) == {"parts": text}


def test_what_is_the_default_is_not_written(imported):
    arrays, _ = model(1)
    assert metadata(imported(arrays)[0]) == {}
    assert metadata(imported(arrays, "--softmax-share", "1")[0]) == {}
    assert metadata(imported(random_tensors(3), parts=ATTENTION_ONLY.text)[0]) == {}


def test_a_map_states_mask_and_share(imported, tmp_path):
    arrays, _ = model(1)
    lines = ['mask = "none"', 'softmax_share = "uniformity"', 'normalised = "true"']
    (tmp_path / "map.toml").write_text(mapped(arrays, *lines))
    (tmp_path / "config.json").write_text('{"uniformity": 0.25, "n_heads": 2, "act_fn": "ReLU"}')
    options = ["--map", str(tmp_path / "map.toml"), "--config", str(tmp_path / "config.json")]
    words = load_weights(imported(arrays, *options)[0]).architecture.words
    assert "attention(2-heads,full,1/sqrt(d_head),1/4*softmax+3/4/n_ctx)" in words
    # What is stated wins over the configuration.
    given = imported(arrays, *options, "--softmax-share", "1")[0]
    assert "attention(2-heads,full,1/sqrt(d_head))" in load_weights(given).architecture.words
    (tmp_path / "config.json").write_text('{"uniformity": 0.25, "act_fn": "gelu"}')
    imported(arrays, *options, said=["act_fn = 'gelu', where the model is read with relu"])
    (tmp_path / "config.json").write_text('{"uniformity": 0.25, "norm": true}')
    imported(arrays, *options, said=["norm = True, a setting that may change"])
    (tmp_path / "config.json").write_text('{"n_heads": 2}')
    imported(arrays, *options, said=["which share of the attention weights is softmax is not"])


@pytest.mark.parametrize(
    ("share", "words"),
    [("half", "is 'half', where 0, 1/2 or so"), ("1/0", "is '1/0'"), ("-1/2", "softmax '-1/2'")],
)
def test_a_share_that_is_none_is_refused(imported, share, words):
    out, said = imported(model(1)[0], f"--softmax-share={share}")
    assert out is None and words in said


def test_settings_of_attention_are_refused_where_there_is_none(imported):
    arrays = {"W_E": np.ones((3, 2)), "W_out": np.ones((2, 3))}
    out, said = imported(arrays, "--softmax-share", "0")
    assert out is None and "has no attention, of which a mask or a share is stated" in said
    assert load_weights(imported(arrays)[0]).architecture.words == "pair(added),mlp(relu),readout"


def test_the_context_length_comes_from_an_option_the_task_or_the_file(imported):
    arrays, _ = model(1, positions=False)
    out, _ = imported(arrays, "--n-ctx", "3")
    assert metadata(out) == {"n_ctx": "3"} and load_weights(out).shape.n_ctx == 3
    task = "max-of-4[positions=0..3,0..3,1..1,0..3,0..0;reads=0,1,2,3]"
    out, _ = imported(arrays, "--task", task)
    assert metadata(out)["n_ctx"] == "5"
    out, _ = imported(arrays, task="max-of-2")
    assert load_weights(out).shape.n_ctx == 2
    out, said = imported(arrays)
    assert out is None and "--n-ctx or by --task" in said
    for n_ctx in ("0", "x", "10000"):
        out, said = imported(arrays, n_ctx=n_ctx)
        assert out is None and f"states n_ctx = {n_ctx!r} in its metadata" in said


def test_a_task_does_not_change_the_context_length_that_positions_show(imported):
    arrays, _ = model(1)
    out, said = imported(arrays, "--task", "max-of-2")
    assert out is None and "is about 2 positions, where the model has 3" in said
    assert "states n_ctx" not in said


def logits_of(weights, inputs):
    balls = [evaluate(weights, row, 64) for row in inputs.tolist()]
    return np.array([[float(x.mid()) for x in row] for row in balls])


def test_models_of_every_architecture_are_compared_with_their_program(imported, tmp_path):
    rng = np.random.default_rng(2)
    pair = {"W_E": rng.normal(size=(4, 3)), "W_out": rng.normal(size=(3, 4))}
    for arrays in (model(1)[0], pair):
        weights = load_weights(imported(arrays)[0])
        inputs = random_inputs(weights.shape, 16)
        logits = logits_of(weights, inputs)
        np.savez(tmp_path / "logits.npz", inputs=inputs, logits=logits)
        out, _ = imported(arrays, "--logits", str(tmp_path / "logits.npz"))
        assert load_weights(out).compared.startswith("on 16 inputs")
        with pytest.raises(ModelError, match="is not the program whose logits were given"):
            compare(weights, inputs, logits[::-1])


def test_another_share_is_another_function(imported):
    arrays, _ = model(1)
    plain, half = (load_weights(imported(arrays, "--softmax-share", x)[0]) for x in ("1", "1/2"))
    inputs = random_inputs(plain.shape, 16)
    with pytest.raises(ModelError, match="is not the program"):
        compare(plain, inputs, logits_of(half, inputs))


def test_the_library_takes_what_the_command_takes():
    arrays, _ = model(1, positions=False)
    loaded = bp.load(arrays, softmax_share="0", n_ctx=3)
    assert "0*softmax+1" in loaded.architecture and loaded.sizes["n_ctx"] == 3
    key_map = {**{name: name for name in arrays}, "softmax_share": "coeff"}
    loaded = bp.load(arrays, key_map=key_map, config={"coeff": 0.5}, task="max-of-2")
    assert "1/2*softmax+1/2" in loaded.architecture and loaded.sizes["n_ctx"] == 2


def test_a_shipped_map_goes_by_the_name_of_its_family():
    assert {"groups", "grokking", "pizza", "puzzle"} <= set(shipped_names())
    for path in SHIPPED.glob("*.toml"):
        family = path.stem.partition("-")[0]
        assert family in shipped_names()
    pairs = {name: Tensor.from_array(name, np.ones((2, 2))) for name in ("W_x", "W_y", "W", "W_U")}
    assert find_key_map(SHIPPED.parent / "maps" / "groups-mlp.toml", {})["W_out"] == "W_U"
    assert find_key_map(Path("groups"), pairs)["W_a"] == "W_x"


def test_models_of_every_architecture_are_described_and_evaluated(tmp_path, capsys):
    path = written(tmp_path / "a.safetensors", model(1)[0])
    assert main(["info", str(path), "--task", "max-of-3"]) == 0
    assert "attention(2-heads,causal,1/sqrt(d_head)),mlp(relu)" in capsys.readouterr().out
    assert main(["evaluate", str(path), "0,1,2", "--task", "max-of-3"]) == 0
    assert "label 2: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sequence", "verdict"), [("0,1", "right"), ("0,2", "wrong"), ("2,1", "wrong")]
)
def test_ties_of_a_pair_are_told(tmp_path, capsys, sequence, verdict):
    """Logits are the two tokens' indicators: of 0 and 2 they are equal."""
    arrays = {"W_a": np.diag([1.0, 3, 1]), "W_b": np.diag([1.0, 2, 1]), "W_out": np.eye(3)}
    path = written(tmp_path / "a.safetensors", arrays)
    assert main(["evaluate", str(path), sequence, "--task", "add-mod-3"]) == 0
    label = sum(map(int, sequence.split(","))) % 3
    assert f"label {label}: {verdict}" in capsys.readouterr().out
