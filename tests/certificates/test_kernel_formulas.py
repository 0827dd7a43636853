"""Formulas of the kernel beside their definitions, on many small tables of integers."""

from fractions import Fraction
from math import comb
from random import Random
from types import SimpleNamespace

import pytest
from support.certify import established
from support.oracle import count_correct
from support.toy import Recipe

from arithmetic.balls import argument_bits
from arithmetic.tally import Tally, exp_surcharge, sort_cost
from arithmetic.weights import weighted
from counting import signs
from files.tensors import read_tensors
from files.verdict import Declined, Rejected
from strategies.cubic import ClassBound, largest_gap, largest_gaps
from strategies.subcubic import QueryScores

EXAMPLES = 150


def span(rng, most=9):
    low = rng.randint(0, most)
    return low, low + rng.choice([0, 1, rng.randint(0, most)])


def class_bound(rng, n, tokens):
    """Return a class bound of small integers, as the constructor leaves it."""
    bound = object.__new__(ClassBound)
    bound.maximum, bound.holds = tokens - 1, rng.random() < 0.5
    bound.gaps = [rng.randint(-9, 5) for _ in range(tokens)]
    bound.tokens = [span(rng) for _ in range(tokens)]
    bound.places = [span(rng) for _ in range(n)]
    bound.lows = sorted(low for low, _ in bound.places)
    bound.highs = sorted((high for _, high in bound.places), reverse=True)
    bound.own = rng.randint(-60, 20)
    return bound


def largest(gap, weights):
    return max(gap * weight for weight in weights)


def is_good(bound, token, share):
    """Say whether F_t(B) < 0, from the largest products of gaps and weights."""
    top = bound.gaps[-1]
    total = sum(place[top > 0] for place in bound.places)
    rest = largest(top * (total - share), bound.tokens[-1])
    return bound.own + rest + largest(bound.gaps[token] * share, bound.tokens[token]) < 0


def test_mixtures_are_the_tokens_that_are_good_at_both_ends():
    rng, found = Random(1), set()
    for _ in range(EXAMPLES):
        n, tokens = rng.randint(0, 4), rng.randint(1, 4)
        bound, expected = class_bound(rng, n, tokens), 0
        for c in range(1, n + bound.holds):
            lows = sorted(low for low, _ in bound.places)[:c]
            highs = sorted(high for _, high in bound.places)[n - c :]
            ends = sum(lows), sum(highs)
            assert bound.ends(c) == ends
            good = [t for t in range(tokens - 1) if all(is_good(bound, t, b) for b in ends)]
            one_end = {t for t in range(tokens - 1) if any(is_good(bound, t, b) for b in ends)}
            found.add(len(one_end) > len(good))
            expected += comb(n, c) * len(good) ** c
        assert bound.mixtures(Tally(10**6)) == expected
    assert found == {True, False}


def test_the_largest_gap_leaves_the_maximum_itself_out():
    assert [largest_gap([5, 3, 9], m) for m in range(3)] == [4, 6, -4]
    head = SimpleNamespace(
        output=[[1, 2, 4], [0, 0, 9], [7, 7, 7]],
        positional_output=[[0, 5, 1], [2, 0, 0]],
    )
    tally = Tally(1000)
    # P - P_m at worst: for m = 1, 2 for rival 0 and 0 for rival 2 (at the second position).
    assert largest_gaps(head, 1, tally) == [max(1 - 2 + 2, 4 - 2 + 0), 9 - 0 + 0]
    assert tally.spent == 3 * (2 * 2 + 2 * 2)
    assert largest_gaps(head, 0, tally) == [max(2 - 1 + 5, 4 - 1 + 1)]
    assert tally.spent == 24 + 3 * (2 * 2 + 2 * 1)


@pytest.mark.parametrize("gap", [-3, -1, 0, 1, 4])
def test_a_weighted_gap_is_the_largest_or_the_smallest_product(gap):
    for weight in ((2, 7), (0, 1), (5, 5)):
        products = [gap * w for w in weight]
        assert weighted(gap, weight) == weighted(gap, weight, True) == max(products)
        assert weighted(gap, weight, up=False) == min(products)


def scores_of(sums, last):
    scores = object.__new__(QueryScores)
    scores.sums, scores.last = sums, last
    scores.row, scores.error = [3, 8, 20], 2
    scores.extremes = [3, 8, 20], [3, 3, 3]
    return scores


@pytest.mark.parametrize("own", [0, 1])
@pytest.mark.parametrize("c", [1, 2])
def test_the_ends_of_attention_use_the_lightest_and_heaviest_positions_of_each_side(own, c):
    asked = []
    scores = scores_of(([0, 10, 30], [0, 50, 90]), (7, 11))
    scores._share = lambda *arguments: asked.append(arguments) or len(asked)
    assert scores.attention_ends(2, 1, c, own) == (1, 2)
    free = c - own
    lows, highs = scores.sums
    kept = 1 - own
    assert asked == [
        (lows[2 - free] + kept * 7, highs[free] + own * 11, 20 - 8 - 2, 0),
        (highs[2 - free] + kept * 11, lows[free] + own * 7, 20 - 3 + 2, 1),
    ]


def test_negative_sizes_and_offsets_are_no_numbers_of_a_header():
    for shape, offsets in (([-1, -1], [0, 1]), ([1], [-1, 0]), ([1], [0, 1, 1]), ([1], [1])):
        header = f'{{"x":{{"dtype":"U8","shape":{shape},"data_offsets":{offsets}}}}}'.encode()
        with pytest.raises(Declined, match="syntax"):
            read_tensors(len(header).to_bytes(8, "little") + header + b"a")


def test_a_tally_takes_its_budget_and_nothing_more():
    tally = Tally(5)
    tally.charge(3)
    tally.charge(2)
    tally.charge(0)
    with pytest.raises(Rejected, match="more than the 5 operations"):
        tally.charge(1)
    assert tally.spent == 6


@pytest.mark.parametrize(
    ("strategy", "flavour", "seed"),
    [
        *(("exact", "duplicated", 11), ("exact", "duplicated", 24)),
        *(("brute-force", "duplicated", 11), ("brute-force", "near ties", 1)),
    ],
)
def test_signs_that_no_precision_tells_are_possibly_and_not_certainly_wrong(
    monkeypatch, strategy, flavour, seed
):
    model = Recipe(flavour, 4, 3, 3, 2, frozenset({"b_U"}), seed=seed).build()
    true = count_correct(model)
    assert established(model, strategy) == (true, true)
    monkeypatch.setattr(signs, "rival_wins", lambda *_: None)
    low, high = established(model, strategy)
    assert low <= true <= high and low < high


def test_the_cubic_count_takes_a_sign_that_no_precision_tells_for_wrong(monkeypatch):
    model = Recipe("one hot", 3, 2, 3, 3, seed=1).build()
    assert established(model, "cubic", margin="3")[0] > 0
    monkeypatch.setattr(signs, "rival_wins", lambda *_: None)
    kept = established(model, "cubic", margin="3")[0]
    monkeypatch.setattr(signs, "rival_wins", lambda *_: True)
    assert established(model, "cubic", margin="3")[0] == kept


@pytest.mark.parametrize(
    ("count", "bits", "surcharge"),
    [
        *((1, 0, 0), (5, 159, 0), (5, 160, 5), (1, 223, 1), (1, 224, 4), (3, 288, 27)),
        *((1, 2047, 900), (1, 2048, 1800), (2, 2048, 3600), (1, 4096, 3 * 62**2), (0, 4096, 0)),
    ],
)
def test_exponentials_of_many_bits_are_surcharged_by_their_size(count, bits, surcharge):
    assert exp_surcharge(count, bits) == surcharge


@pytest.mark.parametrize(
    ("numerator", "exponent", "square", "bits"),
    [
        *((1, 0, 1, 3), (1, 0, 2, 2), (1, 0, 3, 2), (1, 0, 4, 2), (1, 0, 8, 1), (1, 0, 16, 1)),
        *((0, 0, 1, 2), (0, 0, 64, 1), (-255, 3, 1, 13), (255, -50, 1, 1), (7, 4, 5, 8)),
    ],
)
def test_the_bits_of_an_argument_are_those_of_its_parts(numerator, exponent, square, bits):
    assert argument_bits(numerator, exponent, square) == bits
    assert bits == 1 or abs(numerator) * Fraction(2) ** exponent < 2**bits


def test_sorting_counts_the_numbers_times_their_bits():
    assert [sort_cost(n) for n in (0, 1, 2, 3, 4, 5, 8, 9)] == [0, 0, 2, 6, 8, 15, 24, 36]


def test_a_sign_of_gaps_of_one_sign_is_told_without_any_exponential(monkeypatch):
    monkeypatch.setattr(signs, "_enclosed_sum", lambda *_: (1, 1))
    for gaps, answer in (((1,), True), ((-1,), False), ((), True), ((1, 2), True)):
        monkeypatch.setattr(signs, "gap_terms", lambda *_, gaps=gaps: dict(enumerate(gaps)))
        tally = Tally(1000)
        assert signs.rival_wins(None, (0, 0, 0), 1, 0, 64, tally) is answer
        assert tally.spent == 24
