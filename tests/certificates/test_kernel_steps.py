"""Single steps of the counts, with stand-ins for what they rest on: what 0 means, who is asked."""

from fractions import Fraction
from types import SimpleNamespace

import mpmath
import pytest
from stand_ins import StandIn, node
from support.certify import certificate, digest, encoded, established, trained_toy, verdict
from support.toy import Recipe

import kernel
from arithmetic.tally import Tally
from counting.pools import Pool, Table
from files.verdict import Declined
from parts.attention import exponentials, on_one_unit
from strategies import ladder, subcubic
from strategies.ladder_witness import Group
from strategies.score_bounds import Scores
from strategies.subcubic import QueryScores
from strategies.subcubic_witness import Witness


class StandInPool:
    """A pool whose table is the list of its rivals, and whose worst case is looked up there."""

    def __init__(self, worst, **fields):
        self.worsts, self.asked = worst, []
        vars(self).update(fields)

    def table(self, rivals, *, up, direct=None):
        self.asked.append((tuple(rivals), up, direct))
        return (*rivals, direct) if direct is not None else tuple(rivals)

    def worst(self, table):
        return self.worsts[table]


@pytest.mark.parametrize(("worst", "cleared"), [(-2, True), (-1, True), (0, False), (1, False)])
def test_a_rival_is_cleared_by_a_worst_case_below_0_and_not_by_0(monkeypatch, worst, cleared):
    made = []

    def pool(terrain, m, queries, near, *, apart):
        made.append((m, queries, near, apart))
        return StandInPool({(0,): worst, (1,): 5, (0, 1): 7, (0, 3): worst, (3,): -9})

    monkeypatch.setattr(ladder, "Pool", pool)
    steps, tree = StandIn(), node(range(2), near=1, together=[range(2)])
    _, left = steps.survivors(2, tree, [0, 1])
    assert left == ({1: (1,)} if cleared else {0: (0,), 1: (1,)})
    assert made == [(2, range(2), 1, True)]
    # Together they are cleared at once, and then not looked at one by one.
    tree = node(range(2), together=[range(1), range(3, 4)])
    pool_found, left = steps.survivors(2, tree, [0, 1, 3])
    assert left == ({1: (1,)} if cleared else {0: (0,), 1: (1,)})
    assert (((0,), True, None) in pool_found.asked[2:]) != cleared
    assert ((3,), True, None) not in pool_found.asked[2:]
    assert steps.tally.spent == 2 + 3 + (2 if cleared else 3)


@pytest.mark.parametrize(("worst", "cleared"), [(-1, True), (0, False), (3, False)])
def test_a_threshold_holds_if_the_worst_case_at_it_is_below_0(worst, cleared):
    pool = StandInPool({(0, -7): worst, (3, 2): -1})
    # -7,200 / 1,024 is rounded down.
    tree = node(range(2), thresholds={0: -7, 3: 2, 5: 1})
    steps = StandIn()
    steps.tables.one = 1024
    stars = steps.stars(pool, tree, {0: "t", 1: "t", 3: "t"})
    assert stars == {0: -7 if cleared else None, 1: None, 3: 2}
    steps.tables.one = 1025
    pool.worsts = {(0, -8): -1, (3, 2): 0}
    assert steps.stars(pool, tree, {0: "t", 1: "t", 3: "t"}) == {0: -8, 1: None, 3: None}
    assert all(up for _, up, _ in pool.asked)


def test_classes_outside_all_parts_are_given_up_unless_thresholds_clear_them():
    steps, counted = StandIn(), []
    steps._pool = lambda *arguments: counted.append(arguments)
    part = node(range(1, 2))
    # Class sizes for m = 2 and two free positions: 3**2 - 2**2 for q < 2, 3**2 for q = 2.
    steps._split(2, range(3), [part], {0: None, 3: None})
    assert counted == [(2, part, [0, 3])]
    assert (steps.certain, steps.possible) == (0, 5 + 9)
    steps = StandIn()
    steps._pool = lambda *arguments: None
    # D[q,1] - D[q,2] is -10 for q = 0, 1, 2; D[q,0] - D[q,2] is -20, -15, -11.
    steps._split(2, range(3), [], {0: -15, 1: -10})
    assert steps.possible == 9
    steps._split(2, range(2), [], {0: None, 1: -10})
    assert steps.possible == 9 + 5 + 5
    steps._split(2, range(2), [], {})
    assert steps.possible == 19


def counting(groups, results, rivals=(0, 1, 3), **fields):
    """Return (certain, possible) of one pool of two queries below the maximum 3."""
    steps = StandIn()
    fields = {"maximum": 3, "queries": range(2), "holds": False, "far": 1} | fields
    pool = StandInPool({}, sizes=[1, 1, 1, 1], **fields)
    taken = iter(results)

    def count(pool, tail, group, live):
        asked.append((group.rule, sorted(live), tail.marked, tail.most))
        return next(taken)

    asked = []
    steps._walk = steps._tail = count
    steps._count(pool, groups, dict.fromkeys(rivals, "t"))
    return steps.certain, steps.possible, asked


def test_groups_add_up_what_is_possible_and_take_the_largest_that_is_certain():
    groups = [Group("both", [0], 0), Group("grid", [1], 5), Group("below", [0, 1, 3], 5)]
    tree = node(range(2), groups=[*groups, Group("moment", [3, 2], 5)])
    # The class holds 4**2 - 3**2 = 7 sequences for each of the two queries.
    certain, possible, asked = counting(tree, [(1, 2), (0, 1), (3, 0), (0, 1)])
    assert (certain, possible) == (3 * 2, 4 * 2)
    assert [(rule, live) for rule, live, _, _ in asked] == [
        ("both", [0]),
        ("grid", [1]),
        ("below", [0, 1, 3]),
        ("moment", [3]),
    ]
    # Never more than the class; and all of it if a rival is in no group, or only counted below.
    assert counting(tree, [(0, 5), (0, 5), (0, 0), (0, 5)])[1] == 7 * 2
    assert counting(node(range(2), groups=groups[:2]), [(0, 1), (0, 1)])[1] == 7 * 2
    assert counting(node(range(2), groups=groups), [(0, 1), (0, 1), (2, 0)])[:2] == (4, 14)
    assert counting(node(range(2), groups=groups[:1]), [(0, 1)], rivals=[0])[1] == 2
    # A group whose rivals are all cleared is not counted.
    assert counting(node(range(2), groups=groups[:2]), [(0, 1)], rivals=[1])[1:] == (
        2,
        [("grid", [1], set(), 0)],
    )


@pytest.mark.parametrize(("far", "marked", "cells"), [(0, [1, 2], {1, 2}), (1, [1, 2], {1, 2})])
def test_marked_tokens_are_cells_and_too_many_of_them_are_given_up(far, marked, cells):
    tree = node(range(2), groups=[Group("grid", [0], 5)], marked=marked, most=1)
    _, possible, asked = counting(tree, [(0, 2)], rivals=[0], far=far)
    assert asked == [("grid", [0], cells, 1)]
    # Sequences of two positions that hold the 3 and two of the marked: none.
    assert possible == 2 * 2
    tree = node(range(2), groups=[Group("grid", [0], 5)], marked=marked, most=0)
    # One of them at one position and the 3 at the other: 2 * 2.
    assert counting(tree, [(0, 2)], rivals=[0], far=far)[1] == (2 + 4) * 2


def test_a_walk_over_more_positions_than_can_nest_is_declined_by_a_ladder():
    steps = StandIn()
    steps.places = 500
    with pytest.raises(Declined, match="limit"):
        steps._walk(None, None, Group("walk", [0], 0), {})
    steps.places = 499
    pool = SimpleNamespace(sizes=[1], holds=True)
    assert steps._walk(pool, None, Group("walk", [0], 0), {}) == (0, 0)


def test_a_count_from_below_is_that_of_its_best_rival_and_adds_nothing_above():
    steps, asked = StandIn(), []

    class Counted:
        def __init__(self, sizes, marked, most, tally, *, holds):
            asked.append((sizes, marked, most, holds))

        def count(self, own, rows, rate, *, exact=True, up=True):
            asked.append((own, rows, rate, exact, up))
            return own

    def table(rivals, *, up):
        asked.append((tuple(rivals), up))
        return Table(10 * sum(rivals), [rivals], 1)

    pool = SimpleNamespace(sizes=[2, 1], holds=False, table=table, spread=lambda rows: rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder, "Tail", Counted)
        below = steps._tail(pool, None, Group("below", [1, 3], 7), {1: "t", 3: "t"})
    assert below == (30, 0)
    assert asked == [
        ([2, 1], set(), 0, False),
        *(((1,), False), ((3,), False), (10, [[1]], 7, True, False), (30, [[3]], 7, True, False)),
    ]
    for rule, exact in (("grid", True), ("moment", False)):
        asked.clear()
        tail = Counted([1], set(), 0, None, holds=True)
        assert steps._tail(pool, tail, Group(rule, [1, 3], 7), {1: "t", 3: "t"}) == (0, 40)
        assert asked[1:] == [((1, 3), True), (40, [[1, 3]], 7, exact, True)]


def pool_over(queries, **fields):
    made = object.__new__(Pool)
    vars(made).update({"maximum": 3, "queries": queries} | fields)
    return made


COLUMNS = [[5, 1, 0, 2], [7, 0, 0, 9], [1, 2, 3, 4], [8, 8, 8, 6]]


def running(pick):
    rows = [COLUMNS[0]]
    for row in COLUMNS[1:]:
        rows.append([pick(a, b) for a, b in zip(rows[-1], row, strict=True)])
    return rows


@pytest.mark.parametrize(
    ("queries", "highest", "lowest", "work"),
    [
        *((range(1), 3, 3, 0), (range(1, 2), -2, -2, 0), (range(2), 7 - 2, 5 - 9, 0)),
        *((range(3), 7 - 2, 1 - 9, 0), (range(1, 3), 7 - 4, 1 - 9, 4), (range(3, 4), 2, 2, 0)),
    ],
)
def test_a_column_gap_is_the_largest_or_smallest_of_both_columns(queries, highest, lowest, work):
    tally = Tally(1000)
    pool = pool_over(queries, terrain=SimpleNamespace(tally=tally))
    ends = [running(min), running(max)]
    assert pool._column_gap(COLUMNS, ends, 0, True) == highest
    assert pool._column_gap(COLUMNS, ends, 0, False) == lowest
    assert tally.spent == 2 * work


def test_the_scores_of_a_pool_are_the_extremes_over_its_queries():
    score = [[4, 1, 0, 2], [9, 3, 5, 1], [0, 0, 0, 0], [6, 6, 6, 6]]
    lowest = [[4, 1, 0, 0], [9, 3, 3, 1], [0] * 4, [6] * 4]
    highest = [[4, 4, 4, 4], [9, 9, 9, 9], [0] * 4, [6] * 4]
    places = [[3, 5, 1], [2, 9, 9], [0, 0, 0], [1, 1, 1]]
    tables = SimpleNamespace(score=score, positional_score=places)
    terrain = SimpleNamespace(tables=tables, score=(lowest, highest))
    pool = pool_over(range(2), far=2, terrain=terrain, apart=True)
    # The far tokens 0 and 1 together, then 2 and 3, then the query's own; minus that of token 3.
    assert pool._token_scores() == [(1 - 2, 9 - 1), (0 - 2, 5 - 1), (0, 0), (3 - 1, 4 - 2)]
    assert pool._place_scores() == [(0, 0), (2, 7), (-2, 7)]
    pool.apart = False
    assert pool._place_scores() == [(0, 7), (-2, 7)]
    pool.far = 0
    assert pool._token_scores()[:2] == [(2, 8), (-1, 2)]


def test_a_table_of_several_rivals_is_the_largest_or_smallest_entry_of_each():
    tally = Tally(1000)
    tables = SimpleNamespace(
        positional_output=[[0] * 4, [1, 2, 3, 7]], direct=COLUMNS, output=COLUMNS, eps=100
    )
    ends = [running(min), running(max)]
    terrain = SimpleNamespace(tables=tables, tally=tally, direct=ends, output=ends)
    weights = [[(2, 3), (1, 5)], [(1, 1)]]
    pool = pool_over(range(1), terrain=terrain, weights=weights)
    gaps = {0: [[-900, 8]], 1: [[-700, 8]]}
    pool._gaps = lambda rival, up: gaps[rival]
    # The direct path of query 0 is 5 - 2 or 1 - 2; its own output and place add 3 - 6 or -1 - 5.
    lifts, own = {0: 103, 1: 99}, {0: 103 + 3 - 6, 1: 99 - 1 - 5}
    for rival in (0, 1):
        entries = [lifts[rival] + x for x in gaps[rival][0]]
        high = [entries[0] * 2, entries[1] * 5]
        assert pool.table([rival], up=True) == Table(own[rival], [high], 3)
        low = [entries[0] * 3, entries[1] * 1]
        assert pool.table([rival], up=False) == Table(own[rival], [low], 3)
    spent = tally.spent
    assert pool.table([0, 1], up=True) == Table(100, [[-601 * 2, 111 * 5]], 3)
    assert tally.spent - spent == (2 * 2 + 1) * 3 + 3 * 2
    assert pool.table([0, 1], up=False) == Table(93, [[-797 * 3, 107]], 3)
    assert pool.table([0], up=True, direct=-50) == Table(47, [[-850 * 2, 58 * 5]], 3)


@pytest.mark.parametrize(("holds", "apart"), [(True, True), (False, True), (False, False)])
def test_the_worst_case_of_a_pool_holds_the_maximum_where_the_query_does_not(holds, apart):
    tally = Tally(100)
    terrain = SimpleNamespace(tally=tally)
    pool = pool_over(range(1), holds=holds, apart=apart, places=2, terrain=terrain)
    rows = [[5, 1, 3], [9, 9, 2]] if apart else [[5, 1, 3]]
    expected = {(True, True): 14, (False, True): 14 - 2, (False, False): 10 - 2}[holds, apart]
    assert pool.worst(Table(100, rows, 7)) == 100 + expected
    assert tally.spent == 7 + 3 * len(rows)


@pytest.mark.parametrize(("value", "counts"), [(-2, True), (-1, True), (0, False), (1, False)])
def test_a_subcubic_class_counts_if_its_bound_is_below_0(monkeypatch, value, counts):
    class Bounds:
        def __init__(self, *arguments):
            pass

        def query_scores(self, query):
            return query

        def alone(self, query):
            return value if query == 1 else 5

        def bound(self, row, m, c, own):
            asked.append((row, m, c, own))
            return {(0, 2): (value, 3), (2, 2): (value, 1)}.get((row, m))

    asked = []
    gaps = [[[1, 1]], [[1, 1], [1, 1]], [[2, 1], [1, 1], [1, 2]]]
    monkeypatch.setattr(subcubic, "ClassBounds", Bounds)
    monkeypatch.setattr(subcubic, "read_witness", lambda *_: Witness(gaps))
    model = SimpleNamespace(shape=SimpleNamespace(d_vocab=3, n_ctx=3))
    claim = SimpleNamespace(strategy="subcubic/max-diff/chord/exact", witness={})
    # (0, 2): c = 1 is the query alone, c = 2 has one more of 0..1, at one of two positions.
    # (2, 2): c = 1 is one of 0..1 at one of two positions, c = 2 both, of token 0 alone.
    expected = 1 + (1 + 2 * 2) + (2 * 2 + 1)
    assert subcubic.count_right(model, claim, Tally(10)) == (expected if counts else 0)
    assert asked == [(q, m, c, int(q < m)) for q in range(3) for m in range(q, 3) for c in (1, 2)]
    model.shape = SimpleNamespace(d_vocab=1, n_ctx=3)
    assert subcubic.count_right(model, claim, Tally(10)) == 1


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


def test_a_margin_of_float32_is_moved_by_eps_for_both_ends(monkeypatch):
    asked = []

    def bounds(model, claim, tally):
        asked.append(Fraction(*claim.margin))
        return len(asked) * 10, len(asked) * 100

    monkeypatch.setattr(kernel, "_bounds", bounds)
    monkeypatch.setattr(kernel, "deviation", lambda model, tally: Fraction(1, 7))

    class Claim(SimpleNamespace):
        def _replace(self, **fields):
            return Claim(**(vars(self) | fields))

    claim = Claim(semantics="float32", margin=(1, 3), correct_at_most=999, total=1000)
    assert kernel._established("model", claim, "tally") == (10, 200)
    assert asked == [Fraction(1, 3) + Fraction(1, 7), Fraction(1, 3) - Fraction(1, 7)]
    asked.clear()
    free = claim._replace(correct_at_most=1000)
    assert kernel._established("model", free, "tally") == (10, 1000)
    assert len(asked) == 1
    asked.clear()
    assert kernel._established("model", claim._replace(semantics="real"), "tally") == (10, 100)
    assert asked == [Fraction(1, 3)]


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
        witness = {"first": 1, "maxima": []} if strategy == "ladder" else {}
        for at_least, at_most in ((1, 1), (0, 1)):
            fields = {"at_least": at_least, "at_most": at_most, "witness": witness}
            found = verdict(model.bytes(), encoded(certificate(model, strategy, **fields)))
            assert found.theorem, (strategy, at_least)
        fields = {"at_least": 0, "at_most": 0, "witness": witness}
        found = verdict(model.bytes(), encoded(certificate(model, strategy, **fields)))
        assert found.established["correct_at_least"] == 1
        assert found.established["correct_at_most"] == 1
