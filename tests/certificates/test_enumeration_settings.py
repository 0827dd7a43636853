"""Words, settings, shapes and limits of models with heads, MLPs or pairs of tokens."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.asked import a_table, answer
from support.certify import encoded, verdict
from support.networks import claim_of, one_layer, pair

from files.claims import Pins
from files.verdict import Declined, Rejected
from kernel import check
from parts import layout
from parts.layout import MAX_TABLE, axes_of, require_small

WORDS = {
    "embed,positions,attention(1-head,full,1/sqrt(d_head)),readout(last)": {"heads": 1}
    | {"m": 0, "mask": "none"},
    "embed,positions,attention(2-heads,causal,1/sqrt(d_head)),mlp(relu),readout(last)": {},
    "embed,attention(3-heads,full,1/sqrt(d_head)),readout(last)": {"heads": 3, "m": 0}
    | {"positions": False, "mask": "none"},
    "embed,positions,attention(2-heads,causal,1/sqrt(d_head),1/2*softmax+1/2),mlp(relu),"
    "readout(last)": {"share": "1/2"},
    "embed,positions,attention(2-heads,causal,1/sqrt(d_head),2*softmax+-1/n_ctx),mlp(relu),"
    "readout(last)": {"share": "2", "normalised": True},
    "embed,attention(1-head,causal,1/sqrt(d_head),0*softmax+1),mlp(relu),readout(last)": {
        "share": "0"
    }
    | {"heads": 1, "positions": False},
}


@pytest.mark.parametrize("words", WORDS)
def test_the_verdict_has_the_parts_in_words(words):
    network = one_layer(1, **WORDS[words])
    task = a_table(network, [0] * 9)
    assert answer(network, task, (0, 9)).theorem.model == words


@pytest.mark.parametrize(
    ("inputs", "layers", "words"),
    [
        ("added", 1, "mlp(relu)"),
        ("sum", 2, "mlp(relu,2-layers)"),
        ("concatenated", 16, "mlp(relu,16-layers)"),
    ],
)
def test_the_verdict_has_the_parts_of_a_pair_in_words(inputs, layers, words):
    network = pair(1, inputs=inputs, layers=layers, v=2, m=2, d=2, outputs=2, scale=0.5)
    task = a_table(network, [0] * 4)
    assert answer(network, task, (0, 4)).theorem.model == f"pair({inputs}),{words},readout"


def stated(network, part, **settings):
    """Return a certificate whose parts have other settings."""
    task = a_table(network, [0] * network.sizes["d_vocab"] ** network.sizes["n_ctx"])
    parts = [x | settings if x["part"] == part else x for x in network.parts]
    return encoded(claim_of(replace(network, parts=parts), task, (0, len(task["labels"]))))


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        *(("attention", {"heads": x}) for x in (1, 3, 0, 257, -1, True, "2", None, 2.0, [2])),
        *(("attention", {"softmax": x, "normalised": False}) for x in ("1", "-1/2", "-1")),
        *(("attention", {"softmax": "1/2", "normalised": x}) for x in (0, 1, None, "true")),
        ("attention", {"softmax": "1/2"}),
        ("attention", {"normalised": False}),
        *(("attention", {"mask": x}) for x in ("full", None, "Causal", True)),
        ("attention", {"scale": "1"}),
        *(("mlp", {"activation": x}) for x in ("gelu", "ReLU", None)),
        ("embed", {"scale": 1}),
        ("readout", {"position": "first"}),
        ("positions", {"kind": "rotary"}),
    ],
)
def test_a_setting_of_one_layer_that_is_not_served_is_declined(part, settings):
    network = one_layer(1)
    found = verdict(network.bytes(), stated(network, part, **settings))
    assert found.exit_code == 2 and found.reason in ("unsupported", "syntax")


def test_as_many_heads_as_are_served():
    network = one_layer(1, v=1, k=1, d=1, h=1, m=0, heads=256, outputs=2)
    assert answer(network, a_table(network, [0]), (0, 1)).theorem
    network = one_layer(1, v=1, k=1, d=1, h=1, m=0, heads=257, outputs=2)
    assert answer(network, a_table(network, [0]), (0, 1)).refusal == (2, "unsupported")


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        *(("pair", {"inputs": x}) for x in ("product", None, "Sum", ["sum"])),
        *(("mlp", {"layers": x}) for x in (0, 17, -1, True, "1", None, 1.0)),
        ("mlp", {"activation": "gelu"}),
        ("pair", {"shared": True}),
        ("readout", {"position": "last"}),
    ],
)
def test_a_setting_of_a_pair_that_is_not_served_is_declined(part, settings):
    network = pair(1)
    found = verdict(network.bytes(), stated(network, part, **settings))
    assert found.exit_code == 2 and found.reason in ("unsupported", "syntax")


@pytest.mark.parametrize("inputs", ["sum", "concatenated"])
def test_only_known_ways_to_bring_embeddings_together_are_served(inputs):
    network = pair(1, inputs=inputs)
    for other in ("product", "", "SUM"):
        found = verdict(network.bytes(), stated(network, "pair", inputs=other))
        assert found.refusal == (2, "unsupported")


def test_more_layers_than_are_served():
    network = pair(1, layers=17, v=2, m=2, outputs=2)
    assert answer(network, a_table(network, [0] * 4), (0, 4)).refusal == (2, "unsupported")


def test_embeddings_are_as_wide_as_the_neurons_that_they_are_added_into():
    network = pair(1)
    wider = {x: np.hstack([network.tensors[x]] * 2) for x in ("W_a", "W_b")}
    changed = replace(network, tensors=network.tensors | wider)
    cert = encoded(claim_of(changed, a_table(network, [0] * 16), (0, 16)))
    with pytest.raises(Declined, match="embeddings and neurons differ in number"):
        check(changed.bytes(), cert, Pins())


LAYOUT = {"W": ("in.W", ("rows", "columns")), "b": ("in.b", ("columns",))}


class Shaped:
    """A tensor's shape alone."""

    def __init__(self, *shape):
        self.shape = shape


def test_a_layout_names_what_is_missing_unknown_or_has_other_axes():
    good = {"in.W": Shaped(2, 3), "in.b": Shaped(3)}
    assert axes_of(good, LAYOUT) == {"W": (2, 3), "b": (3,)}
    assert axes_of({"in.W": Shaped(2, 3)}, LAYOUT) == {"W": (2, 3)}
    for change, words in (
        (dict.fromkeys("zxcvbnmasdfgh", Shaped(1)), "'a' is not a tensor of this model"),
        ({"in.W": Shaped(2)}, "in.W has other than 2 axes"),
        ({"in.b": Shaped(1, 3)}, "in.b has other than 1 axes"),
        ({"in.W": Shaped(2, 0)}, "a size is zero"),
    ):
        with pytest.raises(Declined, match=words):
            axes_of(good | change, LAYOUT)
    with pytest.raises(Declined, match=r"in\.W is missing"):
        axes_of({"in.b": Shaped(3)}, LAYOUT)


def test_a_tensor_of_another_shape_is_named():
    network = one_layer(1)
    name = "blocks.0.attn.W_K"
    other = {name: np.concatenate([network.tensors[name]] * 2, axis=2)}
    changed = replace(network, tensors=network.tensors | other)
    cert = encoded(claim_of(changed, a_table(network, [0] * 9), (0, 9)))
    with pytest.raises(Declined, match=r"W_K has the shape \(2, 3, 4\), not \(2, 3, 2\)"):
        check(changed.bytes(), cert, Pins())


def test_tables_and_numbers_of_inputs_are_limited():
    require_small(3, 2, MAX_TABLE)
    require_small(1, 6000, 1)
    require_small(7, 2000, 1)
    for sizes in ((3, 2, MAX_TABLE + 1), (1, 6001, 1), (7, 2001, 1), (2**20, 286, 1)):
        with pytest.raises(Declined) as refused:
            require_small(*sizes)
        assert refused.value.reason == "limit"
    assert MAX_TABLE == 2**22


ONE_LAYERS = [
    {"v": 7, "k": 2, "d": 2, "h": 2, "heads": 2, "m": 3, "outputs": 2},
    {"v": 2, "k": 2, "d": 3, "h": 9, "heads": 3, "m": 0, "outputs": 4},
    {"v": 2, "k": 5, "d": 11, "h": 1, "heads": 1, "m": 2, "outputs": 2},
    {"v": 6, "k": 9, "d": 1, "h": 1, "heads": 1, "m": 0, "outputs": 2},
    {"v": 3, "k": 9, "d": 1, "h": 1, "heads": 2, "m": 1, "outputs": 1},
    {"v": 13, "k": 1, "d": 1, "h": 1, "heads": 1, "m": 0, "outputs": 1},
    {"v": 3, "k": 20, "d": 1, "h": 1, "heads": 1, "m": 0, "outputs": 1},
]
PAIRS = [
    {"v": 9, "m": 2, "outputs": 3},
    {"v": 2, "m": 5, "outputs": 3},
    {"v": 2, "m": 3, "outputs": 11},
    {"v": 3, "m": 2, "d": 7, "inputs": "concatenated", "outputs": 2},
    {"v": 3, "m": 7, "d": 2, "inputs": "sum", "outputs": 15},
]


@pytest.mark.parametrize("sizes", ONE_LAYERS + PAIRS)
def test_the_largest_table_is_what_is_limited(monkeypatch, sizes):
    if "k" in sizes:
        network = one_layer(1, mask="none", **sizes)
        v, k, heads = sizes["v"], sizes["k"], sizes["heads"]
        rows = max(v, k, sizes["d"], sizes["h"])
        columns = sizes["m"] + sizes["outputs"]
        largest = max(heads * rows * columns, rows * rows, k * v)
    else:
        network = pair(1, **sizes)
        d = sizes.get("d", sizes["m"])
        widest = max(sizes["v"], 2 * d, sizes["m"], sizes["outputs"])
        k, largest = 2, widest * max(sizes["m"], d)
    task = a_table(network, [0], positions=[[0, 1]] * k)
    monkeypatch.setattr(layout, "MAX_TABLE", largest)
    assert answer(network, task, (0, 1)).theorem
    monkeypatch.setattr(layout, "MAX_TABLE", largest - 1)
    assert answer(network, task, (0, 1)).refusal == (2, "limit")


@pytest.mark.parametrize("network", [one_layer(1, v=7, k=3), one_layer(1, v=1, k=9), pair(1, v=7)])
def test_the_digits_of_the_number_of_inputs_are_limited(monkeypatch, network):
    k = network.sizes["n_ctx"]
    bits = k * network.sizes["d_vocab"].bit_length()
    task = a_table(network, [0], positions=[[0, 1]] * k)
    for digits in range(1, 5):
        monkeypatch.setattr(layout, "MAX_DIGITS", digits)
        fits = bits <= 3 * digits
        assert answer(network, task, (0, 1)).refusal == ((0, None) if fits else (2, "limit"))


def test_metadata_are_compared_with_the_parts_to_the_letter():
    network = one_layer(1)
    text = json.dumps(network.parts, separators=(",", ":"))
    task = a_table(network, [0] * 9)
    cert = encoded(claim_of(network, task, (0, 9)))
    for stated_text, fits in ((text, True), (text + " ", False), (text.upper(), False)):
        data = replace(network, metadata={"parts": stated_text}).bytes()
        if fits:
            assert check(data, cert, Pins()).total == 9
        else:
            with pytest.raises((Declined, Rejected)):
                check(data, cert, Pins())
