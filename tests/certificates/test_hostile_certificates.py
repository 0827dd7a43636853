"""Whatever the certificate holds, the answer is a reason: no crash, no hang, no false success."""

import json
import time
from copy import deepcopy

import pytest
from spoilt import (
    BODY,
    CASE,
    CERT,
    HEADER,
    LIMIT,
    SYNTAX,
    TEXT,
    WEIGHTS,
    refusal_of_cert,
    refusal_of_weights,
)
from support.certify import (
    STRATEGIES,
    certificate,
    encoded,
    join_weights,
    mean_diff_sign,
    verdict,
)
from support.toy import Recipe


def test_the_files_that_are_spoilt_below_are_good():
    assert verdict(WEIGHTS, CERT).theorem
    assert verdict(join_weights(HEADER, BODY), CERT).theorem


def test_a_certificate_cut_anywhere_is_declined():
    for end in range(len(CERT)):
        assert refusal_of_cert(CERT[:end]) == SYNTAX


def test_one_newline_may_end_a_certificate_and_nothing_else():
    assert verdict(WEIGHTS, CERT + b"\n").theorem
    for tail in (b"\n\n", b"\r\n", b"\0", b"{}", b"x", b",", b"}", b"\n{}", CERT, b"\xff", b" \n"):
        assert refusal_of_cert(CERT + tail) == SYNTAX


def test_white_space_between_tokens_is_free():
    for cert in (json.dumps(CASE.cert, indent=7), json.dumps(CASE.cert, separators=(",", ":"))):
        assert verdict(WEIGHTS, cert.encode()).theorem


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_declined(encoding):
    assert refusal_of_cert(TEXT.encode(encoding)) == SYNTAX


@pytest.mark.parametrize(
    "cert",
    [
        *(
            b"",
            b"\n",
            b" ",
            b"{",
            b"}",
            b"{}",
            b"[]",
            b"null",
            b"0",
            b'""',
            b"{}\n",
            b'{"',
            b"\xff",
        ),
        *(b'{"a":1}', b"[" * 1000, b"{\\}", b"{'format':1}", b"{} {}", b"\0" * 100, b'{"\\'),
        *(b'{"a":"\xed\xa0\x80"}', b'{"a":"\x01"}', b'{"a":"\n"}', b'{"a":tru}', b'{"a":1,}'),
    ],
)
def test_what_is_no_certificate_is_declined(cert):
    assert refusal_of_cert(cert) == SYNTAX


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e5", "0.0", "1E400", "-0.0"])
@pytest.mark.parametrize("place", ['"witness": {}', '"precision": 64', '"margin": "0"'])
def test_numbers_that_are_not_exact_are_declined_wherever_they_are(literal, place):
    key = place.split(":")[0]
    assert refusal_of_cert(TEXT.replace(place, f"{key}: {literal}").encode()) == SYNTAX
    nested = TEXT.replace('"witness": {}', f'"witness": {{"x": [[{literal}]]}}')
    assert refusal_of_cert(nested.encode()) == SYNTAX


@pytest.mark.parametrize("depth", [17, 1000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_declined(depth, opening, closing):
    deep = opening * depth + "1" + closing * depth
    assert refusal_of_cert(TEXT.replace("{}", deep).encode()) == LIMIT
    assert refusal_of_cert(TEXT.replace("{}", opening * depth).encode()) == LIMIT
    header = json.dumps(HEADER)[:-1] + f', "__metadata__": {deep}}}'
    assert refusal_of_weights(join_weights(header.encode(), BODY)) == LIMIT


def test_brackets_in_a_string_are_no_nesting():
    mutant = TEXT.replace("{}", '{"' + "[{" * 100 + '\\"[[": "[[[["}')
    assert refusal_of_cert(mutant.encode()) == (1, "witness")


@pytest.mark.parametrize("digits", [2001, 5000, 10**6])
def test_a_number_of_too_many_digits_is_declined_before_it_is_converted(digits):
    for sign in ("", "-"):
        number = sign + "7" * digits
        assert refusal_of_cert(TEXT.replace("{}", f'{{"x": {number}}}').encode()) == LIMIT
        assert refusal_of_cert(TEXT.replace('"64"', number).encode()) in {LIMIT, (0, None)}
    header = json.dumps(HEADER).replace('"shape": [4, 5]', f'"shape": [4, {"7" * digits}]')
    assert refusal_of_weights(join_weights(header.encode(), BODY)) == LIMIT


@pytest.mark.parametrize(
    "unit", ['"', "\\", '\\"', '"\\', "[]", "{}", '""', '"",', "\\u0022", "[ "]
)
def test_a_megabyte_of_quotes_and_backslashes_is_declined_at_once(unit):
    started = time.process_time()
    for start in ("{", '{"', TEXT[:200]):
        assert refusal_of_cert((start + unit * (2**20 // len(unit))).encode())[0] == 2
    assert time.process_time() - started < 10


@pytest.mark.parametrize("field", ["task", "semantics", "margin", "total", "strategy", "sha256"])
def test_lone_surrogates_are_refused_and_crash_nothing(field):
    mutant = deepcopy(CASE.cert)
    holder = mutant["proof"] if field == "strategy" else mutant["claim"]
    (mutant["claim"]["model"] if field == "sha256" else holder)[field] = "\ud83d"
    assert refusal_of_cert(encoded(mutant))[0] in {1, 2}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_certificate_for_other_weights_is_rejected(strategy):
    for other in (mean_diff_sign(), Recipe("trained", 5, 3, 4, 2, seed=1).build()):
        cert = encoded(certificate(other, strategy, at_least=0))
        assert verdict(other.bytes(), cert).theorem
        assert refusal_of_cert(cert) == (1, "digest")


def test_the_two_files_the_wrong_way_round_are_declined():
    assert verdict(CERT, WEIGHTS).refusal == SYNTAX
    assert verdict(CERT, CERT).refusal == SYNTAX
    assert verdict(WEIGHTS, WEIGHTS).refusal == SYNTAX
