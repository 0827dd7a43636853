"""M2: what a fixed-point pass is off by, at its worst and on random programs; its integers."""

import itertools
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from support.literal_models import value
from support.programs import (
    BITS,
    Lowest,
    Narrow,
    dyadic,
    literal_lead,
    random_program,
    shares,
)

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.fixed_point import FixedPoint
from ballproof.verifier.counting.mixing import FloatMixing, IntegerMixing
from ballproof.verifier.counting.products import floors, product
from ballproof.verifier.counting.program import DomainHead, DomainProgram
from ballproof.verifier.counting.rational import Rational


def off(fixed, tokens, own):
    """By how much the leads are off, as a part of what they may be off by; those proved."""
    found = fixed.leads(np.array(tokens), np.array(own))
    parts = []
    for i, sequence in enumerate(tokens):
        if found.proved[i]:
            true = literal_lead(fixed.program, sequence, own[i]) * mpmath.mpf(2) ** fixed.unit
            parts.append(abs(int(found.leads[i]) - true) / int(found.errors[i]))
    return parts


@pytest.mark.parametrize("bits", [32, 40, 64, 72, 128])
@pytest.mark.parametrize(
    ("heads", "neurons", "hidden"), [(2, 3, 0), (1, 0, 0), (0, 4, 2), (0, 3, 0)]
)
def test_no_lead_is_off_by_more_than_its_bound(bits, heads, neurons, hidden):
    rng = np.random.default_rng([bits, heads, neurons])
    with mpmath.workprec(BITS):
        for _ in range(4):
            fixed = FixedPoint(random_program(rng, heads, neurons, hidden=hidden), bits)
            tokens = list(itertools.product(range(3), repeat=2))
            parts = off(fixed, tokens, rng.integers(0, 3, len(tokens)).tolist())
            assert len(parts) == len(tokens)
            assert max(parts) <= 1


@pytest.mark.parametrize("bits", [64, 128])
@pytest.mark.parametrize("neurons", [0, 1, 5])
def test_the_bound_of_the_error_is_nearly_attained(bits, neurons):
    # All weights of 512 equal positions two units low, of values that all push a lead one way.
    places, largest = 512, 2**20 + 1
    own, rival = [largest], [-largest]
    entries = [[largest] * neurons + own + rival]
    head = DomainHead((dyadic(entries),) * places, dyadic([[0]]), dyadic([[0] * places]), 1)
    layers = ((dyadic([[2**30, -(2**30)]] * neurons), dyadic([[0, 0]])),) if neurons else ()
    domain = (range(1),) * places
    program = DomainProgram(domain, (None,) * places, (head,), neurons, 2, layers, 1)
    fixed = FixedPoint(program, bits)
    fixed.mixing = [Lowest(IntegerMixing(head, fixed.fraction))]
    if not fixed.wide:
        fixed.mixing = [Narrow(fixed.mixing[0])]
    with mpmath.workprec(BITS):
        (part,) = off(fixed, [(0,) * places], [0])
    assert 0.9 < part <= 1


@pytest.mark.parametrize("spread", [0, 1e-9, 1.0, 60.0, 1000.0, 1e6, 1e30, 1e300])
@pytest.mark.parametrize("narrow", [True, False])
def test_weights_are_floors_or_one_less(spread, narrow):
    rng = np.random.default_rng(7)
    bits = 30 if narrow else 75
    for places in (1, 2, 9):
        frozen = [
            DyadicMatrix.from_bits((spread * rng.normal(size=shape)).tobytes(), "F64", shape)
            for shape in ((4, 4), (4, places))
        ]
        exponent = min(matrix.exponent for matrix in frozen)
        scores = [
            DyadicMatrix(x.mantissa * (1 << (x.exponent - exponent)), exponent) for x in frozen
        ]
        head = DomainHead((None,) * places, *scores, 3)
        mixing = FloatMixing(head, range(4), bits) if narrow else IntegerMixing(head, bits)
        tokens = rng.integers(0, 4, (30, places))
        weights, proved = mixing.weights(tokens)
        assert proved.all() or spread > 1e6
        with mpmath.workprec(3000 if spread > 1e30 else BITS):
            for row, sequence in zip(
                weights[proved].tolist(), tokens[proved].tolist(), strict=True
            ):
                for found, true in zip(row, shares(head, sequence), strict=True):
                    assert 0 <= found <= true * 2**bits * (1 + mpmath.mpf(2) ** -300)
                    assert true * 2**bits <= found + 2


@pytest.mark.parametrize("size", [1, 20, 31, 45, 62])
def test_products_by_doubles_are_exact(size):
    rng = np.random.default_rng(size)
    for rows, inner, columns in ((1, 1, 1), (700, 40, 8), (3, 300, 2), (40, 0, 3)):
        factor = rng.integers(0, 2**30 // (inner + 1) + 1, (rows, inner))
        matrix = rng.integers(-(2**size), 2**size, (inner, columns))
        total = int(factor.sum(axis=1).max(initial=0))
        found = product(matrix, total)(factor)
        # Where the result is above 2^63 it wraps around, as the true one does modulo 2^64.
        true = (factor.astype(object) @ matrix.astype(object)) if inner else 0 * found
        assert ((found.astype(object) - true) % 2**64 == 0).all()
        wide = product(matrix.astype(object), total)(factor.astype(object)) if inner else true
        assert (wide == true).all()


def test_floors_are_floors():
    matrix = dyadic([[-5, 0, 7]], -2)
    for bits in (-1, 0, 1, 2, 9):
        exact = [[int(x * Fraction(2) ** bits // 1) for x in row] for row in value(matrix)]
        for wide in (False, True):
            assert floors(matrix, bits, wide=wide).tolist() == exact


def test_a_tie_is_wrong_exactly():
    # Columns are the outputs: two equal ones, a lead of 1, and a lead of 2^-70.
    rows = [[2**70, 2**70], [2**70 + 2**70, 2**70], [2**70 + 1, 2**70]]
    program = DomainProgram((range(3),), (dyadic(rows, -70),), (), 0, 2, (), 1)
    tokens, own = np.array([[0], [1], [2]]), np.zeros(3, dtype=np.int64)
    exactly = Rational(program)
    for margin, right in ((0, [False, True, True]), (1, [False] * 3)):
        assert exactly.settle(tokens, own, Fraction(margin)).right.tolist() == right
    thirds = replace(program, denominator=3)
    assert not Rational(thirds).settle(tokens, own, Fraction(1, 3)).right.any()
    found = FixedPoint(program, 64).settle(tokens, own, Fraction(0))
    assert found.right.tolist() == [False, True, False] and not found.wrong.any()


def test_a_lead_that_lanes_do_not_tell_from_the_margin_is_open():
    # The lead is 1 - 2^-70; rounded it is 1.
    program = DomainProgram((range(1),), (dyadic([[2**70, 1]], -70),), (), 0, 2, (), 1)
    tokens, own = np.array([[0]]), np.array([0])
    above, below = 1 - Fraction(1, 2**71), 1 - Fraction(1, 2**69)
    for margin, bits, answer in (
        (above, 64, (False, False)),
        (below, 64, (False, False)),
        (above, 128, (False, True)),
        (below, 128, (True, False)),
        (Fraction(9, 10), 64, (True, False)),
        (Fraction(11, 10), 64, (False, True)),
        (Fraction(10**80), 64, (False, True)),
        (Fraction(-(10**80)), 64, (True, False)),
    ):
        right, wrong = FixedPoint(program, bits).settle(tokens, own, margin)
        assert (right[0], wrong[0]) == answer, (margin, bits)


@pytest.mark.parametrize("make", [Rational, lambda program: FixedPoint(program, 64)])
def test_a_denominator_multiplies_the_margin_as_well(make):
    program = DomainProgram((range(1),), (dyadic([[7, 0]]),), (), 0, 2, (), 3)
    for margin, right in ((Fraction(9, 4), True), (Fraction(5, 2), False)):
        assert make(program).settle(np.array([[0]]), np.array([0]), margin).right[0] == right


@pytest.mark.parametrize("hidden", [0, 2])
def test_exact_integers_decide_what_the_definition_says(hidden):
    rng = np.random.default_rng(hidden)
    tokens = list(itertools.product(range(3), repeat=2))
    with mpmath.workprec(BITS):
        for _ in range(6):
            program = random_program(rng, 0, 4, hidden=hidden)
            own = rng.integers(0, 3, len(tokens))
            leads = [literal_lead(program, x, j) for x, j in zip(tokens, own, strict=True)]
            found = Rational(program).settle(np.array(tokens), own, Fraction(0))
            assert found.right.tolist() == [lead > 0 for lead in leads]
            assert (found.right != found.wrong).all()


def test_enclosures_that_are_too_wide_prove_nothing(monkeypatch):
    monkeypatch.setattr("ballproof.verifier.counting.mixing.SPARE", 0)
    # One weight is 1, and the 39 others, e^-6 each, add up to what they are but for 39 units.
    head = DomainHead((None,) * 40, dyadic([[0, 6]] * 2), dyadic([[0] * 40] * 2), 1)
    _, proved = IntegerMixing(head, 60).weights(np.array([[1] + [0] * 39]))
    assert not proved.any()
