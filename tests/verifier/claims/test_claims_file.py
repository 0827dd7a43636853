"""A claims file is read without rounding, and each mistake in one gets a sentence of its own."""

import json
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest
from support.certify import DATA, mean_diff_sign, trained_toy
from support.toy import Recipe

from ballproof.models.weights import load_weights
from ballproof.verifier.claims.reading import ClaimsError, read_claims

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "claims.schema.json"
CLASS = {"query": 0, "maximum": 4, "all_correct": True}


@pytest.fixture
def read(tmp_path):
    """Return a function that reads claims, given as an object or as bytes, about the toy."""
    model = trained_toy().write(tmp_path / "toy.safetensors")
    weights = load_weights(model)

    def call(content):
        path = tmp_path / "claims.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return read_claims(path, weights, str(model))

    call.digest = weights.digest
    return call


def one(**fields):
    return {"claims": [fields]}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("-0.6875", Fraction(-11, 16)),
        ("0.1", Fraction(1, 10)),
        ("-6875e-4", Fraction(-11, 16)),
        ("1.5E+3", Fraction(1500)),
        ("-0.0", Fraction(0)),
        ("7", Fraction(7)),
        ('"1/3"', Fraction(1, 3)),
        ('"-2/6"', Fraction(-1, 3)),
        ('"-0.30"', Fraction(-3, 10)),
        (
            "0.1000000000000000055511151231257827",
            Fraction(1000000000000000055511151231257827, 10**34),
        ),
        ("1e-400", Fraction(1, 10**400)),
        ("123456789012345678901234567890.5", Fraction(246913578024691357802469135781, 2)),
    ],
)
def test_numbers_are_read_without_rounding(read, written, value):
    text = f'{{"claims": [{{"query": 0, "largest_wrong_logit": {written}}}]}}'
    assert read(text.encode())[0].largest == value


def test_what_is_left_out_stays_open(read):
    claim = read(one(all_correct=True))[0]
    assert (claim.query, claim.maximum, claim.below, claim.gap) == (None, None, None, 1)
    assert (claim.largest, claim.margin) == (None, 0)
    claim = read(one(largest_wrong_logit=1, margin="1/3", name="mine"))[0]
    assert claim.threshold == Fraction(2, 3) and claim.strict


def test_counts_are_integers_or_decimal_strings(read):
    claim = read(one(correct_at_least="12", correct_at_most=125, margin=0.5))[0]
    assert (claim.at_least, claim.at_most, claim.margin) == (12, 125, Fraction(1, 2))


def test_a_model_may_be_named_by_file_by_name_or_by_digest(read):
    for name in ("toy.safetensors", "toy", read.digest, f"sha256:{read.digest}", "a/b/toy"):
        assert read({"model": name, "claims": [CLASS]})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no well-formed JSON"),
        (b"\xff\xfe", "no well-formed JSON"),
        (b"[" * 100_000, "no well-formed JSON"),
        (b'{"claims": [], "claims": []}', "'claims' twice"),
        (b'{"claims": [{"largest_wrong_logit": NaN}]}', "holds NaN"),
        (b'{"claims": [{"largest_wrong_logit": -Infinity}]}', "holds -Infinity"),
        (b'{"claims": [{"query": 0, "query": 1, "all_correct": true}]}', "'query' twice"),
        ([CLASS], "where an object is read"),
        ({}, "claims is None"),
        ({"claims": {}}, "claims is {}"),
        ({"claims": []}, r"claims is \[\]"),
        ({"claims": [7]}, r"claims\[0\] is 7"),
        ({"claims": [CLASS, None]}, r"claims\[1\] is None"),
        ({"claim": [CLASS]}, "unknown key 'claim'; did you mean claims"),
        ({"format": "ballproof-claims/2", "claims": [CLASS]}, "ballproof-claims/2"),
        ({"model": 3, "claims": [CLASS]}, "model is 3"),
        ({"model": "max-of-9", "claims": [CLASS]}, "'max-of-9', and the model given is"),
        ({"model": "0" * 64, "claims": [CLASS]}, "is about 0000"),
        (one(), "needs one of"),
        (one(query=1, maximum=2), "needs one of"),
        (one(all_correct=True, largest_wrong_logit=1), "needs one of"),
        (one(all_correct=False), "all_correct False, where true"),
        (one(all_correct=1), "all_correct 1, where true"),
        (one(largest_wrong_logit=None), "largest_wrong_logit None"),
        (one(largest_wrong_logit=True), "largest_wrong_logit True"),
        (one(largest_wrong_logit="1/0"), "largest_wrong_logit '1/0'"),
        (one(largest_wrong_logit="1e99999"), "largest_wrong_logit '1e99999'"),
        (b'{"claims": [{"largest_wrong_logit": 1e99999}]}', "largest_wrong_logit '1e99999'"),
        (one(largest_wrong_logit="inf"), "largest_wrong_logit 'inf'"),
        (one(largest_wrong_logit=".5"), "largest_wrong_logit '.5'"),
        (one(largest_wrong_logit=" 1"), "largest_wrong_logit ' 1'"),
        (one(largest_wrong_logit="٣"), "where a finite number"),
        (one(largest_wrong_logit=[1]), r"largest_wrong_logit \[1\]"),
        (b'{"claims": [{"largest_wrong_logit": 1%s}]}' % (b"0" * 5000), "no well-formed JSON"),
        (one(query=5, all_correct=True), "query 5, where an integer from 0 to 4"),
        (one(query=-1, all_correct=True), "query -1"),
        (one(query="0", all_correct=True), "query '0'"),
        (b'{"claims": [{"query": 1.0, "all_correct": true}]}', "query '1.0'"),
        (one(query=True, all_correct=True), "query True"),
        (one(maximum=5, all_correct=True), "maximum 5, where an integer from 0 to 4"),
        (one(maximum=None, all_correct=True), "maximum None"),
        (one(below=3, all_correct=True), "below 3, where an integer from 0 to 2"),
        (one(below=-1, all_correct=True), "below -1"),
        (one(gap=0, all_correct=True), "gap 0, where an integer from 1 to 5"),
        (one(gap=6, all_correct=True), "gap 6"),
        (one(gap=10**30, all_correct=True), "gap 1000000000"),
        (one(margin=-1, all_correct=True), "margin -1, where a number >= 0"),
        (one(margin="x", all_correct=True), "margin 'x'"),
        (one(name=3, all_correct=True), "name 3, where a string"),
        (one(qery=3, all_correct=True), "unknown key 'qery'; did you mean query"),
        (one(correct_at_least=3, query=1), "counts are of all sequences"),
        (one(correct_at_least=3, all_correct=True), "counts are of all sequences"),
        (one(correct_at_least=126), "correct_at_least 126, where a count from 0 to 125"),
        (one(correct_at_least=-1), "correct_at_least -1"),
        (one(correct_at_most="3.0"), "correct_at_most '3.0'"),
        (b'{"claims": [{"correct_at_most": 3.0}]}', "correct_at_most '3.0'"),
        (one(correct_at_most=None), "correct_at_most None"),
        (one(correct_at_least=4, correct_at_most=3), "no model can satisfy"),
        (one(**{"\ud800": 1}), "unknown key"),
    ],
)
def test_a_mistake_is_refused_with_a_sentence_that_names_it(read, content, sentence):
    with pytest.raises(ClaimsError, match=sentence) as error:
        read(content)
    assert "claims.json" in str(error.value) and str(error.value).endswith((".", "?"))
    str(error.value).encode()


def test_the_schema_accepts_the_examples_and_refuses_what_it_can_see():
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    validator.check_schema(validator.schema)
    for name in ("mean-diff-sign.claims.json",):
        validator.validate(json.loads((DATA / name).read_text()))
    counts = {"correct_at_least": "3", "correct_at_most": 7, "margin": "1/3"}
    for good in (CLASS, counts, {"all_correct": True, "name": "x", "gap": 2, "below": 0}):
        validator.validate({"format": "ballproof-claims/1", "claims": [good]})
    for bad in (
        {},
        {"query": 1},
        CLASS | {"largest_wrong_logit": 1},
        CLASS | {"all_correct": False},
        CLASS | {"gap": 0},
        CLASS | {"query": -1},
        CLASS | {"margin": -1},
        CLASS | {"margin": "-1"},
        CLASS | {"qery": 1},
        CLASS | counts,
        counts | {"correct_at_most": "3.0"},
        {"largest_wrong_logit": "1/0"},
    ):
        assert not validator.is_valid({"claims": [bad]}), bad


def test_the_example_of_the_docs_is_about_the_sign_trap(tmp_path):
    model = mean_diff_sign().write(tmp_path / "mean-diff-sign.safetensors")
    claims = read_claims(DATA / "mean-diff-sign.claims.json", load_weights(model), str(model))
    assert [claim.largest for claim in claims] == [Fraction(-11, 16), Fraction(-1, 2)]


def test_a_name_is_a_string_and_no_number(read):
    for name in (1.5, 1, None, ["a"]):
        with pytest.raises(ClaimsError, match="name"):
            read(one(**CLASS, name=name))
    assert read(one(**CLASS, name="1.5"))[0].fields["name"] == "1.5"


def test_a_model_whose_sequences_nobody_can_count_is_refused(tmp_path):
    path = tmp_path / "claims.json"
    path.write_text(json.dumps(one(query=1, all_correct=True)))
    for k, fits in ((1500, True), (1501, False), (5000, False)):
        weights = load_weights(Recipe("trained", 10, k, 2, 1, seed=1).build().write(tmp_path / "m"))
        if fits:
            assert len(read_claims(path, weights, "long")) == 1
        else:
            with pytest.raises(ClaimsError, match=f"long: 10\\^{k} sequences are too many"):
                read_claims(path, weights, "long")
