"""Logits and programs of one-layer transformers and pairs, held against their definitions."""

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from small_models import ball_ends, random_tensors
from support import literal_models
from support.literal_models import frozen

from ballproof.models.architectures import Shape
from ballproof.models.architectures.attention_only import ATTENTION_ONLY
from ballproof.models.architectures.one_layer.layout import W_POS, expected_shapes
from ballproof.models.architectures.one_layer.settings import Settings
from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate

SHARES = [
    Settings(),
    Settings("none"),
    Settings("none", Fraction(0)),
    Settings("causal", Fraction(1, 2), True),
    Settings("none", Fraction(2, 3)),
    Settings("none", Fraction(7, 5), True),
]


def arrays_of(seed, dims, biased=True, scale=1.0):
    rng = np.random.default_rng(seed)
    return {
        name: scale * rng.normal(0.0, 0.8, shape)
        for name, shape in dims.items()
        if biased or not name.split(".")[-1].startswith("b_")
    }


def model(seed, heads=2, neurons=3, settings=SHARES[0], positions=True, **options):
    """Random tensors, and the model that they are with these settings; three positions."""
    shape = Shape(4, 3, 3, 2, 5, heads, neurons)
    arrays = arrays_of(seed, expected_shapes(shape), **options)
    if not positions:
        del arrays[W_POS]
    dims = {name: array.shape for name, array in arrays.items()}
    text = json.dumps(settings.parts(dims), separators=(",", ":"))
    return arrays, frozen(arrays, text, None if positions else 3)


def assert_close(ours, literal):
    largest = max(1, *(abs(x) for x in literal))
    for one, two in zip(ours, literal, strict=True):
        assert abs(literal_models.real(one) - literal_models.real(two)) <= largest * 2.0**-200


def assert_encloses(balls, literal):
    for ball, value in zip(balls, literal, strict=True):
        with literal_models.mpmath.workprec(literal_models.BITS):
            low, high = map(literal_models.real, ball_ends(ball))
            slack = abs(literal_models.real(value)) * literal_models.mpmath.mpf(2) ** -600
            assert low - slack <= literal_models.real(value) <= high + slack


def hold(arrays, weights, settings, sequences):
    program = weights.architecture.program(weights, weights.shape.n_ctx)
    with literal_models.mpmath.workprec(literal_models.BITS):
        for sequence in sequences:
            literal = literal_models.one_layer(
                arrays, sequence, settings.share, settings.normalised
            )
            assert_encloses(evaluate(weights, sequence, 300), literal)
            assert_close(literal_models.run(program, sequence), literal)


SEQUENCES = [[0, 1, 2], [3, 3, 3], [2, 0, 3]]


@pytest.mark.parametrize(("heads", "neurons"), [(1, 0), (1, 4), (2, 0), (2, 1), (3, 2), (3, 0)])
@pytest.mark.parametrize("biased", [True, False])
def test_a_one_layer_model_is_its_definition(heads, neurons, biased):
    arrays, weights = model(heads, heads, neurons, biased=biased)
    hold(arrays, weights, SHARES[0], SEQUENCES)


@pytest.mark.parametrize("settings", SHARES)
@pytest.mark.parametrize("positions", [True, False])
@pytest.mark.parametrize("neurons", [0, 3])
def test_a_uniform_share_is_its_definition(settings, positions, neurons):
    arrays, weights = model(5, 2, neurons, settings, positions)
    hold(arrays, weights, settings, SEQUENCES)
    program = weights.architecture.program(weights, 3)
    assert (program.heads == ()) == (settings.share == 0)


@pytest.mark.parametrize("scale", [1e-12, 30.0])
def test_tiny_and_huge_weights_are_exact_too(scale):
    settings = SHARES[4]
    arrays, weights = model(6, 2, 3, settings, scale=scale)
    hold(arrays, weights, settings, SEQUENCES)


def test_the_program_of_attention_alone_is_its_definition():
    arrays = random_tensors(3)
    weights = frozen(arrays)
    assert weights.architecture is ATTENTION_ONLY
    hold(arrays, weights, SHARES[0], [[0, 1, 2], [4, 4, 0]])


def pair_arrays(seed, inputs, hidden=1, both=False, biased=True):
    width = 3 if inputs == "added" else 4
    dims = {"W_E": (5, 3)} if both else {"W_a": (5, 3), "W_b": (5, 3)}
    if inputs != "added":
        dims["W_in"] = (3 if inputs == "sum" else 6, width)
    for number in range(1, hidden):
        dims |= {f"W_hidden.{number}": (width, width), f"b_hidden.{number}": (width,)}
    dims |= {"b_in": (width,), "W_out": (width, 6), "b_out": (6,)}
    return arrays_of(seed, dims, biased)


@pytest.mark.parametrize("inputs", ["sum", "concatenated", "added"])
@pytest.mark.parametrize(
    ("hidden", "both", "biased"), [(1, False, True), (3, True, False), (2, False, True)]
)
def test_a_pair_is_its_definition(inputs, hidden, both, biased):
    arrays = pair_arrays(8, inputs, hidden, both, biased)
    weights = frozen(arrays)
    mlp = "mlp(relu)" if hidden == 1 else f"mlp(relu,{hidden}-layers)"
    assert weights.architecture.words == f"pair({inputs}),{mlp},readout"
    width = 3 if inputs == "added" else 4
    assert list(weights.shape.fields().items()) == [
        ("d_vocab", 5), ("n_ctx", 2), ("d_model", 3), ("d_mlp", width), ("d_vocab_out", 6)
    ]  # fmt: skip
    program = weights.architecture.program(weights, 2)
    for sequence in itertools.product(range(0, 5, 2), repeat=2):
        literal = literal_models.pair(arrays, sequence, inputs)
        assert literal_models.run(program, sequence) == literal
        assert_encloses(evaluate(weights, sequence, 200), literal)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (SHARES[0], "causal,1/sqrt(d_head)"),
        (SHARES[1], "full,1/sqrt(d_head)"),
        (SHARES[2], "full,1/sqrt(d_head),0*softmax+1"),
        (SHARES[3], "causal,1/sqrt(d_head),1/2*softmax+1/2/n_ctx"),
    ],
)
def test_the_words_of_a_model_name_its_settings(settings, words):
    _, weights = model(1, 4, 3, settings)
    expected = f"embed,positions,attention(4-heads,{words}),mlp(relu),readout(last)"
    assert weights.architecture.words == expected
    _, bare = model(1, 4, 0, settings, positions=False)
    assert bare.architecture.words == f"embed,attention(4-heads,{words}),readout(last)"
    assert bare.shape.fields() == {
        "d_vocab": 4, "n_ctx": 3, "d_model": 3, "n_heads": 4, "d_head": 2, "d_mlp": 0,
        "d_vocab_out": 5,
    }  # fmt: skip


def test_one_head_without_settings_stays_attention_only_whatever_states_it():
    arrays = random_tensors(3)
    assert frozen(arrays, ATTENTION_ONLY.text).architecture is ATTENTION_ONLY
    _, changed = model(2, 1, 0, SHARES[1])
    assert changed.architecture.words.startswith("embed,positions,attention(1-head,full,")
    assert len(changed.shape.fields()) == 7


def edited(change):
    parts = json.loads(frozen(model(1)[0]).architecture.text)
    change(parts)
    return json.dumps(parts, separators=(",", ":"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda parts: parts[2].update(heads=3), "is what its tensors allow"),
        (lambda parts: parts[2].update(scale="1"), "is what its tensors allow"),
        (lambda parts: parts.pop(1), "is what its tensors allow"),
        (lambda parts: parts[3].update(activation="tanh"), "is what its tensors allow"),
        (lambda parts: parts[2].update(mask="window"), "the mask 'window'"),
        (lambda parts: parts[2].update(softmax="2/4", normalised=True), "softmax '2/4'"),
        (lambda parts: parts[2].update(softmax="1", normalised=True), "softmax '1'"),
        (lambda parts: parts[2].update(softmax=0.5, normalised=True), "softmax 0.5"),
        (lambda parts: parts[2].update(softmax="1/2"), "is what its tensors allow"),
        (lambda parts: parts[2].update(softmax="1/2", normalised=1), "normalised 1"),
        (lambda parts: parts.clear(), "without one of attention"),
    ],
)
def test_stated_parts_that_do_not_fit_are_refused_by_name(change, words):
    with pytest.raises(ModelError, match=r"^a file states") as caught:
        frozen(model(1)[0], edited(change))
    assert words in str(caught.value)


def test_parts_that_are_no_json_or_of_another_architecture_are_refused():
    with pytest.raises(ModelError, match="its metadata `parts` is no JSON"):
        frozen(model(1)[0], "[")
    with pytest.raises(ModelError, match="is what its tensors allow"):
        frozen(pair_arrays(1, "sum"), ATTENTION_ONLY.text)
    spaced = json.dumps(json.loads(ATTENTION_ONLY.text))
    with pytest.raises(ModelError, match="is what its tensors allow"):
        frozen(random_tensors(3), spaced)


def test_the_context_length_is_stated_where_no_tensor_shows_it():
    arrays, _ = model(1, positions=False)
    with pytest.raises(ModelError, match=r"no tensor shows how many tokens.*--n-ctx or by --task"):
        frozen(arrays)
    with pytest.raises(ModelError, match="states n_ctx = 2 in its metadata, where its tensors ha"):
        frozen(random_tensors(3), n_ctx=2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("W_out"), "has no tensor W_out"),
        (lambda w: w.pop("W_b"), "either W_a and W_b, or W_E"),
        (lambda w: w.update(W_E=w["W_a"]), "either W_a and W_b, or W_E"),
        (lambda w: w.update(W_in=np.ones((4, 4))), r"W_in has shape \[4, 4\], where \[6, 4\]"),
        (lambda w: w.update({"W_hidden.2": np.ones((4, 4))}), r"has no tensor W_hidden\.1"),
        (lambda w: w.update({"ln.w": np.ones(4)}), "no part of a two-token network"),
        (lambda w: w.update(b_in=np.ones((1, 4))), "1 axes with numbers are expected"),
    ],
)
def test_pairs_that_are_none_are_refused(change, words):
    arrays = pair_arrays(2, "sum")
    change(arrays)
    with pytest.raises(ModelError, match=words):
        frozen(arrays)
