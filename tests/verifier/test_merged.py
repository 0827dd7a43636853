"""The prover's merged walk (T18): on its side of the truth, and as the checker walks."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import class_of
from support.certify import established
from support.ladders import every_class
from support.oracle import count_correct
from support.toy import Recipe, ToyModel

from arithmetic.tally import Tally
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.min import Min
from ballproof.models.tasks.rank import Rank
from ballproof.models.tasks.task import Task
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting import merging
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies.ladder import merged
from ballproof.verifier.strategies.ladder.bound import count_wrong
from ballproof.verifier.strategies.ladder.cells import cells_of, spans_of
from ballproof.verifier.strategies.ladder.merged import Limits, MergedWalk
from ballproof.verifier.strategies.ladder.pools import LabelTables, PrefixExtremes, Tables
from counting.cells import cells_of as kernel_cells_of
from counting.merged import Limits as KernelLimits
from counting.merged import MergedWalk as KernelWalk
from counting.pools import Table

EVERY = Limits(2**12, 2**12)
LIMITS = st.builds(Limits, st.integers(1, 5), st.integers(1, 4))


def acceptors(rule, v, places):
    tokens = range(v)
    task = Task(rule, (tokens,) * (places + 1), tuple(range(places + 1)), tokens)
    return [each for label in task.labels for each in task.acceptors(label).values()]


def tables_of(rng, cells, rivals, kind):
    """Return entries over 6 orders of magnitude, as the weights of attention are."""
    scales = np.array([10 ** int(rng.integers(0, 7)) for _ in cells.sizes])
    rows = rng.integers(-6, 6, (cells.places, len(scales), rivals)) * scales[:, None]
    own = rng.integers(-9, 7, rivals) * rng.choice([1, *scales])
    return Tables(own.astype(kind), rows.astype(kind))


@st.composite
def walks(draw, most_places=4):
    """Return a class by cells, tables of a few rivals, and axes."""
    places, v = draw(st.integers(0, most_places)), draw(st.integers(1, 4))
    rule = draw(st.sampled_from([Max(), Min(), Rank(2)])) if places else Max()
    acceptor = draw(st.sampled_from(acceptors(rule, v, places)))
    first = draw(st.integers(0, v - 1))
    try:
        cells = cells_of(acceptor, spans_of(acceptor, ((first, first + 1),)))
    except ValueError:
        cells = cells_of(acceptor, spans_of(acceptor, ()))
    rng, rivals = np.random.default_rng(draw(st.integers(0, 2**32))), draw(st.integers(1, 4))
    axes = sorted(draw(st.sets(st.integers(0, rivals - 1), min_size=1)))
    kind = draw(st.sampled_from([np.int64, object]))
    return cells, tables_of(rng, cells, rivals, kind), np.array(axes)


def true_count(cells, tables):
    """Enumerate the sequences of cells, and count those that some rival wins."""
    count = 0
    for chosen in product(range(len(cells.sizes)), repeat=cells.places):
        state, ways = 0, 1
        for level, cell in enumerate(chosen):
            found = [
                arc.target
                for arc in cells.arcs[level]
                if arc.source == state and arc.first <= cell < arc.past
            ]
            state, ways = (found[0] if found else -1), ways * cells.sizes[cell]
            if not found:
                break
        sums = tables.own + sum(tables.rows[level, cell] for level, cell in enumerate(chosen))
        count += ways * (state >= 0 and max(sums) >= 0)
    return count


def counted(drawn, limits, *, up, exact=True):
    cells, tables, axes = drawn
    return MergedWalk(cells, tables, axes, -1, up=up, exact=exact).count(limits)


@settings(max_examples=200)
@given(walks(), LIMITS)
def test_merged_atoms_bound_the_sequences_that_some_rival_wins(drawn, limits):
    true = true_count(*drawn[:2])
    assert counted(drawn, limits, up=False) <= true <= counted(drawn, limits, up=True)
    assert counted(drawn, limits, up=True) <= drawn[0].size


@settings(max_examples=100)
@given(walks())
def test_a_walk_that_merges_nothing_is_exact(drawn):
    true = true_count(*drawn[:2])
    assert counted(drawn, EVERY, up=False) == true == counted(drawn, EVERY, up=True)


@settings(max_examples=100)
@given(walks(), LIMITS, st.booleans())
def test_a_search_counts_nearly_the_same_in_floats(drawn, limits, up):
    exact = counted(drawn, limits, up=up)
    assert abs(counted(drawn, limits, up=up, exact=False) - exact) <= 1


def adversarial():
    """Return classes where one of several rivals wins only just."""
    rng = np.random.default_rng(5)
    for acceptor in acceptors(Max(), 4, 3) + acceptors(Min(), 3, 4):
        cells = cells_of(acceptor, spans_of(acceptor, ()))
        for _ in range(8):
            yield cells, tables_of(rng, cells, 3, np.int64), np.array([0, 2])


def sound():
    return all(
        counted(drawn, limits, up=False)
        <= true_count(*drawn[:2])
        <= counted(drawn, limits, up=True)
        for drawn in adversarial()
        for limits in (Limits(1, 1), Limits(2, 3), Limits(5, 2), EVERY)
    )


def test_the_adversarial_classes_are_bounded():
    assert sound()


def test_the_smaller_of_merged_sums_would_be_caught(monkeypatch):
    monkeypatch.setattr(merged, "EXTREMES", merged.EXTREMES[::-1])
    assert not sound()


def test_the_reach_of_another_state_would_be_caught(monkeypatch):
    real = merged.reach

    def shifted(*args):
        return [values[::-1] for values in real(*args)]

    monkeypatch.setattr(merged, "reach", shifted)
    assert not sound()


def test_a_lift_to_where_a_rival_wins_would_be_caught(monkeypatch):
    monkeypatch.setattr(merged, "JUST_BELOW", 0)
    drawn = [(x, counted(x, EVERY, up=True), true_count(*x[:2])) for x in adversarial()]
    assert any(count > true for _, count, true in drawn)


def test_prover_and_kernel_walk_alike():
    rng, same, cases, spent = np.random.default_rng(7), 0, 0, np.zeros(2)
    for _ in range(150):
        places, m = int(rng.integers(2, 5)), int(rng.integers(1, 5))
        query, limits = int(rng.integers(0, m + 1)), rng.integers(1, 9, 2).tolist()
        inputs = class_of(query, m, places)
        kernel, tokens = kernel_cells_of(inputs, []), range(m + 1)
        task = Task(Max(), (tokens,) * (places + 1), tuple(range(places + 1)), tokens)
        cells = cells_of(task.acceptors(m)[query], spans_of(task.acceptors(m)[query], ()))
        tables = tables_of(rng, cells, 3, np.int64)
        rows = tables.rows.tolist()
        theirs = [
            Table(int(tables.own[j]), [[x[j] for x in row] for row in rows], places * (m + 1) + 1)
            for j in range(3)
        ]
        for up in (True, False):
            tally = Tally(10**9)
            walk = KernelWalk(kernel, theirs, [0, 2], m, tally)
            found = walk.count(KernelLimits(*limits), up=up)
            ours = MergedWalk(cells, tables, np.array([0, 2]), m, up=up)
            same += ours.count(Limits(*limits)) == found
            cases += 1
            spent += np.array([ours.operations, tally.spent])
    assert same > 0.9 * cases
    assert spent[0] == pytest.approx(spent[1], rel=0.05)


def sharp(seed):
    """Return a model whose scores lie far apart, those of large tokens highest or lowest."""
    model = Recipe("trained", 4, 3, 4, 3, frozenset({"b_U"}), seed=seed).build()
    query = next(name for name in model.tensors if name.endswith("W_Q"))
    return ToyModel({**model.tensors, query: model.tensors[query] * (40 if seed % 2 else -40)})


def test_tables_of_scores_far_apart_are_sound_and_those_of_the_kernel():
    wide = same = cases = 0
    for seed in range(8):
        model = sharp(seed)
        problem, true = pose(weights_from_bytes(model.bytes(), "toy")), count_correct(model)
        prefixes = PrefixExtremes(problem)
        wide += sum(LabelTables(prefixes, m).is_wide(q) for m in range(4) for q in range(m + 1))
        for rules in (["merged", "merged-lower"], ["moment"], ["grid", "grid-lower"]):
            witness = every_class(4, rules)
            wrong = count_wrong(problem, witness, silent)
            low, high = problem.total - wrong.possible, problem.total - wrong.certain
            assert low <= true <= high
            cases += 1
            same += (low, high) == established(model, "ladder", precision=192, witness=witness)
    assert wide > 5
    assert same > 0.9 * cases


@given(st.integers(-(10**40), 10**40), st.integers(-(10**40), 10**40), st.floats(1, 1e20))
def test_levels_rise_with_their_numbers(x, y, unit):
    low, high = merging.levels(np.array([[min(x, y)], [max(x, y)]], dtype=object), np.array([unit]))
    assert low <= high


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 12))
def test_parts_are_those_of_cutting_one_at_a_time(seed, count, most):
    rng = np.random.default_rng(seed)
    heights, ways = rng.random((count, 2)), rng.random(count)
    found = merging.parts(heights, ways, np.array([0]), most)
    sets = [set(x.tolist()) for x in np.split(found.order, found.starts[1:])]
    assert sorted(map(sorted, sets)) == sorted(map(sorted, one_at_a_time(heights, ways, most)))


def one_at_a_time(heights, ways, most):
    """Cut by the words of the format, one part after the other."""

    def looked(part):
        tops = heights[part].max(axis=0)
        axis = (ways[part, None] * (tops - heights[part])).sum(axis=0).argmax()
        part = sorted(part, key=lambda i: -heights[i, axis])
        saved = [
            ways[part[i:]].sum() * (tops[axis] - heights[part[i], axis]) for i in range(len(part))
        ]
        return max(saved), int(np.argmax(saved)), part

    if len(ways) <= most:
        return [[i] for i in range(len(ways))]
    found = [looked(list(range(len(ways))))]
    while len(found) < most:
        best = max(range(len(found)), key=lambda i: found[i][0])
        saved, cut, part = found[best]
        if not saved:
            break
        found[best : best + 1] = [looked(part[:cut]), looked(part[cut:])]
    return [part for _, _, part in found]
