"""The parts of a ladder: tails count what enumeration counts, and pools lie outside the truth."""

from contextlib import suppress
from fractions import Fraction
from itertools import pairwise, product

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import cells_of_sizes, class_of
from support.certify import checker_tables
from support.ladders import far
from support.toy import FLAVOURS, MOSTLY_RIGHT, Recipe, random_toys, toy_models

from arithmetic.tally import Tally
from counting.cells import cells_of
from counting.pools import Pool, PrefixExtremes
from counting.tails import Tail
from files.verdict import Rejected
from tasks.acceptors import Class, accepted
from tasks.argmax import Argmax
from tasks.maximum import Maximum
from tasks.minimum import Minimum
from tasks.rank import Rank

BITS = (32, 64, 200)


RULES = (Maximum(), Minimum(), Rank(2), Argmax(1))


def classes(rule, v, places):
    """Return every class of a rule whose inputs have some free positions."""
    if places == 0 and isinstance(rule, Rank):
        rule = Rank(1)
    positions, reads = [range(v)] * (places + 1), range(places + 1)
    labels = rule.labels(range(v), places + 1)
    found = [accepted(rule, label, positions, reads) for label in labels]
    return [Class(q, start, each) for each in found for q, start in each.starts.items()]


@st.composite
def tails(draw, most_places=4):
    """Return a tail, its cells, the query's entry and rows over its cells, some one object."""
    places, v = draw(st.integers(0, most_places)), draw(st.integers(1, 4))
    inputs = draw(st.sampled_from(classes(draw(st.sampled_from(RULES)), v, places)))
    cells = cells_of(inputs, [])
    first = draw(st.integers(0, v - 1))
    with suppress(Rejected):  # If these tokens are not alike.
        cells = cells_of(inputs, [range(first, first + draw(st.integers(2, 3)))])
    count = len(cells.tokens)
    alone = [c for c, tokens in enumerate(cells.tokens) if len(tokens) == 1]
    rare = draw(st.sets(st.sampled_from(alone), max_size=4)) if alone else set()
    entries = draw(st.sampled_from([3, 20, 10**30]))
    row = st.lists(st.integers(-entries, entries), min_size=count, max_size=count)
    pool = draw(st.lists(row, min_size=1, max_size=3))
    rows = [draw(st.sampled_from(pool)) for _ in range(places)]
    tail = Tail(cells, rare, draw(st.integers(0, 2)), Tally(10**9))
    return (tail, cells, rare), draw(st.integers(-2 * entries, 2 * entries)), rows


def inputs_of(cells):
    """Yield the cells of every input of a class, position by position."""

    def walk(prefix, state):
        if len(prefix) == len(cells.moves):
            yield prefix
            return
        for target, span in cells.moves[len(prefix)][state]:
            for cell in span:
                for _ in cells.tokens[cell]:
                    yield from walk((*prefix, cell), target)

    return walk((), cells.start)


def sums(made, own, rows):
    """Return the sum of every input that the tail counts over."""
    tail, cells, rare = made
    return [
        own + sum(row[cell] for row, cell in zip(rows, x, strict=True))
        for x in inputs_of(cells)
        if sum(cell in rare for cell in x) <= tail.at_most
    ]


@settings(max_examples=200)
@given(tails())
def test_given_up_are_the_inputs_with_too_many_rare_tokens(drawn):
    (tail, cells, rare), _, _ = drawn
    many = [sum(cell in rare for cell in x) for x in inputs_of(cells)]
    assert len(many) == cells.inputs
    assert tail.given_up == sum(count > tail.at_most for count in many)


def true_count(made, own, rows):
    return sum(value >= 0 for value in sums(made, own, rows))


rates = st.sampled_from([1, 2, 3, 10, 257, 1024, 2**14])


@settings(max_examples=500)
@given(tails(), rates)
def test_a_tail_bounds_its_sequences_from_above_and_below(drawn, rate):
    (tail, _, _), own, rows = drawn
    true = true_count(drawn[0], own, rows)
    above = tail.count(own, rows, rate, exact=True)
    moment = tail.count(own, rows, rate, exact=False)
    assert tail.count(own, rows, rate, up=False) <= true <= above <= moment


@settings(max_examples=200)
@given(tails(), st.integers(1, 2**20))
def test_a_moment_of_any_rate_bounds_its_sequences(drawn, rate):
    (tail, _, _), own, rows = drawn
    assert tail.count(own, rows, rate, exact=False) >= true_count(drawn[0], own, rows)


def largest_sum(made, own, rows):
    """Return the largest sum over the cells that count: rare ones do not where none may be."""
    tail, cells, rare = made
    kept = [c for c in range(len(cells.tokens)) if tail.at_most or c not in rare]
    return own + sum(max((row[cell] for cell in kept), default=0) for row in rows)


@settings(max_examples=300)
@given(tails(3), st.integers(1, 3))
def test_a_grid_on_which_every_entry_lies_counts_exactly(drawn, finer):
    (tail, _, _), own, rows = drawn
    worst = largest_sum(drawn[0], own, rows)
    if 0 <= worst < 1000:
        for up in (True, False):
            found = tail.count(own, rows, finer * max(worst, 1), up=up)
            assert found == true_count(drawn[0], own, rows)


@settings(max_examples=200)
@given(tails(3), rates)
def test_a_moment_is_the_sum_of_powers_of_all_sequences(drawn, rate):
    (tail, _, _), own, rows = drawn
    worst, found = largest_sum(drawn[0], own, rows), tail.count(own, rows, rate, exact=False)
    if worst < 0:
        assert found == 0
        return

    def on_grid(x):
        return -(-x * rate // max(worst, 1))

    grid = on_grid(own), [[on_grid(x) for x in row] for row in rows]
    with mpmath.workprec(400):
        powers = (mpmath.power(2, mpmath.mpf(s) / 1024) for s in sums(drawn[0], *grid))
        expected = mpmath.fsum(powers)
        assert mpmath.floor(expected) <= found <= expected * (1 + mpmath.mpf(2) ** -60)


def test_a_largest_sum_of_zero_still_counts():
    tail = Tail(cells_of_sizes([2, 1], 3, holds=True), set(), 0, Tally(10**9))
    rows = [[-(10**40), 0], [0, -1], [-5, 0]]
    for rate in (1, 1000, 2**14):
        assert tail.count(0, rows, rate) == 2
        assert tail.count(0, rows, rate, up=False) == 2
        assert tail.count(0, rows, rate, exact=False) >= 2
        assert tail.count(-1, rows, rate) == 0


@pytest.mark.parametrize("exact", [True, False])
def test_a_class_of_astronomical_size_is_counted_at_both_extremes(exact):
    row = [0, 0, 0, 0, 0]
    for holds in (True, False):
        cells = cells_of_sizes([60, 1, 1, 1, 1], 50, holds=holds)
        tail = Tail(cells, {1, 2}, 2, Tally(10**9))
        every = 64**50 - (0 if holds else 63**50)
        assert cells.inputs == every
        whole = every - tail.given_up
        found = tail.count(1, [row] * 50, 300, exact=exact)
        assert whole <= found <= (whole if exact else 2 * whole)
        assert tail.count(-1, [row] * 50, 300, exact=exact) == 0


def test_entries_of_thousands_of_bits_overflow_no_lane():
    huge = 2**70_000
    cells = cells_of_sizes([3, 1, 1], 3, holds=False)
    made = Tail(cells, {1}, 1, Tally(10**9)), cells, {1}
    rows = [[-huge, 1, huge], [huge, -huge, -3], [0, -huge, 1]]
    for own in (0, -huge, huge, -3 * huge, 1 - 2 * huge):
        true = true_count(made, own, rows)
        for rate in (1, 100, 2**14):
            above = made[0].count(own, rows, rate)
            assert made[0].count(own, rows, rate, up=False) <= true <= above
            assert made[0].count(own, rows, rate, exact=False) >= above


def true_terms(tables, names, query):
    """Return g of T1 for each position and token 0..m, over the weight of m at the first position.

    mpmath at 1500 bits: far finer than any table, and it knows no underflow.
    """
    maximum, rival = names
    head = tables.head
    root = mpmath.sqrt(head.d_head)
    scores, places = head.score[query], head.positional_score[query]

    def term(i, t):
        gap = tables.eps + sum(
            row[rival] - row[maximum]
            for row in (tables.direct[query], head.output[t], head.positional_output[i])
        )
        score = scores[t] + places[i] - scores[maximum] - places[0]
        return gap * mpmath.exp(mpmath.ldexp(mpmath.mpf(score), head.score_exponent) / root)

    return [[term(i, t) for t in range(maximum + 1)] for i in range(len(places))]


def pairs_of(pool, table, terms, query):
    """Yield an entry of the table beside each true term that it stands for."""
    *free, last = terms
    yield table.own, last[query]
    for row, truths in zip(pool.spread(table.rows), free, strict=True):
        for entry, tokens in zip(row, pool.cells.tokens, strict=True):
            for token in tokens:
                yield entry, truths[token]


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


def pools_of(maximum, extremes):
    """Yield pools of a few kinds for one maximum."""
    places = len(extremes.head.positional_output) - 1
    # Gaps are kept for one label.
    extremes.gaps.clear()
    for low, high in {(0, 0), (0, maximum - 1), (1, maximum - 1), (maximum, maximum)}:
        if not 0 <= low <= high or (places == 0 and low < maximum):
            continue
        inputs = class_of(low, maximum, places)
        free = places > (1 if low < maximum else 0)
        for near in {0, maximum // 2, maximum}:
            cells = cells_of(inputs, [range(a, b + 1) for a, b in far(maximum, near) if free])
            for apart in (True, False):
                yield Pool(extremes, maximum, range(low, high + 1), cells, apart)


def require_sound_tables(model, margin, bits):
    tables = checker_tables(model, margin)
    extremes = PrefixExtremes(tables, bits, Tally(10**9))
    with mpmath.workprec(1500):
        for maximum, rival in product(range(model.d_vocab), repeat=2):
            if rival == maximum:
                continue
            truths = {q: true_terms(tables, (maximum, rival), q) for q in range(maximum + 1)}
            for pool in pools_of(maximum, extremes):
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
    extremes, direct = PrefixExtremes(tables, 64, Tally(10**9)), tables.direct
    with mpmath.workprec(1500):
        for pool in pools_of(3, extremes):
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
    extremes = PrefixExtremes(checker_tables(model, Fraction(1, 3)), bits, Tally(10**9))
    maximum = model.d_vocab - 1
    if maximum:
        rivals = data.draw(st.sets(st.sampled_from(range(maximum)), min_size=1).map(sorted))
        for pool in pools_of(maximum, extremes):
            joint = pool.table(rivals, up=True)
            assert all(above(joint, pool.table([j], up=True)) for j in rivals)


@settings(max_examples=60)
@given(toy_models(4, 3), st.sampled_from(BITS))
def test_the_worst_case_of_a_pool_is_the_largest_sum_of_its_upper_table(model, bits):
    extremes = PrefixExtremes(checker_tables(model, Fraction(0)), bits, Tally(10**9))
    maximum = model.d_vocab - 1
    for pool in pools_of(maximum, extremes):
        if maximum:
            table = pool.table([0], up=True)
            made = Tail(pool.cells, set(), 0, Tally(10**9)), pool.cells, set()
            every, found = sums(made, table.own, pool.spread(table.rows)), pool.worst(table)
            assert found == max(every) or max(every) <= found < 0
