"""Exact programs, settings and limits of `enumerate`, and the models of one head."""

from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from support.certify import certificate, encoded
from support.oracle import count_correct, oracle_of
from support.toy import Recipe

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.exact_program import Exact
from explain import explanations
from files.claims import Pins
from kernel import check
from parts.program import Layer, Program

TOYS = (
    Recipe("trained", 4, 3, 3, 2, frozenset({"b_U", "b_Q"}), seed=1),
    Recipe("trained", 3, 2, 3, 3, frozenset({"b_Q", "b_K", "b_V", "b_O", "b_U"}), seed=6),
    Recipe("trained", 3, 1, 2, 1, seed=3),
)


@pytest.mark.parametrize("toy", TOYS)
@pytest.mark.parametrize("margin", ["0", "1/2"])
def test_a_model_of_one_head_is_enumerated_too(toy, margin):
    """Counts by enumeration, the tally by the sizes, leads by the forward pass."""
    model = toy.build()
    right = count_correct(model, Fraction(margin))
    options = {"at_least": right, "at_most": right, "margin": margin, "witness": {"passes": 2}}
    cert = certificate(model, "enumerate", **options)
    theorem = check(model.bytes(), encoded(cert), Pins())
    assert (theorem.correct_at_least, theorem.correct_at_most) == (right, right)
    inputs = list(product(range(model.d_vocab), repeat=model.n_ctx))
    for why in explanations(model.bytes(), encoded(cert), Pins(), inputs):
        gaps = oracle_of(model).gaps(why.sequence, Fraction(margin), 256)
        least = min(float(gap.mid()) for gap in gaps.values())
        assert why.counted == (least > 0)
        # How far the lead is from the margin, but for the error of the pass.
        assert -float(why.excess) == pytest.approx(least, rel=1e-4, abs=1e-4)


def value(matrix, i, j):
    return matrix.rows[i][j] * Fraction(2) ** matrix.exponent


def literally(asked, places):
    """Return the outputs of a program without heads in fractions."""
    unit = Fraction(2) ** asked.exponent
    rows = [rows[t] for rows, t in zip(asked.lookups, places, strict=True) if rows]
    sums = [sum(column) * unit for column in zip(*rows, strict=True)]
    now, beside = sums[: asked.neurons], sums[asked.neurons :]
    for weight, bias, *_ in asked.layers:
        active = [max(x, Fraction(0)) for x in now]
        now = [
            sum((x * value(weight, i, j) for i, x in enumerate(active)), value(bias, 0, j))
            for j in range(len(bias.rows[0]))
        ]
    if not beside:
        return now
    return [x + y for x, y in zip(now, beside, strict=True)] if asked.layers else beside


EXPONENTS = (-3, 0, 2)


def hand_made(rng, neurons, hidden, beside, exponents):
    """Return a program of two positions whose tokens are looked up, or one of them alone."""
    outputs, (own, of_weights, of_biases) = 3, exponents

    def drawn(rows, columns):
        return [[int(x) for x in row] for row in rng.integers(-9, 10, (rows, columns))]

    columns = neurons + (outputs if beside else 0)
    sizes = [neurons, *hidden, outputs] if neurons else []
    layers = [
        Layer(Matrix(drawn(m, n), of_weights + i), Matrix(drawn(1, n), of_biases - i))
        for i, (m, n) in enumerate(pairwise(sizes))
    ]
    lookups = [drawn(2, columns), None, drawn(3, columns)]
    ranges = (range(2), range(1), range(3))
    return Program(ranges, lookups, own, [], neurons, layers, beside, 1)


SHAPES = [(0, (), True), (2, (), True), (2, (), False), (3, (4,), False), (2, (3, 5), False)]
SHAPES += [(2, (3,), True)]


@pytest.mark.parametrize(("neurons", "hidden", "beside"), SHAPES)
@pytest.mark.parametrize("exponents", list(product(EXPONENTS, repeat=3)))
def test_exact_outputs_are_those_of_the_definition(neurons, hidden, beside, exponents):
    asked = hand_made(np.random.default_rng(7), neurons, hidden, beside, exponents)
    tally = Tally(10**9)
    exact = Exact(asked, tally)
    sizes = [neurons, *hidden, 3] if neurons else []
    products = sum(m * n for m, n in pairwise(sizes))
    each = 4 * (products + neurons + (3 if beside else 0))
    inputs = list(product(range(2), range(1), range(3)))
    for places in inputs:
        unit = Fraction(2) ** exact.exponent
        assert [x * unit for x in exact.outputs(places)] == literally(asked, places)
    assert tally.spent == each * len(inputs)


def test_exact_outputs_of_long_numbers_count_by_their_length():
    rows = [[[1, 2**64 - 1]], [[0, 0]]]
    asked = Program((range(1),) * 2, rows, 0, [], 0, [], True, 1)
    for rows[0][0][1], times in ((2**63 - 1, 1), (2**63, 2), (2**127 - 1, 2), (-(2**127), 3)):
        tally = Tally(10**9)
        assert Exact(asked, tally).outputs((0, 0)) == rows[0][0]
        assert tally.spent == 8 * times
