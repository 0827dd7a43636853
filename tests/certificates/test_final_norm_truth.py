"""T17: `exact` and `split` of one layer with a final norm, beside a literal evaluation with it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.layered import layered
from support.networks import claim_of
from support.splits import witness_of
from support.table_counts import established, table, truth

from files.claims import Pins
from files.verdict import Declined
from kernel import check

SEEDS = st.integers(0, 2**16)


def normed(seed, *, kind="layer", offset=0.0, **options):
    """Return a layer with a final norm whose bias is alike on all outputs, and no other norm.

    Its embeddings lie so far from mean 0.
    """
    options = {"layers": 1, "d": 4, "v": 3, "n": 3, "outputs": 3} | options
    network = layered(seed, norm=kind, inside=False, **options)
    w = network.tensors
    changes = {"embed.W_E": w["embed.W_E"] + np.float32(offset)}
    changes["unembed.b_U"] = np.full_like(w["unembed.b_U"], 0.25)
    if "ln_final.b" in w:
        # The bias of the norm meets one row of the unembedding, which is alike on all outputs.
        changes["ln_final.b"] = w["ln_final.b"] * np.eye(options["d"], dtype=np.float32)[1]
        changes["unembed.W_U"] = w["unembed.W_U"].copy()
        changes["unembed.W_U"][1] = 0.5
    return network.changed(**changes)


def counts(network, seed=0, *, rate=0, sharp=True, **options):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"], seed)
    task |= options
    witness = witness_of(network, task, seed, sharp=sharp, rate=rate)
    name = "split" if rate else "exact"
    return established(network, task, strategy=name, witness=witness), truth(network, task)


@settings(max_examples=60)
@given(
    SEEDS,
    st.sampled_from(["layer", "rms"]),
    st.sampled_from([None, "relu"]),
    st.sampled_from([0.0, 1.5, -20.0]),
    st.booleans(),
    st.booleans(),
)
def test_exact_meets_the_truth_of_the_function_with_its_norm(
    seed, kind, activation, offset, weighted, sharp
):
    options = {"activation": activation, "weighted": weighted, "heads": 1 + seed % 3}
    network = normed(seed, kind=kind, offset=offset, **options)
    found, (right, ties) = counts(network, seed, sharp=sharp)
    assume(not ties)
    assert found == (right, right)


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["layer", "rms"]), st.sampled_from([1, 16]))
def test_split_claims_no_more_than_the_truth(seed, kind, rate):
    (low, high), (right, ties) = counts(normed(seed, kind=kind), seed, rate=rate)
    assert low <= right and right + ties <= high


@pytest.mark.parametrize("options", [{"positions": False}, {"mask": "none"}, {"biases": False}])
@pytest.mark.parametrize("share", [None, "1/3"])
def test_parts_of_the_layer_are_as_without_the_norm(options, share):
    network = normed(7, share=share, normalised=share is not None, **options)
    found, (right, ties) = counts(network)
    assert not ties and found == (right, right)


def test_the_mean_decides_where_columns_of_the_unembedding_have_other_sums():
    """A layer norm's mean is worth mean * (sum of a column): without centring all are wrong."""
    network = normed(3, offset=30.0)
    columns = network.tensors["unembed.W_U"] + np.float32([4, 0, -4])
    columns[1] = 0.5
    centred, uncentred = (normed(3, kind=x, offset=30.0) for x in ("layer", "rms"))
    rights = []
    for each in (centred, uncentred):
        found, (right, ties) = counts(each.changed(**{"unembed.W_U": columns}))
        assert not ties and found == (right, right)
        rights.append(right)
    assert rights[0] != rights[1]


def test_biases_may_differ_on_outputs_that_are_no_answers():
    network = normed(5, outputs=4)
    other = network.changed(**{"unembed.b_U": np.float32([1, 1, 1, 100])})
    found, (right, ties) = counts(other, answers=[0, 3])
    assert not ties and found == (right, right)
    assert declined(other)[1] == "weights: biases of the readout differ between answers."


def declined(network, strategy="exact", margin="0", **options):
    """Return the reason and the sentence of a claim that is declined."""
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    witness = {"unit": 0, "classes": []} | ({"rate": 16} if strategy == "split" else {})
    cert = claim_of(network, task, (0, 27), strategy=strategy, witness=witness, margin=margin)
    with pytest.raises(Declined) as refusal:
        check(network.bytes(), encoded(cert), Pins())
    return refusal.value.reason, refusal.value.sentence


def before_the_mlp():
    """Return a layer with a norm before its MLP, a final one, and no other."""
    network = layered(2, 1, norm="layer", weighted=False)
    assert network.parts[2]["part"] == "norm"
    del network.parts[2]
    return network.changed(**{"unembed.b_U": np.zeros(3, np.float32)})


LARGE = np.float32([0, 0, 50])


@pytest.mark.parametrize(
    "tensors", [{"unembed.b_U": LARGE}, {"ln_final.b": np.float32([0, 0, 9, 0])}]
)
@pytest.mark.parametrize("strategy", ["exact", "split"])
def test_a_bias_that_tells_answers_apart_is_declined(tensors, strategy):
    reason, sentence = declined(normed(2).changed(**tensors), strategy)
    assert reason == "unsupported" and "differ between answers" in sentence


@pytest.mark.parametrize(
    ("network", "margin", "sentence"),
    [
        (normed(2, eps="0"), "0", "a final norm with eps 0"),
        (normed(2), "1/3", "beside a final norm it is 0"),
        (normed(2, layers=2), "0", "one layer of ReLU neurons"),
        (normed(2, activation="gelu"), "0", "one layer of ReLU neurons"),
        (normed(2, gated=True), "0", "one layer of ReLU neurons"),
        (normed(2, position="mean"), "0", "one layer of ReLU neurons"),
        (normed(2, position=1), "0", "one layer of ReLU neurons"),
        (normed(2, readouts=2), "0", "one layer of ReLU neurons"),
        (before_the_mlp(), "0", "one layer of ReLU neurons"),
        (layered(2, 1, norm="layer"), "0", "one layer of ReLU neurons"),
        (layered(2, 1, norm="layer", final=False), "0", "one layer of ReLU neurons"),
        (layered(2, 1, norm="rms", activation=None), "0", "one layer of ReLU neurons"),
    ],
)
def test_what_a_final_norm_does_not_leave_to_the_layer_is_declined(network, margin, sentence):
    assert sentence in declined(network, margin=margin)[1]
