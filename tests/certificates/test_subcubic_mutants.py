"""Every witness field of a valid subcubic certificate, changed: refused for its reason, or true."""

import json
from copy import deepcopy
from functools import cache
from random import Random

import pytest
from mutation import BUDGET, COUNT, LIMIT, SYNTAX, VERIFIED, WITNESS, Case, answer, changed, get
from support.certify import certificate, encoded, established, verdict
from support.oracle import count_correct
from support.toy import Recipe
from support.witnesses import SUBCUBIC, keys_of, plausible, wild

# All four sizes differ, and the count leaves room to lie.
MODEL = Recipe("one hot", 4, 3, 6, 5, seed=5).build()
TRUE = count_correct(MODEL)
FULL = (
    "subcubic/svd-query/chord/svd",
    "subcubic/max-diff-exact/mean+diff/max-diff-subproduct",
    "subcubic/svd-query/mean+diff/mean-recursive+max-diff-subproduct-recursive",
    "subcubic/mean-query/chord/max-diff-exact",
    "subcubic/max-diff/drop-average/exact",
)
EXTRA = {"gaps": [], "squarings": 3, "mu": [["1", 0]] * 6, "a_star": [[["1", 0]] * 2] * 4}
EXTRA |= {"chord": [[[["0", 0], ["1", 0]]] * 2] * 4, "Gaps": [], "": [], "note": "x", "\ud800": 1}
EXTRA |= {f"{kind}_directions": [[["1", 0]] * 4] * 2 for kind in ("query", "key", "matrix")}


@cache
def case_of(strategy):
    witness = plausible(Random(strategy), strategy, MODEL)
    low, high = established(MODEL, strategy, witness=witness)
    assert 0 < low < TRUE < high
    return Case(MODEL, certificate(MODEL, strategy, at_least=low, witness=witness), low, high)


@pytest.fixture(params=FULL)
def case(request):
    return case_of(request.param)


def leaves(value, kind, path=()):
    """Yield the paths inside a witness: of integers, of dyadics, or of longer lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, kind, (*path, key))
        return
    number = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
    found = "integer" if isinstance(value, int) else "dyadic" if number else "list"
    if found == kind:
        yield ("proof", "witness", *path)
    if found == "list":
        for index, inner in enumerate(value):
            yield from leaves(inner, kind, (*path, index))


def fields(case, kind, *, each=1):
    """Return the paths of one kind, only every so many of them for each key."""
    paths = {}
    for path in leaves(case.cert["proof"]["witness"], kind):
        paths.setdefault(path[2], []).append(path)
    return [path for found in paths.values() for path in found[::each]]


def test_the_unmutated_certificate_is_verified(case):
    assert verdict(MODEL.bytes(), encoded(case.cert)).theorem
    assert list(case.cert["proof"]["witness"]) == keys_of(case.cert["proof"]["strategy"])


def test_every_key_of_a_witness_is_mutated_by_some_case():
    assert {key for strategy in FULL for key in keys_of(strategy)} == {
        *("gaps", "query_directions", "key_directions", "matrix_directions"),
        *("squarings", "mu", "a_star", "chord"),
    }


def test_a_missing_or_an_added_key_is_rejected(case):
    witness = case.cert["proof"]["witness"]
    for key in witness:
        less = {name: value for name, value in witness.items() if name != key}
        assert answer(case, changed(case.cert, ("proof", "witness"), less)) == WITNESS
    for key, value in EXTRA.items():
        if key not in witness:
            assert answer(case, changed(case.cert, ("proof", "witness", key), value)) == WITNESS
    assert answer(case, changed(case.cert, ("proof", "witness"), {})) == WITNESS


def test_a_key_written_twice_is_declined(case):
    text = json.dumps(case.cert)
    for key in case.cert["proof"]["witness"]:
        twice = text.replace(f'"{key}":', f'"{key}": [], "{key}":')
        assert answer(case, twice.encode()) == SYNTAX


def test_a_list_of_another_length_is_rejected(case):
    for path in fields(case, "list", each=3):
        value = get(case.cert, path)
        for other in (value[:-1], [*value, value[-1]], [], [value], value[1:], [*value, []]):
            assert answer(case, changed(case.cert, path, other)) == WITNESS


@pytest.mark.parametrize("kind", ["list", "dyadic", "integer"])
def test_a_value_of_another_type_is_rejected(case, kind):
    for path in fields(case, kind, each=5):
        for other in (None, True, False, "1", "", {}, {"0": 1}, [None], [[]], [True, 0]):
            assert answer(case, changed(case.cert, path, other)) == WITNESS
        for other in (1.5, 1.0, 1e300, float("nan"), float("inf")):
            assert answer(case, changed(case.cert, path, other)) == SYNTAX
        assert answer(case, changed(case.cert, path, 10**2000)) == LIMIT
    for path in fields(case, "integer"):
        assert answer(case, changed(case.cert, path, [get(case.cert, path)])) == WITNESS


def test_a_gap_outside_1_to_d_vocab_is_rejected():
    case = case_of(FULL[0])
    for path in fields(case, "integer"):
        if path[2] == "gaps":
            for gap in (0, -1, 5, 64, 2**64, -(2**64), 10**1999):
                assert answer(case, changed(case.cert, path, gap)) == WITNESS
            for gap in (2, 3, 4):
                assert answer(case, changed(case.cert, path, gap))[1] in {None, "count"}
    text = json.dumps(changed(case.cert, ("proof", "witness", "gaps", 0, 0, 0), 987654321))
    for spelling in ("-0", "01", "1.0", "1e0", "+1", "0x1", "NaN"):
        assert answer(case, text.replace("987654321", spelling).encode()) == SYNTAX


def test_squarings_outside_0_to_12_are_rejected():
    case, path = case_of(FULL[0]), ("proof", "witness", "squarings")
    for number in (-1, 13, 64, 10**1999, "3", [3], True, None):
        assert answer(case, changed(case.cert, path, number)) == WITNESS
    for number in {*range(13)} - {get(case.cert, path)}:
        assert answer(case, changed(case.cert, path, number))[1] in {None, "count"}


BAD_DYADICS = [
    *(["2", 0], ["-4", 7], ["0", 1], ["0", -1], ["-0", 0], ["+1", 0], ["01", 0], ["-01", 0]),
    *(["", 0], ["-", 0], [1, 0], [0, 0], ["1", "0"], ["1"], ["1", 0, 0], [], ["1", True]),
    *(["1", None], ["1", [0]], ["1", 20_001], ["1", -20_001], ["1", 2**70], ["1.0", 0]),
    *(["1e3", 0], [" 1", 0], ["1\n", 0], ["1 ", 0], ["0x1", 0], ["1_1", 0], ["1/3", 0]),
    *(["\u0661", 0], ["\uff11", 0], ["NaN", 0], ["Infinity", 0], [["1"], 0], [None, 0], [0, "1"]),
    *(["\ud800", 0], ["1\x00", 0], {"1": 0}, "1", 1),
]


@pytest.mark.parametrize("dyadic", BAD_DYADICS, ids=ascii)
def test_a_dyadic_has_one_spelling(case, dyadic):
    for path in fields(case, "dyadic", each=7):
        assert answer(case, changed(case.cert, path, dyadic)) == WITNESS


def test_a_dyadic_has_a_bounded_size(case):
    for path in fields(case, "dyadic", each=7):
        one = get(case.cert, path) != ["1", 0]
        for dyadic in (["1", 10**2000], ["9" * 2001, 0], ["-" + "9" * 2001, 0]):
            assert answer(case, changed(case.cert, path, dyadic)) == LIMIT
        assert answer(case, changed(case.cert, path, ["1", 1.5])) == SYNTAX
        assert answer(case, changed(case.cert, path, [str(2**1024 + 1), 0])) == LIMIT
        longest = changed(case.cert, path, [str(2**2000 + 1), -2000])
        assert answer(case, longest) == LIMIT
        if one:
            assert answer(case, changed(case.cert, path, ["1", 0]))[1] in {None, "count"}


@pytest.mark.parametrize("low", [0, 76, 77, -1024, -1100, -1101, -20_000, 18_976])
def test_dyadics_of_1024_bits_are_read_in_directions_anywhere_and_else_near_one(case, low):
    for path in fields(case, "dyadic", each=5):
        *place, _ = path
        # Directions may have any exponent, the others 1,100 places on each side of the point.
        near = low >= -1100 and low + 1024 <= 1100
        readable = near or path[2].endswith("_directions")
        for bits in (1023, 1024):
            mutant = deepcopy(case.cert)
            vector = get(mutant, place)
            # All that stands on one unit: a vector, or the whole of a table.
            others = leaves({path[2]: get(mutant, path[:3])}, "dyadic")
            for other in others if path[2] in {"a_star", "chord"} else []:
                get(mutant, other[:-1])[other[-1]] = ["1", low]
            vector[:] = [["1", low]] * len(vector)
            vector[-1] = ["1", low + bits]
            expected = {None, "count"} if readable and bits < 1024 else {"limit"}
            assert answer(case, mutant)[1] in expected


def test_a_direction_that_is_zero_is_rejected(case):
    for key, value in case.cert["proof"]["witness"].items():
        if key.endswith("_directions"):
            for index, direction in enumerate(value):
                path = ("proof", "witness", key, index)
                mutant = changed(case.cert, path, [["0", 0]] * len(direction))
                assert answer(case, mutant) == WITNESS
                unit = [["0", 0]] * (len(direction) - 1) + [["1", -20_000]]
                assert answer(case, changed(case.cert, path, unit))[1] in {None, "count"}


def test_a_chord_that_ends_before_it_starts_is_rejected():
    case = case_of(FULL[0])
    for m in range(4):
        for c in range(2):
            path = ("proof", "witness", "chord", m, c)
            for low, high in (("1", "-1"), ("3", "1"), ("1", "0"), ("-1", "-3")):
                mutant = changed(case.cert, path, [[low, 0], [high, 0]])
                assert answer(case, mutant) == WITNESS
            low, high = [str(2**1000 + 1), -1000], ["1", 0]
            assert answer(case, changed(case.cert, path, [low, high])) == WITNESS
            assert answer(case, changed(case.cert, path, [high, low]))[1] in {None, "count"}


def test_a_bad_witness_is_rejected_before_any_work_is_counted(case):
    mutant = changed(case.cert, ("proof", "operations"), "0")
    assert answer(case, mutant) == BUDGET
    assert answer(case, changed(mutant, ("proof", "witness", "gaps"), [])) == WITNESS


@pytest.mark.parametrize("other", FULL)
def test_the_witness_of_another_strategy_is_rejected_or_true(case, other):
    name, witness = case.cert["proof"]["strategy"], case_of(other).cert["proof"]["witness"]
    if name != other:
        mutant = changed(case.cert, ("proof", "witness"), witness)
        same = set(keys_of(name)) == set(keys_of(other))
        assert answer(case, mutant) in ({VERIFIED, COUNT} if same else {WITNESS})


@pytest.mark.parametrize("sizes", [(5, 3, 6, 5), (4, 4, 6, 5), (4, 2, 6, 5), (3, 3, 6, 5)])
def test_the_witness_of_a_model_of_another_shape_is_rejected(case, sizes):
    other = Recipe("one hot", *sizes, seed=5).build()
    witness = plausible(Random(0), case.cert["proof"]["strategy"], other)
    assert answer(case, changed(case.cert, ("proof", "witness"), witness)) == WITNESS


def test_a_witness_without_its_strategy_is_rejected_and_the_other_way_round(case):
    for strategy in ("exact", "cubic", "brute-force"):
        assert answer(case, changed(case.cert, ("proof", "strategy"), strategy)) == WITNESS
    names = ("subcubic", "subcubic/", "subcubic/max-diff/chord", "subcubic/max-diff/chord/svd/")
    for name in (*names, "subcubic/svd/chord/svd", "Subcubic/max-diff/chord/svd", "subcubic//"):
        assert answer(case, changed(case.cert, ("proof", "strategy"), name)) == (2, "unsupported")


@pytest.mark.parametrize("strategy", SUBCUBIC)
def test_no_witness_that_is_read_makes_a_false_claim_true(strategy):
    rng = Random(strategy)
    for maker in (wild, plausible):
        witness = maker(rng, strategy, MODEL)
        cert = certificate(MODEL, strategy, at_least=TRUE + 1, witness=witness)
        assert verdict(MODEL.bytes(), encoded(cert)).refusal == COUNT
        key = rng.choice(list(witness))
        mutant = deepcopy(cert)
        del mutant["proof"]["witness"][key]
        assert verdict(MODEL.bytes(), encoded(mutant)).refusal == WITNESS
