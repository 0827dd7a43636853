"""A model is the program that the user runs, or it is refused, with what may be the cause."""

import numpy as np
import pytest
from small_models import random_tensors
from test_model_weights import frozen

import ballproof as bp
from ballproof.models.catalogue import zoo_path
from ballproof.models.comparison import assumptions, compare, load_logits, random_inputs
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.main import main

EPSILON = 1e-5


def tensors(seed, shape=(9, 4, 6, 5)):
    """Weights whose attention is far from uniform."""
    v, k, d, h = shape
    rng = np.random.default_rng(seed)
    sizes = {
        "embed.W_E": (v, d),
        "pos_embed.W_pos": (k, d),
        **{f"blocks.0.attn.W_{part}": (1, d, h) for part in "QKV"},
        "blocks.0.attn.W_O": (1, h, d),
        "unembed.W_U": (d, v),
        **{f"blocks.0.attn.b_{part}": (1, h) for part in "QKV"},
        "blocks.0.attn.b_O": (d,),
        "unembed.b_U": (v,),
    }
    return {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}


def norm(x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)


def program(arrays, inputs, change="", dtype=np.float32):
    """A user's program, in the words of the definition, with one thing changed."""
    w = {name.split(".")[-1]: array.astype(dtype) for name, array in arrays.items()}
    w |= {name: w[name][0] for name in w if "attn." not in name and w[name].ndim == 3}
    w |= {f"b_{part}": w[f"b_{part}"][0] for part in "QKV"}
    logits = []
    for tokens in inputs:
        embedded, places = w["W_E"][tokens], w["W_pos"]
        residual = embedded if change == "shortformer" else embedded + places
        seen = norm(residual) if change == "LNPre" else residual
        scored = seen + places if change == "shortformer" else seen
        query = scored[-1] @ w["W_Q"] + w["b_Q"]
        scores = (scored @ w["W_K"] + w["b_K"]) @ query
        scores = scores / (1 if change == "scale" else np.sqrt(w["W_Q"].shape[1]))
        if change == "score cap":
            scores = 3 * np.tanh(scores / 3)
        if change == "window":
            scores[:-2] = -np.inf
        alpha = np.exp(scores - scores.max())
        alpha = alpha / alpha.sum()
        mixed = alpha @ (seen @ w["W_V"] + w["b_V"])
        final = residual[-1] + mixed @ w["W_O"] + w["b_O"]
        final = norm(final) if change == "LNPre" else final
        row = final @ w["W_U"] + w["b_U"]
        logits.append(9 * np.tanh(row / 9) if change == "logit cap" else row)
    return np.array(logits)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_function_is_accepted(seed, dtype):
    arrays = tensors(seed)
    weights = frozen(arrays)
    inputs = random_inputs(weights.shape)
    logits = program(arrays, inputs, dtype=dtype)
    found = compare(weights, inputs, logits)
    assert found.inputs == 256 and found.difference < 1e-5 <= found.tolerance
    # What is added to all logits of an input changes no gap: a log-softmax is the same function.
    compare(weights, inputs, logits - np.log(np.exp(logits).sum(1, keepdims=True)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("LNPre", "a normalisation without weights (LNPre)"),
        ("shortformer", "shortformer positions"),
        ("scale", "attention scores divided by 1, not by 2.23607"),
        ("window", "attention to the last 2 tokens"),
        ("score cap", "a soft cap of about 3 on the attention scores"),
        ("logit cap", "a soft cap of about 9 on the logits"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_another_function_is_refused_and_named(change, words, seed):
    arrays = tensors(seed)
    weights = frozen(arrays)
    inputs = random_inputs(weights.shape)
    with pytest.raises(ModelError) as caught:
        compare(weights, inputs, program(arrays, inputs, change))
    assert f"They fit the same tensors with {words}" in str(caught.value)


def test_other_weights_are_refused():
    inputs = random_inputs(frozen(tensors(0)).shape)
    with pytest.raises(ModelError, match="are the logits of these weights"):
        compare(frozen(tensors(0)), inputs, program(tensors(1), inputs))


@pytest.mark.parametrize(
    "name", ["embed.W_E", "blocks.0.attn.b_Q", "blocks.0.attn.W_O", "unembed.b_U"]
)
def test_one_number_that_differs_is_seen(name):
    arrays = tensors(2)
    weights = frozen(arrays)
    inputs = random_inputs(weights.shape)
    changed = {**arrays, name: arrays[name].copy()}
    changed[name].flat[0] += 0.01
    with pytest.raises(ModelError):
        compare(weights, inputs, program(changed, inputs))
    compare(weights, inputs, program(changed, inputs), tolerance=0.5)


@pytest.mark.parametrize("model", ["max-of-4-seed-123", "max-of-10-seed-50", "argmax-of-4-seed-50"])
def test_float32_stays_within_the_tolerance_on_trained_models(model):
    weights = load_weights(zoo_path(model))
    arrays = {
        name: matrix.to_float()[None]
        if "attn.W" in name or "attn.b_Q" in name
        else matrix.to_float()
        for name, matrix in weights.tensors.items()
    }
    arrays |= {n: a[0] for n, a in arrays.items() if n in ("blocks.0.attn.b_O", "unembed.b_U")}
    arrays |= {n: a.reshape(1, -1) for n, a in arrays.items() if n[-3:] in ("b_Q", "b_K", "b_V")}
    inputs = random_inputs(weights.shape, 64)
    found = compare(weights, inputs, program(arrays, inputs))
    assert found.difference * 5 < found.tolerance


BAD = {
    "floats": (np.zeros((3, 4)), np.zeros((3, 9)), "integers"),
    "length": (np.zeros((3, 5), int), np.zeros((3, 9)), r"integers \(N, 4\)"),
    "none": (np.zeros((0, 4), int), np.zeros((0, 9)), "1 to 4096"),
    "many": (np.zeros((5000, 4), int), np.zeros((5000, 9)), "1 to 4096"),
    "token": (np.full((3, 4), 9), np.zeros((3, 9)), "not in 0..8"),
    "negative": (np.full((3, 4), -1), np.zeros((3, 9)), "not in 0..8"),
    "outputs": (np.zeros((3, 4), int), np.zeros((3, 8)), r"floats \(3, 9\)"),
    "rows": (np.zeros((3, 4), int), np.zeros((4, 9)), r"floats \(3, 9\)"),
    "integers": (np.zeros((3, 4), int), np.zeros((3, 9), int), "floats"),
    "nan": (np.zeros((3, 4), int), np.full((3, 9), np.nan), "NaN or an infinity"),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_do_not_fit_are_refused(name):
    inputs, logits, words = BAD[name]
    with pytest.raises(ModelError, match=words):
        compare(frozen(tensors(0)), inputs, logits)


def test_logits_at_every_position_keep_the_last():
    arrays = tensors(0)
    inputs = random_inputs(frozen(arrays).shape, 8)
    whole = np.zeros((8, 4, 9))
    whole[:, -1] = program(arrays, inputs)
    assert compare(frozen(arrays), inputs, whole).inputs == 8


def test_files_that_are_no_logits_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    for data in (b"", b"x", b"PK\x03\x04x"):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"no \.npz file"):
            load_logits(path)
    np.savez(path, inputs=np.zeros(3))
    with pytest.raises(ModelError, match="no array 'logits'"):
        load_logits(path)
    np.savez(path, inputs=np.array([{}]), logits=np.zeros(3))
    with pytest.raises(ModelError, match=r"no \.npz file"):
        load_logits(path)
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(ModelError, match=r"no \.npz file"):
        load_logits(tmp_path / "b.npy")


def test_import_compares_and_the_file_says_so(tmp_path, capsys):
    from ballproof.models.weights import save_weights

    arrays = random_tensors(1)
    save_weights(tmp_path / "plain.safetensors", arrays)
    weights = load_weights(tmp_path / "plain.safetensors")
    inputs = random_inputs(weights.shape, 16)
    np.savez(tmp_path / "right.npz", inputs=inputs, logits=program(arrays, inputs))
    np.savez(tmp_path / "wrong.npz", inputs=inputs, logits=program(arrays, inputs, "LNPre"))

    def run(*words):
        code = main([str(word) for word in words])
        return code, capsys.readouterr()

    out = tmp_path / "out.safetensors"
    command = ("import", tmp_path / "plain.safetensors", "--task", "max-of-3", "--out", out)
    code, printed = run(*command)
    assert code == 0 and "assumed, as tensors do not show it: no normalisation" in printed.err
    prove = ("prove", out, "--strategy", "exact", "--out", tmp_path / "a.json")
    assert "no normalisation, learned positions, full causal attention" in run(*prove)[1].err
    assert "no; assumed: no normalisation" in run("info", out)[1].out

    code, printed = run(*command, "--logits", tmp_path / "wrong.npz")
    assert code == 2 and "LNPre" in printed.err
    assert run(*command, "--logits", tmp_path / "right.npz")[0] == 0
    assert "assumed" not in run(*prove)[1].err
    assert "with a running program on 16 inputs" in run("info", out)[1].out
    assert not assumptions(load_weights(out)) and assumptions(weights)
    assert load_weights(out).digest == weights.digest


def test_a_comparison_is_not_carried_to_tensors_under_other_names(tmp_path, capsys):
    """A map that exchanges two matrices makes another function of the same file."""
    arrays = random_tensors(1)
    path, exchanged = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    named = [Tensor.from_array(name, array) for name, array in arrays.items()]
    path.write_bytes(write_tensors(named, {"compared": "on 9 inputs"}))
    swapped = {"W_Q": "W_K", "W_K": "W_Q"}
    key_map = {name: name for name in arrays}
    key_map |= {f"blocks.0.attn.{a}": f"blocks.0.attn.{b}" for a, b in swapped.items()}
    (tmp_path / "map.toml").write_text("".join(f'"{a}" = "{b}"\n' for a, b in key_map.items()))
    command = ["import", str(path), "--out", str(exchanged)]
    assert main(command) == 0 and load_weights(exchanged).compared == "on 9 inputs"
    assert main([*command, "--map", str(tmp_path / "map.toml")]) == 0
    assert load_weights(exchanged).compared is None
    assert "assumed" in capsys.readouterr().err
    assert bp.load(path, key_map=key_map).compared is None
    assert bp.load(path, task="max-of-3").compared == "on 9 inputs"


def test_a_model_of_the_zoo_needs_no_comparison():
    assert not assumptions(load_weights(zoo_path("max-of-4-seed-123")))
