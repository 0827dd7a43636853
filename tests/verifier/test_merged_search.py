"""The search by sample and merged walks: samples are fair, what it finds is sound and checked."""

from collections import Counter
from copy import deepcopy
from itertools import product
from random import Random

import numpy as np
import pytest
from support.certify import certificate, encoded, established, verdict
from support.ladders import every_class
from support.oracle import count_correct
from support.toy import MOSTLY_RIGHT, Recipe, random_toys

from ballproof.models.catalogue import zoo_path
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.task import Task
from ballproof.models.weights import load_weights, weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.changes import HARMLESS, MISSING, looked_up
from ballproof.verifier.strategies.ladder import bound, workers
from ballproof.verifier.strategies.ladder import strategy as ladder_strategy
from ballproof.verifier.strategies.ladder.cells import cells_of, spans_of
from ballproof.verifier.strategies.ladder.costs import PoolCost
from ballproof.verifier.strategies.ladder.domain import MERGED
from ballproof.verifier.strategies.ladder.merged import Limits, MergedWalk
from ballproof.verifier.strategies.ladder.offers import LEARNT, PROBE, Offers
from ballproof.verifier.strategies.ladder.pools import Tables
from ballproof.verifier.strategies.ladder.sampling import draws, strongest, wins
from ballproof.verifier.strategies.ladder.steer import BELOW_WALK, one_sided, two_sided


@pytest.fixture
def beyond(monkeypatch):
    """Have every model count as one whose inputs are too many to walk."""
    monkeypatch.setattr(ladder_strategy, "EXHAUSTIVE_LIMIT", 0)


def class_of_max(query, label, places):
    tokens = range(label + 1)
    task = Task(Max(), (tokens,) * (places + 1), tuple(range(places + 1)), tokens)
    acceptor = task.acceptors(label)[query]
    return cells_of(acceptor, spans_of(acceptor, ()))


def test_each_sequence_of_a_class_is_drawn_equally_often():
    cells = class_of_max(0, 2, 3)
    drawn = Counter(map(tuple, draws(cells, 19_000, seed=1).tolist()))
    assert set(drawn) == {x for x in product(range(3), repeat=3) if 2 in x}
    assert all(800 < count < 1200 for count in drawn.values())


def test_wins_are_those_of_the_tables():
    cells, rng = class_of_max(1, 3, 4), np.random.default_rng(3)
    tables = Tables(rng.integers(-9, 9, 5), rng.integers(-9, 9, (4, 4, 5)))
    drawn = draws(cells, 50, seed=2)
    expected = [
        tables.own + sum(tables.rows[i, cell] for i, cell in enumerate(x)) >= 0 for x in drawn
    ]
    assert (wins(tables, drawn) == expected).all()


def test_the_strongest_rivals_win_what_the_others_do_not():
    won = np.zeros((10, 4), dtype=bool)
    won[:6, 0] = won[:5, 1] = won[6:8, 2] = True
    assert strongest(won, 2) == [0, 2]
    assert strongest(won, 3) == [0, 1, 2]
    assert strongest(won, 9) == [0, 1, 2, 3]


@pytest.mark.usefixtures("beyond")
def test_the_search_beyond_the_limit_is_sound_and_the_checker_counts_alike():
    ladder, rules, counts = strategy_named("ladder"), Counter(), np.zeros(2)
    models = list(random_toys(4, 12, 6, 4, flavours=MOSTLY_RIGHT))
    for model in [*models, Recipe("gaussian", 5, 4, 4, 3, seed=1).build()]:
        problem = pose(weights_from_bytes(model.bytes(), "toy"))
        if problem.answers == 1:
            continue
        witness = ladder.search(problem, Goal(), silent)
        bounds = ladder.bound(problem, witness, silent)
        assert bounds.correct_at_least <= count_correct(model) <= bounds.correct_at_most
        low, _ = established(model, "ladder", witness=witness)
        counts += np.array([low, bounds.correct_at_least]) / problem.total
        rules.update(group["rule"] for node in nodes(witness) for group in node["groups"])
    # Two roundings of the same walks.
    assert counts[0] == pytest.approx(counts[1], rel=0.02)
    assert set(MERGED) <= set(rules)


@pytest.mark.usefixtures("beyond")
def test_several_processes_count_what_one_counts(monkeypatch):
    model, ladder = next(iter(random_toys(5, 1, 5, 3))), strategy_named("ladder")
    problem = pose(weights_from_bytes(model.bytes(), "toy"))
    witness = ladder.search(problem, Goal(), silent)
    alone = ladder.bound(problem, witness, silent)
    monkeypatch.setattr(bound, "PARALLEL_WALKS", 0)
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 2)
    assert ladder.bound(problem, witness, silent) == alone


def nodes(witness):
    waiting = [node for _, tree in witness["labels"] for node in tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node["subpools"]


def test_changes_of_merged_groups_are_answered_as_they_must():
    model = Recipe("trained", 4, 2, 3, 2, seed=3).build()
    problem = pose(weights_from_bytes(model.bytes(), "toy"))
    witness = every_class(4, ["merged", "merged-lower"])
    low, high = established(model, "ladder", witness=witness)
    cert = certificate(model, "ladder", at_least=low, at_most=high, witness=witness)
    changes = strategy_named("ladder").changes(problem, witness, Random(0))
    tried = Counter()
    for change in (*changes.outside, *changes.inside):
        if "groups" in change.path:
            mutant = deepcopy(cert)
            *way, last = change.path
            holder = looked_up(mutant, tuple(way))
            if change.value is MISSING:
                del holder[last]
            else:
                holder[last] = change.value
            found = verdict(model.bytes(), encoded(mutant))
            assert (found.refusal if not found.theorem else HARMLESS) in change.expected, change
            tried[change.path[-1]] += 1
    assert {"atoms", "cells", "axes", "rule", "rivals"} <= set(tried)


def walked(wrong, rivals):
    group = {"rule": "merged", "rivals": [1, 4, 7], "atoms": 64, "cells": 16, "axes": [7]}
    return {"subpools": [], "groups": [group], "below": (wrong, rivals)}


def test_classes_with_the_most_wrong_inputs_are_counted_from_below():
    witness = {"labels": [[0, [walked(5, [4]), walked(90, [4, 7])]], [1, [walked(70, [1])]]]}
    for most, counted in ((0, []), (2.5, [90, 70]), (9, [90, 70, 5])):
        both = two_sided(witness, 64, 3, most * 3 * BELOW_WALK)
        found = [node["groups"][1:] for node in nodes(both)]
        rivals = [group["rivals"] for below in found for group in below]
        expected = {90: [4, 7], 70: [1], 5: [4]}
        assert sorted(rivals) == sorted(expected[wrong] for wrong in counted)
        assert all(
            x["rule"] == "merged-lower" and x["axes"] == x["rivals"] for y in found for x in y
        )
        assert not any("below" in node for node in nodes(both))
    assert all("below" not in node for node in nodes(one_sided(witness)))


def offers(experience, seed=0, worth=1e6):
    """Return the offers for a class in which one rival of four wins much."""
    rng, cells = np.random.default_rng(seed), class_of_max(3, 8, 6)
    rows = rng.integers(-90, 60, (6, 9, 4))
    tables = Tables(np.array([-60, -90, -200, -220]), rows)
    won = wins(tables, draws(cells, 2000, seed))
    ladder, problem = strategy_named("ladder"), pose(weights_from_bytes(BIG.bytes(), "toy"))
    return Offers(
        ladder._rules(problem),
        cells,
        PoolCost(9, 6, 1, 6, 0, 0, summed=False),
        np.array([1, 2, 4, 5]),
        tables,
        won,
        worth,
        8,
        experience,
    )


BIG = Recipe("gaussian", 5, 4, 4, 3, seed=1).build()


@pytest.mark.usefixtures("beyond")
def test_what_is_offered_bounds_the_wins_and_gets_better():
    found = list(offers({}).candidates())
    class_ = offers({})
    exact = MergedWalk(class_.cells, class_.tables, np.arange(4), 8, up=True)
    true = exact.count(Limits(10**6, 10**6))
    assert all(candidate.lost >= true for candidate in found)
    assert min(candidate.lost for candidate in found) < 1.1 * true < found[0].lost
    assert found[0].operations < min(candidate.operations for candidate in found[1:])


@pytest.mark.usefixtures("beyond")
def test_later_classes_of_a_label_try_what_was_worth_it():
    experience, tried = {}, []
    for _ in range(LEARNT + 2):
        before = {kind: lesson.limits.copy() for kind, lesson in experience.items()}
        found = list(offers(experience).candidates())
        tried.append(len(found))
    (lesson,) = experience.values()
    walks = [group for x in found for group in x.groups if group["rule"] == "merged"]
    alone = {limits for levels in lesson.levels.values() for limits in levels}
    used = {(group["atoms"], group["cells"]) for group in walks}
    assert used <= lesson.limits | alone == before.popitem()[1] | alone
    assert tried[-1] < tried[0]


def test_the_wins_of_a_walk_are_those_of_its_rivals():
    cells, rng = class_of_max(1, 3, 4), np.random.default_rng(3)
    for _ in range(20):
        tables = Tables(rng.integers(-30, 5, 3), rng.integers(-9, 9, (4, 4, 3)))
        walk = MergedWalk(cells, tables, np.arange(3), 3, up=True, exact=False)
        count = walk.count(Limits(10**4, 10**4))
        each = [
            MergedWalk(cells, tables.of(np.array([j])), np.array([0]), 3, up=True).count(
                Limits(10**4, 10**4)
            )
            for j in range(3)
        ]
        assert max(walk.wins) <= count + 1
        assert count <= sum(walk.wins) + 1
        assert all(found <= alone + 1 for found, alone in zip(walk.wins, each, strict=True))


@pytest.mark.usefixtures("beyond")
def test_axes_are_the_rivals_that_merging_raises():
    """Two rivals that win apart need an axis each; of one axis nearly all seems wrong."""
    class_ = offers({}, worth=1e9)
    list(class_.candidates())
    class_.learning = True
    walk = class_._with_axes(np.arange(4))
    short = Limits(*PROBE)
    counts = [
        MergedWalk(class_.cells, class_.tables, np.array([axis]), 8, up=True, exact=False).count(
            short
        )
        for axis in range(4)
    ]
    assert walk.count(short) <= min(counts)


def test_of_many_tokens_those_far_from_the_label_are_told_apart_where_that_clears_a_class():
    """One last token, and the tokens 0 to 66: with the far ones in one cell 0.005 was proved."""
    weights = load_weights(zoo_path("max-of-10-of-128-seed-104"))
    tokens = (*(range(67),) * 9, range(36, 37))
    problem = pose(weights, task=Task(Max(), tokens, tuple(range(10)), range(128)))
    ladder = strategy_named("ladder")
    witness = ladder.search(problem, Goal(), silent)
    found = ladder.bound(problem, witness, silent)
    assert found.correct_at_least > 0.2 * problem.total
    assert found.correct_at_most < problem.total
