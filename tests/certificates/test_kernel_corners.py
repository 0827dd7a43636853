"""Corners of the kernel's counts: values at which a change of one sign or number shows."""

import hashlib
from collections import Counter
from fractions import Fraction
from itertools import pairwise, product
from math import prod
from random import Random
from types import SimpleNamespace

import pytest
from stand_ins import StandIn, node

import explain
from arithmetic.lanes import Lanes
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally, exp_surcharge
from counting import signs, tails
from counting.branch import BranchAndCount, Rival
from counting.classes import inhabited_queries, worst_case
from counting.pools import Pool, Table, Terrain
from counting.separable import GapRows
from counting.tails import Tail
from explain import Explanation
from parts import attention
from parts.attention import Attention, on_one_unit
from strategies import cubic, ladder
from strategies.ladder_witness import Group
from strategies.score_bounds import Scores, _power_trace, _root_up, chain_ranges
from strategies.subcubic import QueryScores, _Curves

THREE = [[0, 1, 2]] * 4  # A direct path to three tokens.


def balls_of(*tops):
    """Return balls [0, 2**top - 1]: what counts is the upper end."""
    return [(0, 2**top - 1, 0) for top in tops]


def test_the_unit_of_a_class_is_that_of_its_largest_token_and_position():
    bits = 40
    made = object.__new__(Attention)
    made.bits, made.tokens, made.positions = bits, balls_of(3, 9, 2, 20), balls_of(5, 6)
    assert [made.unit(m) for m in range(4)] == [top + 6 - bits for top in (3, 9, 9, 20)]
    # The largest weight of each class takes all bits, and none more.
    for m in range(4):
        rows = made.weights(m, Tally(1000))
        assert 2 ** (bits - 2) <= max(high for row in rows for _, high in row) <= 2**bits
    assert attention._top([(1, 2**7, -3), (0, 1, 4), (2**6, 2**6, -3)]) == 5
    assert on_one_unit([(0, 2**7 - 1, -3), (1, 1, 1)], 7) == [(0, 127), (16, 16)]


def test_exponentials_are_surcharged_by_the_difference_of_their_scores():
    large = 2**300
    for scores, reach in (([large, 0], large), ([5, 5 - large], large), ([large, large - 7], 7)):
        tally = Tally(10**9)
        attention.exponentials(scores, -100, 1, 200, tally)
        size = max(reach.bit_length() - 100 + 2, 1)
        assert tally.spent == exp_surcharge(2, size + 200)


def test_a_walk_without_rivals_that_may_win_ends_where_it_starts():
    places = 200
    rivals = [Rival(j, [[-1, -2]] * (places + 1), [[-1, -1]] * (places + 1), 0) for j in range(3)]
    tally = Tally(1000)
    walk = BranchAndCount([1, 1], places, rivals, tally, holds=True)
    assert (walk.count(), tally.spent) == ((0, 0), 18)


@pytest.mark.parametrize(
    ("ends", "counts"),
    [
        ((-1, -1), (0, 0)),
        ((-1, 0), (0, 1)),
        ((0, 0), (1, 1)),
        ((-2, -1), (0, 0)),
        ((-3, 5), (0, 1)),
    ],
)
def test_a_class_of_one_position_is_decided_by_the_querys_own_entry(ends, counts):
    low, high = ends
    walk = BranchAndCount([1, 1], 0, [Rival(0, [[low]], [[high]], 0)], Tally(100), holds=True)
    assert walk.count() == counts


@pytest.mark.parametrize(("alone", "asked"), [(-2, 0), (-1, 0), (0, 1), (1, 1)])
def test_the_maximum_alone_is_right_by_its_bound_or_by_its_exact_sign(monkeypatch, alone, asked):
    """The bound is asked for no weight of other tokens."""

    class Bound:
        own = 5

        def __init__(self, *arguments):
            pass

        def mixtures(self, tally):
            return 0

        def maximum_term(self, weight):
            return alone - self.own if weight == 0 else 99

    def settled(tables, sequence, rivals, precision, tally):
        asked_of.append((sequence, rivals, precision))
        return False, False

    asked_of = []
    shape = SimpleNamespace(d_vocab=2, n_ctx=3)
    tables = SimpleNamespace(shape=shape, direct=[[0, 0], [0, 0]], eps=0)
    monkeypatch.setattr(cubic, "ClassBound", Bound)
    monkeypatch.setattr(cubic, "Attention", lambda *_: None)
    monkeypatch.setattr(cubic, "largest_gaps", lambda *_: [0])
    monkeypatch.setattr(cubic, "settled", settled)
    assert cubic.count_right(tables, 50, Tally(1000)) == 3
    classes = [((0, 0, 0), [1], 100), ((1, 1, 0), [0], 100), ((1, 1, 1), [0], 100)]
    assert asked_of == classes * asked


class Steps:
    """A ladder of which `left` is asked and answers that some rival is left."""

    def __init__(self, left):
        self.tables = SimpleNamespace(shape=SimpleNamespace(d_vocab=5))
        self.terrain, self.answers, self.asked = SimpleNamespace(gaps={1: 2}), left, []

    def left(self, m, queries, stars):
        self.asked.append((m, queries, dict(stars)))
        return self.answers


def test_explanations_ask_for_the_rivals_of_the_pool_or_of_the_query_alone():
    nodes = [node(range(2)), node(range(3, 4))]
    none = dict.fromkeys((0, 1, 2, 4))
    for query, queries, group in ((0, range(2), "q=0 m=3"), (2, range(2, 3), "q=2 m=3")):
        steps = Steps([])
        found = explain._by_pools(steps, [[], nodes, []], (3, 1, query))
        assert steps.asked == [(3, queries, none)]
        assert found == ((3, 1, query), True, group, "thresholds of the direct path", None, None)
        assert steps.terrain.gaps == {}
    steps = Steps([4])
    found = explain._by_pools(steps, [[], nodes, []], (3, 1, 2))
    reason = "the witness, which has no pool for it"
    assert found == ((3, 1, 2), False, "q=2 m=3", reason, None, None)


@pytest.mark.parametrize(("own", "counted"), [(-2, True), (-1, True), (0, False), (1, False)])
def test_sums_below_zero_are_counted(own, counted):
    tables = SimpleNamespace(one=7)
    made = SimpleNamespace(far=2, spread=lambda rows: rows, terrain=SimpleNamespace(tables=tables))
    made.weights = [[(1, 10), (2, 20), (3, 30)], [(1, 100), (2, 200), (3, 300)], [(5, 6)]]
    # Tokens 0 and 1 share the first cell, 2 and 3 have cells of their own.
    rows = [[1, 20, 300], [-4, -50, -600]]
    entries = {1: (1 - 600), 4: -(10**6)}
    found = explain._by_sums(
        (1, 3, 0),
        made,
        {1: Table(own - entries[1], rows, 7), 4: Table(entries[4], rows, 7)},
        "group",
        "name",
    )
    excess = Fraction(own, 7 * (10 + 300 + 6))
    assert found == Explanation((1, 3, 0), counted, "group", "name", excess, 1)


def test_a_negative_excess_is_divided_by_the_largest_weight(monkeypatch):
    """-1 over the upper end of the sum of weights: the least negative of what it may be."""
    tables = SimpleNamespace(
        shape=SimpleNamespace(d_vocab=2, n_ctx=1, d_head=1),
        score=[[0, 0], [0, 0]],
        positional_score=[[0], [0]],
        score_exponent=0,
        one=3,
    )
    monkeypatch.setattr(explain, "on_one_unit", lambda balls, bits: [(4, 6)])
    for gap, excess in ((-1, Fraction(-1, 18)), (0, Fraction(0)), (1, Fraction(1, 12))):
        monkeypatch.setattr(explain, "gap_terms", lambda *_, gap=gap: {0: gap})
        monkeypatch.setattr(explain, "weighted", lambda gap, weight, up=True: gap)
        monkeypatch.setattr(explain, "settled", lambda *_: (False, True))
        found = explain._by_logits(tables, 32, Tally(1000), (1,))
        assert found.excess == excess


@pytest.mark.parametrize("places", [0, 1, 22, 23, 32, 45, 46, 100])
def test_a_walk_is_charged_the_square_of_many_positions(monkeypatch, places):
    class Walk:
        def __init__(self, *arguments, **options):
            pass

        def count(self):
            return 3, 4

    monkeypatch.setattr(ladder, "BranchAndCount", Walk)
    steps = StandIn(places, THREE)
    spread = SimpleNamespace(sizes=[1] * 5, holds=False, spread=lambda rows: [[0] * 5] * places)
    live = {j: Table(-1, [[0] * 5], 17) for j in (0, 2)}
    assert steps._walk(spread, None, Group("walk", [0, 2], 0), live) == (0, 4)
    assert steps.tally.spent == 2 * 2 * (17 + 5 * 3 + places * places // 512)


def test_thresholds_are_charged_a_comparison_for_each_query_and_rival():
    for rows, starred in ((1, 2), (3, 2), (4, 1), (2, 0)):
        steps = StandIn(direct=THREE)
        stars = dict.fromkeys(range(starred), 5) | {2: None}
        assert steps.left(1, range(rows), stars) == [2]
        assert steps.tally.spent == 2 * rows * starred


def test_a_pool_that_leaves_no_rival_loses_nothing():
    """Not even the sequences that its rules would give up."""
    steps = StandIn(direct=THREE)
    cleared = SimpleNamespace(maximum=2, queries=range(1), far=0, sizes=[1, 1, 1], holds=False)
    steps.survivors = lambda m, node, rivals: (cleared, {})
    groups = [Group("grid", [0], 5)]
    steps._pool(2, node(range(1), groups=groups, marked=[1], most=0), [0, 1])
    assert (steps.certain, steps.possible) == (0, 0)


def test_a_pool_none_of_whose_groups_counts_makes_nothing_certain():
    steps = StandIn(direct=THREE)
    full = SimpleNamespace(maximum=2, queries=range(2), far=0, sizes=[1, 1, 1], holds=False)
    steps._count(full, node(range(2), groups=[Group("grid", [0], 5)]), {1: "t"})
    assert (steps.certain, steps.possible) == (0, 2 * (9 - 4))


def test_lanes_take_whole_bytes():
    assert [Lanes(1, bits).bytes for bits in (1, 7, 8, 9, 15, 16, 17)] == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("bits", "k"), list(product(range(32, 41), (1, 2, 3, 4, 7, 8, 14, 15, 16)))
)
def test_lanes_of_gaps_have_the_width_that_their_sums_need(bits, k):
    rows = [[3, -2], [1, 0]]
    tables = SimpleNamespace(
        shape=SimpleNamespace(d_vocab=2, n_ctx=k),
        eps=0,
        direct=rows,
        output=rows,
        positional_output=[[1, 2]] * k,
    )
    made = GapRows(tables, 1, bits, Tally(10**6))
    needed = 2 * bits + 4 + len(f"{k + 1:b}")
    assert made.lanes.width == needed + -needed % 8
    # Few bits are kept as they are.
    assert made.shift == 0


def naive_ranges(chain, means):
    """Return the bounds of the docstring as rationals, factor by factor."""
    first, *rest = chain
    if not rest:
        return [Fraction(max(row) - min(row)) for row in first]
    ranges = naive_ranges(rest, max(means - 1, 0))
    if not means:
        return [sum(abs(x) * r for x, r in zip(row, ranges, strict=True)) for row in first]
    mean = [Fraction(sum(column), len(first)) for column in zip(*first, strict=True)]
    common = mean
    for factor in rest:
        columns = zip(*factor, strict=True)
        common = [sum(x * y for x, y in zip(common, column, strict=True)) for column in columns]
    apart = [
        sum(abs(x - mu) * r for x, mu, r in zip(row, mean, ranges, strict=True)) for row in first
    ]
    return [max(common) - min(common) + x for x in apart]


@pytest.mark.parametrize("means", range(4))
def test_ranges_of_four_factors_set_apart_as_many_mean_rows_as_asked(means):
    rng = Random(3)
    # A mean row of 1, 2 or 4 rows is exact in binary, so that nothing is rounded.
    sizes = [4, 2, 4, 2, 5]
    for _ in range(20):
        chain = [
            [[64 * rng.randint(-9, 9) for _ in range(columns)] for _ in range(rows)]
            for rows, columns in pairwise(sizes)
        ]
        found = chain_ranges([Matrix(rows, 0) for rows in chain], means, Tally(10**6))
        scale = Fraction(2) ** found.exponent
        assert [row[0] * scale for row in found.rows] == naive_ranges(chain, means)


@pytest.mark.parametrize("exponent", [-3, -2, 0, 1])
@pytest.mark.parametrize("value", [1, 2, 3, 2**127 - 1, 2**127, 2**128 - 1, 2**200, 2**200 + 1])
def test_a_root_is_taken_of_128_or_129_bits_or_of_all_that_there_are(value, exponent):
    root, half = _root_up(value, exponent)
    shift = max(128 - value.bit_length(), 0)
    if (exponent - shift) % 2:
        shift += 1
    assert 2 * half == exponent - shift
    assert (root - 1) ** 2 < value << shift <= root**2


def test_the_radius_of_a_power_is_cut_with_its_entries():
    """By hand: two squarings of one entry of 302 bits, its cut-off bits at most 2 units a time."""
    entry = 3**190
    value, exponent = _power_trace(Matrix([[entry]], 0), 2, Tally(1000))
    first = entry.bit_length() - 256
    kept = entry >> first
    radius = 2 * kept * 2 + 2 * 2
    square = kept * kept
    cut = square.bit_length() - 256
    radius = (radius >> cut) + 2
    kept = square >> cut
    radius = 2 * kept * radius + radius * radius
    assert (value, exponent) == (kept * kept + radius, 2 * (2 * first + cut))
    assert value * 2**exponent >= entry**4


LARGE = 2**400


@pytest.mark.parametrize(
    ("row", "error"),
    [
        *(([1, LARGE, -1], 0), ([1, LARGE, -LARGE], 0), ([1, 2, -LARGE], 7), ([1, 2, 3], LARGE)),
        *(([1, LARGE, -1], LARGE), ([LARGE, 5, -1], 0), ([1, LARGE, -1], LARGE + 1)),
    ],
)
def test_a_query_is_surcharged_twice_for_its_widest_score_gap(row, error):
    found = QueryScores(Scores([row], [error], [[0, 1]], -300, 1), 0, 4, 250, Tally(10**12))
    reach = max(row) - min(row) + error
    assert found.surcharge == exp_surcharge(2, reach.bit_length() - 300 - 1 + 2 + 250)


def test_a_score_gap_just_below_zero_favours_the_others():
    """The unit is so coarse that one step is a factor e: its direction decides all."""
    scores = QueryScores(Scores([[0, 1]], [0], [[0, 0]], 0, 1), 0, 1, 32, Tally(10**9))
    one = 1 << 32
    for gap, low, high in ((-1, 0.268, 0.269), (0, 0.499, 0.501), (1, 0.731, 0.732)):
        ends = [scores._share(1, 1, gap, up) / one for up in (0, 1)]
        assert low < ends[0] <= ends[1] < high


def curves(kind, numbers, precision):
    logits = SimpleNamespace(slope=[[4, -3]], constant=[[10, 20]], others=[[7]], eps=2, one=1)
    witness = SimpleNamespace(chord=numbers, a_star=numbers)
    return _Curves(kind, logits, witness, precision, Tally(1000))


def phi(a):
    return max(10 + 4 * a, 20 - 3 * a)


def test_a_chord_of_one_point_is_its_value_there_and_nothing_elsewhere():
    made = curves("chord", ([3, 3], -2), 4)
    point = 3 << 2
    assert made.bound(0, 0, 1, (point, point), 5) == (
        (phi(Fraction(3, 4)) + Fraction(1, 4) * 7 + 5 + 2) * 16,
        1,
    )
    assert made.bound(0, 0, 1, (point, point + 1), 5) is None
    assert made.bound(0, 0, 1, (point - 1, point), 5) is None


@pytest.mark.parametrize(("ends", "worst"), [((2, 3), 2), ((1, 2), 1)])
def test_anchors_finer_than_the_precision_lift_both_ends_of_the_attention(ends, worst):
    made = curves("mean+diff", ([9], -4), 2)
    assert (made.bits, made.lift) == (4, 2)
    anchor, quarter = Fraction(9, 16), [Fraction(a, 4) for a in ends]
    bounds = [
        phi(anchor) + max(4 * (a - anchor), -3 * (a - anchor)) + (1 - a) * 7 + 5 + 2
        for a in quarter
    ]
    assert made.bound(0, 0, 1, ends, 5) == (max(bounds) * 16, 1)
    assert max(bounds) == bounds[ends.index(worst)]


def naive_moment(tail, unit, own, rows, rate):
    """Return the moment by adding up all tuples of cells, in exact integers."""
    worst = own + sum(max(row) for row in rows)
    grid = [[-(-entry * rate // worst) for entry in row] for row in rows]
    budget = -(-own * rate // worst) + sum(max(row) for row in grid)
    powers, total = tails._powers(), 0
    for cells in product(range(len(tail.sizes)), repeat=len(rows)):
        last = len(tail.sizes) - 1
        if not (tail.holds or last in cells) or sum(c in tail.marked for c in cells) > tail.most:
            continue
        factors = []
        for row, cell in zip(grid, cells, strict=True):
            down, rest = divmod(max(row) - row[cell], 1024)
            power = powers[-rest % 1024] >> down + (rest > 0)
            factors.append(tail.sizes[cell] * (power + 1))
        total += prod(factors)
    total *= powers[budget % 1024]
    return total << budget // 1024 >> unit * (len(rows) + 1)


@pytest.mark.parametrize("unit", [3, 8, 96])
def test_a_moment_is_the_product_of_its_rounded_factors(monkeypatch, unit):
    """With few bits to a number, each unit of rounding shows in the result."""
    monkeypatch.setattr(tails, "UNIT", unit)
    tails._powers.cache_clear()
    try:
        rng, seen = Random(unit), Counter()
        for _ in range(60):
            sizes = [rng.randint(1, 5) for _ in range(3)] + [1]
            marked = set(rng.sample(range(3), rng.randint(0, 2)))
            tail = Tail(sizes, marked, rng.randint(1, 2), Tally(10**9), holds=rng.random() < 0.5)
            rows = [[rng.randint(-9, 9) for _ in sizes] for _ in range(rng.randint(1, 3))]
            own, rate = rng.randint(-5, 5), rng.choice([1, 700, 3000])
            if own + sum(map(max, rows)) <= 0:
                continue
            found = tail.count(own, rows, rate, exact=False)
            assert found == naive_moment(tail, unit, own, rows, rate)
            seen[bool(found)] += 1
        assert seen[True] > 10
    finally:
        monkeypatch.undo()
        tails._powers.cache_clear()


def test_powers_of_a_1024th_of_two_are_tight_from_above_and_pinned():
    powers = tails._powers()
    for i in (1, 2, 3, 511, 512, 513, 1022, 1023):
        # powers[i] >= 2**(i/1024), in units of 2**-96, by less than 2**-80.
        bound = 2 ** (i + 96 * 1024)
        assert powers[i] ** 1024 >= bound > (powers[i] - 2**16) ** 1024
    assert (powers[0], len(powers)) == (2**96, 1024)
    # Moments of certificates that exist rest on these digits.
    text = ",".join(map(str, powers)).encode()
    assert hashlib.sha256(text).hexdigest()[:16] == "8df280f7b04736b8"


def test_a_token_that_may_not_occur_has_no_part_in_the_worst_case():
    """Marked tokens that are all given up do not make the grid coarser."""
    rows = [[0, 1000, 3]]
    kept = Tail([1, 1, 1], {1}, 0, Tally(10**6), holds=True)
    assert kept.count(-2, rows, 1) == 1
    tally = Tally(10**6)
    Tail([1, 1, 1], {1}, 0, tally, holds=True).count(-2, rows, 5)
    assert tally.spent < 40


def test_classes_of_one_position_are_those_of_each_token_alone():
    assert [list(inhabited_queries(m, 1)) for m in range(4)] == [[0], [1], [2], [3]]
    assert [list(inhabited_queries(m, 2)) for m in range(3)] == [[0], [0, 1], [0, 1, 2]]


@pytest.mark.parametrize(
    ("own", "best", "held", "worst"),
    [(1, [2, 3], [], 6), (1, [2, 3], [0, 2], 5), (1, [2, 3], [-5, -9], -1), (0, [4], [4], 4)],
)
def test_the_worst_case_gives_up_the_least_for_the_maximum(own, best, held, worst):
    assert worst_case(own, best, held) == worst


def test_each_rival_may_win_the_last_position_with_cells_of_its_own():
    rows = [[5, -1, -1], [-1, 5, -1]]
    rivals = [Rival(j, [[-9] * 3, [0]], [rows[j], [0]], 0) for j in range(2)]
    for order in (rivals, rivals[::-1]):
        walk = BranchAndCount([2, 3, 1], 1, order, Tally(1000), holds=True)
        assert walk.count() == (0, 5)


@pytest.mark.parametrize(("own", "good"), [(-2, 2), (-1, 2), (0, 0)])
def test_a_token_is_good_if_its_sums_are_below_zero_by_any_integer(own, good):
    bound = object.__new__(cubic.ClassBound)
    bound.maximum, bound.gaps, bound.own = 2, [0, 0, 0], own
    bound.tokens, bound.places = [(1, 1)] * 3, [(1, 1)]
    assert bound._good_tokens(0, 1) == good


def test_thresholds_are_asked_wherever_some_rival_has_one():
    for stars, charged in (({0: None, 1: -9}, 2), ({0: None, 1: None}, 0), ({0: 5, 1: 5}, 4)):
        steps = StandIn(direct=THREE)
        steps._split(2, range(1), [], stars)
        assert (steps.tally.spent, steps.possible) == (charged, 0 if charged == 4 else 5)


def test_one_row_for_all_positions_bounds_each_of_them_from_its_side():
    zeros = [[0, 0, 0]] * 3
    tables = SimpleNamespace(
        shape=SimpleNamespace(d_vocab=3, n_ctx=3),
        score=zeros,
        output=zeros,
        direct=zeros,
        positional_output=[[5, 0, 0], [-2, 0, 0], [99, 0, 0]],
    )
    made = object.__new__(Pool)
    made.terrain, made.maximum, made.far = Terrain(tables, 32, Tally(1000)), 1, 0
    made.apart = False
    assert (made._gaps(0, True), made._gaps(0, False)) == ([[5, 5]], [[-2, -2]])
    made.apart = True
    assert made._gaps(0, True) == made._gaps(0, False) == [[5, 5], [-2, -2]]


@pytest.mark.parametrize(
    ("ends", "wins"), [((-1, -1), False), ((-2, -1), False), ((0, 0), True), ((0, 1), True)]
)
def test_a_sign_is_that_of_the_ends_of_a_sum(monkeypatch, ends, wins):
    monkeypatch.setattr(signs, "gap_terms", lambda *_: {1: 1, 2: -1})
    monkeypatch.setattr(signs, "_enclosed_sum", lambda *_: ends)
    assert signs.rival_wins(None, (0, 0), 0, 64, Tally(100)) is wins
