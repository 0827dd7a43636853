"""Every number of a valid certificate, misspelt, out of range, or changed by one or by a digit.

A mutant may be verified only where the statement printed is still true, which the oracle decides.
"""

from fractions import Fraction

import pytest
from mutation import (
    BUDGET,
    COUNT,
    COUNT_KEYS,
    LIMIT,
    NUMBERS,
    SMALL,
    STATEMENT,
    SYNTAX,
    UNSUPPORTED,
    VERIFIED,
    answer,
    case_of,
    changed,
    get,
    name_of,
)
from support.certify import STRATEGIES, certificate, encoded, holds, trained_toy, verdict
from support.oracle import count_correct


@pytest.mark.parametrize("path", NUMBERS, ids=name_of)
@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "+{}",
            " {}",
            "{} ",
            "{}\n",
            "0{}",
            "00{}",
            "{}.0",
            "{}e0",
            "-{}",
            "{}/1",
            "0x{}",
            "{}_0",
        ),
        *(
            "",
            "-0",
            "1e9",
            "NaN",
            "inf",
            "\u0661",
            "\uff11",
            "\u00b2",
            "{}\u0660",
            "\x00{}",
            "{},0",
        ),
    ],
)
def test_a_count_has_one_spelling(case, path, spelling):
    text = spelling.format(get(case.cert, path))
    assert answer(case, changed(case.cert, path, text)) == SYNTAX


@pytest.mark.parametrize("path", NUMBERS, ids=name_of)
def test_a_count_has_a_bounded_number_of_digits(case, path):
    assert answer(case, changed(case.cert, path, "9" * 2001)) == LIMIT
    assert answer(case, changed(case.cert, path, "9" * 5000)) == LIMIT
    longest = answer(case, changed(case.cert, path, "9" * 2000))
    assert longest == (LIMIT if path[-1] == "operations" else STATEMENT)


@pytest.mark.parametrize("path", SMALL, ids=name_of)
@pytest.mark.parametrize("text", ["05", "+5", "-0", "5.0", "5e0", "1E2", "0x5", "5_0", "Infinity"])
def test_a_small_integer_has_one_spelling(case, path, text):
    mutant = encoded(changed(case.cert, path, 987654321)).replace(b"987654321", text.encode())
    assert answer(case, mutant) == SYNTAX


@pytest.mark.parametrize("path", SMALL, ids=name_of)
@pytest.mark.parametrize("value", [0, -1, -64, 2**28 + 1, 2**31, 2**64 + 5, 10**1999, 10**2000])
def test_a_small_integer_out_of_its_range_is_declined(case, path, value):
    assert answer(case, changed(case.cert, path, value)) == LIMIT


@pytest.mark.parametrize("path", SMALL[:-1], ids=name_of)
@pytest.mark.parametrize("step", [-1, 1, 2**20])
def test_another_shape_is_rejected(case, path, step):
    assert answer(case, changed(case.cert, path, get(case.cert, path) + step)) == STATEMENT


def expected_of_counts(case, counts):
    total, at_least, at_most = counts
    if total != case.model.d_vocab**case.model.n_ctx or not at_least <= at_most <= total:
        return STATEMENT
    return VERIFIED if at_least <= case.low and case.high <= at_most else COUNT


@pytest.mark.parametrize("name", ["trained", "sign trap"])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("key", COUNT_KEYS)
def test_every_digit_of_every_count_up_and_down_is_judged_by_the_truth(name, strategy, key):
    case, seen = case_of(name, strategy), set()
    digits = case.cert["claim"][key]
    for place, digit in enumerate(digits):
        for other in {(int(digit) + 1) % 10, (int(digit) - 1) % 10, 9, 1}:
            text = digits[:place] + str(other) + digits[place + 1 :]
            if text == digits or (text[0] == "0" and len(text) > 1):
                continue
            mutant = changed(case.cert, ("claim", key), text)
            counts = tuple(int(mutant["claim"][key]) for key in COUNT_KEYS)
            expected = expected_of_counts(case, counts)
            assert answer(case, mutant) == expected
            seen.add(expected)
    assert seen & {STATEMENT, COUNT}


def test_one_more_than_the_count_is_rejected_at_both_ends(case):
    total = case.model.d_vocab**case.model.n_ctx
    claimed = {"correct_at_least": str(case.low + 1), "correct_at_most": str(total)}
    assert answer(case, changed(case.cert, ("claim",), case.cert["claim"] | claimed)) == COUNT
    claimed = {"correct_at_least": "0", "correct_at_most": str(case.high - 1)}
    assert answer(case, changed(case.cert, ("claim",), case.cert["claim"] | claimed)) == COUNT


def test_weaker_counts_are_verified(case):
    total = case.model.d_vocab**case.model.n_ctx
    claimed = {"correct_at_least": str(case.low - 1), "correct_at_most": str(total)}
    assert answer(case, changed(case.cert, ("claim",), case.cert["claim"] | claimed)) == VERIFIED
    assert answer(case, changed(case.cert, ("claim", "correct_at_least"), "0")) == VERIFIED


@pytest.mark.parametrize(
    ("value", "expected"),
    [(31, LIMIT), (32, VERIFIED), (33, VERIFIED), (1024, VERIFIED), (1025, LIMIT)],
)
def test_the_precision_is_free_within_its_limits(case, value, expected):
    assert answer(case, changed(case.cert, ("proof", "precision"), value)) == expected


def test_the_budget_is_enough_exactly_from_the_tally_on(case):
    tally = verdict(case.model.bytes(), encoded(case.cert)).theorem.tally
    path = ("proof", "operations")
    for budget, expected in ((tally, VERIFIED), (tally + 1, VERIFIED), (tally - 1, BUDGET)):
        assert answer(case, changed(case.cert, path, str(budget))) == expected
    for budget in (0, 1, tally // 2):
        assert answer(case, changed(case.cert, path, str(budget))) == BUDGET


def test_a_budget_above_the_callers_limit_is_declined(case):
    path = ("proof", "operations")
    for budget, expected in ((10**11, VERIFIED), (10**11 + 1, LIMIT), (10**1999, LIMIT)):
        assert answer(case, changed(case.cert, path, str(budget))) == expected
    mutant = changed(case.cert, path, "999999")
    assert answer(case, mutant, max_operations=999999) == VERIFIED
    assert answer(case, mutant, max_operations=999998) == LIMIT


@pytest.mark.parametrize("text", ["-1", "-1/2", "-1/1000000"])
def test_a_negative_margin_is_declined(case, text):
    assert answer(case, changed(case.cert, ("claim", "margin"), text)) == UNSUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        *("2/4", "2/2", "1/1", "3/1", "0/1", "0/5", "01", "00", "-0", "+1", "1/0", "0/0", "1/-2"),
        *("1//2", "1/2/3", "0.1", ".1", " 0", "0 ", "", "/", "1/", "/2", "\u00bd", "1 /2", "1/02"),
        *("1e-3", "\u0660", "0\n", "NaN", "Infinity", "-2/4", "10/4"),
    ],
)
def test_a_margin_has_one_spelling(case, text):
    assert answer(case, changed(case.cert, ("claim", "margin"), text)) == SYNTAX


def test_a_margin_has_a_bounded_number_of_digits(case):
    path = ("claim", "margin")
    assert answer(case, changed(case.cert, path, "9" * 201)) == LIMIT
    assert answer(case, changed(case.cert, path, "1/1" + "0" * 200)) == LIMIT
    assert answer(case, changed(case.cert, path, "9" * 200)) == COUNT


@pytest.mark.parametrize("text", ["1/1000000", "1/10", "1/2", "1", "5", "1000000"])
def test_another_margin_is_verified_only_where_its_own_count_is_claimed(exact, text):
    true = count_correct(exact.model, Fraction(text))
    mutant = changed(exact.cert, ("claim", "margin"), text)
    assert answer(exact, mutant) == (VERIFIED if true == exact.low else COUNT)
    for shift, expected in ((0, VERIFIED), (-1, COUNT), (1, COUNT)):
        claimed = {"correct_at_least": str(true + shift), "correct_at_most": str(true + shift)}
        if true + shift < 0 or (shift == 0 and true == exact.low):
            continue
        both = changed(exact.cert, ("claim",), mutant["claim"] | claimed)
        assert answer(exact, both) == expected


def test_a_smaller_margin_is_verified_with_the_counts_of_a_larger_one():
    model = trained_toy()
    true = count_correct(model, Fraction(1, 2))
    cert = certificate(model, "exact", at_least=true, margin="1/2")
    assert verdict(model.bytes(), encoded(cert)).theorem
    mutant = changed(cert, ("claim", "margin"), "1/10")
    found = verdict(model.bytes(), encoded(mutant))
    assert found.theorem and holds(found.theorem, model)
