"""`enumerate`: counts equal a literal evaluation, and the bound of the error holds at its worst."""

from fractions import Fraction

from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.networks import BITS, claim_of, inputs_of, one_layer, pair
from support.table_counts import established, table, truth

from arithmetic.tally import Tally
from counting.fixed_point import FixedPoint
from files.claims import Pins
from kernel import given as given_of
from kernel import read

SHARES = (None, "0", "1/2", "3/2")


def fixed_point(network, task, width=64):
    cert = claim_of(network, task, (0, len(task["labels"])))
    claim, model = read(network.bytes(), encoded(cert), Pins())
    program = given_of(model, claim, Tally(10**9))
    return program, FixedPoint(program, width, Tally(10**9))


models = st.builds(
    one_layer,
    st.integers(0, 2**20),
    v=st.integers(1, 3),
    k=st.integers(1, 3),
    heads=st.integers(1, 3),
    m=st.integers(0, 4),
    outputs=st.integers(1, 3),
    positions=st.booleans(),
    biases=st.booleans(),
    mask=st.sampled_from(["causal", "none"]),
    share=st.sampled_from(SHARES),
    normalised=st.booleans(),
    scale=st.sampled_from([1e-12, 0.1, 1.0, 4.0, 30.0]),
    integers=st.booleans(),
)
pairs = st.builds(
    pair,
    st.integers(0, 2**20),
    v=st.integers(1, 4),
    m=st.integers(1, 4),
    outputs=st.integers(1, 4),
    inputs=st.sampled_from(["added", "sum", "concatenated"]),
    layers=st.integers(1, 3),
    shared=st.booleans(),
    biases=st.booleans(),
    scale=st.sampled_from([1e-12, 1.0, 1e6]),
    integers=st.booleans(),
)


@settings(max_examples=150)
@given(models | pairs, st.sampled_from(["0", "1/3"]), st.integers(1, 3))
def test_counts_enclose_the_truth_and_meet_it_without_exponentials(network, margin, passes):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    right, ties = truth(network, task, Fraction(margin))
    low, high = established(network, task, margin=margin, passes=passes)
    assert low <= right and right + ties <= high
    if network.rational:
        assert (low, high) == (right, right)


@settings(max_examples=100)
@given(models | pairs, st.sampled_from([64, 128, 192, 256]))
def test_the_error_of_every_difference_is_within_its_bound(network, width):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    program, fixed = fixed_point(network, task, width)
    unit = Fraction(2) ** -fixed.unit
    for tokens in inputs_of(task):
        found, logits = fixed.evaluate(tokens), network.logits(tokens)
        if found is None:
            continue
        for i in range(len(logits)):
            for j in range(i):
                with ctx.workprec(BITS):
                    off = program.scale * (logits[i] - logits[j]) - _as(
                        (found.values[i] - found.values[j]) * unit, logits[0]
                    )
                    assert abs(off) <= _as(found.error * unit, logits[0])


def _as(value, like):
    return value if isinstance(like, Fraction) else arb(value.numerator) / value.denominator
