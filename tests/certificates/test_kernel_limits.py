"""Each limit of the format, at the last value that is read and at the first that is not."""

import pytest
from support.ladders import group, only, pool
from support.witnesses import constant_gaps

from arithmetic import balls
from arithmetic.balls import exp_over_root
from counting.branch import require_walkable
from files.strictjson import count, limit_digits, parse_object, rational, small
from files.tensors import Tensor
from files.verdict import Declined, Refusal, Rejected
from parts.attention_only import Shape, _shape
from strategies.ladder_witness import RULES, Domain, read_ladder
from strategies.subcubic_witness import read_witness


def refused(call, *arguments, **options):
    """Return the reason why a call refuses, None if it returns."""
    try:
        call(*arguments, **options)
    except Refusal as refusal:
        return refusal.exit_code, refusal.reason
    return None


LIMIT, SYNTAX, WITNESS = (2, "limit"), (2, "syntax"), (1, "witness")


def test_sixteen_levels_of_nesting_are_read_and_seventeen_are_not():
    for deep, reason in ((16, None), (17, LIMIT)):
        text = '{"a":' * (deep - 1) + "{}" + "}" * (deep - 1)
        assert refused(parse_object, text.encode(), "x") == reason
        lists = '{"a":' + "[" * (deep - 1) + "]" * (deep - 1) + "}"
        assert refused(parse_object, lists.encode(), "x") == reason
    # What was closed does not count, nor do brackets in strings.
    wide = '{"a":[' + ",".join(["[[]]"] * 50) + '],"b":"' + "[{" * 50 + '"}'
    assert parse_object(wide.encode(), "x")["b"] == "[{" * 50


def test_numbers_of_2000_digits_are_read_and_of_2001_are_not():
    for digits, reason in ((1999, None), (2000, None), (2001, LIMIT)):
        number = "7" * digits
        assert refused(parse_object, f'{{"a": {number}}}'.encode(), "x") == reason
        assert refused(count, number, "x") == reason
        assert refused(limit_digits, f"{'1' * 2000}/{number}", "x") == reason
    for digits, reason in ((200, None), (201, LIMIT)):
        assert refused(rational, f"-{'7' * digits}", "x") == reason
        assert refused(rational, f"1/{'7' * digits}", "x") == reason


def test_what_follows_an_object_is_nothing_or_one_newline():
    for tail, reason in ((b"", None), (b"\n", None), (b"\n\n", SYNTAX), (b" ", SYNTAX)):
        assert refused(parse_object, b"{}" + tail, "x") == reason


def test_small_numbers_have_both_ends_of_their_range():
    for value, reason in ((2, LIMIT), (3, None), (7, None), (8, LIMIT), (True, SYNTAX)):
        assert refused(small, value, 3, 7, "x") == reason


def tensors_of(v, k, d, h):
    shapes = {"embed.W_E": (v, d), "pos_embed.W_pos": (k, d), "blocks.0.attn.W_Q": (1, d, h)}
    shapes["unembed.W_U"] = (d, v)
    return {name: Tensor("F32", shape, b"") for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        *(((2048, 1, 1, 1), None), ((2049, 1, 1, 1), LIMIT), ((1024, 4, 1, 1), None)),
        *(((1024, 5, 1, 1), LIMIT), ((1, 1, 2048, 1), None), ((1, 1, 2049, 1), LIMIT)),
        *(((1, 1, 1, 2048), None), ((1, 1, 1, 2049), LIMIT), ((1, 6000, 1, 1), None)),
        *(((1, 6001, 1, 1), LIMIT), ((3, 3000, 1, 1), None), ((3, 3001, 1, 1), LIMIT)),
        *(((2, 3000, 1, 1), None), ((2, 3001, 1, 1), LIMIT), ((4, 2000, 1, 1), None)),
        *(((0, 1, 1, 1), (2, "unsupported")), ((1, 1, 1, 0), (2, "unsupported"))),
    ],
)
def test_tables_and_counts_have_their_largest_sizes(sizes, reason):
    assert refused(_shape, tensors_of(*sizes)) == reason
    if reason is None:
        assert _shape(tensors_of(*sizes)) == Shape(*sizes, sizes[0])


def test_a_walk_nests_500_positions_and_no_more():
    assert refused(require_walkable, 500) is None
    assert refused(require_walkable, 501) == LIMIT


def test_an_argument_of_as_many_bits_as_the_limit_is_taken_and_of_one_more_is_not(monkeypatch):
    monkeypatch.setattr(balls, "MAX_BITS", 300)
    # The size of an argument is that of its numerator, its exponent and two bits of room.
    for numerator, exponent, square, reason in (
        *((-1, 297, 1, None), (-1, 298, 1, LIMIT), (-(2**40), 257, 1, None)),
        *((-(2**40), 258, 1, LIMIT), (-1, 298, 4, None), (-1, 299, 4, LIMIT)),
        *((1, 297, 1, None), (1, 298, 1, LIMIT), (-1, -(10**6), 1, None)),
    ):
        assert refused(exp_over_root, numerator, exponent, square, 32) == reason


SHAPE = Shape(3, 3, 2, 2, 3)


def subcubic_witness(**fields):
    gaps = {"gaps": constant_gaps(3, 3, 1)}
    direct = [[["1", 0]] * 3]
    svd = {"query_directions": direct, "key_directions": direct, "squarings": 4}
    mu = {"mu": [["1", 0], ["1", 0]]}
    anchors = {"a_star": [[["1", 0]] * 2] * 3}
    return gaps | svd | mu | anchors | fields


def read_subcubic(**fields):
    read_witness(subcubic_witness(**fields), ("svd-query", "mean+diff", "svd"), SHAPE)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"query_directions": [[["1", 20_000], ["-1", 20_000], ["0", 0]]]}, None),
        ({"query_directions": [[["1", -20_000], ["-1", -20_000], ["0", 0]]]}, None),
        ({"mu": [["1", 20_001], ["1", 20_001]]}, WITNESS),
        ({"mu": [["1", -20_001], ["1", -20_001]]}, WITNESS),
        ({"mu": [["1", 0], ["1", 1023]]}, None),
        ({"mu": [["1", 0], ["1", 1024]]}, LIMIT),
        ({"mu": [["-3", 5], ["1", 5 + 1023]]}, None),
        ({"mu": [["-3", 5], ["1", 5 + 1024]]}, LIMIT),
        ({"mu": [["0", 0], ["1", 1099]]}, None),
        ({"mu": [["0", 0], ["0", 0]]}, None),
        ({"mu": [["0", 1], ["0", 0]]}, WITNESS),
        ({"mu": [["2", 1], ["1", 0]]}, WITNESS),
        ({"mu": [["1", 0]]}, WITNESS),
        ({"mu": [["1", 0]] * 3}, WITNESS),
        ({"squarings": 0}, None),
        ({"squarings": 12}, None),
        ({"squarings": 13}, WITNESS),
        ({"squarings": -1}, WITNESS),
        ({"gaps": constant_gaps(3, 3, 3)}, None),
        ({"gaps": constant_gaps(3, 3, 4)}, WITNESS),
        ({"gaps": constant_gaps(3, 3, 0)}, WITNESS),
        ({"gaps": constant_gaps(3, 4, 1)}, WITNESS),
        ({"gaps": constant_gaps(2, 3, 1)}, WITNESS),
        ({"query_directions": [[["0", 0]] * 3]}, WITNESS),
        ({"query_directions": [[["0", 0], ["0", 0], ["1", 0]]]}, None),
        ({"key_directions": [[["0", 0]] * 3]}, WITNESS),
        ({"key_directions": [[["1", 0]] * 3] * 2}, WITNESS),
        ({"key_directions": [[["1", 0]] * 2]}, WITNESS),
        ({"a_star": [[["1", 0]] * 2] * 2}, WITNESS),
        ({"a_star": [[["1", 0]] * 3] * 3}, WITNESS),
        ({"chord": []}, WITNESS),
    ],
)
def test_parts_of_a_subcubic_witness_have_their_ranges(fields, reason):
    try:
        read_subcubic(**fields)
    except (Declined, Rejected) as refusal:
        assert (refusal.exit_code, refusal.reason) == reason
    else:
        assert reason is None


def test_dyadics_are_integers_in_units_of_their_lowest_exponent():
    read = read_witness(
        subcubic_witness(mu=[["3", 4], ["-5", 1]], a_star=[[["1", -2], ["0", 0]]] * 3),
        ("svd-query", "mean+diff", "svd"),
        SHAPE,
    )
    assert read.mu == ([24, -5], 1)
    assert read.a_star == ([1, 0] * 3, -2)


def read_chord(ends):
    fields = {"gaps": constant_gaps(3, 3, 1), "chord": [[ends] * 2] * 3}
    return read_witness(fields, ("max-diff", "chord", "exact"), SHAPE)


def test_the_ends_of_a_chord_are_in_order_and_may_be_equal():
    assert read_chord([["1", -1], ["1", 0]]).chord == ([1, 2] * 6, -1)
    assert read_chord([["1", 0], ["1", 0]]).chord == ([1, 1] * 6, 0)
    assert refused(read_chord, [["1", 0], ["1", -1]]) == WITNESS


def read_pool(strategy="ladder", m=4, **fields):
    node = pool(fields.pop("start", 0), fields.pop("last", m - 1), **fields)
    domain = Domain(range(m + 1), range(m + 1), RULES[strategy])
    (found,) = read_ladder(only(m, node), range(m + 1), domain)[m]
    return found


@pytest.mark.parametrize(
    ("fields", "good"),
    [
        *(({"cells": [[0, 4]]}, True), ({"cells": [[0, 1], [2, 3]]}, True)),
        *(({"cells": [[0, 5]]}, False), ({"cells": [[-1, 1]]}, False), ({"cells": [[2]]}, False)),
        *(({"cells": [[1, 1]]}, False), ({"cells": [[2, 1]]}, False)),
        *(({"cells": [[0, 1], [1, 2]]}, False), ({"cells": [[2, 3], [0, 1]]}, False)),
        *(({"start": 3}, True), ({"start": 4, "last": 4}, True), ({"last": 4}, True)),
        *(({"start": 2, "last": 1}, False), ({"start": -1}, False), ({"last": 5}, False)),
        *(({"per_position": 2}, False), ({"per_position": 0}, True)),
        *(({"at_most": 2}, True), ({"at_most": 3}, False), ({"at_most": -1}, False)),
        *(({"joint_rivals": [[0, 4]]}, True), ({"joint_rivals": [[0, 5]]}, False)),
        *(({"joint_rivals": [[3, 2]]}, False), ({"joint_rivals": [[-1, 2]]}, False)),
        *(({"thresholds": [[0, 2**60]]}, True), ({"thresholds": [[0, 2**60 + 1]]}, False)),
        *(({"thresholds": [[0, -(2**60)]]}, True), ({"thresholds": [[0, -(2**60) - 1]]}, False)),
        *(({"thresholds": [[4, 1]]}, True), ({"thresholds": [[5, 1]]}, False)),
        *(({"thresholds": [[1, 1], [0, 1]]}, False), ({"thresholds": [[1, 1], [1, 2]]}, False)),
        *(({"rare_tokens": [0, 1, 2, 4]}, True), ({"rare_tokens": [5]}, False)),
        *(({"rare_tokens": [1, 0]}, False), ({"rare_tokens": [1, 1]}, False)),
        *(({"rare_tokens": [2], "cells": [[0, 1]]}, True),),
        *(({"rare_tokens": [1], "cells": [[0, 1]]}, False),),
        *(({"groups": [group("branch", [0, 4])]}, True),),
        *(({"groups": [group("branch", [5])]}, False),),
        *(({"groups": [group("moment", [0], 2**20)]}, True),),
        *(({"groups": [group("moment", [0], 2**20 + 1)]}, False),),
        *(({"groups": [group("moment", [0], 0)]}, False),),
        *(({"groups": [group("grid", [0], 2**14)]}, True),),
        *(({"groups": [group("grid", [0], 2**14 + 1)]}, False),),
        *(({"groups": [group("grid-lower", [0], 1)]}, True),),
        *(({"groups": [group("grid-lower", [0], 2**14 + 1)]}, False),),
        *(({"groups": [group("branch", [0]) | {"rate": 1}]}, False),),
        *(({"groups": [group("branch-two-sided", [0]) | {"rate": 1}]}, False),),
        *(({"groups": [group("walk", [0])]}, False), ({"groups": [group("sum", [0])]}, False)),
        *(({"subpools": [pool(0, 3)]}, True), ({"subpools": [pool(0, 4)]}, False)),
        *(({"subpools": [pool(0, 1), pool(2, 3)]}, True),),
        *(({"subpools": [pool(0, 1), pool(1, 3)]}, False),),
    ],
)
def test_parts_of_a_pool_have_their_ranges(fields, good):
    assert refused(read_pool, **fields) == (None if good else WITNESS)


def test_five_tokens_are_too_many_to_be_rare():
    assert refused(read_pool, m=5, rare_tokens=[0, 1, 2, 3]) is None
    assert refused(read_pool, m=5, rare_tokens=[0, 1, 2, 3, 4]) == WITNESS


def test_a_pool_is_read_as_it_is_written():
    groups = [group("branch", [0, 2]), group("moment", [1], 9)]
    fields = {"thresholds": [[1, -5], [3, 7]], "rare_tokens": [2, 3], "at_most": 1}
    fields |= {"cells": [[0, 1]], "per_position": 0, "joint_rivals": [[0, 2]]}
    found = read_pool(start=1, last=2, groups=groups, **fields)
    assert (found.queries, found.cells, found.per_position) == (range(1, 3), [range(2)], False)
    assert (found.joint_rivals, found.thresholds) == ([range(3)], {1: -5, 3: 7})
    assert [x[:3] for x in found.groups] == [("branch", [0, 2], 0), ("moment", [1], 9)]
    assert (found.rare_tokens, found.at_most, found.subpools) == ([2, 3], 1, [])


@pytest.mark.parametrize("strategy", RULES)
def test_a_strategy_has_its_own_rules(strategy):
    for rule in RULES["ladder"]:
        answer = refused(read_pool, strategy, groups=[group(rule, [0])])
        assert (answer is None) == (rule in RULES[strategy])
