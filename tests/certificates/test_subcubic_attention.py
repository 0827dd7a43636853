"""The attention to the maximum lies between its ends, in classes that hold what is counted."""

from itertools import product
from math import comb
from random import Random

import pytest
from class_truth import class_of
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import kernel_scores
from support.oracle import oracle_of
from support.toy import FLAVOURS, random_toys, toy_models
from support.witnesses import TERMS, plausible, wild

from arithmetic.tally import Tally
from strategies.subcubic import QueryScores

each_score_error = pytest.mark.parametrize("score_error", TERMS)
seeds = st.integers(0, 2**32 - 1)


def require_enclosed_attention(model, score_error, fields, precision):
    """Hold: the attention to the maximum lies between the ends of each class of its sequence."""
    scores, n = kernel_scores(model, score_error, fields), model.n_ctx - 1
    oracle = oracle_of(model)
    rows = {
        q: QueryScores(scores, q, model.d_head, precision, Tally(10**9))
        for q in range(model.d_vocab)
    }
    checked = 0
    for sequence in oracle.sequences():
        q, m, c, widest = class_of(sequence)
        if not c:
            continue
        attention = oracle._attention(sequence)
        share = sum(a for a, token in zip(attention, sequence, strict=True) if token == m)
        for gap in range(1, widest + 1):
            low, high = rows[q].attention_ends(m, gap, c, int(q < m))
            assert 0 <= low <= high <= 1 << precision
            # A ball that is a single rounding away from the end it may equal.
            assert not share * 2**precision < low
            assert not share * 2**precision > high
            checked += 1
    assert checked or model.d_vocab == 1 or n == 0


@each_score_error
@settings(max_examples=15)
@given(model=toy_models(4, 3, 3), seed=seeds, precision=st.sampled_from([32, 64, 200]))
def test_the_attention_to_the_maximum_lies_between_its_ends(score_error, model, seed, precision):
    fields = wild(Random(seed), f"subcubic/max-diff/drop-average/{score_error}", model)
    require_enclosed_attention(model, score_error, fields, precision)


@each_score_error
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_attention_of_every_flavour_lies_between_its_ends(score_error, flavour):
    for model in random_toys(63, 2, 4, 4, 3, flavours=(flavour,)):
        fields = plausible(Random(2), f"subcubic/max-diff/drop-average/{score_error}", model)
        require_enclosed_attention(model, score_error, fields, 64)


@pytest.mark.parametrize(("v", "k"), [(2, 2), (3, 4), (5, 3)])
def test_a_class_holds_as_many_sequences_as_are_counted_for_it(v, k):
    found, n = [class_of(x) for x in product(range(v), repeat=k)], k - 1
    for m in range(v):
        for q in range(m + 1):
            own = int(q < m)
            for c in range(1, n + 1):
                for gap in range(1, (m - q if own else m) + 1):
                    size = sum(x[:3] == (q, m, c) and x.gap >= gap for x in found)
                    assert size == comb(n, c - own) * (m - gap + 1) ** (c - own)
