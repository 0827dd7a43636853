"""Layers in sequence decline what a lane has no room for, to the last integer."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
from flint import arb, ctx

from arithmetic.maps import NoRoom
from arithmetic.matrices import Matrix
from arithmetic.powers import BITS
from arithmetic.vectors import Vectors
from counting import first_layer
from counting.first_layer import MOST_LANES, FirstLayer, lanes_of
from counting.mixtures import Column, Mixer
from counting.network import Network

UNITS = [(64, 21, 20), (64, 30, 31), (128, 50, 64)]


@pytest.mark.parametrize(("width", "unit", "fine"), UNITS)
@pytest.mark.parametrize("share", [None, "1/2", "-3/2"])
@pytest.mark.parametrize("seen", [1, 2, 3, 7])
def test_values_have_room_for_weights_that_are_four_units_off_each(width, unit, fine, share, seen):
    fraction = None if share is None else Fraction(share)
    mixer = Mixer(2, unit, fine, width, fraction, False)
    bits, most = mixer.bits, 1
    if fraction is not None:
        rest = 1 - fraction
        most = Fraction(abs(fraction) if fraction > 0 else 0)
        most = -(-fraction * 2**bits // 1) + seen * -(-abs(rest) * 2**bits // 1)
    else:
        most = 2**bits
    largest = -(-(2 ** (width - 2)) // (most + 4 * seen))
    values = [mixer.values.pack([0, 0])] * seen
    for value, room in ((largest - 1, True), (largest, False), (4 * largest, False)):
        column = Column([0, 0], 0, value)
        if room:
            mixer.mixed([0, 0], column, values, 0, 0)
        else:
            with pytest.raises(NoRoom):
                mixer.mixed([0, 0], column, values, 0, 0)


@pytest.mark.parametrize(("width", "unit", "fine"), UNITS)
@pytest.mark.parametrize("query", [[1, 0], [-1, 0], [1, -1], [0, 1], [-1, -1]])
def test_scores_have_room_for_the_largest_entry_of_either_sign(width, unit, fine, query):
    mixer = Mixer(2, unit, fine, width, None, False)
    values, size = [mixer.values.pack([0, 0])], 1 << 5
    asked = [x * size for x in query]
    for key_sum, room in ((2 ** (width - 7) - 1, True), (2 ** (width - 7), False)):
        column = Column([0, 0], key_sum, 0)
        if room:
            mixer.mixed(asked, column, values, 0, 0)
        else:
            with pytest.raises(NoRoom):
                mixer.mixed(asked, column, values, 0, 0)


@pytest.mark.parametrize(("width", "unit", "fine"), UNITS)
def test_a_row_of_the_stream_has_room_up_to_two_units_of_its_end(width, unit, fine):
    stream = Vectors(3, width, fine)
    layers = SimpleNamespace(exponent=-unit - fine)
    network = SimpleNamespace(layers=layers, unit=unit, fine=fine, width=width, stream=stream)
    end = 2 ** (width - 1) - 2 * 2**fine
    for x in (end - 1, 1 - end):
        vector, radii = Network._embedded(network, [x, 0, 5], [7])
        assert (list(stream.exact(vector)), radii) == ([x, 0, 5], [7])
    for x in (end, -end, end + 1, 2**width):
        assert Network._embedded(network, [0, x, 5], [7]) is None


def after_first(middle, inner, neurons, fine):
    """Return what follows the first layer's sums: the stream, or the neurons' inputs."""
    size, unit = len(middle), 30
    lanes = Vectors(size + len(inner) + 1, 128, 64)
    total = lanes.pack_long([x << 64 for x in (*middle, *inner, 0)])
    found = SimpleNamespace(query=lambda *_: (total, 9), vectors=lanes, neurons=neurons)
    network = SimpleNamespace(
        size=size,
        unit=unit,
        fine=fine,
        width=64,
        half=1 << fine - 1,
        stream=Vectors(size, 64, fine),
    )
    stage = SimpleNamespace(plain=[1 << 20], neurons=neurons)
    network.stages = [stage]
    network._out_of_neurons = lambda _, state, inner, off, size: (list(inner), off, size)
    return Network.after_first(network, found, [], 0, 0), network


@pytest.mark.parametrize("fine", [10, 31])
def test_the_stream_after_the_first_layer_has_room_up_to_two_units_of_its_end(fine):
    end = 2 ** (63 - fine) - 2
    for x in (end - 1, 1 - end):
        (stream, radii), network = after_first([x, 3], [], None, fine)
        assert list(network.stream.exact(stream)) == [x << fine, 3 << fine]
        assert radii == [9 + (1 << fine - 1) + 1]
    for x in (end, -end, end + 1):
        with pytest.raises(NoRoom):
            after_first([3, x], [], None, fine)


def test_neurons_of_the_first_layer_are_rectified_exactly():
    relu = SimpleNamespace(activation="relu", gated=False)
    (inner, off, size), _ = after_first([3, -4], [-2, -1, 0, 1, 2], relu, 10)
    assert (inner, off, size) == ([0, 0, 0, 1, 2], 9 + (1 << 9), 4)


def shaped(counts, columns, heads, neurons=0, **others):
    """Return layers of so many tokens at each position, and columns of stream and neurons."""
    into = SimpleNamespace(weight=Matrix([[0] * neurons], 0))
    made = SimpleNamespace(norm=None, into=into) if neurons else None
    attention = SimpleNamespace(norm=None, out=SimpleNamespace(weight=Matrix([[0] * columns], 0)))
    options = {"causal": True, "share": None, "heads": heads} | others
    blocks = [(attention, made)]
    return SimpleNamespace(blocks=blocks, positions=[range(x) for x in counts], **options)


def test_running_sums_count_their_lanes_and_are_left_where_they_are_too_many():
    """Pairs of tokens up to a position, and all pairs for the scores."""
    assert lanes_of(shaped([2, 3], 4, 2)) == (2 + 2 * 3 + 3) * 2 * 5
    assert lanes_of(shaped([2, 3], 4, 2, neurons=6)) == (2 + 2 * 3 + 3) * 2 * 11
    for other in ({"causal": False}, {"share": Fraction(1, 2)}):
        assert lanes_of(shaped([2, 3], 4, 2, **other)) == 0
    # One position: pairs are its tokens, scores their square.
    assert lanes_of(shaped([2**10], 0, 4)) == 2**12
    assert lanes_of(shaped([2**10 + 1], 0, 4)) == 0
    assert lanes_of(shaped([2**10], 0, 5)) == 0
    assert lanes_of(shaped([2**11], 2**11 - 1, 1)) == 2**22 == MOST_LANES
    assert lanes_of(shaped([2**11], 2**11, 1)) == 0
    assert lanes_of(shaped([2**11], 2**10 - 1, 1, neurons=2**10)) == 2**22
    assert lanes_of(shaped([2**11], 2**10, 1, neurons=2**10)) == 0


def bounded(top, beside, *, unit, fine, wide, heads=2, places=3):
    """Return a first layer with its bounds."""
    made = SimpleNamespace(unit=unit, fine=fine, spans=[None] * places)
    made.layers = SimpleNamespace(heads=heads)
    made.inverse = (unit + 64) // 2 if wide else 36
    made.sum_unit, made.bits = unit + 64 - made.inverse, 130 if wide else 62
    FirstLayer._bound(made, top, beside)
    return made


@pytest.mark.parametrize(
    ("unit", "fine", "wide"), [(21, 20, False), (30, 31, False), (50, 64, True)]
)
@pytest.mark.parametrize("top", [0, 1, 2**20, 3 * 2**30 + 1])
def test_a_quotient_of_running_sums_is_off_by_what_the_theorem_says(unit, fine, wide, top):
    """At 2**-20 of a fine unit: numerator and denominator, and the floor of the reciprocal."""
    made = bounded(top, 0, unit=unit, fine=fine, wide=wide)
    m, tables = Fraction(top, 2**20), -(-made.bits // BITS)
    units = 2 * tables + 2
    for seen, (moved, fixed) in enumerate(zip(made.numerators, made.fixed, strict=True), start=1):
        half, low = Fraction(1, 2 ** (made.sum_unit + 1)), Fraction(1, 2**made.bits)
        exact = seen * ((1 + m) * half + 2 * units * m * low) * 2 ** (unit + fine + 20)
        assert exact + 1 <= moved < exact + 3
        floor = seen * m * Fraction(2) ** (unit + fine - made.inverse)
        assert floor + 1 <= fixed < floor + 2


@pytest.mark.parametrize(("unit", "wide"), [(21, False), (30, False), (50, True)])
def test_running_sums_fit_up_to_the_last_integer(unit, wide):
    end = 2 ** (126 - unit - 44)
    for heads in (1, 3):
        for top in (0, 5, 2**20):
            beside = end - heads * (2 * top + 2**20)
            options = {"unit": unit, "fine": 20, "wide": wide, "heads": heads}
            assert bounded(top, beside - 1, **options).fits
            assert not bounded(top, beside, **options).fits
            assert not bounded(top, beside + 1, **options).fits


def test_running_sums_of_many_positions_fit_a_lane():
    """The sums alone, where their unit is the finer."""
    made = SimpleNamespace(unit=0, fine=20, layers=SimpleNamespace(heads=1))
    made.inverse, made.bits, made.sum_unit = 0, 62, 100
    for places in (1, 2, 3, 8):
        made.spans = [None] * places
        most = -(-(2**46) // places) - 2
        assert places * (most + 1) < 2**46 <= places * (most + 2)
        assert _fits(made, most) and not _fits(made, most + 1)


def _fits(made, top):
    FirstLayer._bound(made, top, 0)
    return made.fits


@pytest.mark.parametrize("bits", [62, 130])
@pytest.mark.parametrize("exponent", [-200, -143, -132, -66, -65, -3, 0, 2])
def test_weights_of_running_sums_are_off_by_two_units_a_table_and_two_at_most(bits, exponent):
    made = SimpleNamespace(bits=bits)
    scores = dict(enumerate([0, 1, 3, 5, 40, 4097, (5 << max(-exponent, 3)) + 7]))
    found, top = FirstLayer._powers(made, scores, exponent), max(scores.values())
    count = -(-bits // BITS)
    with ctx.workprec(400):
        for source, score in scores.items():
            power = arb(2) ** ((arb(score) - top) * arb(2) ** exponent) * 2**bits
            assert power - (2 * count + 2) < found[source]
            assert score != top or found[source] == 2**bits
            # The floor of an exponent raises it, by less than a unit.
            assert found[source] < power + 1


def tables(scores, exponent):
    """Return a first layer of one head and the queries' scores, two positions of one token."""
    made = SimpleNamespace(unit=21, bits=62, sum_unit=49, starts=[0, 1, 2], fits=True)
    made.layers, made.vectors = SimpleNamespace(heads=1), Vectors(2, 128, 64)
    made._powers = lambda scores, _: dict.fromkeys(scores, 0)
    values = [Matrix([[1], [1]], 0)]
    FirstLayer._tables(made, [Matrix(scores, exponent)], values, Matrix([[1], [1]], 0))
    return made


@pytest.mark.parametrize("exponent", [-40, 0, 3])
def test_scores_of_sixty_bits_are_too_large(exponent):
    """Of any query, of any source, and of either sign."""
    largest = 2 ** (59 - exponent) - 1
    for x in (largest, -largest):
        assert tables([[x, 0], [0, x]], exponent).fits
    for x in (largest + 1, -largest - 1):
        for scores in ([[x, 0], [0, 0]], [[0, 0], [x, 0]], [[0, 0], [0, x]], [[x, 0], [1, 1]]):
            assert not tables(scores, exponent).fits
    # A source behind the query is none of its own.
    assert tables([[0, largest + 1], [0, 0]], exponent).fits


def test_a_token_adds_nothing_beside_the_columns_it_has():
    made = tables([[0, 0], [0, 0]], 0)
    assert [list(made.vectors.exact(x)) for x in made.base] == [[1 << 85, 0]] * 2
    assert [len(x) for x in made.own] == [1, 1] and [len(x) for x in made.future] == [1, 0]


@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_denominator_below_a_unit_for_each_position_is_declined(place):
    """At 2**-20 of the sums' unit: its own roundings may be a part of it."""
    lanes = Vectors(2, 128, 64)
    made = SimpleNamespace(
        layers=SimpleNamespace(heads=1), starts=[0] * (place + 1), base=[0], own=[[0]]
    )
    made.cut, made.sum_unit, made.inverse = 128, 40, 36
    made.fixed = made.numerators = [1] * (place + 1)
    least = (place + 1) << 20
    for value, room in ((least, True), (least + 1, True), (least - 1, False), (0, False)):
        for entry in (5, -5):
            sums = [lanes.pack_long([entry, value])]
            if room:
                total, off = FirstLayer.query(made, sums, place, 0)
                inverse = 2**76 // value
                assert lanes.exact(total)[0] == entry * inverse
                assert off == 1 + 2 + (inverse + 1 >> 56) + 1
            else:
                with pytest.raises(NoRoom):
                    FirstLayer.query(made, sums, place, 0)


def test_limits_of_the_first_layer_are_as_documented():
    assert (first_layer.MOST_LANES, first_layer.RECIPROCAL, first_layer.MOST_SCORE) == (
        2**22,
        36,
        60,
    )
