"""Sums, products and tables: every label by the definition, names, and the ends of domains."""

from itertools import combinations, product
from math import factorial

import pytest
from support.rules import definition

from files.verdict import Declined
from tasks.task import read_task

GROUPS = {f"C{n}": n for n in (1, 2, 5)} | {f"D{n}": 2 * n for n in (1, 2, 3, 4)}
GROUPS |= {f"S{n}": factorial(n) for n in (1, 2, 3)}
GROUPS |= {"A1": 1, "A2": 1, "A3": 3, "A4": 12}
SIDES = ("x(y)", "y(x)")
TURNED = [[2, 0, 1], [0, 1, 2], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]]


def a_task(rule, positions, reads=None, answers=(0, 4), **parameters):
    reads = list(range(len(positions))) if reads is None else list(reads)
    places = [list(ends) for ends in positions]
    return {"rule": rule, **parameters, "positions": places, "reads": reads, "answers": [*answers]}


def of_group(group, side, places=2, order="lexicographic", **options):
    ends = [(0, GROUPS[group])] * places
    return a_task("product", ends, group=group, order=order, side=side, **options)


def brackets(ends, **options):
    return a_task("balanced", ends, **({"open": 0, "close": 1, "labels": [0, 1]} | options))


def inputs(fields):
    return product(*(range(*ends) for ends in fields["positions"]))


def by_automaton(task, label, tokens):
    """Say whether the rule's automaton takes the tokens read for this label, the query first."""
    last = len(task.positions) - 1
    places = [*[i for i in task.reads if i == last], *[i for i in task.reads if i != last]]
    state = task.rule.start(label)
    for place in places:
        if state is None:
            return False
        state = task.rule.step(label, state, task.reads.index(place), tokens[place])
    return state is not None and task.rule.accepts(label, state)


def hold(fields):
    """Compare labels, their range and the automaton with the definition, input by input."""
    task, seen = read_task(fields), set()
    for tokens in inputs(fields):
        read = [tokens[i] for i in fields["reads"]]
        label = definition(fields, read)
        assert task.rule.label(read) == label
        found = [x for x in task.labels if by_automaton(task, x, tokens)]
        assert found == ([] if label is None else [label])
        seen |= {*found}
    assert seen <= set(task.labels)
    return task


@pytest.mark.parametrize("reads", [None, (0, 2, 4), (0, 1, 2, 3)])
@pytest.mark.parametrize("distinct", [False, True])
def test_what_came_after_the_query_is_the_definitions(distinct, reads):
    hold(a_task("after", [(0, 3)] * 5, reads=reads, distinct=distinct))


@pytest.mark.parametrize("reads", [None, (0, 2), (0, 1, 3)])
@pytest.mark.parametrize("picks", [[3, 4], [4, 3], [1, 0]])
def test_the_first_token_picks_by_the_definition(picks, reads):
    """The tokens that pick may be among the others."""
    first = (min(picks), max(picks) + 1)
    task = hold(a_task("first-picks", [first, *[(0, 4)] * 3], reads=reads, picks=picks))
    others = ",".join(["0..3"] * 3)
    ends = f"positions={first[0]}..{first[1] - 1},{others}"
    assert f"picks={picks[0]},{picks[1]};{ends}" in task.name(5, 4)


@pytest.mark.parametrize(
    ("picks", "reason"),
    [
        *((x, "syntax") for x in (None, [1], [1, 2, 3], ["1", 2], [True, 2])),
        *((x, "unsupported") for x in ([1, 1], [1, 3], [3, 4])),
    ],
)
def test_the_first_position_holds_the_tokens_that_pick_alone(picks, reason):
    assert refusal(a_task("first-picks", [(1, 3), (0, 4)], picks=picks)) == reason
    assert refusal(a_task("first-picks", [(1, 3)], picks=[1, 2])) == "unsupported"
    assert refusal(a_task("first-picks", [(0, 4), (0, 4)], picks=[0, 1])) == "unsupported"


@pytest.mark.parametrize("reads", [None, (0, 1, 2, 3, 4), (5,), (0,)])
@pytest.mark.parametrize("labels", [[0, 1], [3, 1]])
def test_words_are_balanced_by_the_definition(labels, reads):
    hold(brackets([(0, 2), (0, 3), *[(0, 2)] * 4], reads=reads, labels=labels))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("group", GROUPS)
def test_products_are_those_of_maps_that_are_composed(group, side):
    task = hold(of_group(group, side))
    assert task.labels == range(GROUPS[group])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("group", ["C5", "D3", "S3"])
def test_several_factors_are_multiplied_from_the_left(group, side):
    """Whether or not the query, which automata read first, is one of them."""
    order = GROUPS[group]
    for places in (2, 3):
        for reads in combinations(range(3), places):
            ends = [(0, order) if i in reads else (0, 2) for i in range(3)]
            ends = [(1, 4) if i == reads[-1] and places == 3 else x for i, x in enumerate(ends)]
            fields = a_task("product", ends, reads, group=group, order="lexicographic", side=side)
            hold(fields)


@pytest.mark.parametrize("side", SIDES)
def test_an_order_of_ones_own_numbers_the_elements(side):
    hold(of_group("S3", side, order=TURNED))
    hold(of_group("A3", side, order=[TURNED[0], TURNED[4], TURNED[1]]))


@pytest.mark.parametrize("modulus", [1, 2, 5, 7])
@pytest.mark.parametrize("factors", [[1, 1], [1, -1], [2, 3], [0, -4], [7, 2**20 - 1]])
def test_sums_have_a_factor_for_each_position_read(modulus, factors):
    task = hold(a_task("sum", [(0, 4), (1, 5)], modulus=modulus, coefficients=factors))
    assert task.labels == range(modulus)
    hold(a_task("sum", [(0, 3), (0, 3), (0, 2)], (0, 2), modulus=modulus, coefficients=factors))
    hold(a_task("sum", [(0, 3), (0, 3), (0, 2)], (0, 1), modulus=modulus, coefficients=factors))


def test_tables_list_the_last_position_fastest():
    labels = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    task = hold(a_task("table", [(1, 4), (2, 6)], labels=labels))
    assert task.labels == range(10)
    hold(a_task("table", [(1, 4), (0, 2), (2, 6)], (0, 2), labels=labels))


def refusal(fields):
    with pytest.raises(Declined) as refused:
        read_task(fields)
    return refused.value.reason


@pytest.mark.parametrize(
    ("group", "order"), [("C4096", 4096), ("D2048", 4096), ("S6", 720), ("A6", 360)]
)
def test_the_largest_group_of_each_kind_is_served_and_the_next_is_not(group, order):
    letter, n = group[0], int(group[1:])
    fields = a_task("product", [(0, order)] * 2, group=group, order="lexicographic", side="x(y)")
    assert read_task(fields).labels == range(order)
    assert refusal(fields | {"group": f"{letter}{n + 1}"}) == "unsupported"
    longer = fields | {"positions": [[0, order], [0, order + 1]]}
    assert refusal(longer) == "unsupported"
    assert refusal(longer | {"positions": longer["positions"][::-1]}) == "unsupported"


@pytest.mark.parametrize("group", ["", "C", "5", "CC5", "C05", "C5 ", "s3", "E8", "C-1", "C٣"])
def test_what_is_no_name_of_a_group_is_declined(group):
    assert refusal(of_group("C5", "x(y)") | {"group": group}) == "unsupported"


@pytest.mark.parametrize(
    "order", [{}, {"a": 1}, "", None, 0, [None] * 6, [*TURNED[:5], "210"], [{}] * 6]
)
def test_an_order_that_is_no_list_of_lists_is_declined(order):
    assert refusal(of_group("S3", "x(y)") | {"order": order}) == "syntax"


@pytest.mark.parametrize("side", [None, 0, True, ["x(y)"], {"x(y)": 1}, "x(y) "])
def test_a_side_that_is_none_is_declined(side):
    assert refusal(of_group("C5", "x(y)") | {"side": side}) == "unsupported"


@pytest.mark.parametrize("group", ["C2", "C5", "D3"])
def test_only_permutations_have_an_order_of_ones_own(group):
    listed = [[0, 1], [1, 0]] if group == "C2" else TURNED
    assert refusal(of_group(group, "x(y)") | {"order": listed}) == "unsupported"
    by_number = (
        [[r] for r in range(GROUPS[group])]
        if group[0] == "C"
        else [[r, s] for s in (0, 1) for r in range(3)]
    )
    assert refusal(of_group(group, "x(y)") | {"order": by_number}) == "unsupported"


MOST = 2**20


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"modulus": MOST}, None),
        ({"modulus": MOST + 1}, "limit"),
        ({"modulus": 0}, "limit"),
        ({"coefficients": [MOST - 1, 1 - MOST]}, None),
        ({"coefficients": [1, MOST]}, "limit"),
        ({"coefficients": [1, -MOST]}, "limit"),
        ({"coefficients": [1]}, "syntax"),
        ({"coefficients": [1, 1, 1]}, "syntax"),
        ({"coefficients": {"0": 1, "1": 1}}, "syntax"),
        ({"coefficients": "11"}, "syntax"),
        ({"coefficients": None}, "syntax"),
    ],
)
def test_the_ends_of_moduli_and_coefficients(change, reason):
    fields = a_task("sum", [(0, 3)] * 2, modulus=3, coefficients=[1, 1]) | change
    if reason is None:
        assert read_task(fields).total == 9
    else:
        assert refusal(fields) == reason


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, MOST - 1], None),
        ([0, MOST], "limit"),
        ([0, -1], "limit"),
        ([0], "syntax"),
        ([0, 1, 2], "syntax"),
        ({"0": 1, "1": 1}, "syntax"),
        ("01", "syntax"),
        (None, "syntax"),
    ],
)
def test_the_ends_of_labels(labels, reason):
    fields = a_task("table", [(0, 2)], labels=labels)
    if reason is None:
        assert read_task(fields).labels == range(MOST)
    else:
        assert refusal(fields) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"open": MOST - 1}, None),
        ({"open": MOST}, "limit"),
        ({"close": 0}, "syntax"),
        ({"close": -1}, "limit"),
        ({"close": True}, "syntax"),
        ({"labels": [1023, 0]}, None),
        ({"labels": [1024, 0]}, "limit"),
        ({"labels": [1, 1]}, "syntax"),
        ({"labels": [0, 1, 2]}, "syntax"),
        ({"labels": [0]}, "syntax"),
        ({"labels": {"0": 1}}, "syntax"),
        ({"labels": 5}, "syntax"),
    ],
)
def test_the_ends_of_brackets(change, reason):
    fields = a_task("balanced", [(0, 3)] * 2, open=0, close=1, labels=[0, 1]) | change
    if reason is None:
        assert read_task(fields).total == 9
    else:
        assert refusal(fields) == reason


@pytest.mark.parametrize(
    ("distinct", "reason"), [(1, "syntax"), ("true", "syntax"), (None, "syntax")]
)
def test_tokens_are_distinct_or_not(distinct, reason):
    assert refusal(a_task("after", [(0, 3)] * 3, distinct=distinct)) == reason


def test_after_reads_three_positions():
    assert refusal(a_task("after", [(0, 3)] * 2, distinct=False)) == "unsupported"


def test_a_table_has_a_label_for_a_million_inputs_and_no_more():
    fields = a_task("table", [(0, 2**10)] * 2, labels=[0] * MOST)
    assert read_task(fields).total == MOST
    assert refusal(fields | {"positions": [[0, 2**10], [0, 2**10 + 1]]}) == "limit"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (of_group("S3", "x(y)", answers=(0, 6)), "product-in-s3"),
        (brackets([(0, 2)] * 4), "balanced-4[answers=0..3]"),
        (brackets([(0, 2)] * 4, answers=(0, 9)), "balanced-4[answers=0..8]"),
        (
            brackets([(2, 4)] * 2, open=3, close=2, answers=(0, 2)),
            "balanced-2[open=3;close=2;labels=0,1]",
        ),
        (
            brackets([(0, 2)], labels=[3, 1], answers=(1, 4)),
            "balanced-1[open=0;close=1;labels=3,1]",
        ),
        (of_group("S3", "x(y)", 3, answers=(0, 6)), "product-in-s3-of-3"),
        (of_group("S3", "x(y)", answers=(0, 7)), "product-in-s3[answers=0..6]"),
        (
            a_task("product", [(0, 2), (0, 2), (2, 3)], (0, 1), (0, 2))
            | {"group": "C2", "order": "lexicographic", "side": "y(x)"},
            "product-in-c2[side=y(x)]",
        ),
        (
            a_task("product", [(0, 2), (0, 2), (1, 2)], (0, 1), (0, 2))
            | {"group": "C2", "order": "lexicographic", "side": "x(y)"},
            "product-in-c2[positions=0..1,0..1,1..1]",
        ),
        (
            of_group("S3", "y(x)", order=TURNED, answers=(0, 6)),
            "product-in-s3[side=y(x);order=…]",
        ),
        (
            a_task("table", [(0, 7)], labels=[0] * 7, answers=(0, 6)),
            "table-of-1[sha256=…]",
        ),
        (
            a_task("table", [(0, 7), (0, 7)], (0,), (0, 6), labels=[0] * 7),
            "table-of-1[sha256=…;reads=0]",
        ),
        (
            a_task("table", [(0, 6)], labels=[0] * 6, answers=(0, 5)),
            "table-of-1[sha256=…;positions=0..5;answers=0..4]",
        ),
    ],
)
def test_a_name_says_what_is_not_usual_of_the_rule(fields, name):
    found = read_task(fields).name(7, 6)
    for key in ("order", "sha256"):
        before, _, rest = found.partition(f"{key}=")
        if rest:
            end = len(rest) - len(rest.lstrip("0123456789abcdef"))
            assert end == (16 if key == "order" else 64)
            given = name.partition(f"{key}=")[2]
            kept = len(given) - len(given.lstrip("0123456789abcdef…"))
            found = f"{before}{key}={given[:kept]}{rest[end:]}"
    assert found == name
