"""The bounds of `cells` hold, and come close to what the worst case of each term attains."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.compact import dyadic, every_neuron, spanned
from support.networks import BITS, claim_of, inputs_of, models, one_layer, pair, pairs
from support.table_counts import table

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.boxes import boxes
from counting.coordinates import Along
from counting.exact_program import Exact
from files.claims import Pins
from kernel import given as given_of
from kernel import read
from parts.program import Layer, Program, ProgramHead
from strategies.cells import Cells, Witness
from strategies.cells import read as read_cells


def cells_of(network, task, witness, precision=64):
    total = len(task["labels"])
    options = {"strategy": "cells", "witness": witness, "precision": precision}
    claim, model = read(
        network.bytes(), encoded(claim_of(network, task, (0, total), **options)), Pins()
    )
    program = given_of(model, claim, Tally(10**9))
    return program, Cells(program, read_cells(claim), precision, Tally(10**9))


def evaluated(cells, inputs):
    """Return the outputs of each input, whose order `evaluate` does not keep."""
    listed = [(list(tokens), number) for number, tokens in enumerate(inputs)]
    found = dict(cells.evaluate(listed))
    return [found[number] for number in range(len(listed))]


@settings(max_examples=150)
@given(
    models(st.integers(1, 4), st.integers(2, 3), [1e-12, 0.3, 1.0, 4.0])
    | pairs(st.integers(1, 5), st.just(1)),
    st.integers(0, 2**20),
    st.integers(1, 4),
    st.sampled_from([1, 2, 5, 4096]),
    st.sampled_from([64, 192]),
)
def test_each_lead_is_within_its_error(network, seed, count, leaf, precision):
    k, outputs, neurons = (network.sizes[x] for x in ("n_ctx", "d_vocab_out", "d_mlp"))
    task = table(network, k, outputs)
    witness = spanned(seed, neurons, min(count, neurons), leaf)
    program, cells = cells_of(network, task, witness, precision)
    inputs = list(inputs_of(task))
    for tokens, found in zip(inputs, evaluated(cells, inputs), strict=True):
        if found is None:  # Weights of attention too rough for these lanes: the input is open.
            continue
        logits = network.logits(tokens)
        with ctx.workprec(BITS):
            for i, j in combinations(range(outputs), 2):
                off = (logits[i] - logits[j]) * program.scale * two_to(cells.unit, logits[0])
                off = off - (found.values[i] - found.values[j])
                assert not abs(off) > found.error


def two_to(exponent, like):
    return Fraction(2) ** exponent if isinstance(like, Fraction) else type(like)(2) ** exponent


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0, 0.5])
def test_the_charge_is_attained_where_neurons_add_up(seed, share):
    """All neurons are on, and a direction holds none, or a part, of what each of them gets."""
    network, rng = pair(seed, v=3, m=30, outputs=2), np.random.default_rng(seed)
    w = network.tensors
    size = rng.uniform(0.1, 1, (30, 1))
    w["W_a"][:], w["W_b"][:] = rng.uniform(1, 2, (2, 3, 30))
    w["b_in"][:], w["b_out"][:], w["W_out"][:] = 0, 0, np.concatenate([size, -size], axis=1)
    task = table(network, 2, 2)
    # The coordinate of a row is its first entry.
    first = np.eye(30)[:1]
    witness = {"leaf": 1, "directions": dyadic(share * first), "coordinates": dyadic(first.T)}
    _, cells = cells_of(network, task, witness)
    inputs, unit = list(inputs_of(task)), Fraction(2) ** -cells.unit
    for tokens, found in zip(inputs, evaluated(cells, inputs), strict=True):
        logits = network.logits(tokens)
        off = abs(logits[0] - logits[1] - (found.values[0] - found.values[1]) * unit)
        assert off <= found.error * unit <= off * (1 + Fraction(1, 2**12))


def program_of(rows, weight, bias=(0, 0), exponent=0, beside=False):
    """Return a program of look-ups by position, weight and bias being integers over 2**60."""
    layer = Layer(Matrix(weight, -60), Matrix([list(bias)], -60))
    spans = tuple(range(len(x)) for x in rows)
    neurons = len(weight)
    return Program(spans, rows, exponent, [], neurons, [layer], beside, 1)


def largest_miss(program, leaf, directions, coordinates):
    """Return by how much leads are missed at most, and their error there, both in units."""
    tally = Tally(10**9)
    cells, exact = (
        Cells(program, Witness(leaf, Along(directions, coordinates)), 64, tally),
        Exact(program, tally),
    )
    misses = []
    inputs = [
        (a, b) for a in range(len(program.lookups[0])) for b in range(len(program.lookups[1]))
    ]
    for tokens, found in zip(inputs, evaluated(cells, inputs), strict=True):
        true, unit = exact.outputs(tokens), Fraction(2) ** (exact.exponent + cells.unit)
        off = (true[0] - true[1]) * unit - (found.values[0] - found.values[1])
        assert abs(off) <= found.error
        misses.append((abs(off), found.error))
    return max(misses)


ONE, IDENTITY = 2**60, Matrix([[1]], 0)


def test_an_open_neuron_loses_the_lower_half_of_its_lane():
    """A single neuron, of either sign in a box that holds all inputs."""
    rng = np.random.default_rng(0)
    rows = [[[int(x)] for x in rng.integers(-ONE, ONE, 40)] for _ in range(2)]
    program = program_of(rows, [[ONE, -ONE]], exponent=-60)
    miss, error = largest_miss(program, 4096, IDENTITY, IDENTITY)
    assert miss > error / 3


def test_the_floors_of_the_weights_of_open_neurons_count():
    """Two weights that are almost the same, below a unit and on it: activations miss by little."""
    rng = np.random.default_rng(1)
    rows = [[[int(x)] for x in rng.integers(-ONE, ONE, 40)] for _ in range(2)]
    near = [[(2**31 << 26) + 2**26 - 2**12, (2**31 << 26) + 2**26]]
    program = program_of(rows, near, exponent=-60)
    miss, error = largest_miss(program, 4096, IDENTITY, IDENTITY)
    assert miss > error / 3


def test_the_floors_of_directions_add_up():
    """63 coordinates, all large, and entries of directions that lie just below a unit.

    A neuron for each coordinate, without a vote, and one that is almost their sum.
    """
    rng, count = np.random.default_rng(2), 63
    drawn = rng.integers(ONE // 2, ONE, (2, 4, count)).tolist()
    almost = 2**30 - 1
    rows = [[[sum(x) * almost >> 30, *x] for x in position] for position in drawn]
    identity = [[int(i == j) for i in range(count)] for j in range(count)]
    directions = Matrix([[almost, *(x << 30 for x in row)] for row in identity], -30)
    coordinates = Matrix([[0] * count, *identity], 0)
    program = program_of(rows, [[ONE, -ONE], *[[0, 0]] * count], exponent=-60)
    miss, error = largest_miss(program, 1, directions, coordinates)
    assert miss > error / 3


@pytest.mark.parametrize("leaf", [1, 4096])
def test_weights_of_attention_are_floored(leaf):
    """Eight positions and three heads, whose rows all have one sign."""
    network = one_layer(5, v=2, k=8, d=3, heads=3, h=2, m=1, outputs=2)
    w = network.tensors
    for name in w:
        w[name][:] = np.abs(w[name])
    w["unembed.W_U"][:, 1] = -w["unembed.W_U"][:, 0]
    task = table(network, 8, 2, positions=[[0, 2]] * 8)
    program, cells = cells_of(network, task, every_neuron(1, leaf))
    inputs = list(inputs_of(task))[::17]
    misses = []
    for tokens, found in zip(inputs, evaluated(cells, inputs), strict=True):
        logits = network.logits(tokens)
        with ctx.workprec(BITS):
            off = (logits[0] - logits[1]) * program.scale * two_to(cells.unit, logits[0])
            misses.append(abs(float(off - (found.values[0] - found.values[1]))) / found.error)
    assert 1 / 16 < max(misses) <= 1


def test_floors_of_many_weights_of_attention_count():
    """Forty positions, whose rows are large and alike: each weight loses half a unit or so."""
    rng, k = np.random.default_rng(3), 40
    rows, scores = rng.integers(ONE * 3 // 4, ONE, k).tolist(), rng.integers(0, 2**20, k).tolist()
    head = ProgramHead([[[x]] for x in rows], [[0]], [scores], -20, 1)
    program = program_of([[[0]]], [[ONE, -ONE]], exponent=-60)
    lookups = [None] * (k - 1) + program.lookups
    program = program._replace(positions=(range(1),) * k, lookups=lookups, heads=[head])
    cells = Cells(program, Witness(1, Along(IDENTITY, IDENTITY)), 64, Tally(10**9))
    found = evaluated(cells, [(0,) * k])[0]
    with ctx.workprec(BITS):
        weights = [(arb(s) / 2**20).exp() for s in scores]
        mixed = sum(w * x for w, x in zip(weights, rows, strict=True)) / sum(weights)
        off = 2 * mixed * arb(2) ** (cells.unit - 60) - (found.values[0] - found.values[1])
        assert found.error / 8 < abs(off) < found.error


def test_what_is_beside_the_neurons_is_floored():
    """Seven look-ups, and neurons without a vote; one output below its units, one on them."""
    below, on = 2**60 + 2**58 - 1, 2**60
    rows = [[[0, below, on]] * 2] * 7
    program = program_of(rows, [[0, 0]], exponent=-60, beside=True)
    tally = Tally(10**9)
    cells, exact = (
        Cells(program, Witness(1, Along(IDENTITY, IDENTITY)), 64, tally),
        Exact(program, tally),
    )
    true, unit = exact.outputs([0] * 7), Fraction(2) ** (exact.exponent + cells.unit)
    found = evaluated(cells, [(0,) * 7])[0]
    off = (true[0] - true[1]) * unit - (found.values[0] - found.values[1])
    assert 6 < abs(off) <= found.error <= 7 * 3 + 5


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_boxes_hold_each_point_once_and_all_of_its_coordinates(most):
    rng = np.random.default_rng(most)
    points = [
        (tuple(int(x) for x in row), number)
        for number, row in enumerate(rng.integers(-9, 9, (50, 3)))
    ]
    found = list(boxes(points, most, [1, 5, 0], Tally(10**6)))
    assert sorted(number for box in found for _, number in box.points) == list(range(50))
    for box in found:
        assert 1 <= len(box.points) <= most
        for k in range(3):
            values = [z[k] for z, _ in box.points]
            assert (box.lows[k], box.highs[k]) == (min(values), max(values))
