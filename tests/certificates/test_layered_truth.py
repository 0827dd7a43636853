"""`enumerate` of layers in sequence: differences of outputs are within their bounds."""

from fractions import Fraction
from itertools import combinations

from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.layered import layered
from support.networks import BITS, claim_of, inputs_of
from support.table_counts import table, truth

from arithmetic.tally import Tally
from counting.network import Network, Precision
from counting.readers import readers_of
from counting.walks import walk_of
from files.claims import Pins
from files.verdict import Rejected
from kernel import check, read
from kernel import given as given_of

WIDE, NARROW = Precision(128, 50, 64, 0), Precision(64, 24, 28, 0)
PRECISIONS = [WIDE, NARROW, Precision(128, 40, 64, 5), Precision(64, 20, 30, 3)]


def passes_of(*precisions):
    keys = ("width", "bits", "fine", "readout")
    return {"passes": [dict(zip(keys, x, strict=True)) for x in precisions]}


def cert_of(network, task, counts, *precisions, **options):
    options |= {"precision": precisions[0].width, "witness": passes_of(*precisions)}
    return encoded(claim_of(network, task, counts, **options))


def task_of(network, seed=0, **options):
    return table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"], seed, **options)


def walk(network, task, precision):
    cert = cert_of(network, task, (0, len(task["labels"])), precision)
    claim, model = read(network.bytes(), cert, Pins())
    tally = Tally(10**12)
    layers = given_of(model, claim, tally)
    return walk_of(
        Network(layers, readers_of(layers, tally), precision, tally), tally
    ), layers.scale


def ratios(network, task, precision, inputs=None):
    """Return the largest error of a difference over its bound, and the bounds, in logits."""
    evaluated, scale = walk(network, task, precision)
    unit = precision.unit + precision.fine - precision.readout
    worst, bounds = Fraction(0), []
    for tokens in inputs or inputs_of(task):
        found = evaluated.outputs(
            [t - s for t, (s, _) in zip(tokens, task["positions"], strict=True)]
        )
        if found is None:
            bounds.append(None)
            continue
        values, error = found
        logits = network.logits(tokens)
        with ctx.workprec(BITS):
            for i, j in combinations(range(len(values)), 2):
                off = abs(
                    (logits[i] - logits[j]) * scale * arb(2) ** unit - (values[i] - values[j])
                )
                assert off <= error, (tokens, float(off / error))
                worst = max(worst, float(off / error))
        bounds.append(Fraction(error, scale) / Fraction(2) ** unit)
    return worst, bounds


def established(network, task, *precisions, **options):
    """Return the counts that the check establishes."""
    total = len(task["labels"])
    try:
        check(
            network.bytes(), cert_of(network, task, (total, total), *precisions, **options), Pins()
        )
    except Rejected as refused:
        assert refused.reason == "count"
        return tuple(int(refused.established[f"correct_{x}"]) for x in ("at_least", "at_most"))
    return total, total


NETWORKS = st.builds(
    layered,
    st.integers(0, 2**20),
    layers=st.integers(1, 3),
    d=st.integers(1, 5),
    heads=st.integers(1, 2),
    d_head=st.integers(1, 3),
    m=st.integers(1, 5),
    v=st.integers(1, 3),
    n=st.integers(1, 3),
    outputs=st.integers(2, 3),
    activation=st.sampled_from([None, "relu", "gelu", "gelu-tanh", "silu"]),
    gated=st.booleans(),
    norm=st.sampled_from([None, "layer", "rms"]),
    eps=st.sampled_from(["1/100000", "0", "3", "1/1000000000000"]),
    final=st.booleans(),
    weighted=st.booleans(),
    mask=st.sampled_from(["causal", "none"]),
    share=st.sampled_from([None, "0", "1/2", "3/2"]),
    normalised=st.booleans(),
    position=st.sampled_from(["last", "sum", "mean", 0]),
    readouts=st.sampled_from([2, 3]),
    positions=st.booleans(),
    biases=st.booleans(),
    scale=st.sampled_from([1e-12, 0.1, 0.7, 2.0, 30.0]),
    integers=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(NETWORKS, st.sampled_from(PRECISIONS))
def test_the_error_of_every_difference_is_within_its_bound(network, precision):
    ratios(network, task_of(network), precision)


@settings(max_examples=60, deadline=None)
@given(NETWORKS, st.sampled_from(["0", "1/3"]), st.booleans())
def test_counts_enclose_the_truth(network, margin, narrow):
    task = task_of(network)
    right, ties = truth(network, task, Fraction(margin))
    precisions = (NARROW, WIDE) if narrow else (WIDE,)
    low, high = established(network, task, *precisions, margin=margin)
    assert low <= right and right + ties <= high
