"""The schema says of architectures, rules and witnesses of programs what the checker reads."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.networks import claim_of, one_layer, pair
from support.table_counts import table

from ballproof.verifier.strategies import enumerate_domain
from ballproof.verifier.strategies.domains import schema_of
from files.claims import read_claim
from files.verdict import Refusal
from kernel import strategy_of

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "certificate.schema.json").read_text()
)
VALIDATOR = Draft202012Validator(SCHEMA)


def both(certificate):
    """Say whether the schema fits and whether the checker reads claim and witness."""
    try:
        claim = read_claim(json.dumps(certificate).encode(), 10**11)
        strategy_of(claim).read(claim)
        is_read = True
    except Refusal:
        is_read = False
    return VALIDATOR.is_valid(certificate), is_read


def of_network(network, strategy="enumerate", witness=None, **options):
    task = table(network, network.sizes["n_ctx"], network.sizes["d_vocab_out"])
    return claim_of(network, task, (0, 0), strategy=strategy, witness=witness, **options)


GOOD = [
    one_layer(0),
    one_layer(0, heads=1, m=0),
    one_layer(0, heads=1, m=0, mask="none"),
    one_layer(0, heads=1, m=0, positions=False),
    one_layer(0, heads=1, share="0", normalised=True, positions=False),
    one_layer(0, share="3/2"),
    *(pair(0, inputs=inputs) for inputs in ("sum", "concatenated", "added")),
    pair(0, layers=16),
]


@pytest.mark.parametrize("network", GOOD, ids=range(len(GOOD)))
def test_every_architecture_fits_the_schema_with_its_own_sizes_alone(network):
    certificate = of_network(network)
    assert both(certificate) == (True, True)
    for other in GOOD:
        if other.sizes.keys() != network.sizes.keys():
            certificate["claim"]["model"]["sizes"] = other.sizes
            assert both(certificate) == (False, False)


EDITS = [
    (0, 2, {"heads": 0}),
    (0, 2, {"heads": 257}),
    (0, 2, {"heads": "2"}),
    (0, 2, {"mask": "full"}),
    (0, 2, {"scale": "1"}),
    (0, 2, {"softmax": "1/2"}),
    (0, 2, {"normalised": False}),
    (5, 2, {"softmax": "1"}),
    (5, 2, {"softmax": "-1/2"}),
    (5, 2, {"softmax": 1}),
    (5, 2, {"normalised": 1}),
    (5, 2, {"note": 1}),
    (0, 3, {"activation": "gelu"}),
    (0, 3, {"layers": 1}),
    (0, 4, {"position": "mean"}),
    (6, 0, {"inputs": "product"}),
    (6, 0, {"note": 1}),
    (6, 1, {"layers": 0}),
    (6, 1, {"layers": 17}),
    (6, 1, {"layers": True}),
    (6, 1, {"activation": "tanh"}),
    (6, 2, {"position": "last"}),
]


@pytest.mark.parametrize(("number", "place", "edit"), EDITS)
def test_settings_that_are_not_served_fail_the_schema_and_are_not_read(number, place, edit):
    certificate = of_network(GOOD[number])
    parts = [*certificate["claim"]["model"]["parts"]]
    parts[place] = parts[place] | edit
    certificate["claim"]["model"]["parts"] = parts
    assert both(certificate) == (False, False)


def test_parts_in_another_order_or_number_fail_the_schema_and_are_not_read():
    for network in (GOOD[0], GOOD[6]):
        parts = network.parts
        for wrong in (parts[1:], parts[:-1], parts[::-1], [*parts, parts[-1]], parts[:1], []):
            certificate = of_network(network)
            certificate["claim"]["model"]["parts"] = wrong
            assert both(certificate) == (False, False)


PLACES = {"positions": [[0, 3], [0, 3]], "reads": [0, 1], "answers": [0, 3]}
ORDER = [[1, 0, 2], [0, 1, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
SUM = PLACES | {"rule": "sum", "modulus": 3, "coefficients": [1, -1]}
PRODUCT = PLACES | {"rule": "product", "group": "S3", "order": ORDER, "side": "y(x)"}
TABLE = PLACES | {"rule": "table", "labels": list(range(9))}
TASKS = [
    (SUM, True),
    (SUM | {"modulus": 2**20, "coefficients": [0, 1 - 2**20]}, True),
    *((SUM | {"modulus": x}, False) for x in (0, 2**20 + 1, "3", True, None)),
    *((SUM | {"coefficients": x}, False) for x in ([], ["1", 1], [2**20, 1], [True, 1], "1,1", 1)),
    (PRODUCT, True),
    (PRODUCT | {"order": "lexicographic", "side": "x(y)", "group": "C4096"}, True),
    *((PRODUCT | {"group": x}, False) for x in ("S7", "A0", "C04", "G3", "S3\n", "C", 3, "C12345")),
    *((PRODUCT | {"side": x}, False) for x in ("xy", "", None, ["x(y)"])),
    *((PRODUCT | {"order": x}, False) for x in ("sympy", [], None, [[0, 1, 2]] * 6, [0], [["0"]])),
    (TABLE, True),
    *((TABLE | {"labels": x}, False) for x in ([], [2**20] * 9, ["0"] * 9, [-1] * 9, [True] * 9)),
    *((SUM | {"rule": rule}, False) for rule in ("product", "table", "max", "rank")),
    *((task | {"rank": 1}, False) for task in (SUM, PRODUCT, TABLE)),
    *((SUM | {key: PRODUCT[key]}, False) for key in ("group", "order", "side")),
    *(({k: x for k, x in SUM.items() if k != key}, False) for key in SUM),
    *(({k: x for k, x in PRODUCT.items() if k != key}, False) for key in PRODUCT),
    *(({k: x for k, x in TABLE.items() if k != key}, False) for key in TABLE),
]


@pytest.mark.parametrize(("task", "good"), TASKS, ids=range(len(TASKS)))
def test_a_task_fits_the_schema_if_it_is_read(task, good):
    certificate = of_network(pair(0))
    certificate["claim"]["task"] = task
    assert both(certificate) == (good, good)


ROW, NONE = {"exponent": -1100, "rows": [[1, -(2**31) + 1, 0]]}, {"exponent": 0, "rows": []}
COLUMN = {"exponent": 1100, "rows": [[1]] * 3}
REMAINDER = {"kappa": ROW, "mu": ROW, "u": COLUMN, "v": ROW}
CELLS = {"leaf": 4096, "directions": ROW, "coordinates": COLUMN}
BAD_ROWS = [
    None,
    [[1, 1, 1]],
    {},
    {"exponent": 0},
    ROW | {"note": 1},
    *(ROW | {"exponent": x} for x in (1101, -1101, "0", True, None)),
    *(ROW | {"rows": [[x, 1, 1]]} for x in (2**31, -(2**31), "1", True, None, [1])),
    *(ROW | {"rows": x} for x in ([1, 1, 1], [[]], None, {})),
]
CLASS = {"query": 0, "label": 1, "thresholds": [[1, 2]], "low": [], "high": []}
EXACT = {"unit": -24, "classes": [CLASS, CLASS | {"query": 1}]}
BAD_EXACT = [
    *({k: x for k, x in EXACT.items() if k != key} for key in EXACT),
    *(EXACT | {"unit": x} for x in (4097, -4097, "0", True, None)),
    *(EXACT | {"classes": x} for x in ({}, None, [None], [[]])),
    *(EXACT | {"classes": [{k: x for k, x in CLASS.items() if k != key}]} for key in CLASS),
    *(EXACT | {"classes": [CLASS | {"query": x}]} for x in (-1, 2**28 + 1, True, "0")),
    *(EXACT | {"classes": [CLASS | {"low": x}]} for x in ({}, [1], [["1"]], [[2**62 + 1]])),
    EXACT | {"note": 1},
]
WITNESSES = [
    ("exact", EXACT, True),
    ("split", EXACT | {"rate": 1}, True),
    *(("exact", witness, False) for witness in BAD_EXACT),
    *(("split", witness | {"rate": 1}, False) for witness in BAD_EXACT),
    *(("split", EXACT | {"rate": x}, False) for x in (0, 4097, True, "1", None)),
    ("split", EXACT, False),
    ("exact", EXACT | {"rate": 1}, False),
    ("enumerate", {"passes": 4}, True),
    *(("enumerate", {"passes": x}, False) for x in (0, 5, "1", True, None)),
    ("remainder", REMAINDER, True),
    ("remainder", REMAINDER | {"u": NONE, "v": NONE}, True),
    *(("remainder", REMAINDER | {key: x}, False) for key in REMAINDER for x in BAD_ROWS),
    ("remainder", REMAINDER | {"kappa": NONE}, False),
    ("remainder", REMAINDER | {"mu": ROW | {"rows": ROW["rows"] * 2}}, False),
    ("remainder", REMAINDER | {"v": ROW | {"rows": ROW["rows"] * 257}}, False),
    *(("remainder", {k: x for k, x in REMAINDER.items() if k != key}, False) for key in REMAINDER),
    ("cells", CELLS, True),
    ("cells", CELLS | {"leaf": 1}, True),
    *(("cells", CELLS | {"leaf": x}, False) for x in (0, 4097, -1, "4", True, None)),
    *(("cells", CELLS | {x: y}, False) for x in ("directions", "coordinates") for y in BAD_ROWS),
    *(("cells", CELLS | {x: NONE}, False) for x in ("directions", "coordinates")),
    ("cells", CELLS | {"directions": ROW | {"rows": ROW["rows"] * 65}}, False),
    *(("cells", {k: x for k, x in CELLS.items() if k != key}, False) for key in CELLS),
    ("cells", CELLS | {"note": 1}, False),
    *(("one-sided", {"share": x}, True) for x in ("0", "1", "1/3")),
    *(("one-sided", {"share": x}, False) for x in ("-1", "0.5", "1/1", 0, None, "", "01", "1\n")),
    *((x, w | {"note": 1}, False) for x, w in (("enumerate", {"passes": 1}), ("remainder", ROW))),
    ("one-sided", {"share": "0", "passes": 1}, False),
    *((x, {}, False) for x in ("enumerate", "remainder", "cells", "one-sided")),
    ("remainder", {"passes": 1}, False),
    ("exact", {"passes": 1}, False),
    ("ladder", {"labels": [], "passes": 1}, False),
]


@pytest.mark.parametrize(("strategy", "witness", "good"), WITNESSES, ids=range(len(WITNESSES)))
def test_a_witness_fits_the_schema_if_it_is_read(strategy, witness, good):
    # Of one head alone `exact` takes none.
    network = one_layer(0) if strategy in ("exact", "split") else pair(0, outputs=3)
    certificate = of_network(network, strategy, witness)
    assert both(certificate) == (good, good)


@pytest.mark.parametrize("precision", [32, 96, 1000])
def test_lanes_have_a_multiple_of_64_bits(precision):
    for strategy, witness in (("enumerate", {"passes": 1}), ("one-sided", {"share": "0"})):
        network = pair(0)
        assert both(of_network(network, strategy, witness, precision=64)) == (True, True)
        wrong = of_network(network, strategy, witness, precision=precision)
        assert both(wrong) == (False, False)


@pytest.mark.parametrize(
    ("precision", "good"), [(64, True), (512, True), (576, False), (96, False)]
)
def test_lanes_of_cells_have_a_multiple_of_64_bits_up_to_512(precision, good):
    certificate = of_network(pair(0, outputs=3), "cells", CELLS, precision=precision)
    assert both(certificate) == (good, good)


def test_the_field_of_enumerate_is_that_of_the_table():
    fields = {key: schema_of(x) for key, x in enumerate_domain.WITNESS.items()}
    assert SCHEMA["$defs"]["enumerateWitness"]["properties"] == fields
