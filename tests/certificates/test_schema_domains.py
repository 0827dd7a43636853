"""The schema says of each witness field what the tables of the strategies say."""

import json
from pathlib import Path

import pytest

from ballproof.verifier.strategies.domains import schema_of
from ballproof.verifier.strategies.ladder import domain as ladder
from ballproof.verifier.strategies.subcubic import domain as subcubic

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "certificate.schema.json"
DEFS = json.loads(SCHEMA.read_text())["$defs"]
# Objects that may hold themselves: referred to by name.
OBJECTS = ("pool", "group")


def plain(schema):
    """Return a schema without descriptions, and with its references to values looked up."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    found = plain(DEFS[name]) if name and name not in OBJECTS else {}
    kept = {key: plain(x) for key, x in schema.items() if key != "description"}
    if found:
        del kept["$ref"]
    return found | kept


@pytest.mark.parametrize("key", [*subcubic.FIELDS, *ladder.WITNESS])
def test_a_field_of_the_witness_is_that_of_the_table(key):
    domain = {**subcubic.FIELDS, **ladder.WITNESS}[key]
    assert plain(DEFS["witness"]["properties"][key]) == schema_of(domain)


def test_the_witness_has_the_fields_of_the_tables():
    assert set(DEFS["witness"]["properties"]) == {*subcubic.FIELDS, *ladder.WITNESS}
    assert set(DEFS["pool"]["properties"]) == set(DEFS["pool"]["required"]) == set(ladder.POOL)


@pytest.mark.parametrize("key", ladder.POOL)
def test_a_field_of_a_pool_is_that_of_the_table(key):
    assert plain(DEFS["pool"]["properties"][key]) == schema_of(ladder.POOL[key])


@pytest.mark.parametrize("rule", ladder.RULES["ladder"])
def test_a_group_is_that_of_the_table(rule):
    fields = ladder.group_fields(rule)
    (shape,) = (s for s in plain(DEFS["group"]["anyOf"]) if rule in _words(s))
    assert set(shape["required"]) == set(shape["properties"]) == set(fields)
    for key in fields.keys() - {"rule"}:
        assert shape["properties"][key] == schema_of(fields[key])


def _words(shape):
    rule = shape["properties"]["rule"]
    return rule.get("enum", [rule.get("const")])


@pytest.mark.parametrize("strategy", ["moment", "grid"])
def test_the_rules_of_a_ladder_are_those_of_the_table(strategy):
    groups = DEFS[f"{strategy}Pool"]["properties"]["groups"]["items"]
    assert set(groups["properties"]["rule"]["enum"]) == set(ladder.RULES[strategy])
