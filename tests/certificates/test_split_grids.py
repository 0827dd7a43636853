"""What `split` counts of a class: no fewer than some rival wins by some summand, each on a grid."""

from random import Random
from types import SimpleNamespace

import pytest
from support.networks import one_layer
from support.splits import _inputs
from test_split_rules import PLAIN, made_of

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.summands import Upper, upper
from strategies.split import Split, Walk


@pytest.mark.parametrize("seed", range(20))
def test_a_grid_that_is_fine_counts_each_rival_and_summand_exactly(seed):
    _, _, cells = made_of(one_layer(1, **PLAIN))
    rng, lanes, tally = Random(seed), Lanes(2, 64), Tally(10**9)
    tables, wins = [], 0
    for _ in range(2):
        rows = [[[rng.randint(-9, 2) for _ in range(2)] for _ in span] for span in cells.present]
        own = [rng.randint(0, 3), rng.randint(-9, 4)]
        packed = [[lanes.pack(x) for x in row] for row in rows]
        tables.append(upper(cells, None, packed, lanes.pack(own), 0, lanes, tally))
        for path in _inputs(cells):
            chosen = [r[c - p.start] for r, c, p in zip(rows, path, cells.present, strict=True)]
            sums = [own[j] + sum(x[j] for x in chosen) for j in range(2)]
            wins += sum(x >= 0 for x in sums)
    witness = SimpleNamespace(rate=4096)
    split = SimpleNamespace(tables=SimpleNamespace(leads=lanes), tally=tally, witness=witness)
    living = 0
    for table in tables:
        living |= lanes.signs(table.worst)
    found = Split._counted(split, cells, tables, living)
    assert found == min(wins, cells.inputs)


def test_a_rival_whose_largest_sum_is_zero_lives_in_every_lane():
    lanes, found = Lanes(4, 64), []
    cells = SimpleNamespace(moves=[[[(0, range(1))]]], present=[range(1)])
    table = Upper(0, [[lanes.pack([3, -1, 2, 0])]], [{}, {0: lanes.pack([-4, 1, -2, 0])}], 0)
    walk = SimpleNamespace(lanes=lanes, tally=Tally(10**9), cells=cells, tables=[table])
    walk._walk = lambda *arguments: found.append(arguments)
    Walk._walk(walk, (), 0, [0], lanes.ones)
    (prefix, state, sums, living) = found[0]
    assert (prefix, state, sums) == ((0,), 0, [lanes.pack([3, -1, 2, 0])])
    assert lanes.indices(living) == [1, 2, 3]
