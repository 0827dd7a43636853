"""The merged walk (T18): whatever is merged, it lies on its side of the number of inputs."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import certificate, encoded, established, trained_toy, verdict
from support.ladders import only, others, pool
from support.oracle import count_correct
from support.toy import Recipe, small_toys
from test_ladder_counting import RULES, classes, inputs_of

from arithmetic.tally import Tally
from counting.cells import cells_of
from counting.merged import Limits, MergedWalk, level
from counting.pools import Table
from tasks.acceptors import Class, accepted
from tasks.maximum import Maximum

EVERY = Limits(2**12, 2**12)
limits = st.sampled_from([Limits(*x) for x in ((1, 1), (1, 9), (2, 2), (3, 1), (4, 4), (9, 2))])


def merged(rivals, atoms=4, cells=4, axes=None, rule="merged"):
    axes = list(rivals)[:4] if axes is None else axes
    return {"rule": rule, "rivals": list(rivals), "atoms": atoms, "cells": cells, "axes": axes}


@st.composite
def walks(draw, most_places=4):
    """Return the cells of a class, tables of a few rivals, and axes."""
    places, v = draw(st.integers(0, most_places)), draw(st.integers(1, 4))
    inputs = draw(st.sampled_from(classes(draw(st.sampled_from(RULES)), v, places)))
    cells = cells_of(inputs, [])
    count, rivals = len(cells.tokens), draw(st.integers(1, 4))
    # Orders of magnitude apart, as the weights of attention are.
    scales = [10 ** draw(st.integers(0, 6)) for _ in range(count)]
    entry = st.integers(-6, 5)
    tables = []
    for _ in range(rivals):
        rows = [[draw(entry) * scale for scale in scales] for _ in range(places)]
        own = draw(st.integers(-9, 6)) * draw(st.sampled_from([1, *scales]))
        tables.append(Table(own, rows, count * places + 1))
    axes = sorted(draw(st.sets(st.integers(0, rivals - 1), min_size=1)))
    return cells, tables, axes


def true_count(cells, tables):
    def wins(x):
        sums = (t.own + sum(r[c] for r, c in zip(t.rows, x, strict=True)) for t in tables)
        return max(sums) >= 0

    return sum(map(wins, inputs_of(cells)))


def counted(drawn, most, *, up):
    cells, tables, axes = drawn
    walk = MergedWalk(cells, tables, axes, max(len(cells.tokens) - 1, 0), Tally(10**9))
    return walk.count(most, up=up)


@settings(max_examples=600)
@given(walks(), limits)
def test_merged_atoms_bound_the_inputs_that_some_rival_wins(drawn, most):
    true = true_count(*drawn[:2])
    assert counted(drawn, most, up=False) <= true <= counted(drawn, most, up=True)


@settings(max_examples=300)
@given(walks())
def test_a_walk_that_merges_nothing_is_exact(drawn):
    true = true_count(*drawn[:2])
    assert counted(drawn, EVERY, up=False) == true == counted(drawn, EVERY, up=True)


@settings(max_examples=300)
@given(walks(), st.integers(1, 3), st.integers(1, 3))
def test_no_more_is_counted_than_the_class_holds(drawn, atoms, cells):
    assert 0 <= counted(drawn, Limits(atoms, cells), up=True) <= drawn[0].inputs


def test_atoms_that_are_merged_keep_the_larger_of_each_sum():
    """Rival 0 wins with token 0 twice, rival 1 with token 1 twice; as one atom both win always."""
    inputs = accepted(Maximum(), 1, [range(2)] * 3, range(3))
    cells = cells_of(Class(1, inputs.starts[1], inputs), [])
    tables = [Table(0, [[0, -10], [0, -9]], 5), Table(0, [[-10, 0], [-9, 0]], 5)]
    assert counted((cells, tables, [0, 1]), EVERY, up=True) == true_count(cells, tables) == 2
    assert counted((cells, tables, [0, 1]), Limits(1, 2), up=True) == 4
    assert counted((cells, tables, [0, 1]), Limits(1, 2), up=False) == 0


def class_of_max(v, places):
    """Return the start and the acceptor of a class of max whose label is the largest token."""
    inputs = accepted(Maximum(), v - 1, [range(v)] * (places + 1), range(v))
    return inputs.starts[1], inputs


def test_a_rival_that_is_out_hinders_no_merging():
    """It is lifted to the same number in all atoms of a state, on its axis too."""
    rng, cells = Random(3), cells_of(Class(1, *class_of_max(4, 5)), [])
    for atoms in range(1, 7):
        for _ in range(10):
            rows = [[[rng.randint(-60, 40) for _ in range(4)] for _ in range(5)] for _ in range(3)]
            tables = [Table(-40, rows[0], 21), Table(-30, rows[1], 21)]
            out = [*tables, Table(-(201 * 10**5), [[10**5 * x for x in y] for y in rows[2]], 21)]
            both = counted((cells, out, [0, 1, 2]), Limits(atoms, 2**12), up=True)
            assert both == counted((cells, tables, [0, 1]), Limits(atoms, 2**12), up=True)


@given(st.integers(-(10**40), 10**40), st.integers(-(10**40), 10**40), st.integers(1, 10**20))
def test_levels_rise_with_their_numbers(x, y, unit):
    low, high = sorted((x, y))
    assert level(low, unit) <= level(high, unit)
    assert level(-x, unit) == -level(x, unit)


def every_class(v, *groups, cells=()):
    """Return a witness of max that counts each class by itself with these rules."""

    def own(q, m):
        made = [merged(others(m, v), **options) for options in groups if v > 1]
        return pool(q, q, groups=made, cells=list(cells))

    return {"labels": [[m, [own(q, m) for q in range(m + 1)]] for m in range(v)]}


BOTH = ({"rule": "merged"}, {"rule": "merged-lower"})


@settings(max_examples=150)
@given(
    small_toys(),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from(["0", "1/3", "5"]),
    st.sampled_from([32, 64, 200]),
)
def test_every_model_is_bounded_truly(model, atoms, cells, margin, precision):
    groups = [x | {"atoms": atoms, "cells": cells} for x in BOTH]
    witness = every_class(model.d_vocab, *groups)
    low, high = established(model, "ladder", margin=margin, precision=precision, witness=witness)
    assert low <= count_correct(model, Fraction(margin)) <= high


def test_a_walk_that_merges_nothing_settles_a_model():
    model = Recipe("trained", 4, 3, 4, 4, frozenset({"b_U"}), seed=2).build()
    groups = [x | {"atoms": 4096, "cells": 4096} for x in BOTH]
    found = established(model, "ladder", witness=every_class(4, *groups))
    assert found == (count_correct(model),) * 2


REFUSED = [
    {"atoms": 0},
    {"atoms": 4097},
    {"cells": 0},
    {"cells": 4097},
    {"axes": []},
    {"axes": [3]},
    {"axes": [1, 0]},
    {"axes": [0, 0]},
    {"axes": None},
    {"rate": 3},
    {"atoms": True},
]


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_other_fields_are_refused(change):
    model = trained_toy()
    groups = [merged([0, 1], axes=[0, 1]) | change]
    cert = certificate(model, "ladder", witness=only(2, pool(0, 0, groups=groups)))
    assert verdict(model.bytes(), encoded(cert)).refusal == (1, "witness")


@pytest.mark.parametrize("strategy", ["moment", "grid"])
@pytest.mark.parametrize("rule", ["merged", "merged-lower"])
def test_merged_walks_are_ladders_alone(strategy, rule):
    model = trained_toy()
    witness = only(2, pool(0, 0, groups=[merged([0, 1], rule=rule)]))
    cert = certificate(model, strategy, witness=witness)
    assert verdict(model.bytes(), encoded(cert)).refusal == (1, "witness")


def test_at_most_sixteen_rivals_are_axes():
    model = Recipe("trained", 20, 2, 4, 4, frozenset(), seed=2).build()
    for axes, refusal in ((range(16), (0, None)), (range(17), (1, "witness"))):
        groups = [merged(range(18), axes=list(axes))]
        cert = certificate(model, "ladder", at_least=0, witness=only(19, pool(0, 0, groups=groups)))
        assert verdict(model.bytes(), encoded(cert)).refusal == refusal
