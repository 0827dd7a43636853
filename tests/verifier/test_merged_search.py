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

from ballproof.models.tasks.max import Max
from ballproof.models.tasks.task import Task
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.changes import HARMLESS, MISSING, looked_up
from ballproof.verifier.strategies.ladder import bound, workers
from ballproof.verifier.strategies.ladder import strategy as ladder_strategy
from ballproof.verifier.strategies.ladder.cells import cells_of, spans_of
from ballproof.verifier.strategies.ladder.domain import MERGED
from ballproof.verifier.strategies.ladder.pools import Tables
from ballproof.verifier.strategies.ladder.sampling import draws, strongest, wins
from ballproof.verifier.strategies.ladder.steer import two_sided


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


def test_what_walks_count_together_is_counted_from_below_together():
    walks = [
        {"rule": "merged", "rivals": [4, 7], "atoms": 64, "cells": 16, "axes": [7]},
        {"rule": "merged", "rivals": [2], "atoms": 32, "cells": 12, "axes": [2]},
        {"rule": "moment", "rivals": [1], "rate": 9},
    ]
    witness = {"labels": [[0, [{"subpools": [], "groups": walks, "likely": 4}]]]}
    *above, below = two_sided(witness, 64)["labels"][0][1][0]["groups"]
    assert above == walks
    assert (below["rule"], below["rivals"], below["axes"]) == ("merged-lower", [2, 4, 7], [2, 4, 7])
