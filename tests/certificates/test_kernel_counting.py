"""The checker counts what enumeration counts, drops no rival that wins, and keeps its budget."""

from fractions import Fraction
from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import cells_of_class, cells_of_sizes, class_of
from support.certify import checker_tables
from support.oracle import oracle_of
from support.toy import FLAVOURS, MOSTLY_RIGHT, Recipe, random_toys, toy_models

from arithmetic.tally import Tally
from counting import signs
from counting.branch import BranchAndCount, Rival
from counting.cells import cells_of
from counting.separable import GapRows, Rows
from counting.signs import MAX_PRECISION, gap_terms, rival_wins
from files.verdict import Rejected
from parts.attention import Attention
from strategies.exact import ExactCount, Undecided, surviving_rivals

MARGINS = (Fraction(0), Fraction(1, 3), Fraction(5))


@st.composite
def classes(draw, spread):
    """A class (query, maximum) of some context, and random integer tables of a few rivals."""
    maximum, places = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    query = draw(st.integers(0, maximum)) if places else maximum
    entries = st.integers(-6, 6)
    rows = st.lists(
        st.lists(entries, min_size=maximum + 1, max_size=maximum + 1),
        min_size=places + 1,
        max_size=places + 1,
    )
    rivals = []
    for _ in range(draw(st.integers(1, 3))):
        low, steps = draw(rows), draw(rows)
        high = [
            [x + spread * abs(y) // 4 for x, y in zip(*r, strict=True)]
            for r in zip(low, steps, strict=True)
        ]
        rivals.append((low, high))
    return query, maximum, places, rivals


def members(query, maximum, places):
    """Return all sequences of a class."""
    fillings = product(range(maximum + 1), repeat=places)
    return [(*x, query) for x in fillings if max(*x, query, 0) == maximum]


def reaches(table, sequence):
    return sum(row[token] for row, token in zip(table, sequence, strict=True)) >= 0


def walk_of(drawn, settle):
    query, maximum, places, rivals = drawn
    inside = cells_of_class(query, maximum, places)
    attention = SimpleNamespace(query=query, bits=32)
    gaps = SimpleNamespace(tables=None, label=maximum)
    rows = SimpleNamespace(attention=attention, gaps=gaps, cells=inside)
    tokens = [cell[0] for cell in inside.tokens]
    made = []
    for j, (low, high) in enumerate(rivals):
        start = low[-1][query], high[-1][query]
        ends = [[[row[t] for t in tokens] for row in side[:-1]] for side in (low, high)]
        made.append(Rival(10 + j, start, *ends, inside.present))
    return ExactCount(rows, made, Tally(10**9), settle=settle)


@settings(max_examples=300)
@given(classes(spread=0))
def test_branch_and_count_equals_enumeration(drawn):
    query, maximum, places, rivals = drawn
    sequences = members(query, maximum, places)
    wrong = sum(any(reaches(low, x) for low, _ in rivals) for x in sequences)
    assert walk_of(drawn, settle=False).count() == (wrong, wrong)


@settings(max_examples=300)
@given(classes(spread=1))
def test_branch_and_count_never_decides_what_its_tables_leave_open(drawn):
    query, maximum, places, rivals = drawn
    sequences = members(query, maximum, places)
    certain = {x for x in sequences if any(reaches(low, x) for low, _ in rivals)}
    possible = {x for x in sequences if any(reaches(high, x) for _, high in rivals)}
    if certain == possible:
        assert walk_of(drawn, settle=False).count() == (len(certain), len(certain))
    else:
        with pytest.raises(Undecided):
            walk_of(drawn, settle=False).count()


@settings(max_examples=200)
@given(drawn=classes(spread=1), answers=st.data())
def test_settled_sequences_count_by_the_exact_sign(drawn, answers):
    query, maximum, places, rivals = drawn
    known = {}

    def exact_sign(tables, sequence, label, rival, precision, tally):
        """Stand in for the true sign: anything that the two tables allow, or unknown."""
        low, high = rivals[rival - 10]
        if reaches(low, sequence) == reaches(high, sequence):
            return reaches(low, sequence)
        if (sequence, rival) not in known:
            known[sequence, rival] = answers.draw(st.sampled_from([True, False, None]))
        return known[sequence, rival]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signs, "rival_wins", exact_sign)
        found = walk_of(drawn, settle=True).count()
    sequences = members(query, maximum, places)
    rows = [
        [exact_sign(None, x, maximum, 10 + j, 0, None) for j in range(len(rivals))]
        for x in sequences
    ]
    certain = sum(any(sign is True for sign in row) for row in rows)
    possible = sum(any(sign is not False for sign in row) for row in rows)
    assert found == (certain, possible)


@st.composite
def cells(draw):
    """Cells of several tokens, m alone in the last, and tables of a few rivals over the cells."""
    sizes = [*draw(st.lists(st.integers(1, 3), max_size=3)), 1]
    places = draw(st.integers(0, 3))
    holds = len(sizes) == 1 or places == 0 or draw(st.booleans())
    entries = st.lists(st.integers(-6, 6), min_size=len(sizes), max_size=len(sizes))
    rows = st.lists(entries, min_size=places, max_size=places)
    rivals = []
    for _ in range(draw(st.integers(1, 3))):
        low, start = draw(rows), draw(st.integers(-6, 6))
        high = [[x + draw(st.integers(0, 2)) for x in row] for row in low]
        rivals.append(([*low, [start]], [*high, [start + draw(st.integers(0, 2))]]))
    return sizes, places, holds, rivals


def count_in_cells(drawn, rivals):
    sizes, places, holds, _ = drawn
    inside = cells_of_sizes(sizes, places, holds=holds)
    kept, made = slice(len(sizes) - len(inside.tokens), None), []
    for j, ends in enumerate(rivals):
        start = tuple(side[-1][0] for side in ends)
        low, high = ([row[kept] for row in side[:-1]] for side in ends)
        made.append(Rival(j, start, low, high, inside.present))
    return BranchAndCount(inside, made, Tally(10**9)).count()


@settings(max_examples=400)
@given(cells())
def test_in_shared_cells_both_ends_are_the_unions_over_rivals_of_all_tokens(drawn):
    sizes, places, holds, rivals = drawn
    cell_of = [cell for cell, size in enumerate(sizes) for _ in range(size)]
    sequences = [
        [*(cell_of[t] for t in x), 0]
        for x in product(range(sum(sizes)), repeat=places)
        if holds or sum(sizes) - 1 in x
    ]
    certain = sum(any(reaches(low, x) for low, _ in rivals) for x in sequences)
    possible = sum(any(reaches(high, x) for _, high in rivals) for x in sequences)
    assert count_in_cells(drawn, rivals) == (certain, possible)
    uppers = [(high, high) for _, high in rivals]
    assert count_in_cells(drawn, uppers) == (possible, possible)


@st.composite
def terms_of_a_class(draw):
    """The query's term, and an entry of each free position for each token."""
    tokens, places = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    row = st.lists(st.integers(-9, 9), min_size=tokens, max_size=tokens)
    return draw(st.integers(-20, 20)), draw(st.lists(row, min_size=places, max_size=places))


@settings(max_examples=60)
@given(
    st.one_of(toy_models(4, 3), toy_models(5, 3, flavours=MOSTLY_RIGHT)),
    st.sampled_from(MARGINS),
    st.sampled_from([32, 64]),
)
def test_the_worst_case_drops_no_rival_that_wins(model, margin, bits):
    require_no_winner_dropped(model, margin, bits)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_worst_case_drops_no_winner_of_any_flavour(flavour):
    for model in random_toys(41, 2, 4, 3, flavours=(flavour,)):
        require_no_winner_dropped(model, Fraction(1, 3), 32)


def survivors_of(tables, query, maximum, bits, tally):
    """Return the rivals that the worst case of a class leaves."""
    gaps = GapRows(tables, maximum, range(maximum + 1), bits, tally)
    inputs = class_of(query, maximum, len(tables.head.positional_output) - 1)
    rows = Rows(gaps, Attention(tables.head, query, bits, tally), inputs, cells_of(inputs, []))
    return surviving_rivals(rows, gaps.upper(rows.attention, tally), tally)


def require_no_winner_dropped(model, margin, bits):
    tables, oracle, tally = checker_tables(model, margin), oracle_of(model), Tally(10**9)
    winners = {}
    for x in oracle.sequences():
        winners.setdefault((x[-1], max(x)), set()).update(oracle.rivals_ahead(x, margin))
    for (query, maximum), expected in winners.items():
        survivors = survivors_of(tables, query, maximum, bits, tally)
        assert expected <= set(survivors)
        assert maximum not in survivors
        assert set(survivors) < set(range(model.d_vocab))


def test_the_worst_case_drops_most_rivals_of_a_good_model():
    model = Recipe("one hot", 5, 3, 5, 5, seed=1).build()
    tables, tally, dropped = checker_tables(model, Fraction(0)), Tally(10**9), 0
    for maximum in range(5):
        for query in range(maximum + 1):
            dropped += 4 - len(survivors_of(tables, query, maximum, 32, tally))
    assert dropped > 15


@settings(max_examples=60)
@given(toy_models(4, 3), st.sampled_from(MARGINS))
def test_the_sign_of_every_gap_is_the_true_one(model, margin):
    require_true_signs(model, margin)


@pytest.mark.parametrize("flavour", ["near ties", "dyadic", "duplicated", "one hot", "zeros"])
def test_ties_and_near_ties_have_the_true_sign(flavour):
    for model in random_toys(51, 3, 4, 3, flavours=(flavour,)):
        require_true_signs(model, Fraction(0))


def require_true_signs(model, margin):
    tables, oracle, tally = checker_tables(model, margin), oracle_of(model), Tally(10**9)
    for x in oracle.sequences():
        rivals = set(range(model.d_vocab)) - {max(x)}
        assert all(gap for j in rivals for gap in gap_terms(tables, x, max(x), j).values())
        won = {j for j in rivals if rival_wins(tables, x, max(x), j, 32, tally)}
        assert won == oracle.rivals_ahead(x, margin)


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(0, 5, True), (1, 5, True), (0, 0, True), (-5, -1, False), (-5, 0, None), (-1, 1, None)],
)
def test_a_sign_is_told_only_by_an_enclosure_on_one_side(monkeypatch, low, high, answer):
    precisions = []

    def enclosed(head, groups, precision, tally):
        precisions.append(precision)
        return low, high

    monkeypatch.setattr(signs, "gap_terms", lambda *_: {0: 1, 1: -1})
    monkeypatch.setattr(signs, "_enclosed_sum", enclosed)
    assert rival_wins(SimpleNamespace(head=None), (0, 1), 1, 0, 64, Tally(100)) is answer
    assert (precisions[-1] == MAX_PRECISION) == (answer is None)


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 500))
def test_a_tally_refuses_the_first_work_above_its_budget(charges, budget):
    tally, spent = Tally(budget), 0
    for operations in charges:
        spent += operations
        if spent > budget:
            with pytest.raises(Rejected, match="budget"):
                tally.charge(operations)
            return
        tally.charge(operations)
        assert tally.spent == spent
