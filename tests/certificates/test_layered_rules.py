"""Each rule of a radius at its worst case: networks drawn at random do not find a wrong one."""

from fractions import Fraction
from itertools import product
from operator import mul
from random import Random
from types import SimpleNamespace

import pytest
from flint import arb, ctx
from support.layered import act

from arithmetic.constants import pi
from arithmetic.maps import Map, NoRoom, column_length, column_sum
from arithmetic.matrices import Matrix
from arithmetic.powers import base_two, root_tables
from arithmetic.vectors import Vectors
from counting.activations import STEEPEST, radius, values_of
from counting.gelu import ORDERS, STEP
from counting.mixtures import Memory, Mixer
from counting.network import _written
from counting.norms import Normaliser
from parts.layers import Norm

LANES = [(64, 24, 28), (64, 29, 30), (128, 50, 64), (128, 60, 64)]
each_width = pytest.mark.parametrize(("width", "unit", "fine"), LANES)


SHARES = [(None, False), (Fraction(1, 3), False), (Fraction(1, 3), True)]
SHARES += [(Fraction(5, 2), True), (Fraction(0), True)]


def ball(x):
    return arb(Fraction(x).numerator) / Fraction(x).denominator


@pytest.fixture(autouse=True)
def many_bits():
    with ctx.workprec(400):
        yield


@pytest.mark.parametrize(("width", "shift"), [(64, 1), (64, 30), (128, 64)])
def test_lanes_are_read_up_to_both_of_their_ends(width, shift):
    room = (1 << width - 1) - (1 << shift)
    values = [0, 1, -1, room - 1, -room, 12345678901234567, -(1 << shift - 1), (1 << shift - 1) - 1]
    vectors = Vectors(len(values), width, shift)
    packed = vectors.pack_long(values)
    assert packed == sum(x << width * i for i, x in enumerate(values))
    assert list(vectors.exact(packed)) == values
    nearest = [x + (1 << shift - 1) >> shift for x in values]
    assert list(vectors.rounded(packed)) == nearest
    assert vectors.rectified(packed) == [max(x, 0) for x in nearest]
    small = [5, -7, (1 << 63) - 1, -(1 << 63), 0, 1, -1, 2]
    assert vectors.pack(small) == sum(x << width * i for i, x in enumerate(small))


@each_width
def test_a_linear_map_is_within_its_radius_which_is_attained(width, unit, fine):
    rng, exponent, best = Random(width + unit), -fine - 9, 0
    for trial in range(60):
        rows = [[rng.randrange(-(2**20), 2**20) for _ in range(3)] for _ in range(4)]
        bias = [rng.randrange(-(2**20), 2**20) for _ in range(3)]
        made = Map(Matrix(rows, exponent), Matrix([bias], exponent), unit, fine, width)
        rho, column = 2 ** rng.randrange(0, 40), trial % 3
        lost = [row[column] - (((row[column] + 256) >> 9) << 9) for row in rows]
        top = 1 << unit - 3
        # Signs that add up all errors: of the vector, and of the weights.
        x = [top if y > 0 else -top for y in lost]
        sign = [1 if row[column] > 0 else -1 for row in rows]
        made.require_room(top)
        found = made.vectors.exact(made.apply(x))
        true = sum(
            (Fraction(v) + Fraction(rho * s, 2**fine))
            * row[column]
            * Fraction(2) ** (exponent + fine)
            for v, s, row in zip(x, sign, rows, strict=True)
        ) + bias[column] * Fraction(2) ** (exponent + unit + fine)
        off = abs(true - found[column])
        assert off <= made.radius(rho, top)
        worst = max(sum(abs(r[c]) for r in rows) for c in range(3))
        if sum(abs(r[column]) for r in rows) == worst and rho > 2**36:
            best = max(best, off / made.radius(rho, top))
    assert best > Fraction(95, 100)


def test_column_sums_and_lengths_are_rounded_up():
    rng = Random(0)
    for exponent, divisor in product((-60, -20, -3, 2), (1, 3, 7)):
        rows = [[rng.randrange(-99, 100) for _ in range(4)] for _ in range(5)]
        unit = Fraction(2) ** (exponent + 20) / divisor
        columns = list(zip(*rows, strict=True))
        total = max(sum(map(abs, c)) for c in columns) * unit
        assert 0 <= column_sum(Matrix(rows, exponent), divisor) - total < 1
        squares = max(sum(x * x for x in c) for c in columns) * unit**2
        assert squares <= column_length(Matrix(rows, exponent), divisor) ** 2


def test_a_lane_that_could_overflow_is_declined():
    made = Map(Matrix([[1, -1], [1, 1]], 0), Matrix([[0, 0]], 0), 24, 28, 64)
    room = (1 << 63) - (2 << 28)
    assert made.load == 2 << 28
    made.require_room(room // made.load)
    for beside in (0, 1 << 40):
        with pytest.raises(NoRoom):
            made.require_room((room - beside) // made.load + 1, beside)
    huge = Map(Matrix([[1 << 70]], 0), Matrix([[0]], 0), 24, 28, 64)
    with pytest.raises(NoRoom):
        huge.require_room(1)


@pytest.mark.parametrize(("bits", "count"), [(30, 2), (44, 3), (62, 6), (64, 5), (130, 12)])
def test_tables_of_powers_are_floors(bits, count):
    for level, table in enumerate(root_tables(bits, count)):
        assert table[0] == 1 << bits
        for j in range(0, 2048, 61):
            true = arb(2) ** (bits - arb(j) / 2 ** (11 * (level + 1)))
            assert 0 <= true - table[j] < 1 + arb(2) ** -50


def test_constants_are_as_near_as_they_say():
    for bits in (64, 120, 320):
        assert abs(pi(bits) - arb.pi() * 2**bits) < 2 * bits
    for square in (1, 2, 28, 2**28):
        true = arb(2) ** 240 / (arb(2).log() * arb(square).sqrt())
        assert abs(base_two(square) / true - 1) < arb(2) ** -200


def mixture(queries, keys, values, share, normalised):
    """Return the mixture of one lane by definition; scores are exponents of two."""
    powers = [
        (sum((q * k for q, k in zip(queries, key, strict=True)), arb(0)) * arb(2).log()).exp()
        for key in keys
    ]
    total, share = sum(powers[1:], powers[0]), ball(1 if share is None else share)
    rest = (1 - share) / (len(keys) if normalised else 1)
    return sum(
        (v * (share * p / total + rest) for p, v in zip(powers, values, strict=True)), arb(0)
    )


@each_width
@pytest.mark.parametrize(
    ("share", "normalised"),
    [
        (None, False),
        (Fraction(1, 3), False),
        (Fraction(1, 3), True),
        (Fraction(5, 2), True),
        (Fraction(0), True),
    ],
)
def test_a_mixture_is_within_its_radius_at_the_worst_signs(width, unit, fine, share, normalised):
    rng, best = Random(unit), 0
    mixer = Mixer(2, unit, fine, width, share, normalised)
    for trial in range(150):
        seen = rng.choice([1, 2, 2, 2, 3, 5])
        spread = rng.choice([0, 0, 1, 4])
        one = 1 << unit
        query = [rng.randrange(-one, one) for _ in range(2)]
        keys = [[rng.randrange(-one, one) * spread >> 1 for _ in range(2)] for _ in range(seen)]
        level = rng.choice([0, 1]) * one
        signs = [rng.choice([-1, 1]) for _ in range(seen)]
        values = [[level + s * one // 2, 0] for s in signs]
        memory = Memory(1, 2, seen)
        off = 2 ** rng.randrange(0, fine - 2)
        off_keys = 2 ** rng.randrange(0, fine - 2)
        for place in range(seen):
            memory.push(place, [*keys[place], *values[place]], off_keys, mixer)
        column = memory.columns[seen][0]
        try:
            found, moved = mixer.mixed(query, column, memory.values[0], off, off_keys)
        except NoRoom:
            assert unit == 60
            continue
        bound = moved + (off_keys * mixer.weight(seen) >> 20) + 1 + (1 << fine - 1)
        unit_ball, fine_ball = arb(2) ** -unit, arb(2) ** -(unit + fine)
        # Keys that move each score the way its value counts, by the signs of the query.
        for turn in (1, -1):
            q = [x * unit_ball + turn * off * fine_ball * rng.choice([-1, 1]) for x in query]
            to = [turn * off_keys * fine_ball * (1 if y > 0 else -1) for y in query]
            k = [
                [x * unit_ball + s * y for x, y in zip(key, to, strict=True)]
                for s, key in zip(signs, keys, strict=True)
            ]
            v = [x[0] * unit_ball + turn * off_keys * fine_ball for x in values]
            true = mixture(q, k, v, share, normalised)
            error = abs(true / fine_ball - found[0] * arb(2) ** fine)
            assert error <= bound, (trial, turn)
            best = max(best, float(error / bound))
    assert best > (0.5 if share is None else 0.4) or share == 0


def test_a_score_or_a_value_that_could_leave_its_lane_is_declined():
    mixer = Mixer(1, 24, 28, 64, None, False)
    for key, value, query in ((1 << 31, 0, 1 << 31), (0, 1 << 40, 0)):
        memory = Memory(1, 1, 1)
        memory.push(0, [key, value], 0, mixer)
        with pytest.raises(NoRoom):
            mixer.mixed([query], memory.columns[1][0], memory.values[0], 0, 0)


@pytest.mark.parametrize("name", ["gelu", "gelu-tanh", "silu"])
def test_no_activation_is_steeper_than_the_rule_says(name):
    """Interval by interval: each derivative is between its ends, by its second derivative."""

    def slope(x):
        if name == "gelu":
            density = (-x * x / 2).exp() / (2 * arb.pi()).sqrt()
            return (1 + (x / arb(2).sqrt()).erf()) / 2 + x * density
        inner, inner_slope = x, arb(1)
        if name == "gelu-tanh":
            root = 2 * (2 / arb.pi()).sqrt()
            inner = root * (x + arb(8943) / 200000 * x * x * x)
            inner_slope = root * (1 + 3 * arb(8943) / 200000 * x * x)
        s = 1 / (1 + (-inner).exp())
        return s + x * inner_slope * s * (1 - s)

    bound = ball(Fraction(STEEPEST[name], 1000))
    # Beyond 12 the derivative is within 10^-3 of 0 or 1 (docs/theorems.md, R7).
    todo, steps = [(Fraction(-12), Fraction(12))], 0
    with ctx.workprec(80):
        while todo:
            low, high = todo.pop()
            middle, half = ball((low + high) / 2), ball((high - low) / 2)
            if not abs(slope(arb(middle, half))) <= bound:
                assert high - low > Fraction(1, 2**30), "too steep"
                todo += [(low, (low + high) / 2), ((low + high) / 2, high)]
            steps += 1
    assert steps < 10**5
    worst = {"gelu": 2**0.5, "gelu-tanh": 1.4185, "silu": 2.3994}[name]
    assert slope(arb(worst)) > bound - ball(Fraction(3, 10**4))


@each_width
@pytest.mark.parametrize("name", ["relu", "gelu", "gelu-tanh", "silu"])
def test_an_activation_is_as_near_as_it_says(name, width, unit, fine):
    rng, values = Random(1), values_of(name, unit, width)
    knot = 1 << unit - STEP
    entries = [
        0,
        1,
        -1,
        knot // 2,
        knot // 2 - 1,
        -knot // 2,
        10 << unit,
        (10 << unit) - 1,
        -(10 << unit),
    ]
    entries += [rng.randrange(-(13 << unit), 13 << unit) for _ in range(200)]
    entries += [i * knot + knot // 2 - j for i in (0, 1, 256, 600) for j in (0, 1, 2)]
    found, off = values(entries)
    for x, y in zip(entries, found, strict=True):
        true = act(name, arb(x) / arb(2) ** unit) * arb(2) ** unit
        assert abs(true - y) <= off
    assert radius(name, 1000) == STEEPEST[name]


def test_the_remainder_of_gelu_is_what_the_lemma_says():
    # |gelu^(k)| <= (E|t|^(k-2) + E|t|^k) / sqrt(2 pi), about a knot that is 2^-9 away at most.
    for width, order in ORDERS.items():
        k, moments = order + 1, [1, 0, 1, 0, 3, 0, 15, 0, 105]
        bound = ball(moments[k - 2] + moments[k]) / (2 * arb.pi()).sqrt()
        factorial = 1
        for i in range(1, k + 1):
            factorial *= i
        unit = {64: 29, 128: 60}[width]
        assert bound / factorial * arb(2) ** (-9 * k + unit) < 1


def normed(kind, eps, v):
    """Return a norm by definition, and what it divides by."""
    mean = sum(v, arb(0)) / len(v) if kind == "layer" else arb(0)
    c = [y - mean for y in v]
    s = (sum((y * y for y in c), arb(0)) / len(v) + ball(eps)).sqrt()
    return [y / s for y in c], s


@each_width
@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("eps", [Fraction(0), Fraction(1, 10**5)])
def test_a_norm_is_within_its_bounds_at_the_worst_case(kind, eps, width, unit, fine):
    rng = Random(3)
    for trial in range(120):
        d = rng.choice([1, 2, 3, 10, 33])
        made = Normaliser(Norm(kind, eps), d, unit, fine)
        scale = rng.choice([1, 2**6, 2 ** (unit // 2), 1 << unit])
        # One entry apart from all others: where the row sums of the Jacobian are largest.
        x = [scale * (9 if i == 0 and trial % 2 else rng.choice([-1, 1])) for i in range(d)]
        rho = rng.choice([0, 1, 2 ** (fine - 3), 2 ** (fine + 2)])
        try:
            entries, off, largest, least = made.normed(x, rho)
        except NoRoom:
            assert eps == 0 or rho >= 0
            continue
        fine_ball = arb(2) ** -(unit + fine)

        here, _ = normed(kind, eps, [arb(v) / arb(2) ** unit for v in x])
        for y, found in zip(here, entries, strict=True):
            assert abs(y / fine_ball - found * arb(2) ** fine) <= off
            assert abs(y) * arb(2) ** unit <= largest
            assert abs(found) <= largest
        moves = [[1 if v > 0 else -1 for v in x], [-1 if v > 0 else 1 for v in x], [1] * d]
        moves += [[1, *[-1] * (d - 1)], [-1, *[1] * (d - 1)]]
        length = sum((y * y for y in here), arb(0)).sqrt()
        for move in moves:
            moved = [
                arb(v) / arb(2) ** unit + m * rho * fine_ball for v, m in zip(x, move, strict=True)
            ]
            there, s = normed(kind, eps, moved)
            assert s / fine_ball >= least
            # R8 for the map that reads one entry: R' is centred, Z = sqrt(d) times its length.
            for entry in {0, d - 1}:
                row = [arb(i == entry) - (arb(1) / d if kind == "layer" else 0) for i in range(d)]
                plain = sum((abs(r) for r in row), arb(0))
                z = arb(d).sqrt() * sum((r * r for r in row), arb(0)).sqrt()
                bound = (plain * rho + z * rho) / least / fine_ball
                assert abs(there[entry] - here[entry]) / fine_ball <= bound + arb(2) ** -60
        assert length <= arb(d).sqrt() + arb(2) ** -100


def test_what_a_map_writes_moves_a_reader_by_the_products_column_sums():
    rng, best = Random(9), 0
    for _ in range(50):
        rows = [[rng.randrange(-9, 10) for _ in range(3)] for _ in range(2)]
        reading = [[rng.randrange(-9, 10) for _ in range(2)] for _ in range(3)]
        columns = list(zip(*reading, strict=True))
        through = [[sum(map(mul, row, column)) for column in columns] for row in rows]
        sums = [column_sum(Matrix(x, 0)) for x in (rows, through)]
        stage = SimpleNamespace(sums=sums, plain=[1 << 20, column_sum(Matrix(reading, 0))])
        out = Map(Matrix(rows, 0), Matrix([[0] * 3], 0), 24, 28, 64)
        off, before = 2**40, [2**20, 2**30]
        found = _written(before, stage, out, off, 1 << 20)
        for column in range(2):
            moved = sum(off * abs(row[column]) for row in through) + before[1]
            assert moved <= found[1]
            best = max(best, Fraction(moved, found[1]))
        assert found[0] >= before[0] + off * max(sum(map(abs, c)) for c in zip(*rows, strict=True))
    assert best > Fraction(999, 1000)
