"""Deep transformers: what is read of parts and tensors, what is refused, and what they compute."""

import json

import numpy as np
import pytest
from support.deep_networks import (
    attention,
    deep,
    drawn,
    logits,
    mlp,
    norm,
    readout,
    text,
)

from ballproof.models.architectures import Stated
from ballproof.models.architectures.layers import LAYERS
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.tensors import Tensor
from ballproof.models.weights import freeze, stored, weights_from_bytes

SHARE = {"softmax": "1/3", "normalised": True}
BARE = {"softmax": "7/5", "normalised": False}
DESIGNS = {
    "relu": deep(*[attention(), mlp()] * 2),
    "attention": deep(attention(), attention(), attention()),
    "mixed": deep(attention(), norm(), mlp("gelu"), norm("rms"), attention(), mlp("silu")),
    "layernorm": deep(*[norm(), attention(), norm(), mlp("gelu")] * 2, norm()),
    "rms": deep(
        *[norm("rms", "1/64"), attention(), norm("rms"), mlp("silu", True)] * 2, norm("rms")
    ),
    "tanh": deep(norm("layer", "0"), attention(mask="none"), mlp("gelu-tanh")),
    "gated-relu": deep(attention(), mlp("relu", True), read=readout("mean")),
    "sum": deep(*[attention(), mlp("gelu")] * 2, read=readout("sum", 3)),
    "middle": deep(*[attention(), mlp()] * 2, norm("rms"), read=readout(1)),
    "full": deep(*[attention(mask="none"), mlp()] * 3, read=readout(0, 2)),
    "share": deep(*[attention(**SHARE), mlp()] * 2),
    "unnormalised": deep(*[attention(mask="none", **BARE), mlp("gelu")] * 2, read=readout("mean")),
    "uniform": deep(*[attention(softmax="0", normalised=True), mlp()] * 2),
    "one": deep(attention(), norm(), mlp("gelu")),
    "nowhere": deep(*[attention(), mlp()] * 2, positions=False, read=readout("mean")),
}


def frozen(parts, arrays, **stated):
    tensors = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    return freeze(tensors, "a file", Stated(None if parts is None else text(parts), **stated))


@pytest.mark.parametrize("weighed", [True, False])
@pytest.mark.parametrize("name", DESIGNS)
def test_the_logits_are_those_of_the_definition(name, weighed):
    parts = DESIGNS[name]
    arrays = drawn(parts, seed=len(name), weighed=weighed, biases=weighed)
    weights = frozen(parts, arrays, n_ctx=4)
    tokens = np.random.default_rng(0).integers(0, 5, (6, 4))
    expected = logits(parts, arrays, tokens)
    for row, sequence in zip(expected, tokens.tolist(), strict=True):
        ours = [float(x.mid()) for x in evaluate(weights, sequence, 128)]
        assert np.allclose(ours, row, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", DESIGNS)
def test_parts_are_read_and_written_back(name):
    parts = DESIGNS[name]
    arrays = drawn(parts, 1)
    weights = frozen(parts, arrays, n_ctx=4)
    assert weights.architecture.text == text(parts)
    tensors = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    again = weights_from_bytes(stored(weights, tensors, None, None).data, "a file")
    assert again.architecture.text == text(parts) and again.digest == weights.digest
    assert list(weights.shape.fields()) == [
        "d_vocab", "n_ctx", "d_model", "n_layers", "n_heads", "d_head", "d_mlp", "d_vocab_out",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "layernorm",
            "embed,positions,2*(norm(layer,1/100000),attention(2-heads,causal,1/sqrt(d_head)),"
            "norm(layer,1/100000),mlp(gelu)),norm(layer,1/100000),readout(last)",
        ),
        (
            "gated-relu",
            "embed,positions,attention(2-heads,causal,1/sqrt(d_head)),mlp(relu,gated),readout(mean)",
        ),
        ("sum", "2*(attention(2-heads,causal,1/sqrt(d_head)),mlp(gelu)),readout(sum,3-layers)"),
        ("full", "3*(attention(2-heads,full,1/sqrt(d_head)),mlp(relu)),readout(0,2-layers)"),
        (
            "mixed",
            "positions,attention(2-heads,causal,1/sqrt(d_head)),norm(layer,1/100000),mlp(gelu),"
            "norm(rms,1/100000),attention(2-heads,causal,1/sqrt(d_head)),mlp(silu),readout(last)",
        ),
    ],
)
def test_the_words_say_what_is_computed(name, words):
    found = frozen(DESIGNS[name], drawn(DESIGNS[name], 1)).architecture.words
    assert found == words or found.endswith(words)


def test_layers_without_norms_need_no_parts_and_say_what_is_assumed():
    weights = frozen(None, drawn(DESIGNS["relu"], 1))
    assert weights.architecture.text == text(DESIGNS["relu"])
    assert "no normalisation, embed,positions,2*(" in weights.architecture.assumed
    assert "mlp(relu)" in weights.architecture.assumed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layernorm", "belongs to a LayerNorm or another norm, of some kind and eps"),
        ("gated-relu", "belongs to a gated MLP of some activation"),
        ("sum", "belongs to a readout of several layers"),
    ],
)
def test_what_no_tensor_shows_has_to_be_stated(name, message):
    with pytest.raises(ModelError, match=message):
        frozen(None, drawn(DESIGNS[name], 1))


def changed(name, change):
    parts = json.loads(text(DESIGNS[name]))
    change(parts)
    return parts


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("layernorm", lambda p: p[2].update(kind="batch"), "norm of kind 'batch'"),
        ("layernorm", lambda p: p[2].update(eps="1e-5"), "eps '1e-5'"),
        ("layernorm", lambda p: p[2].update(eps="2/4"), "eps '2/4'"),
        ("layernorm", lambda p: p[2].update(eps="-1/4"), "eps '-1/4'"),
        ("layernorm", lambda p: p[2].update(eps=0.5), "eps 0.5"),
        ("layernorm", lambda p: p[2].update(kind="rms"), r"tensor blocks\.0\.ln1\.b"),
        ("layernorm", lambda p: p.pop(2), r"tensor blocks\.0\.ln1\.b"),
        ("layernorm", lambda p: p.pop(-2), r"tensor ln_final\.b"),
        ("layernorm", lambda p: p.insert(2, norm()), "'norm', where 'attention' is expected"),
        ("layernorm", lambda p: p.insert(-1, norm()), "in a place that is none"),
        ("layernorm", lambda p: p.insert(-2, mlp()), "where 'attention' is|in a place that is"),
        ("relu", lambda p: p.insert(2, mlp()), "'mlp', where 'attention' is expected"),
        ("relu", lambda p: p[3].update(activation="tanh"), "activation 'tanh', where one of"),
        ("relu", lambda p: p[3].update(gated=True), "another MLP of layer 0"),
        ("relu", lambda p: p[3].update(gated=False), "is what its tensors allow"),
        ("relu", lambda p: p.pop(3), "another MLP of layer 0"),
        ("relu", lambda p: p[2].update(mask="none"), "attention differs"),
        ("relu", lambda p: [p[i].update(heads=3) for i in (2, 4)], "states 3 as its heads"),
        ("relu", lambda p: [p[i].update(heads=True) for i in (2, 4)], "heads True"),
        ("relu", lambda p: [p[i].update(scale="1") for i in (2, 4)], "what its tensors allow"),
        ("relu", lambda p: [p[i].update(mask="window") for i in (2, 4)], "the mask 'window'"),
        ("relu", lambda p: p.pop(1), "states False as its positions"),
        ("relu", lambda p: p.pop(0), "do not lead from embed to readout"),
        ("relu", lambda p: p.pop(), "do not lead from embed to readout"),
        ("relu", lambda p: p[-1].update(position=4), "position 4, where it has 4 positions"),
        ("relu", lambda p: p[-1].update(position=True), "reads out True"),
        ("relu", lambda p: p[-1].update(position=-1), "reads out -1"),
        ("relu", lambda p: p[-1].update(position="max"), "reads out 'max'"),
        ("relu", lambda p: p[-1].update(layers=2), "states 2 as its layers of the readout"),
        ("relu", lambda p: p[-1].update(layers=1), "is what its tensors allow"),
        ("relu", lambda p: p.insert(2, {"part": "dropout"}), "'dropout'"),
        ("relu", lambda p: p[3].update(bias=True), "'bias' of its part 'mlp'"),
        ("relu", lambda p: p.extend(p[2:4]), "do not lead from embed to readout"),
        ("attention", lambda p: p.insert(2, attention()), "states 4 as its layers"),
    ],
)
def test_parts_that_are_none_or_do_not_fit_are_refused_by_name(name, change, message):
    with pytest.raises(ModelError, match=message):
        frozen(changed(name, change), drawn(DESIGNS[name], 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks.1.attn.W_K": None}, r"no tensor blocks\.1\.attn\.W_K"),
        ({"blocks.1.mlp.W_out": None}, r"no tensor blocks\.1\.mlp\.W_out"),
        ({"blocks.1.mlp.W_in": (6, 8)}, r"W_in has shape \[6, 8\], where \[6, 7\]"),
        ({"blocks.1.attn.W_V": (1, 6, 3)}, r"W_V has shape \[1, 6, 3\], where \[2, 6, 3\]"),
        ({"blocks.1.attn.b_O": ()}, r"b_O has shape \[\], where 1 axes"),
        ({"blocks.3.attn.W_Q": (2, 6, 3)}, "numbers 0, 1, 3"),
        ({"blocks.16.attn.W_Q": (2, 6, 3)}, "numbers 0, 1, 16"),
        ({"blocks.0.mlp.W_other": (6, 7)}, "is no part of a model of several"),
        ({"readout.W_hidden.2": (6, 6)}, "hidden layers of the readout with the numbers 2"),
        ({"blocks.0.ln1.w": (6,)}, r"tensor blocks\.0\.ln1\.w, where the parts"),
        ({"pos_embed.W_pos": (4, 5)}, r"W_pos has shape \[4, 5\]"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(change, message):
    parts = DESIGNS["relu"]
    arrays = drawn(parts, 1)
    for name, dims in change.items():
        arrays |= {} if dims is None else {name: np.ones(dims, dtype=np.float32)}
        arrays = {key: x for key, x in arrays.items() if key != name or dims is not None}
    with pytest.raises(ModelError, match=message):
        frozen(parts, arrays)


def test_more_than_sixteen_layers_are_refused():
    parts = deep(*[attention()] * 17)
    with pytest.raises(ModelError, match="17 layers, where 1 to 16"):
        frozen(None, drawn(parts, 1))


def test_masks_of_inner_layers_have_to_be_those_that_the_parts_state():
    parts = DESIGNS["relu"]
    arrays = drawn(parts, 1)
    causal = np.tril(np.ones((5, 5), dtype=bool))
    for layer in (0, 1):
        frozen(parts, {**arrays, f"blocks.{layer}.attn.mask": causal})
    hidden = causal.copy()
    hidden[2, 1] = False
    with pytest.raises(ModelError, match=r"blocks\.1\.attn\.mask hides position 1 in row 2"):
        frozen(parts, {**arrays, "blocks.1.attn.mask": hidden})
    with pytest.raises(ModelError, match=r"shows position 1 in row 0"):
        frozen(parts, {**arrays, "blocks.0.attn.mask": np.ones((4, 4), dtype=bool)})
    with pytest.raises(ModelError, match="the model has 2 layers"):
        frozen(parts, {**arrays, "blocks.2.attn.mask": causal})
    full = DESIGNS["full"]
    with pytest.raises(ModelError, match=r"hides position 1 in row 0"):
        frozen(full, {**drawn(full, 1), "blocks.2.attn.mask": causal})


@pytest.mark.parametrize(
    ("score", "hides"),
    [
        (np.array(-np.inf, dtype=np.float32), True),
        (np.array([-1e5]), True),
        (np.zeros(0), True),
        (np.array(-8192, dtype=np.float16), True),
        (np.array(-100.0), False),
        (np.array(np.nan), False),
        (np.array(np.inf), False),
        (np.array(-100_000), False),
    ],
)
def test_the_score_of_hidden_positions_has_to_hide_them(score, hides):
    parts = DESIGNS["relu"]
    arrays = {**drawn(parts, 1), "blocks.1.attn.IGNORE": score}
    if hides:
        assert frozen(parts, arrays)
        return
    with pytest.raises(ModelError, match=r"blocks\.1\.attn\.IGNORE is the score of hidden"):
        frozen(parts, arrays)


def test_a_norm_of_what_does_not_vary_has_no_bounds_where_eps_is_zero():
    parts = deep(norm("layer", "0"), attention(), mlp("gelu"))
    arrays = {name: np.zeros_like(x) for name, x in drawn(parts, 1).items()}
    with pytest.raises(ValueError, match="no finite bounds"):
        evaluate(frozen(parts, arrays), [0, 0, 0, 0], 128)


def test_what_older_rows_serve_stays_theirs():
    for parts in (deep(attention()), deep(attention(), mlp()), deep(attention(mask="none"))):
        assert frozen(parts, drawn(parts, 1)).architecture.specialised is not LAYERS.specialised
    for name in DESIGNS:
        weights = frozen(DESIGNS[name], drawn(DESIGNS[name], 1), n_ctx=4)
        assert weights.architecture.specialised is LAYERS.specialised
