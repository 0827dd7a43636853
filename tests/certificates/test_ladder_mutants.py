"""Every field of a ladder's witness, changed: refused for its reason, or still true."""

import json
from copy import deepcopy
from functools import cache
from random import Random

import pytest
from mutation import (
    BUDGET,
    COUNT,
    LIMIT,
    SYNTAX,
    UNSUPPORTED,
    VERIFIED,
    WITNESS,
    Case,
    answer,
    changed,
    get,
)
from support.certify import certificate, encoded, established, verdict
from support.ladders import (
    LADDERS,
    RULES,
    every_class,
    group,
    nodes_of,
    others,
    plausible_ladder,
    pool,
    wild_ladder,
)
from support.oracle import count_correct
from support.toy import Recipe

# All four sizes differ, and the count leaves room to lie at both ends.
MODEL = Recipe("trained", 6, 3, 4, 2, frozenset({"b_U"}), seed=5).build()
TRUE, V = count_correct(MODEL), 6
JUDGED = {VERIFIED, COUNT}
WITNESS_PATH = ("proof", "witness")
NODE_KEYS = ("queries", "cells", "per_position", "joint_rivals", "thresholds", "subpools")
NODE_KEYS += ("groups", "rare_tokens", "at_most")


def full(strategy):
    """Return a witness in which no list is empty somewhere, and every rule has a group."""
    witness = plausible_ladder(Random(1), strategy, MODEL)
    top = witness["labels"][V - 1][1]
    rivals = others(V - 1, V)
    fine = group("branch-two-sided" if strategy == "ladder" else strategy, rivals, 2000)
    for q, part in enumerate(top[0]["subpools"]):
        coarse = [group(rule, rivals[:2], 500) for rule in RULES[strategy][q::3]]
        part["groups"] = [*coarse, fine]
        part["cells"] = [[0, 1]]
    top[0]["subpools"][0] |= {"rare_tokens": [V - 3, V - 2], "at_most": 2}
    return witness


@cache
def case_of(strategy):
    witness = full(strategy)
    low, high = established(MODEL, strategy, witness=witness)
    assert 0 < low <= TRUE <= high < V**3
    cert = certificate(MODEL, strategy, at_least=low, at_most=high, witness=witness)
    return Case(MODEL, cert, low, high)


@pytest.fixture(params=LADDERS)
def case(request):
    return case_of(request.param)


def leaves(value, path=()):
    """Yield the path of everything inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from leaves(inner, (*path, key))


def kind_of(path):
    """Return the path without its indices: what is tested of one is tested of all."""
    return tuple(key for key in path if isinstance(key, str))


def fields(case, *ends, most=5):
    """Return some paths of each kind, of those whose kind ends so, spread over the witness."""
    kinds = {}
    for path in leaves(get(case.cert, WITNESS_PATH)):
        if not ends or kind_of(path)[-len(ends) :] == ends:
            kinds.setdefault((kind_of(path), len(path)), []).append(path)
    found = [path for paths in kinds.values() for path in paths[:: -(-len(paths) // most)]]
    return [(*WITNESS_PATH, *path) for path in found]


def test_the_unmutated_certificate_is_verified_and_shows_every_field(case):
    assert verdict(MODEL.bytes(), encoded(case.cert)).theorem
    witness = get(case.cert, WITNESS_PATH)
    kinds = {kind_of(path) for path in leaves(witness)}
    node = ("labels", "subpools")
    assert {kind[-1] for kind in kinds if kind[:-1] == node} == {*NODE_KEYS}
    assert (*node, "groups", "rate") in kinds
    rules = {get(case.cert, path) for path in fields(case, "rule", most=1000)}
    assert rules == set(RULES[case.cert["proof"]["strategy"]])


def test_a_missing_an_added_or_a_renamed_key_is_rejected(case):
    paths = [WITNESS_PATH, *fields(case, most=3)]
    for path in (path for path in paths if isinstance(get(case.cert, path), dict)):
        value = get(case.cert, path)
        for key in value:
            less = {name: inner for name, inner in value.items() if name != key}
            for mutant in (less, {**less, key.upper(): value[key]}, {**less, "": value[key]}):
                assert answer(case, changed(case.cert, path, mutant)) == WITNESS
        for extra in ("sure", "branch-two-sided", "note", "", "\ud800", "rate", "groups"):
            if extra not in value:
                assert answer(case, changed(case.cert, (*path, extra), [])) == WITNESS


def test_a_key_written_twice_is_declined(case):
    text = json.dumps(case.cert)
    for key in ("labels", *NODE_KEYS, "rule", "rivals", "rate"):
        twice = text.replace(f'"{key}":', f'"{key}": [], "{key}":', 1)
        assert answer(case, twice.encode()) == SYNTAX


def test_a_value_of_another_type_is_rejected(case):
    for path in fields(case, most=2):
        value = get(case.cert, path)
        for other in (None, True, "1", "branch", {}, {"0": 1}, [None], [[[]]], [True, 0]):
            found = answer(case, changed(case.cert, path, other))
            if other == "branch" and path[-1] == "rule":
                assert found in {WITNESS, *JUDGED}
            else:
                assert found == WITNESS
        if not isinstance(value, list):
            for other in ([], [value]):
                assert answer(case, changed(case.cert, path, other)) == WITNESS


def test_floats_and_numbers_of_thousands_of_digits_are_declined(case):
    for path in fields(case, most=3):
        for other in (1.5, 1.0, 1e300, float("nan"), float("inf")):
            assert answer(case, changed(case.cert, path, other)) == SYNTAX
        assert answer(case, changed(case.cert, path, 10**2000)) == LIMIT
    text = json.dumps(changed(case.cert, (*WITNESS_PATH, "labels", 1, 1, 0, "at_most"), 987654321))
    for spelling in ("-0", "01", "1.0", "1e0", "+1", "0x1", "NaN"):
        assert answer(case, text.replace("987654321", spelling).encode()) == SYNTAX


def test_a_number_far_outside_its_range_is_rejected(case):
    for path in fields(case, most=4):
        if isinstance(get(case.cert, path), int):
            for other in (-(2**61), 2**61, 10**1999, -(10**1999)):
                assert answer(case, changed(case.cert, path, other)) == WITNESS


@pytest.mark.parametrize("most", [6, pytest.param(16, marks=pytest.mark.slow)])
def test_no_number_of_the_witness_makes_a_false_claim_true(case, most):
    # By one up and down, zero, and the ends of all ranges: answer() has the oracle judge it.
    seen = set()
    for path in fields(case, most=most):
        value = get(case.cert, path)
        if isinstance(value, int):
            for other in {value - 1, value + 1, 0, V, 2**20, -1024} - {value}:
                found = answer(case, changed(case.cert, path, other))
                assert found in {WITNESS, BUDGET, *JUDGED}
                seen.add(found)
    assert seen >= {WITNESS, *JUDGED}


def test_a_list_with_an_item_less_or_more_is_refused_or_true(case):
    for path in fields(case, most=3):
        value = get(case.cert, path)
        if isinstance(value, list) and value:
            for other in (value[:-1], value[1:], [], value[::-1], [*value, value[-1]], [value]):
                if other != value:
                    assert answer(case, changed(case.cert, path, other)) in {WITNESS, *JUDGED}


def test_lists_of_fixed_length_have_it(case):
    for path in fields(case, "queries") + fields(case, "thresholds") + fields(case, "joint_rivals"):
        value = get(case.cert, path)
        pair = path[-1] == "queries" or (isinstance(path[-1], int) and isinstance(value, list))
        if pair:
            for other in ([], value[:1], [*value, value[-1]]):
                assert answer(case, changed(case.cert, path, other)) == WITNESS
    labels = get(case.cert, (*WITNESS_PATH, "labels"))
    for other in ([labels], labels[::-1], [*labels, labels[0]], [*labels, [V, []]], [[0]]):
        assert answer(case, changed(case.cert, (*WITNESS_PATH, "labels"), other)) == WITNESS
    assert answer(case, changed(case.cert, WITNESS_PATH, {"labels": []})) == COUNT


def test_the_witness_of_another_strategy_is_rejected_or_true(case):
    for other in LADDERS:
        strategy = case.cert["proof"]["strategy"]
        if other != strategy:
            mutant = changed(case.cert, WITNESS_PATH, full(other))
            assert answer(case, mutant) in (JUDGED if strategy == "ladder" else {WITNESS})
    for other in ("exact", "cubic", "brute-force"):
        assert answer(case, changed(case.cert, ("proof", "strategy"), other)) == WITNESS
    for other in ("Ladder", "ladder ", "ladder/grid", "moments", "tail"):
        assert answer(case, changed(case.cert, ("proof", "strategy"), other)) == UNSUPPORTED


def test_an_empty_witness_is_rejected(case):
    for other in ({}, {"first": 0, "maxima": []}, {"gaps": []}, {"labels": [], "first": 0}):
        assert answer(case, changed(case.cert, WITNESS_PATH, other)) == WITNESS


@pytest.mark.parametrize("sizes", [(7, 3, 4, 2), (9, 3, 4, 2)])
def test_the_witness_of_a_model_of_more_tokens_is_rejected(case, sizes):
    other = Recipe("trained", *sizes, seed=5).build()
    witness = plausible_ladder(Random(0), case.cert["proof"]["strategy"], other)
    assert answer(case, changed(case.cert, WITNESS_PATH, witness)) == WITNESS


def test_a_bad_witness_is_rejected_before_any_work_is_counted(case):
    mutant = changed(case.cert, ("proof", "operations"), "0")
    assert answer(case, mutant) == BUDGET
    assert answer(case, changed(mutant, (*WITNESS_PATH, "labels"), [[V, []]])) == WITNESS


def test_nesting_deeper_than_the_format_allows_is_declined(case):
    node = pool(0, 0)
    for _ in range(12):
        node = pool(0, 0, subpools=[node])
    path = (*WITNESS_PATH, "labels", 1, 1)
    assert answer(case, changed(case.cert, path, [node])) == LIMIT


def test_the_budget_is_enough_exactly_from_the_tally_on(case):
    tally = verdict(MODEL.bytes(), encoded(case.cert)).theorem.tally
    path = ("proof", "operations")
    for budget, expected in ((tally, VERIFIED), (tally + 1, VERIFIED), (tally - 1, BUDGET)):
        assert answer(case, changed(case.cert, path, str(budget))) == expected
    for budget in (0, 1, tally // 2):
        assert answer(case, changed(case.cert, path, str(budget))) == BUDGET


@pytest.mark.parametrize("strategy", LADDERS)
def test_no_witness_that_is_read_makes_a_false_claim_true(strategy):
    rng = Random(strategy)
    for maker in (wild_ladder, plausible_ladder) * 10:
        witness = maker(rng, strategy, MODEL)
        for at_least, at_most in ((TRUE + 1, V**3), (0, TRUE - 1)):
            counts = {"at_least": at_least, "at_most": at_most}
            cert = certificate(MODEL, strategy, witness=witness, **counts)
            assert verdict(MODEL.bytes(), encoded(cert)).refusal == COUNT


@pytest.mark.parametrize("strategy", LADDERS)
def test_random_damage_to_a_witness_is_refused_or_true(strategy):
    rng, seen = Random(strategy), set()
    case = case_of(strategy)
    paths = fields(case, most=10**6)
    for _ in range(250):
        mutant = deepcopy(case.cert)
        for _ in range(rng.choice([1, 1, 2, 5])):
            target, source = rng.choice(paths), rng.choice(paths)
            try:
                value = get(mutant, source)
                get(mutant, target[:-1])[target[-1]] = deepcopy(value)
            except (KeyError, IndexError, TypeError):
                continue  # An earlier change took the place away.
        if mutant != case.cert:
            seen.add(answer(case, mutant))
    assert seen <= {WITNESS, LIMIT, BUDGET, *JUDGED}
    assert seen >= {WITNESS, VERIFIED}


def test_walks_and_tails_of_one_class_may_be_listed_twice_and_in_any_order():
    fine = every_class(V, ["branch-two-sided"])
    true = established(MODEL, "ladder", witness=fine)
    for node in nodes_of(fine):
        node["groups"].insert(0, group("grid-lower", node["groups"][0]["rivals"], 100))
    assert established(MODEL, "ladder", witness=fine) == true == (TRUE, TRUE)
    for node in nodes_of(fine):
        node["groups"] += deepcopy(node["groups"])
    low, high = established(MODEL, "ladder", witness=fine)
    assert low <= TRUE == high
