"""The parts of a ladder: tails count what enumeration counts, and pools lie outside the truth."""

from fractions import Fraction
from itertools import pairwise, product

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import checker_tables
from support.toy import FLAVOURS, MOSTLY_RIGHT, Recipe, random_toys, toy_models

from arithmetic.tally import Tally
from counting.pools import Pool, Terrain
from counting.tails import Tail, given_up

BITS = (32, 64, 200)


@pytest.mark.parametrize("maximum", range(5))
@pytest.mark.parametrize("places", range(5))
@pytest.mark.parametrize("holds", [True, False])
def test_given_up_are_the_sequences_with_too_many_marked_tokens(maximum, places, holds):
    sequences = [x for x in product(range(maximum + 1), repeat=places) if holds or maximum in x]
    for marked in range(min(maximum, 4) + 1):
        counts = [sum(token < marked for token in x) for x in sequences]
        for most in (0, 1, 2):
            found = given_up(maximum, places, holds, marked, most)
            assert found == sum(count > most for count in counts)


@st.composite
def tails(draw, most_places=4):
    """Return a tail, the query's entry and rows over its cells; some rows are one object."""
    size = st.integers(1, 3)
    sizes = [*draw(st.lists(size, max_size=3)), 1]
    cells, count = len(sizes), draw(st.integers(0, most_places))
    marked = draw(st.sets(st.sampled_from(range(cells - 1)))) if cells > 1 else set()
    entries = draw(st.sampled_from([3, 20, 10**30]))
    row = st.lists(st.integers(-entries, entries), min_size=cells, max_size=cells)
    pool = draw(st.lists(row, min_size=1, max_size=3))
    rows = [draw(st.sampled_from(pool)) for _ in range(count)]
    holds = count == 0 or draw(st.booleans())
    tail = Tail(sizes, marked, draw(st.integers(0, 2)), Tally(10**9), holds=holds)
    return tail, draw(st.integers(-2 * entries, 2 * entries)), rows


def sums(tail, own, rows):
    """Return the sum of every sequence that the tail counts over."""
    cells = [cell for cell, size in enumerate(tail.sizes) for _ in range(size)]
    top = len(tail.sizes) - 1
    found = []
    for x in product(cells, repeat=len(rows)):
        if (tail.holds or top in x) and sum(cell in tail.marked for cell in x) <= tail.most:
            found.append(own + sum(row[cell] for row, cell in zip(rows, x, strict=True)))
    return found


def true_count(tail, own, rows):
    return sum(value >= 0 for value in sums(tail, own, rows))


rates = st.sampled_from([1, 2, 3, 10, 257, 1024, 2**14])


@settings(max_examples=500)
@given(tails(), rates)
def test_a_tail_bounds_its_sequences_from_above_and_below(drawn, rate):
    tail, own, rows = drawn
    true = true_count(tail, own, rows)
    above = tail.count(own, rows, rate, exact=True)
    moment = tail.count(own, rows, rate, exact=False)
    assert tail.count(own, rows, rate, up=False) <= true <= above <= moment


@settings(max_examples=200)
@given(tails(), st.integers(1, 2**20))
def test_a_moment_of_any_rate_bounds_its_sequences(drawn, rate):
    tail, own, rows = drawn
    assert tail.count(own, rows, rate, exact=False) >= true_count(tail, own, rows)


def largest_sum(tail, own, rows):
    """Return the largest sum over the cells that count: marked ones do not where none may be."""
    kept = [c for c in range(len(tail.sizes)) if tail.most or c not in tail.marked]
    return own + sum(max(row[cell] for cell in kept) for row in rows)


@settings(max_examples=300)
@given(tails(3), st.integers(1, 3))
def test_a_grid_on_which_every_entry_lies_counts_exactly(drawn, finer):
    tail, own, rows = drawn
    worst = largest_sum(tail, own, rows)
    if 0 <= worst < 1000:
        for up in (True, False):
            found = tail.count(own, rows, finer * max(worst, 1), up=up)
            assert found == true_count(tail, own, rows)


@settings(max_examples=200)
@given(tails(3), rates)
def test_a_moment_is_the_sum_of_powers_of_all_sequences(drawn, rate):
    tail, own, rows = drawn
    worst, found = largest_sum(tail, own, rows), tail.count(own, rows, rate, exact=False)
    if worst < 0:
        assert found == 0
        return

    def on_grid(x):
        return -(-x * rate // max(worst, 1))

    grid = on_grid(own), [[on_grid(x) for x in row] for row in rows]
    with mpmath.workprec(400):
        powers = (mpmath.power(2, mpmath.mpf(s) / 1024) for s in sums(tail, *grid))
        expected = mpmath.fsum(powers)
        assert mpmath.floor(expected) <= found <= expected * (1 + mpmath.mpf(2) ** -60)


def test_a_largest_sum_of_zero_still_counts():
    tail = Tail([2, 1], set(), 0, Tally(10**9), holds=True)
    rows = [[-(10**40), 0], [0, -1], [-5, 0]]
    for rate in (1, 1000, 2**14):
        assert tail.count(0, rows, rate) == 2
        assert tail.count(0, rows, rate, up=False) == 2
        assert tail.count(0, rows, rate, exact=False) >= 2
        assert tail.count(-1, rows, rate) == 0


@pytest.mark.parametrize("exact", [True, False])
def test_a_class_of_astronomical_size_is_counted_at_both_extremes(exact):
    sizes, row = [60, 1, 1, 1, 1], [0, 0, 0, 0, 0]
    for holds in (True, False):
        tail = Tail(sizes, {1, 2}, 2, Tally(10**9), holds=holds)
        every = 64**50 - (0 if holds else 63**50)
        whole = every - given_up(63, 50, holds, 2, 2)
        found = tail.count(1, [row] * 50, 300, exact=exact)
        assert whole <= found <= (whole if exact else 2 * whole)
        assert tail.count(-1, [row] * 50, 300, exact=exact) == 0
    assert (
        Tail(sizes, set(), 0, Tally(10**9), holds=False).count(0, [row] * 50, 1) == 64**50 - 63**50
    )


def test_entries_of_thousands_of_bits_overflow_no_lane():
    huge = 2**70_000
    tail = Tail([3, 2, 1], {1}, 1, Tally(10**9), holds=False)
    rows = [[-huge, 1, huge], [huge, -huge, -3], [0, -huge, 1]]
    for own in (0, -huge, huge, -3 * huge, 1 - 2 * huge):
        true = true_count(tail, own, rows)
        for rate in (1, 100, 2**14):
            above = tail.count(own, rows, rate)
            assert tail.count(own, rows, rate, up=False) <= true <= above
            assert tail.count(own, rows, rate, exact=False) >= above


def true_terms(tables, names, query):
    """Return g of T1 for each position and token 0..m, over the weight of m at the first position.

    mpmath at 1500 bits: far finer than any table, and it knows no underflow.
    """
    maximum, rival = names
    root = mpmath.sqrt(tables.shape.d_head)
    scores, places = tables.score[query], tables.positional_score[query]

    def term(i, t):
        gap = tables.eps + sum(
            row[rival] - row[maximum]
            for row in (tables.direct[query], tables.output[t], tables.positional_output[i])
        )
        score = scores[t] + places[i] - scores[maximum] - places[0]
        return gap * mpmath.exp(mpmath.ldexp(mpmath.mpf(score), tables.score_exponent) / root)

    return [[term(i, t) for t in range(maximum + 1)] for i in range(tables.shape.n_ctx)]


def pairs_of(pool, table, terms, query):
    """Yield an entry of the table beside each true term that it stands for."""
    *free, last = terms
    yield table.own, last[query]
    for row, truths in zip(pool.spread(table.rows), free, strict=True):
        for token, true in enumerate(truths):
            yield row[max(token - pool.far + (pool.far > 0), 0)], true


def require_outside(pairs, up):
    """Demand one positive factor c with entry >= c * true (up) or entry <= c * true in all pairs.

    A sign of a sum sees no such factor.
    """
    lowest, highest = mpmath.mpf(0), mpmath.inf
    for entry, true in pairs:
        if true == 0:
            assert entry >= 0 if up else entry <= 0
        elif (true > 0) == up:
            highest = min(highest, entry / true)
        else:
            lowest = max(lowest, entry / true)
    assert highest > 0
    assert lowest <= highest


def pools_of(maximum, terrain):
    """Yield pools of a few kinds for one maximum."""
    for low, high in {(0, 0), (0, maximum - 1), (1, maximum - 1), (maximum, maximum)}:
        if 0 <= low <= high:
            for near in {0, maximum // 2, maximum}:
                for apart in (True, False):
                    yield Pool(terrain, maximum, range(low, high + 1), near, apart=apart)


def require_sound_tables(model, margin, bits):
    tables = checker_tables(model, margin)
    terrain = Terrain(tables, bits, Tally(10**9))
    with mpmath.workprec(1500):
        for maximum, rival in product(range(model.d_vocab), repeat=2):
            if rival == maximum:
                continue
            truths = {q: true_terms(tables, (maximum, rival), q) for q in range(maximum + 1)}
            for pool in pools_of(maximum, terrain):
                for up in (True, False):
                    table = pool.table([rival], up=up)
                    for query in pool.queries:
                        require_outside(pairs_of(pool, table, truths[query], query), up)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_tables_of_a_pool_lie_outside_the_true_terms_of_each_query(flavour):
    for index, model in enumerate(random_toys(81, 3, 4, 3, flavours=(flavour,))):
        require_sound_tables(model, Fraction(index, 3), BITS[index])


@settings(max_examples=25)
@given(toy_models(4, 3), st.sampled_from([0, Fraction(1, 3), 5]), st.sampled_from(BITS))
def test_tables_of_any_model_lie_outside_the_true_terms(model, margin, bits):
    require_sound_tables(model, Fraction(margin), bits)


def entries(table):
    return [table.own, *(x for row in table.rows for x in row)]


def above(one, other):
    return all(x >= y for x, y in zip(entries(one), entries(other), strict=True))


@pytest.mark.parametrize("flavour", [*MOSTLY_RIGHT, "gaussian", "near ties"])
def test_tables_grow_with_the_direct_path_and_hold_for_all_gaps_up_to_it(flavour):
    model = Recipe(flavour, 4, 3, 3, 3, frozenset({"b_U"}), seed=4).build()
    tables = checker_tables(model, Fraction(1, 3))
    terrain, direct = Terrain(tables, 64, Tally(10**9)), tables.direct
    with mpmath.workprec(1500):
        for pool in pools_of(3, terrain):
            for rival in range(3):
                gaps = {q: direct[q][rival] - direct[q][3] for q in pool.queries}
                stars = sorted({*gaps.values(), 0, -tables.one, tables.one})
                made = [pool.table([rival], up=True, direct=star) for star in stars]
                assert all(above(b, a) for a, b in pairwise(made))
                assert above(pool.table([rival], up=True), made[stars.index(max(gaps.values()))])
                for star, table in zip(stars, made, strict=True):
                    for query in (q for q, gap in gaps.items() if gap <= star):
                        terms = true_terms(tables, (3, rival), query)
                        require_outside(pairs_of(pool, table, terms, query), True)


@settings(max_examples=40)
@given(toy_models(5, 3), st.sampled_from(BITS), st.data())
def test_a_table_of_several_rivals_lies_above_each(model, bits, data):
    terrain = Terrain(checker_tables(model, Fraction(1, 3)), bits, Tally(10**9))
    maximum = model.d_vocab - 1
    if maximum:
        rivals = data.draw(st.sets(st.sampled_from(range(maximum)), min_size=1).map(sorted))
        for pool in pools_of(maximum, terrain):
            joint = pool.table(rivals, up=True)
            assert all(above(joint, pool.table([j], up=True)) for j in rivals)


@settings(max_examples=60)
@given(toy_models(4, 3), st.sampled_from(BITS))
def test_the_worst_case_of_a_pool_is_the_largest_sum_of_its_upper_table(model, bits):
    terrain = Terrain(checker_tables(model, Fraction(0)), bits, Tally(10**9))
    places, maximum = model.n_ctx - 1, model.d_vocab - 1
    for pool in pools_of(maximum, terrain):
        if maximum and (places or pool.holds):
            table = pool.table([0], up=True)
            tail = Tail(pool.sizes, set(), 0, Tally(10**9), holds=pool.holds)
            assert pool.worst(table) == max(sums(tail, table.own, pool.spread(table.rows)))
