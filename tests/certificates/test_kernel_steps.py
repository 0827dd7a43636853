"""Single steps of the counts, with stand-ins for what they rest on: what 0 means, who is asked."""

import mpmath
import pytest
from support.certify import certificate, digest, encoded, established, trained_toy, verdict
from support.toy import Recipe

from arithmetic.tally import Tally
from arithmetic.weights import exponentials, on_one_unit
from strategies.score_bounds import Scores
from strategies.subcubic import QueryScores

COLUMNS = [[5, 1, 0, 2], [7, 0, 0, 9], [1, 2, 3, 4], [8, 8, 8, 6]]


SCORES = Scores([[4, 9, -3]], [2], [[7, -5, 3]], -1, 3)


def test_the_positions_of_a_query_are_summed_from_the_lightest_and_the_heaviest():
    bits = 32
    found = QueryScores(SCORES, 0, 2, bits, Tally(10**6))
    assert (found.square, found.unit_bits) == (2 * 3**2, 8 * bits)
    assert found.extremes == ([4, 9, 9], [4, 4, -3])
    balls = exponentials([7, -5, 3], -1, 18, bits, Tally(10**6))
    first, second, last = on_one_unit(balls, 8 * bits)
    lows, highs = sorted([first[0], second[0]]), sorted([first[1], second[1]])[::-1]
    assert found.last == last
    assert found.sums == ([0, lows[0], sum(lows)], [0, highs[0], sum(highs)])


@pytest.mark.parametrize("gap", [-40, -2, -1, 0, 1, 2, 40])
@pytest.mark.parametrize(("a", "b"), [(0, 5), (5, 0), (3, 7), (10**30, 1)])
def test_a_share_is_rounded_down_and_up_around_the_true_one(gap, a, b):
    bits = 32
    scores = QueryScores(SCORES, 0, 2, bits, Tally(10**6))
    with mpmath.workprec(600):
        factor = mpmath.exp(-mpmath.mpf(gap) / 2 / (3 * mpmath.sqrt(2)))
        true = a / (a + b * factor) * 2**bits
        low, high = (scores._share(a, b, gap, up) for up in (0, 1))
        assert mpmath.floor(true) - 1 <= low <= true <= high <= mpmath.ceil(true) + 1
        if b == 0:
            assert (low, high) == (1 << bits, 1 << bits)


def test_a_claim_is_verified_if_it_is_no_stronger_than_the_count_at_either_end():
    model = trained_toy()
    low, high = established(model, "exact")
    assert low == high == 108
    for at_least in (107, 108, 109):
        for at_most in (at_least, 107, 108, 109, 125):
            if at_most < at_least:
                continue
            cert = certificate(model, "exact", at_least=at_least, at_most=at_most)
            found = verdict(model.bytes(), encoded(cert))
            if at_least <= 108 <= at_most:
                theorem = found.theorem
                assert (theorem.task, theorem.sha256) == ("max-of-3", digest(model.bytes()))
                assert (theorem.semantics, theorem.margin, theorem.total) == ("real", "0", 125)
                assert (theorem.correct_at_least, theorem.correct_at_most) == (at_least, at_most)
                assert (theorem.operations, 0 < theorem.tally < 10**5) == (10**9, True)
            else:
                assert found.refusal == (1, "count")
                counts = found.established["correct_at_least"], found.established["correct_at_most"]
                assert counts == (108, 108) and found.established["tally"] > 0


def test_a_model_of_one_token_is_right_everywhere_by_every_strategy():
    model = Recipe("gaussian", 1, 3, 2, 2, seed=1).build()
    for strategy in ("exact", "brute-force", "cubic", "ladder"):
        witness = {"labels": []} if strategy == "ladder" else {}
        for at_least, at_most in ((1, 1), (0, 1)):
            fields = {"at_least": at_least, "at_most": at_most, "witness": witness}
            found = verdict(model.bytes(), encoded(certificate(model, strategy, **fields)))
            assert found.theorem, (strategy, at_least)
        fields = {"at_least": 0, "at_most": 0, "witness": witness}
        found = verdict(model.bytes(), encoded(certificate(model, strategy, **fields)))
        assert found.established["correct_at_least"] == 1
        assert found.established["correct_at_most"] == 1
