"""`exact` and `split` of several heads and neurons: counts beside a literal evaluation."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.networks import claim_of, inputs_of, models
from support.splits import witness_of
from support.table_counts import established, table, truth

from explain import explanations
from files.claims import Pins

NEURONS, OUTPUTS = st.integers(0, 4), st.integers(1, 4)
USUAL = models(NEURONS, OUTPUTS, [1e-12, 0.1, 1.0])
# Scores so far apart that evaluation leaves inputs open.
WILD = models(NEURONS, OUTPUTS, [4.0, 30.0])


def softmax(network):
    attention = next(part for part in network.parts if part["part"] == "attention")
    return attention.get("softmax") != "0" and "n_heads" in network.sizes


def bounds(network, seed, margin="0", *, sharp=True, rate=0):
    """Return the counts that are established, and the true ones."""
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"], seed)
    right, ties = truth(network, task, Fraction(margin))
    name = "split" if rate else "exact"
    witness = witness_of(network, task, seed, sharp=sharp, margin=margin, rate=rate)
    found = established(network, task, strategy=name, witness=witness, margin=margin)
    return found, (right, right + ties)


@settings(max_examples=80)
@given(USUAL.filter(softmax), st.integers(0, 9), st.sampled_from(["0", "1/3"]), st.booleans())
def test_exact_meets_the_truth_whatever_the_thresholds(network, seed, margin, sharp):
    found, true = bounds(network, seed, margin, sharp=sharp)
    assert found == true


@settings(max_examples=60)
@given(WILD.filter(softmax), st.integers(0, 9), st.sampled_from([0, 16]))
def test_inputs_that_evaluation_leaves_open_are_open_at_both_ends(network, seed, rate):
    (low, high), (least, most) = bounds(network, seed, sharp=False, rate=rate)
    assert low <= least and most <= high


@settings(max_examples=80)
@given(
    USUAL.filter(softmax),
    st.integers(0, 9),
    st.sampled_from(["0", "1/3"]),
    st.sampled_from([1, 16, 256]),
)
def test_split_claims_no_more_than_the_truth(network, seed, margin, rate):
    (low, high), (least, most) = bounds(network, seed, margin, rate=rate)
    assert low <= least and most <= high


@settings(max_examples=30)
@given(USUAL.filter(softmax), st.integers(0, 9))
def test_the_explanations_count_as_many_inputs_as_the_certificate(network, seed):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"], seed)
    options = {"strategy": "exact", "witness": witness_of(network, task, seed)}
    low, high = established(network, task, **options)
    cert = encoded(claim_of(network, task, (low, high), **options))
    inputs = list(inputs_of(task))
    found = explanations(network.bytes(), cert, Pins(), inputs)
    assert sum(each.counted for each in found) == low
