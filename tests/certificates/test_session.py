"""Checks of one session: each verdict and each tally is that of a check alone."""

import random
from itertools import product

import pytest
from support.certify import certificate, encoded, trained_toy
from support.networks import claim_of, one_layer
from support.table_counts import table
from support.toy import Recipe
from support.witnesses import SUBCUBIC, plausible, wild

import session as sessions
from files.claims import Pins
from files.verdict import Refusal
from kernel import check
from session import Session
from strategies import subcubic as room

TOY = trained_toy()
OTHER = Recipe("one hot", v=5, k=3, d=4, h=2, seed=2).build()


def outcome(checked, model, cert, pins=Pins()):  # noqa: B008
    """Return all that is known of a check: the theorem, or the refusal with what it established."""
    try:
        return checked(model.bytes(), encoded(cert), pins)._asdict()
    except Refusal as refusal:
        return refusal.fields()


def with_claim(cert, **fields):
    return {**cert, "claim": {**cert["claim"], **fields}}


def with_proof(cert, **fields):
    return {**cert, "proof": {**cert["proof"], **fields}}


def claims(model):
    """Return certificates of many strategies, subcubic ones with parts of witnesses in common."""
    rng, made = random.Random(5), []
    margins = ("0", "1", "10")
    for margin, name in product(margins, ("exact", "brute-force", "cubic")):
        made.append(certificate(model, name, margin=margin, at_least=0))
        made.append(certificate(model, name, margin=margin, at_least=0, precision=96))
    shared = {}
    for name in SUBCUBIC:
        for make in (plausible, wild):
            # The first witness with a key lends it to all others.
            witness = make(rng, name, model)
            witness = {
                key: shared.setdefault((make, key, len(x)), x) if isinstance(x, list) else x
                for key, x in witness.items()
            }
            margin = rng.choice(margins)
            made.append(certificate(model, name, margin=margin, at_least=0, witness=witness))
    return made


def variants(cert, tally):
    """Return the certificate with other numbers claimed, and other budgets."""
    total = cert["claim"]["total"]
    return [
        cert,
        with_claim(cert, correct_at_least=total),
        with_claim(cert, correct_at_most="0"),
        *(with_proof(cert, operations=str(tally + extra)) for extra in (0, -1)),
        with_proof(cert, operations="1"),
    ]


def test_verdicts_and_tallies_are_those_of_single_checks_in_any_order():
    asked = [
        (model, each)
        for model in (TOY, OTHER)
        for cert in claims(model)
        for each in variants(cert, int(outcome(check, model, cert)["tally"]))
    ]
    alone = [outcome(check, *each) for each in asked]
    assert {found.get("reason") for found in alone} == {None, "count", "budget"}
    # Neighbours stay near each other, so that something is left to take.
    mixed = sorted(range(len(asked)), key=lambda i: i + random.Random(i).uniform(0, 40))
    for order in (range(len(asked)), mixed):
        together = Session()
        for i in order:
            assert outcome(together.check, *asked[i]) == alone[i]


def test_what_was_made_is_taken_and_not_made_again(monkeypatch):
    made = []
    name = "subcubic/mean-query/drop-average/svd"
    cert = certificate(TOY, name, at_least=0, witness=plausible(random.Random(1), name, TOY))
    for part in ("bounded_scores", "bounded_logits", "certainly_right"):
        whole = getattr(room, part)
        monkeypatch.setattr(
            room, part, lambda *x, part=part, whole=whole: made.append(part) or whole(*x)
        )
    together = Session()
    together.check(TOY.bytes(), encoded(cert), Pins())
    once = ["certainly_right", "bounded_scores", "bounded_logits"]
    assert made == once
    other = with_proof(with_claim(cert, correct_at_most="125"), operations=str(10**8))
    together.check(TOY.bytes(), encoded(other), Pins())
    assert made == once
    # Another class of gaps: counted anew, from the same tables.
    gaps = [
        [[1 + (m > 2) for _ in row] for row in rows]
        for m, rows in enumerate(cert["proof"]["witness"]["gaps"])
    ]
    other = with_proof(cert, witness={**cert["proof"]["witness"], "gaps": gaps})
    together.check(TOY.bytes(), encoded(other), Pins())
    assert made == [*once, "certainly_right"]
    together.check(OTHER.bytes(), encoded(certificate(OTHER, "exact", at_least=0)), Pins())
    together.check(TOY.bytes(), encoded(cert), Pins())
    assert made == [*once, "certainly_right", *once]


@pytest.mark.parametrize("spelling", ["true", "1.0", "1e0", "01", '"1"', "1 "])
def test_a_number_spelt_otherwise_is_another_certificate(spelling):
    name = "subcubic/max-diff/drop-average/exact"
    cert = certificate(TOY, name, at_least=0, witness=plausible(random.Random(1), name, TOY))
    data = encoded(cert)
    other = data.replace(b"[1", b"[" + spelling.encode(), 1)
    assert other != data
    together = Session()
    together.check(TOY.bytes(), data, Pins())

    def refusal(checked):
        with pytest.raises(Refusal) as caught:
            checked(TOY.bytes(), other, Pins())
        return caught.value.fields()

    if spelling == "1 ":
        assert together.check(TOY.bytes(), other, Pins()) == check(TOY.bytes(), other, Pins())
    else:
        assert refusal(together.check) == refusal(check)


def test_an_upper_end_that_is_claimed_is_counted_though_a_free_one_was_not():
    # In float32 the upper end has a margin of its own, which a free one spares.
    free = certificate(TOY, "exact", at_least=0, at_most=125)
    free = with_claim(free, semantics="float32")
    claimed = with_claim(free, correct_at_most="124")
    for first, second in ((free, claimed), (claimed, free)):
        together = Session()
        for cert in (first, second):
            assert outcome(together.check, TOY, cert) == outcome(check, TOY, cert)
    assert outcome(check, TOY, free)["tally"] != outcome(check, TOY, claimed)["tally"]


@pytest.mark.parametrize("name", [n for n in SUBCUBIC if n.endswith("mean+diff/svd")])
def test_each_part_of_a_witness_that_is_other_makes_it_another_certificate(name):
    witness = plausible(random.Random(1), name, TOY)
    others = [wild(random.Random(seed), name, TOY) for seed in range(3)]
    changed = [{**witness, key: other[key]} for key in witness for other in others]
    together = Session()
    for each in (witness, *changed, witness):
        cert = certificate(TOY, name, witness=each)
        assert outcome(together.check, TOY, cert) == outcome(check, TOY, cert)


def test_pins_hold_for_what_is_taken():
    cert = certificate(TOY, "exact", at_least=0)
    together = Session()
    together.check(TOY.bytes(), encoded(cert), Pins())
    for pins in (Pins(at_least=(1, 2)), Pins(task="min-of-3"), Pins(max_operations=10)):
        found = outcome(together.check, TOY, cert, pins)
        assert found == outcome(check, TOY, cert, pins) and found["exit_code"]


def made(together, cert):
    """Say whether a check made its counts anew."""
    before = set(together.results)
    together.check(TOY.bytes(), cert, Pins())
    return not set(together.results) <= before


def test_few_results_are_kept_and_no_large_ones(monkeypatch):
    together, first = Session(), encoded(certificate(TOY, "cubic", at_least=0, precision=64))
    for precision in range(64, 128):
        cert = certificate(TOY, "cubic", at_least=0, precision=precision)
        together.check(TOY.bytes(), encoded(cert), Pins())
        if precision == 64 + sessions.MAX_RESULTS // 2:
            # Taken again: others leave before it.
            together.check(TOY.bytes(), first, Pins())
        if precision == 64 + sessions.MAX_RESULTS:
            assert not made(together, first)
    assert len(together.results) == sessions.MAX_RESULTS
    assert made(together, first)
    name = "subcubic/mean-query/drop-average/svd"
    cert = certificate(TOY, name, at_least=0, witness=plausible(random.Random(1), name, TOY))
    for limit, kept in ((100, 3), (99, 1)):
        monkeypatch.setattr(sessions, "MAX_NUMBERS", limit)
        together = Session()
        together.check(TOY.bytes(), encoded(cert), Pins())
        assert len(together.results) == kept


def test_several_heads_are_counted_once():
    network = one_layer(1, v=3, k=3, heads=2)
    task = table(network, 3, 3, 1)
    cert = claim_of(network, task, (0, 27), strategy="enumerate")
    together, alone = Session(), outcome(check, network, cert)
    assert [outcome(together.check, network, cert) for _ in range(2)] == [alone, alone]
    assert "tally" in alone
