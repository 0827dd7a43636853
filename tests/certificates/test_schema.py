"""The schema and the specification say what the checker does."""

import copy
import hashlib
import json
import re
from itertools import product
from pathlib import Path
from random import Random

import pytest
from jsonschema import Draft202012Validator
from support.certify import PARTS
from support.toy import Recipe
from support.witnesses import SUBCUBIC, keys_of, plausible, wild

from files.claims import Pins, read_claim
from files.verdict import Refusal
from kernel import STRATEGIES, check
from parts.attention_only import Shape
from strategies.subcubic_witness import read_witness

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "certificate.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
SPECIFICATION = (DOCS / "certificate.md").read_text()
MAX_OPERATIONS = 10**11

EXAMPLE = {
    "format": "ballproof-certificate/2",
    "claim": {
        "model": {
            "sha256": "0123456789abcdef" * 4,
            "parts": PARTS,
            "sizes": dict(zip(Shape._fields, (64, 4, 32, 16, 64), strict=True)),
        },
        "task": {"rule": "max", "positions": [[0, 64]] * 4, "reads": [0, 1, 2, 3]}
        | {"answers": [0, 64]},
        "semantics": "real",
        "margin": "1/10",
        "total": "16777216",
        "correct_at_least": "16765884",
        "correct_at_most": "16777216",
    },
    "proof": {"tally": 1, "strategy": "exact", "precision": 64, "operations": "200000000"}
    | {"witness": {}},
}
TASK = EXAMPLE["claim"]["task"]
ABSENT = object()


def changed(path, value):
    """Return the example with one field set to another value, or taken out."""
    certificate = copy.deepcopy(EXAMPLE)
    *parents, key = path.split(".")
    place = certificate
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[key]
    else:
        place[key] = value
    return certificate


def fits(certificate):
    return VALIDATOR.is_valid(certificate)


def is_read(certificate):
    """Say whether the checker takes the certificate in, before it looks at any weights."""
    try:
        claim = read_claim(json.dumps(certificate).encode(), MAX_OPERATIONS)
    except Refusal:
        return False
    return claim.strategy in STRATEGIES and not claim.witness


def takes_witness(certificate):
    """Say whether the checker takes in the certificate of a subcubic strategy and its witness."""
    try:
        claim = read_claim(json.dumps(certificate).encode(), MAX_OPERATIONS)
        _, *parts = claim.strategy.split("/")
        read_witness(claim.witness, tuple(parts), Shape(**claim.sizes))
    except Refusal:
        return False
    return claim.strategy in STRATEGIES


def fields(value, path=()):
    """List the dotted paths of all fields of the example."""
    if not isinstance(value, dict):
        return []
    return [
        found
        for key, inner in value.items()
        for found in [".".join((*path, key)), *fields(inner, (*path, key))]
    ]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", "ballproof-certificate/2"),
        ("claim.task", {**TASK, "rule": "min"}),
        ("claim.task", {**TASK, "rule": "rank", "rank": 4}),
        ("claim.task", {**TASK, "rule": "argmax", "rank": 1, "answers": [0, 4]}),
        ("claim.task.positions", [[0, 64], [3, 9], [63, 64], [0, 1]]),
        ("claim.task.reads", [3]),
        ("claim.task.answers", [7, 8]),
        ("claim.margin", "9" * 200),
        ("proof.strategy", "brute-force"),
        ("proof.strategy", "cubic"),
        ("proof.precision", 32),
        ("proof.precision", 1024),
        ("proof.operations", "0"),
        ("claim.margin", "0"),
        ("claim.margin", "7"),
        ("claim.margin", "10/3"),
        ("claim.model.sizes.d_head", 1),
        ("claim.model.sizes.d_head", 2**28),
        ("claim.total", "9" * 2000),
    ],
)
def test_what_the_format_allows_fits_the_schema_and_is_read(path, value):
    certificate = changed(path, value)
    assert fits(certificate)
    assert is_read(certificate)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", "ballproof-certificate/1"),
        ("format", "ballproof-certificate/3"),
        ("claim.model.parts", PARTS[:-1]),
        ("claim.model.parts", [*PARTS, PARTS[0]]),
        ("claim.model.parts", [*PARTS, None]),
        ("claim.model.parts", [PARTS[1], PARTS[0], *PARTS[2:]]),
        ("claim.model.parts", [*PARTS[:2], {**PARTS[2], "heads": 2}, PARTS[3]]),
        ("claim.model.parts", [*PARTS[:2], {**PARTS[2], "heads": True}, PARTS[3]]),
        ("claim.model.parts", [*PARTS[:2], {**PARTS[2], "mask": "none"}, PARTS[3]]),
        ("claim.model.parts", [*PARTS[:3], {"part": "readout", "position": "mean"}]),
        ("claim.model.parts", {}),
        ("claim.task", "max-of-4"),
        ("claim.task", {**TASK, "rule": "sum"}),
        ("claim.task", {**TASK, "rank": 1}),
        ("claim.task", {**TASK, "rule": "rank"}),
        ("claim.task", {**TASK, "rule": "rank", "rank": 0}),
        ("claim.task", {**TASK, "rule": "rank", "rank": 9}),
        ("claim.task", {**TASK, "rule": "argmax", "rank": True}),
        ("claim.task.positions", []),
        ("claim.task.positions", [[0]]),
        ("claim.task.positions", [[0, 2**28 + 1]]),
        ("claim.task.positions", [[-1, 1]]),
        ("claim.task.positions", [[0, 0]]),
        ("claim.task.reads", []),
        ("claim.task.reads", [0, 0]),
        ("claim.task.reads", ["0"]),
        ("claim.task.answers", None),
        ("claim.task.answers", [0, 64, 1]),
        ("claim.margin", "9" * 201),
        ("proof.tally", 0),
        ("proof.tally", 2),
        ("proof.tally", "1"),
        ("proof.tally", True),
        ("claim.model.sha256", "0123456789ABCDEF" * 4),
        ("claim.model.sha256", "0" * 63),
        ("claim.model.sha256", "0" * 64 + "\n"),
        ("claim.model.sizes.d_vocab", 0),
        ("claim.model.sizes.d_vocab", 2**28 + 1),
        ("claim.model.sizes.d_vocab", "64"),
        ("claim.model.sizes.d_vocab", True),
        ("claim.task", 4),
        ("claim.semantics", "float64"),
        ("claim.margin", "-1"),
        ("claim.margin", "-0"),
        ("claim.margin", "0.1"),
        ("claim.margin", "1/0"),
        ("claim.margin", "3/1"),
        ("claim.margin", "0/3"),
        ("claim.margin", "1/ 3"),
        ("claim.margin", 0),
        ("claim.total", 16777216),
        ("claim.total", "016777216"),
        ("claim.total", "+1"),
        ("claim.total", "1e7"),
        ("claim.total", "16777216\n"),
        ("claim.total", "\u0661"),
        ("claim.total", "9" * 2001),
        ("claim.correct_at_least", "-1"),
        ("claim.correct_at_most", ""),
        ("proof.strategy", "Exact"),
        ("proof.strategy", None),
        ("proof.precision", 31),
        ("proof.precision", 1025),
        ("proof.precision", 64.5),
        ("proof.operations", 1000),
        ("proof.witness", []),
        ("proof.witness", {"gaps": []}),
        ("proof", []),
        ("claim", None),
    ],
)
def test_what_the_format_forbids_fails_the_schema_and_is_not_read(path, value):
    certificate = changed(path, value)
    assert not fits(certificate)
    assert not is_read(certificate)


@pytest.mark.parametrize("path", fields(EXAMPLE))
def test_no_field_can_be_left_out(path):
    certificate = changed(path, ABSENT)
    assert not fits(certificate)
    assert not is_read(certificate)


@pytest.mark.parametrize(
    "path",
    [
        "note",
        "claim.note",
        "claim.model.note",
        "claim.model.sizes.note",
        "claim.task.note",
        "proof.note",
    ],
)
def test_no_field_can_be_added(path):
    certificate = changed(path, "0")
    assert not fits(certificate)
    assert not is_read(certificate)


def test_the_schema_knows_every_strategy_of_the_checker():
    either = SCHEMA["$defs"]["proof"]["properties"]["strategy"]["anyOf"]
    known = Draft202012Validator({**SCHEMA["$defs"]["subcubicName"]})
    assert {*either[0]["enum"], *filter(known.is_valid, STRATEGIES)} == set(STRATEGIES)
    for name in STRATEGIES:
        for wrong in (f"{name}/", f"/{name}", f"{name}\n", name.title(), f" {name}", f"sub{name}"):
            assert not fits(changed("proof.strategy", wrong))
    parts = {"", *(part for name in SUBCUBIC for part in name.split("/"))}
    named = {"/".join(("subcubic", *chosen)) for chosen in product(parts, repeat=3)}
    assert {name for name in named if known.is_valid(name)} == set(SUBCUBIC)


TOY = Recipe("gaussian", 4, 3, 3, 2).build()
SIZES = dict(zip(Shape._fields, (4, 3, 3, 2, 4), strict=True))


def subcubic(strategy, witness):
    certificate = changed("proof.strategy", strategy)
    certificate["proof"]["witness"] = witness
    certificate["claim"]["model"]["sizes"] = SIZES
    return certificate


each_subcubic = pytest.mark.parametrize("strategy", SUBCUBIC)


@each_subcubic
def test_the_witness_of_every_strategy_fits_the_schema_and_no_other_keys_do(strategy):
    rng = Random(strategy)
    witness = rng.choice([wild, plausible])(rng, strategy, TOY)
    certificate = subcubic(strategy, witness)
    assert fits(certificate) and takes_witness(certificate)
    every = wild(rng, "subcubic/svd-query/chord/svd", TOY) | {"a_star": [[["1", 0]] * 2] * 4}
    every |= wild(rng, "subcubic/max-diff/chord/max-diff-subproduct", TOY) | {"note": 1}
    for key, value in every.items():
        mutant = dict(witness) | {key: value}
        if key in witness:
            del mutant[key]
        assert not fits(subcubic(strategy, mutant))
        assert not takes_witness(subcubic(strategy, mutant))
    for name in ("exact", "cubic", "brute-force"):
        assert not fits(subcubic(name, witness))


ONES = [["1", 0]] * 4
# key: what the checker refuses and the schema sees.
WRONG = {
    "gaps": [[], {}, None, [1], [[1]], [[[0]]], [[["1"]]], [[[True]]], [[[1.5]]], [[[2**28 + 1]]]],
    "query_directions": [[], [ONES] * 3, [[]], ONES, [[["0", 0]] * 4], None, {}, [[["2", 0]] * 4]],
    "squarings": [-1, 13, "3", True, None, [3], 1.5],
    "mu": [[], [["1", 0.5]], [["1"]], [["1", 0, 0]], [[1, 0]], [["0", 1]], [["-0", 0]], [["", 0]]],
    "a_star": [
        [],
        [["1", 0]],
        None,
        [[["01", 0]]],
        [[["+1", 0]]],
        [[["1\n", 0]]],
        [[["1", 20001]]],
    ],
    "chord": [[], [[["1", 0]]], [[[["1", 0]]]], [[[["1", 0]] * 3]], [[[["1", -20001], ["1", 0]]]]],
}
WRONG["key_directions"] = WRONG["query_directions"]
WRONG["matrix_directions"] = [[], [ONES[:3]], [ONES[:3]] * 3, [[["0", 0]] * 3] * 2, ONES[:3]]


@pytest.mark.parametrize("key", WRONG)
def test_a_witness_field_that_is_malformed_fails_the_schema_and_is_not_read(key):
    for strategy in SUBCUBIC[::3]:
        if key in keys_of(strategy):
            witness = wild(Random(1), strategy, TOY)
            for value in WRONG[key]:
                certificate = subcubic(strategy, witness | {key: value})
                assert not fits(certificate), value
                assert not takes_witness(certificate)


def block(language):
    """Return the first code block of this language in the specification."""
    return re.search(rf"^```{language}\n(.*?)^```$", SPECIFICATION, re.DOTALL | re.MULTILINE)[1]


def example_tensors():
    """Return (name, dtype, shape, data) of the tensors that the specification spells out."""
    for line in block("hex").splitlines():
        data = bytes.fromhex(line)
        name, dtype, shape, rest = data.split(b"\0", 3)
        assert int.from_bytes(rest[:8], "little") == len(rest[8:])
        yield name.decode(), dtype.decode(), [int(axis) for axis in shape.split(b",")], rest[8:]


def example_weights():
    header, data = {}, b""
    for name, dtype, shape, values in example_tensors():
        header[name] = {"dtype": dtype, "shape": shape}
        header[name]["data_offsets"] = [len(data), len(data) + len(values)]
        data += values
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_the_digest_of_the_worked_example_is_right():
    preimage = bytes.fromhex(block("hex"))
    assert f"These are {len(preimage)} bytes" in SPECIFICATION
    assert f"SHA-256 is\n`{hashlib.sha256(preimage).hexdigest()}`" in SPECIFICATION


def test_the_example_certificate_fits_the_schema_and_proves_the_line_that_is_printed():
    text = block("json")
    assert fits(json.loads(text))
    theorem = check(example_weights(), text.encode(), Pins())
    assert f"\n    {theorem.line()}\n" in SPECIFICATION
