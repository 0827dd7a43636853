"""Exact programs, settings and limits of `enumerate`, and the models of one head."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from support.certify import certificate, encoded, verdict
from support.networks import claim_of, inputs_of, one_layer, pair
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


def a_table(network, labels, answers=None, positions=None):
    v, k, outputs = (network.sizes[x] for x in ("d_vocab", "n_ctx", "d_vocab_out"))
    positions = positions or [[0, v]] * k
    whole = {"rule": "table", "labels": labels, "positions": positions, "reads": list(range(k))}
    return whole | {"answers": answers or [0, outputs]}


def answer(network, task, counts, **options):
    return verdict(network.bytes(), encoded(claim_of(network, task, counts, **options)))


def decided(lead):
    """Return a pair whose only input has this lead of output 0 over output 1."""
    made = pair(0, v=1, m=1, outputs=2)
    lead = np.float64(lead)
    tensors = {"W_a": np.zeros((1, 1)), "W_b": np.zeros((1, 1)), "W_out": np.zeros((1, 2))}
    tensors |= {"b_in": np.zeros(1), "b_out": np.array([lead, 0.0])}
    sizes = {"d_vocab": 1, "n_ctx": 2, "d_model": 1, "d_mlp": 1, "d_vocab_out": 2}
    return replace(made, tensors=tensors, sizes=sizes)


@pytest.mark.parametrize("lead", [2.0**-40, 3.0, 2.0**70, 0.75 * 2.0**-300])
@pytest.mark.parametrize("nudge", [-1, 0, 1])
def test_a_lead_of_the_margin_is_wrong_and_one_of_a_hair_more_is_right(lead, nudge):
    """At any size of numbers, by exact integers: no pass tells them apart."""
    margin = Fraction(lead) * (1 - Fraction(nudge, 3**90))
    right = int(nudge > 0)
    task = a_table(decided(lead), [0])
    found = answer(decided(lead), task, (right, right), margin=str(margin), passes=1)
    assert found.theorem, found
    other = (1 - right, 1 - right)
    assert answer(decided(lead), task, other, margin=str(margin)).reason == "count"


@pytest.mark.parametrize("share", ["0", "1/2", "2/3", "7/3"])
@pytest.mark.parametrize("normalised", [False, True])
def test_the_margin_is_that_of_the_logits_whatever_their_scale(share, normalised):
    """A share of softmax multiplies the program; the lead of an input is just at the margin."""
    network = one_layer(5, v=2, k=3, m=0, share=share, normalised=normalised)
    positions, answers = [[0, 1], [1, 2], [1, 2]], range(3)
    lead = network.lead((0, 1, 1), 1, answers)
    label = 1 if lead > 0 else next(x for x in (0, 2) if network.lead((0, 1, 1), x, answers) > 0)
    lead = network.lead((0, 1, 1), label, answers)
    near = lead if isinstance(lead, Fraction) else Fraction(float(lead.mid()))
    task = a_table(network, [label], positions=positions)
    for margin, right in ((near * Fraction(99, 100), 1), (near * Fraction(101, 100), 0)):
        found = answer(network, task, (right, right), margin=str(margin), passes=2)
        assert found.theorem, (margin, found)


@pytest.mark.parametrize(
    ("precision", "passes", "fits"),
    [
        *((64, 1, True), (64, 4, True), (128, 4, True), (192, 3, True), (256, 3, True)),
        *((1024, 1, True), (512, 2, True), (64, 5, False), (64, 0, False), (192, 4, False)),
        *((256, 4, False), (960, 2, False), (96, 1, False), (1000, 1, False), (32, 1, False)),
    ],
)
def test_passes_and_lanes_at_their_ends(precision, passes, fits):
    network = decided(1.0)
    task = a_table(network, [0])
    found = answer(network, task, (1, 1), precision=precision, passes=passes)
    assert found.refusal == ((0, None) if fits else (1, "witness"))


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_each_pass_counts_and_an_input_that_stays_open_counts_against_the_claim(passes):
    """Two outputs that are one: no pass tells them apart, and heads leave no exact integers."""
    network = one_layer(3, v=2, k=2, m=0, outputs=2)
    column = network.tensors["unembed.W_U"][:, :1]
    twins = {"unembed.W_U": np.hstack([column, column]), "unembed.b_U": np.zeros(2, np.float32)}
    network = replace(network, tensors=network.tensors | twins)
    task = a_table(network, [0, 1, 1, 0])
    found = answer(network, task, (0, 4), passes=passes)
    assert found.theorem
    assert answer(network, task, (0, 3), passes=passes).established["correct_at_most"] == 4
    assert answer(network, task, (1, 4), passes=passes).established["correct_at_least"] == 0
    cert = encoded(claim_of(network, task, (0, 4), passes=passes))
    by = {each.decided_by for each in explanations(network.bytes(), cert, Pins(), [(0, 0)])}
    assert by == {f"lanes of {64 << passes - 1} bits, which leave it open"}
    spent = found.theorem.tally
    if passes > 1:
        before = answer(network, task, (0, 4), passes=passes - 1).theorem.tally
        # Squared widths, for each of the four inputs, and the tables of the pass.
        heads, places, columns = 2, 2, 2
        each = 4 * heads * places + 2 * places * (heads + 1) * columns + columns
        factor = 2 ** (passes - 1)
        rows = 2 + heads * 4
        more = 4 * factor * rows * columns + 4 * each * factor**2 + 4 * heads * 2 * 3
        assert spent - before >= more
    short = answer(network, task, (0, 4), passes=passes, operations=spent - 1)
    assert short.reason == "budget"


def test_a_single_answer_takes_no_pass_and_no_operations_of_one():
    network = one_layer(3, v=2, k=2)
    task = a_table(network, [0, 1, 1, 2], answers=[1, 2])
    found = answer(network, task, (2, 2))
    assert found.theorem
    wide = answer(network, task, (2, 2), precision=1024).theorem
    assert wide.tally == found.theorem.tally


def test_numbers_too_far_from_one_are_declined_before_a_margin_is_shifted():
    network = decided(1.0)
    for bias in (2.0**-1000, 2.0**1000):
        tensors = {x: w if x == "b_out" else w + bias for x, w in network.tensors.items()}
        far = replace(network, tensors=tensors)
        assert answer(far, a_table(far, [0]), (0, 1)).theorem


def test_a_query_that_is_the_same_everywhere_changes_no_lead():
    """Its row is taken from the others' and added once: leads and counts stay what they are."""
    network = one_layer(11, v=3, k=3)
    labels = list(range(3)) * 9
    for query in range(3):
        positions = [[0, 3], [0, 3], [query, query + 1]]
        task = a_table(network, labels[:9], positions=positions)
        true = sum(
            bool(network.lead(x, label, range(3)) > 0)
            for x, label in zip(inputs_of(task), task["labels"], strict=True)
        )
        assert answer(network, task, (true, true)).theorem
