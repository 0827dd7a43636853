"""The one bound of a fixed-point program's error, where weights and floors are at their worst.

Programs are written down here, and so are the balls around weights of attention; what is true of
them is worked out in fractions, for weights at either end of their balls.
"""

from fractions import Fraction
from itertools import product

import pytest

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting import fixed_point
from counting.fixed_point import FixedPoint
from parts.program import Layer, Program, ProgramHead

WIDTHS = (64, 128, 192)


def program(rows, lookup, *, neurons=0, layers=(), exponent=0):
    """Return a program of one head with a row at each position but the query's, and one input."""
    places = len(rows) + 1
    scores = [[0]], [[0] * places]
    heads = [ProgramHead([*([row] for row in rows), None], *scores, 0, 1)] if rows else []
    lookups = [*[None] * (places - 1), [lookup]]
    beside = len(lookup) > neurons
    ranges = (range(1),) * places
    return Program(ranges, lookups, exponent, heads, neurons, list(layers), beside, 1)


def columns(asked, weights):
    """Return the columns of the only input, its weights of attention being these."""
    total = Fraction(sum(weights))
    summed = [(Fraction(1), rows[0]) for rows in asked.lookups if rows]
    for head in asked.heads:
        pairs = zip(weights, head.values, strict=True)
        summed += [(weight / total, rows[0]) for weight, rows in pairs if rows]
    return [
        sum(factor * x for (factor, _), x in zip(summed, column, strict=True))
        * Fraction(2) ** asked.exponent
        for column in zip(*(row for _, row in summed), strict=True)
    ]


def outputs(asked, weights):
    """Return the outputs of the only input in fractions."""
    sums = columns(asked, weights)
    now, beside = sums[: asked.neurons], sums[asked.neurons :]
    for layer in asked.layers:
        active = [max(x, Fraction(0)) for x in now]
        unit, bias = (Fraction(2) ** x.exponent for x in (layer.weight, layer.bias))
        now = [
            sum(
                (x * row[j] * unit for x, row in zip(active, layer.weight.rows, strict=True)),
                y * bias,
            )
            for j, y in enumerate(layer.bias.rows[0])
        ]
    if not beside:
        return now
    return [x + y for x, y in zip(now, beside, strict=True)] if asked.layers else beside


def evaluated(monkeypatch, asked, width, balls):
    """Return the pass and what it finds, the weights of attention being known by these balls."""
    spans = [(low, high, 0) for low, high in balls]
    monkeypatch.setattr(fixed_point, "exponentials", lambda *_: spans)
    made = FixedPoint(asked, width, Tally(10**12))
    return made, made.evaluate([0] * len(asked.positions))


def furthest(asked, made, found, balls):
    """Return how far a difference of outputs may be from the truth, over the bound of it."""
    return max(at(asked, made, found, weights) for weights in product(*balls))


def at(asked, made, found, weights):
    """Return how far a difference of outputs is from that of these weights, over the bound."""
    true, unit, worst = outputs(asked, weights), Fraction(2) ** made.unit, Fraction(0)
    for i, j in product(range(len(true)), repeat=2):
        off = (true[i] - true[j]) * unit - (found.values[i] - found.values[j])
        worst = max(worst, abs(off) / found.error)
    return worst


def layer(weights, bias, exponent=0, bias_exponent=0):
    return Layer(Matrix(weights, exponent), Matrix([bias], bias_exponent))


def loose(width, places, units):
    """Return balls of small weights that are known to so many units each, and a large one.

    The floors of the small ones are exact: all that is lost is what is not known.
    """
    unit = 2**30
    whole, spread = unit << 15 * width // 32, int(units * unit)
    small = whole // 2**9
    return [(small, small + spread)] * places + [(whole - places * (small + spread),) * 2]


STEPS = [Fraction(x, 10) for x in (0, 5, 9, 15, 19, 21, 25, 30, 40, 60, 80, 110, 150, 190)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("places", [1, 4])
@pytest.mark.parametrize("neurons", [0, 1])
def test_weights_that_are_known_too_loosely_leave_an_input_open(
    monkeypatch, width, places, neurons
):
    """The rows are as large as lanes allow, and move two outputs apart."""
    idle, layers = [0] * neurons, [layer([[0, 0]], [0, 0])] * neurons
    row, decided, reached = [*idle, 2**40 - 1, 1 - 2**40], [], Fraction(0)
    asked = program([row] * places, [*idle, 0, 0], neurons=neurons, layers=layers)
    for units in STEPS:
        balls = loose(width, places, units)
        made, found = evaluated(monkeypatch, asked, width, balls)
        if found is not None:
            decided.append(units)
            reached = max(reached, furthest(asked, made, found, balls))
    assert reached <= 1
    assert Fraction(1) <= max(decided) < Fraction(21, 10)
    # Half of the bound would not do.
    assert reached > Fraction(1, 2) or places == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_a_weight_that_is_known_suffers_from_those_that_are_not(monkeypatch, width):
    """The others have no rows, but the sum of all weights is known to theirs alone."""
    whole, decided = 2 ** (30 + 15 * width // 32), 0
    for places, units in product((1, 2, 8, 20), STEPS):
        others = loose(width, places, units)[:-1]
        balls = [*others, (whole, whole), (whole // 2**9,) * 2]
        asked = program([*[[0, 0]] * places, [2**40 - 1, 1 - 2**40]], [0, 0])
        made, found = evaluated(monkeypatch, asked, width, balls)
        if found is not None:
            decided += 1
            at_ends = [tuple(low for low, _ in balls), tuple(high for _, high in balls)]
            assert max(at(asked, made, found, x) for x in at_ends) <= 1
    assert decided >= 5


@pytest.mark.parametrize("width", WIDTHS)
def test_an_activation_is_off_by_its_weights_its_look_up_and_its_own_floor(monkeypatch, width):
    """Each is nearly at its worst: the look-up and the shift lose all but a unit."""
    bits, half = 15 * width // 32, width // 2
    top = 2 ** (width - 2 - bits) - 1
    last = Layer(Matrix([[1, -1]], 0), Matrix([[0, 0]], 0))
    balls, worst = loose(width, 1, Fraction(19, 10)), Fraction(0)
    for below in range(-(2**20), 2**20 + 1, 2**18):
        # In units of the pass: a whole activation, and a look-up that is nearly one more.
        lookup = ((below << half) // 2**18 >> bits) * 4 + 3
        asked = program([[4 * top]], [lookup], neurons=1, layers=[last], exponent=-2)
        made, found = evaluated(monkeypatch, asked, width, balls)
        assert found is not None
        worst = max(worst, furthest(asked, made, found, balls))
    assert worst <= 1


@pytest.mark.parametrize("width", WIDTHS)
def test_the_weights_of_a_head_are_together_at_most_one(monkeypatch, width):
    """Each is floored to K bits, so that no sum of lanes exceeds its bound."""
    bits = 15 * width // 32
    for places in (1, 2, 3, 6):
        asked = program([[1, 0]] * places, [0, 0])
        balls = [(3, 3)] * places + [(0, 0)]
        made, found = evaluated(monkeypatch, asked, width, balls)
        one = 2 ** (made.unit - bits)
        assert tuple(found.values) == (places * (2**bits // places) * one, 0)


EIGHTHS = (1, 3, 7)
SHIFTS = range(-2, 3)


def full(width, shift):
    """Return an exponent of a bias that leaves weights, after one shift, units of about 1."""
    return width + width // 2 - 5 + shift


@pytest.mark.parametrize("width", WIDTHS)
def test_floors_of_weights_count_once_for_each_activation(monkeypatch, width):
    """A large bias leaves a layer's weights so few bits that floors are all that is lost."""
    top, worst = 2 ** (width - 2) - 1, Fraction(0)
    for part, shift in product(EIGHTHS, SHIFTS):
        last = layer([[part, 0]], [1, 0], -3, full(width, shift))
        asked = program([], [top], neurons=1, layers=[last])
        made, found = evaluated(monkeypatch, asked, width, [])
        worst = max(worst, furthest(asked, made, found, []))
    assert Fraction(1, 2) < worst <= 1


@pytest.mark.parametrize("width", WIDTHS)
def test_a_floored_weight_is_less_than_a_unit_from_the_true_one(monkeypatch, width):
    """Activations that are floored to nothing are nearly one, and so are their weights."""
    top, nearly, worst = 2 ** (width - 2) - 1, 2 ** (width // 2) - 1, Fraction(0)
    for part, shift in product(EIGHTHS, SHIFTS):
        last = layer([[0, 0], *[[part, 0]] * 40], [1, 0], -3, full(width, shift))
        asked = program([], [-top, *[nearly] * 40], neurons=41, layers=[last])
        made, found = evaluated(monkeypatch, asked, width, [])
        worst = max(worst, furthest(asked, made, found, []))
    assert worst <= 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("neurons", [1, 3, 8, 40])
def test_floors_of_an_inner_layer_reach_the_last(monkeypatch, width, neurons):
    """Many activations, each with a weight that is floored to nothing, beside a large bias.

    The bias is whole, and nearly one more activation, which its floor loses.
    """
    top, worst, half = 2 ** (width - 2) - 1, Fraction(0), width // 2
    bias = 2 ** (width - 5) + 2**half - 1
    for part in EIGHTHS:
        layers = layer([[part]] * neurons, [bias], -3, half), layer([[1, -1]], [0, 0])
        asked = program([], [top] * neurons, neurons=neurons, layers=layers)
        made, found = evaluated(monkeypatch, asked, width, [])
        worst = max(worst, furthest(asked, made, found, []))
    assert worst <= 1
    assert neurons < 8 or worst > Fraction(1, 4)
