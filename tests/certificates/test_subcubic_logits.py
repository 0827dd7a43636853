"""Logits of the subcubic strategies: each table is its definition, no curve is below phi."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import kernel_model, largest_gap, literal, spread
from support.toy import FLAVOURS, random_toys, toy_models
from support.witnesses import DIRECT, plausible, value, wild

from arithmetic.tally import Tally
from strategies.logit_bounds import Logits, bounded_logits
from strategies.subcubic import _Curves
from strategies.subcubic_witness import Witness, read_witness

each_direct = pytest.mark.parametrize("direct", DIRECT)
seeds = st.integers(0, 2**32 - 1)
tokens = st.integers(1, 2)


def kernel_logits(model, direct, fields, margin):
    read = kernel_model(model)
    witness = read_witness(fields, (direct, "drop-average", "exact"), read.shape)
    return bounded_logits(direct, read, margin, witness, Tally(10**12))


def literal_split(direct, true, fields):
    """Return mu_j and diff_q by the definition of each split."""
    ranges = [spread(row) for row in true.direct]
    if direct.endswith("max-diff-exact"):
        chosen = [max(ranges)] * len(ranges) if direct.startswith("global") else ranges
        return np.array([Fraction(0)] * len(ranges)), chosen
    row = {
        "max-diff": lambda: np.array([Fraction(0)] * true.read.shape[1]),
        "mean-query": lambda: sum(true.read) / Fraction(len(true.read)),
        "svd-query": lambda: np.array([value(x) for x in fields["mu"]]),
    }[direct]()
    outputs = [spread(weights) for weights in true.unembedding]
    return row @ true.unembedding + true.bias, [abs(x - row) @ outputs for x in true.read]


def require_bounded_logits(model, direct, fields):
    """Hold: each table is that of its definition, and the split bounds every direct gap."""
    true, v = literal(model), model.d_vocab
    logits = kernel_logits(model, direct, fields, (1, 3))
    unit = Fraction(1, 3) / logits.eps
    mu, difference = literal_split(direct, true, fields)
    assert [x * unit for x in logits.difference] == list(difference)
    for m in range(v):
        rivals = [j for j in range(v) if j != m]
        place = {j: max(row[j] - row[m] for row in true.places) for j in rivals}
        slope = {j: true.output[m][j] - true.output[m][m] for j in rivals}
        constant = {j: mu[j] - mu[m] + place[j] for j in rivals}
        assert [x * unit for x in logits.constant[m]] == list(constant.values())
        assert [x * unit for x in logits.slope[m]] == list(slope.values())
        for q in range(v):
            for j in rivals:
                gap = true.direct[q][j] - true.direct[q][m]
                assert gap + place[j] <= constant[j] + difference[q]
        own = [true.direct[m][j] - true.direct[m][m] + place[j] + slope[j] for j in rivals]
        assert logits.alone[m] * unit == max(own)
        for t in range(v):
            worst = max(largest_gap(row, m) for row in true.output[: t + 1])
            assert logits.others[m][t] * unit == worst


@each_direct
@settings(max_examples=20)
@given(model=toy_models(5, 3, 4).filter(lambda model: model.d_vocab > 1), seed=seeds)
def test_logit_tables_are_those_of_their_definitions_and_bound_every_direct_gap(
    direct, model, seed
):
    fields = wild(Random(seed), f"subcubic/{direct}/drop-average/exact", model)
    require_bounded_logits(model, direct, fields)


@each_direct
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_logit_tables_of_every_flavour_are_those_of_their_definitions(direct, flavour):
    for model in random_toys(62, 3, 5, 4, 4, flavours=(flavour,)):
        if model.d_vocab > 1:
            for maker in (wild, plausible):
                fields = maker(Random(1), f"subcubic/{direct}/drop-average/exact", model)
                require_bounded_logits(model, direct, fields)


BITS = 40


def is_negative(bound):
    """Return whether there is a bound, and it is below 0."""
    return bound is not None and bound[0] < 0


@st.composite
def curves(draw):
    """Random logit tables of 3 tokens, and anchors for each maximum and c = 1, 2."""
    small = st.integers(-40, 40)
    table = [[draw(small) for _ in range(2)] for _ in range(3)]
    slope = [[draw(small) for _ in range(2)] for _ in range(3)]
    others = [sorted(draw(small) for _ in range(3)) for _ in range(3)]
    logits = Logits([draw(small)], table, slope, others, [0] * 3, 0, 1)
    kind = draw(st.sampled_from(["mean+diff", "drop-average", "chord"]))
    exponent = draw(st.sampled_from([-BITS, -5, -60, 1]))
    reach = 3 << max(-exponent, 0)
    points = [draw(st.integers(-reach, reach)) for _ in range(6)]
    if kind == "chord":
        ends = [sorted([p, p + draw(st.integers(0, reach))]) for p in points]
        points = [end for pair in ends for end in pair]
        return kind, logits, Witness([], chord=(points, exponent))
    return kind, logits, Witness([], a_star=(points if kind == "mean+diff" else [], exponent))


def anchors_of(drawn, m, c):
    """Return the one anchor or the two ends for (m, c); 0 where the witness has none."""
    kind, _, witness = drawn
    numbers, exponent = witness.chord if kind == "chord" else witness.a_star
    size, index = (2 if kind == "chord" else 1), 2 * m + c - 1
    found = [x * Fraction(2) ** exponent for x in numbers[size * index : size * (index + 1)]]
    return found or [Fraction(0)]


def phi(logits, m, share):
    """Return phi(a) + (1-a) Wr + diff, the bound that needs no anchor, for tokens up to m - 1."""
    joint = zip(logits.constant[m], logits.slope[m], strict=True)
    rest = (1 - share) * logits.others[m][m - 1]
    return max(x + share * r for x, r in joint) + rest + logits.difference[0]


@settings(max_examples=300)
@given(curves(), tokens, tokens, st.integers(0, 2**BITS), st.integers(0, 2**BITS))
def test_a_curve_is_never_below_phi_between_its_ends(drawn, m, c, one, other):
    kind, logits, witness = drawn
    ends = min(one, other), max(one, other)
    for share in (*ends, sum(ends) // 2, ends[0] + (ends[1] - ends[0]) // 7):
        true = phi(logits, m, Fraction(share, 2**BITS))
        # The largest eps at which the sum is not negative, rounded up to a unit.
        tried = logits._replace(eps=-(true.numerator // true.denominator))
        made = _Curves(kind, tried, witness, BITS, Tally(10**9))
        assert not is_negative(made.bound(m, 1, c, ends, logits.difference[0]))


@settings(max_examples=200)
@given(curves(), tokens, tokens)
def test_a_curve_is_exact_at_the_anchors_of_its_class(drawn, m, c):
    kind, logits, witness = drawn
    for anchor in anchors_of(drawn, m, c):
        point = anchor * 2**BITS
        if point.denominator > 1:
            continue
        true = phi(logits, m, anchor)
        below = -(-true.numerator // true.denominator)
        for eps, negative in ((-below - 1, True), (-(true.numerator // true.denominator), False)):
            made = _Curves(kind, logits._replace(eps=eps), witness, BITS, Tally(10**9))
            ends = int(point), int(point)
            assert is_negative(made.bound(m, 1, c, ends, logits.difference[0])) == negative


@given(curves().filter(lambda drawn: drawn[0] == "chord"), tokens, tokens, seeds)
def test_a_chord_claims_nothing_outside_its_ends(drawn, m, c, seed):
    kind, logits, witness = drawn
    low, high = (end * 2**BITS for end in anchors_of(drawn, m, c))
    share = Random(seed).randint(0, 2**BITS)
    made = _Curves(kind, logits._replace(eps=-(10**9)), witness, BITS, Tally(10**9))
    inside = low <= share <= high
    assert is_negative(made.bound(m, 1, c, (share, share), 0)) == inside
    for ends in ((share, int(high) + 1), (-(-low.numerator // low.denominator) - 1, share)):
        assert not is_negative(made.bound(m, 1, c, ends, 0))
