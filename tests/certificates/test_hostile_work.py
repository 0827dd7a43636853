"""Random files, and models so long that the work itself is the attack, get a reason as well."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoilt import BODY, CASE, CERT, HEADER, LIMIT, WEIGHTS, refusal_of_cert, refusal_of_weights
from support.certify import (
    STRATEGIES,
    certificate,
    encoded,
    holds,
    join_weights,
    trained_toy,
    verdict,
)
from support.toy import Recipe

from arithmetic.tally import Tally


@given(st.binary(max_size=200))
def test_random_bytes_are_declined(data):
    assert refusal_of_cert(data)[0] == 2
    assert refusal_of_cert(b"{" + data)[0] == 2
    assert refusal_of_weights(data)[0] == 2
    assert refusal_of_weights(join_weights(b"{" + data, data))[0] == 2


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(values)
def test_random_json_is_declined(value):
    assert refusal_of_cert(encoded(value))[0] == 2
    assert refusal_of_cert(encoded({"format": value}))[0] == 2
    for key in ("claim", "proof"):
        assert refusal_of_cert(encoded(CASE.cert | {key: value}))[0] == 2
    assert refusal_of_weights(join_weights(encoded({"x": value}), b""))[0] == 2
    assert refusal_of_weights(join_weights(encoded(HEADER | {"embed.W_E": value}), BODY))[0] == 2


@pytest.mark.parametrize("seed", range(8))
def test_spliced_certificates_are_refused_or_true(seed):
    rng = random.Random(seed)
    for _ in range(150):
        a, b, c, d = sorted(rng.randrange(len(CERT) + 1) for _ in range(4))
        for mutant in (
            CERT[:a] + CERT[b:],
            CERT[:a] + CERT[c:d] + CERT[b:],
            CERT[:b] + CERT[a:],
            CERT[:a] + CERT[c:d] + CERT[b:c] + CERT[a:b] + CERT[d:],
        ):
            found = verdict(WEIGHTS, mutant)
            assert found.theorem is None or holds(found.theorem, CASE.model)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("v", "k"), [(1, 1200), (2, 1200), (1, 6000)])
@pytest.mark.parametrize("flavour", ["gaussian", "zeros"])
def test_a_context_of_thousands_is_refused_or_true_and_never_too_deep(strategy, v, k, flavour):
    model = Recipe(flavour, v, k, 1, 1, seed=3).build()
    cert = certificate(model, strategy, at_least=0, operations=10**6)
    found = verdict(model.bytes(), encoded(cert))
    assert found.theorem or found.refusal in {LIMIT, (1, "budget")}


def test_inputs_too_many_to_be_written_down_are_declined():
    model = Recipe("zeros", 1, 6001, 1, 1).build()
    cert = certificate(trained_toy(), "exact")
    assert verdict(model.bytes(), encoded(cert)).refusal == LIMIT


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("v", "k"), [(1, 1), (4, 1), (2, 2), (1, 9), (3, 3)])
def test_no_work_lowers_the_tally(monkeypatch, strategy, v, k):
    charged, charge = [], Tally.charge

    def record(tally, operations):
        charged.append(operations)
        charge(tally, operations)

    monkeypatch.setattr(Tally, "charge", record)
    model = Recipe("trained", v, k, 2, 2).build()
    assert verdict(model.bytes(), encoded(certificate(model, strategy, at_least=0))).theorem
    assert min(charged) >= 0
