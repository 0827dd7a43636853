"""Numbers, weights and lines of `split` at their limits: what is refused, and what is exact."""

from fractions import Fraction
from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks import one_layer
from support.splits import witness_of
from test_split_rules import PLAIN, made_of, maximum, verdict

from arithmetic.lanes import Lanes
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting import lead_tables, relaxation
from counting.class_tables import _shifted
from counting.lead_tables import LeadTables
from counting.relaxation import MOST_SHIFT, SLOPE, WEIGHT, Gaps, gaps_of, relaxed, rounded
from counting.summands import Upper, completions, upper
from files.verdict import Declined, Rejected
from strategies.split import Split, _lane
from strategies.split_witness import read_exact, read_split

PLENTY = 10**9
# The sum of many widths of lanes, in bits.
WIDTHS = 105612
small = st.integers(-9, 9)
GOOD = {"query": 0, "label": 0, "thresholds": [[1]], "low": [], "high": []}


def refused(read, witness):
    """Return why a witness is refused, nothing if it is read."""
    try:
        read(SimpleNamespace(witness=witness))
    except Rejected as refusal:
        assert refusal.reason == "witness"
        return refusal.sentence
    return ""


def of_classes(*classes):
    return {"unit": 0, "classes": list(classes)}


@pytest.mark.parametrize(
    ("key", "least", "most"), [("unit", -4096, 4096), ("rate", 1, 4096)], ids=str
)
def test_the_unit_and_the_rate_have_the_documented_ends(key, least, most):
    good = {"unit": 0, "rate": 1, "classes": []}
    for value in (least, most):
        found = read_split(SimpleNamespace(witness=good | {key: value}))
        assert getattr(found, key) == value
    for value in (least - 1, most + 1, True, "1", None, 1.0):
        assert "integer between" in refused(read_split, good | {key: value})


def test_the_keys_of_a_witness_are_those_of_its_strategy():
    good = {"unit": 0, "classes": []}
    assert read_exact(SimpleNamespace(witness=good)).rate == 0
    for wrong in ({"unit": 0}, good | {"rate": 1}, good | {"more": 1}):
        assert "keys classes, unit are" in refused(read_exact, wrong)
    assert "keys classes, rate, unit are" in refused(read_split, good)


def test_a_class_has_its_five_keys_and_no_others():
    assert not refused(read_exact, of_classes(GOOD))
    for key in GOOD:
        fewer = {name: x for name, x in GOOD.items() if name != key}
        assert "keys query, label, thresholds" in refused(read_exact, of_classes(fewer))
    for wrong in (GOOD | {"more": 0}, [*GOOD], None, "query"):
        assert "keys query, label, thresholds" in refused(read_exact, of_classes(wrong))


@pytest.mark.parametrize("key", ["query", "label"])
def test_classes_are_of_tokens_and_answers(key):
    for value in (0, 2**28):
        found = read_exact(SimpleNamespace(witness=of_classes(GOOD | {key: value})))
        assert [*found.classes] == [(value, 0) if key == "query" else (0, value)]
    for value in (-1, 2**28 + 1):
        assert "no integer between" in refused(read_exact, of_classes(GOOD | {key: value}))


def test_classes_ascend_and_none_is_named_twice():
    def classes(*keys):
        return of_classes(*(GOOD | {"query": q, "label": m} for q, m in keys))

    assert not refused(read_exact, classes((0, 1), (0, 2), (1, 0), (3, 0)))
    for wrong in ([(0, 0), (0, 0)], [(1, 0), (0, 1)], [(0, 2), (0, 1)], [(0, 0), (2, 0), (1, 0)]):
        assert "classes ascend" in refused(read_exact, classes(*wrong))


@pytest.mark.parametrize("key", ["thresholds", "low", "high"])
def test_numbers_are_integers_of_62_bits(key):
    for value in (-(2**62), 2**62):
        witness = of_classes(GOOD | {key: [[], [0, value]]})
        said = read_exact(SimpleNamespace(witness=witness)).classes[0, 0]
        assert getattr(said, key) == [[], [0, value]]
    for value in (-(2**62) - 1, 2**62 + 1, True, 0.0, "0", None):
        assert "is an integer of size" in refused(
            read_exact, of_classes(GOOD | {key: [[0, value]]})
        )
    for value in (0, None, [0], {}):
        assert "a list is expected" in refused(read_exact, of_classes(GOOD | {key: value}))


@given(st.lists(st.integers(-(2**12), 2**12)), st.integers(-14, 6), st.integers(1, 2**12))
def test_numbers_are_floored_in_the_unit_of_the_tables_or_refused(row, shift, limit):
    """Those beyond the limit are refused before a shift makes them long."""
    found = [Fraction(x) * Fraction(2) ** shift // 1 for x in row]
    if all(abs(x) <= limit for x in found):
        try:
            assert _shifted(row, shift, limit) == found
        except Rejected:
            # What is floored to a number of the limit's size may have a bit more.
            assert any(abs(Fraction(x) * Fraction(2) ** shift) > limit for x in row)
    else:
        with pytest.raises(Rejected, match="too large"):
            _shifted(row, shift, limit)


@pytest.mark.parametrize("shift", [-3, -1, 0, 1, 5])
def test_numbers_of_the_limit_are_taken_and_those_beyond_are_not(shift):
    limit = 2**9 if shift >= 0 else 2**9 - 1
    for sign in (1, -1):
        at = [sign * limit >> shift] if shift >= 0 else [sign * limit << -shift]
        assert _shifted([0, *at], shift, limit) == [0, sign * limit]
        with pytest.raises(Rejected, match="too large"):
            _shifted([0, at[0] + sign * (1 << max(-shift, 0))], shift, limit)


def test_a_number_that_a_shift_would_make_long_is_refused_unshifted():
    with pytest.raises(Rejected, match="too large"):
        # Petabytes, were it shifted.
        _shifted([0, 1], 2**60, 2**20)
    with pytest.raises(Rejected, match="too large"):
        _shifted([0, -1], 2**60, 2**20)
    assert _shifted([0, 0], 30, 2**20) == [0, 0]


@pytest.mark.parametrize("width", [8, 16])
def test_each_lane_is_found_with_its_sign(width):
    lanes = Lanes(5, width)
    values = [-lanes.half, lanes.half - 1, 0, -1, 1]
    for turn in range(5):
        turned = values[turn:] + values[:turn]
        vector = lanes.pack(turned)
        assert [_lane(vector, j, lanes) for j in range(5)] == turned


entry = st.integers(-(2**20), 2**20)


@settings(max_examples=200)
@given(
    st.lists(st.lists(entry, min_size=2, max_size=2), min_size=1, max_size=3),
    st.integers(-50, 20),
)
def test_the_largest_weight_has_its_bits_and_all_are_enclosed(rows, exponent):
    """A shift is no less than 0 and no more than MOST_SHIFT; what is an integer is exact."""
    weight = rounded(Matrix(rows, exponent), Tally(PLENTY))
    largest = max(abs(x) for row in rows for x in row)
    bits = largest.bit_length() + exponent
    assert weight.shift == min(max(WEIGHT - bits, 0), MOST_SHIFT)
    for row, down, up in zip(rows, weight.floors, weight.ceilings, strict=True):
        exact = [Fraction(x) * Fraction(2) ** (exponent + weight.shift) for x in row]
        assert down == [x // 1 for x in exact]
        assert up == [-(-x // 1) for x in exact]
    for row, top in zip(
        zip(weight.floors, weight.ceilings, strict=True), weight.largest, strict=True
    ):
        assert all(abs(a - b) <= top for b in row[0] for a in row[1])


def test_the_numbers_of_lines_are_as_documented():
    """Slopes have ten bits, weights fourteen, and leads 24 more than columns at most."""
    assert (SLOPE, WEIGHT, MOST_SHIFT, lead_tables.ROOM) == (10, 14, 24, 2)
    assert relaxation.MOST_SHIFT == MOST_SHIFT


def unpacked(lanes, vector):
    return [_lane(vector, j, lanes) for j in range(lanes.count)]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.lists(small, min_size=3, max_size=3), small, st.integers(0, 9)), max_size=4
    ),
    st.integers(1, 4),
)
def test_lines_are_those_of_the_theorem(neurons, terms):
    """T15, rival by rival, in fractions: the least slope of ten bits, the nearer of two lines."""
    lanes = Lanes(3, 64)
    gaps = Gaps(
        [lanes.pack([max(g, 0) for g in row]) for row, _, _ in neurons],
        [lanes.pack([min(g, 0) for g in row]) for row, _, _ in neurons],
    )
    lows = [low for _, low, _ in neurons]
    highs = [low + size for _, low, size in neurons]
    sigmas, offset = relaxed(gaps, lows, highs, terms, lanes, Tally(PLENTY))
    offsets = [0] * 3
    for (row, low, size), sigma in zip(neurons, sigmas, strict=True):
        for j, gap in enumerate(row):
            slope, start = line(gap, low, low + size)
            assert unpacked(lanes, sigma)[j] == gap * slope
            offsets[j] += max(gap, 0) * slope * (terms - start)
    assert unpacked(lanes, offset) == offsets


def line(gap, low, high):
    """Return slope, times 2**SLOPE, and where the line of a gap is zero."""
    if high <= 0:
        return 0, 0
    if low >= 0:
        return 2**SLOPE, 0
    if gap > 0:
        return -(Fraction(-high, high - low) * 2**SLOPE // 1), low
    return (2**SLOPE if high > -low else 0), 0


def test_gaps_are_parted_by_their_signs():
    weight = rounded(Matrix([[3, -4, 0]], 0), Tally(PLENTY))
    lanes = Lanes(3, 64)
    for label in range(3):
        gaps = gaps_of(weight, label, lanes, Tally(PLENTY))
        found = [(x - [3, -4, 0][label]) << weight.shift for x in (3, -4, 0)]
        assert unpacked(lanes, gaps.above[0]) == [max(x, 0) for x in found]
        assert unpacked(lanes, gaps.below[0]) == [min(x, 0) for x in found]


def lanes_for(monkeypatch, top, count, places, bits, largest, scale, answers=3):
    """Return the widths that are asked for, of leads and of neurons, before whole bytes."""
    asked = []
    monkeypatch.setattr(lead_tables, "Lanes", lambda n, width: asked.append((n, width)))
    summands = SimpleNamespace(
        top=top, tables=[None] * count, program=SimpleNamespace(neurons=len(largest))
    )
    weight = SimpleNamespace(largest=largest) if largest else None
    made = SimpleNamespace(summands=summands, weight=weight, places=places, scale=scale)
    made.end, made.limit = top << 2, top << scale + 2
    LeadTables._lanes(made, answers, bits)
    return asked


HEAVY = [0, 1, 2**8, 2**15 - 1, 2**15, 2**16]


@pytest.mark.parametrize("top", [1, 2**12 - 1, 2**12, 2**60 - 1])
@pytest.mark.parametrize("count", [1, 2, 3, 9, 64])
@pytest.mark.parametrize("scale", [0, 10, 17, 34])
def test_lanes_hold_the_largest_sums_of_a_certificate(monkeypatch, top, count, scale):
    """Built up as the tables are, each part at its largest: columns, lines, thresholds and ends."""
    for largest in [[], *([x] for x in HEAVY), [5] * 7]:
        for places in (1, 3, 4, 20):
            asked = lanes_for(monkeypatch, top, count, places, 60, largest, scale)
            (answers, leads), *near = asked
            assert answers == 3 and len(near) == bool(largest)
            sums = largest_sums(top, count, places, 60, sum(largest), scale)
            # A byte more or less is room; a lane is a sign and its bits.
            assert sums.bit_length() + 1 <= leads <= sums.bit_length() + 5
            if near:
                end = top * 4
                most = 2 * places * 2**60 * (top + end)
                assert near[0][0] == len(largest)
                assert most.bit_length() + 1 <= near[0][1] <= most.bit_length() + 5


def largest_sums(top, count, places, bits, heavy, scale):
    """Return the largest difference of two sums over k positions, by the docstrings."""
    slope = 2**SLOPE
    gap = 2 * top * 2**scale + heavy * slope * top
    ends = top + count * 4 * top
    # From the lowest start to the terms that floors hide, times a slope of 1.
    offset = heavy * slope * (1 + count + max(ends, 0))
    direct = gap + top * 2**scale + offset
    level = direct + (count - 1) * 4 * top * 2**scale
    return 2 * places * 2**bits * (gap + max(level, 4 * top * 2**scale))


def test_lanes_have_the_room_that_they_had(monkeypatch):
    """Widths decide no verdict, but a sum that a width forgets may be one that a lane needs."""
    asked = []
    for top, count, places, bits in product(
        (1, 5, 2**12 - 1, 2**12, 3 << 58), (1, 2, 5), (1, 4), (28, 60)
    ):
        for largest, scale in product(([], [1], [3, 2**15 - 1], [2**16] * 3), (0, 11, 34)):
            asked += lanes_for(monkeypatch, top, count, places, bits, largest, scale)
    assert len(asked) == 5 * 3 * 2 * 2 * 3 * (1 + 2 * 3)
    assert sum(width for _, width in asked) == WIDTHS


def test_the_worst_of_a_table_is_its_own_entry_and_the_largest_completion():
    _, _, cells = made_of(one_layer(1, **PLAIN))
    lanes = Lanes(2, 64)
    rows = [[lanes.pack([c, -c]) for c in span] for span in cells.present]
    own, level = lanes.pack([50, -70]), lanes.pack([3, 4])
    table = upper(cells, None, rows, own, level, lanes, Tally(PLENTY))
    most = completions(cells, rows, lanes)[0][cells.start]
    assert table.own == own - level and table.worst == own - level + most
    made = Upper(7, [], [{0: 3, 1: 100}, {0: 1000, 1: 1000}], 0)
    assert made.worst == 10
    # A sum of 0 is one that may win.
    assert lanes.signs(lanes.pack([0, -1])) == 1


@pytest.mark.parametrize("key", ["low", "high"])
@pytest.mark.parametrize("strategy", ["exact", "split"])
def test_ends_are_for_all_summands_and_neurons(key, strategy):
    network = one_layer(1, **PLAIN)
    rate = 8 if strategy == "split" else 0
    witness = witness_of(network, maximum(network), 0, rate=rate)
    neurons, count = network.sizes["d_mlp"], network.sizes["n_heads"]
    shorter = [[0] * (neurons - 1)] * count
    for wrong in ([], [[0] * neurons] * (count - 1), [[0] * neurons] * (count + 1), shorter):
        classes = [x | {key: wrong} for x in witness["classes"]]
        found = verdict(network, witness | {"classes": classes}, strategy)
        assert isinstance(found, Rejected) and found.reason == "witness"
        assert f"{key}: {count} lists of {neurons} are" in found.sentence


def test_models_without_neurons_have_no_ends():
    network = one_layer(1, **PLAIN | {"m": 0})
    witness = witness_of(network, maximum(network), 0)
    for key in ("low", "high"):
        classes = [x | {key: [[0]]} for x in witness["classes"]]
        found = verdict(network, witness | {"classes": classes})
        assert isinstance(found, Rejected) and f"{key}: 0 lists of 0 are" in found.sentence


def test_a_class_that_holds_no_input_is_refused():
    network = one_layer(1, **PLAIN)
    witness = witness_of(network, maximum(network), 0)
    last = witness["classes"][-1]
    # The maximum is not below the query, and no input has a label beyond.
    for query, label in ((2, 1), (2, 9), (9, 9)):
        classes = sorted(
            [*witness["classes"], last | {"query": query, "label": label}],
            key=lambda x: (x["query"], x["label"]),
        )
        found = verdict(network, witness | {"classes": classes})
        assert isinstance(found, Rejected) and "holds no input" in found.sentence


@pytest.mark.parametrize("strategy", ["exact", "split"])
def test_a_precision_above_64_bits_is_declined(strategy):
    network = one_layer(1, **PLAIN)
    rate = 8 if strategy == "split" else 0
    for precision in (64, 65, 128):
        witness = witness_of(network, maximum(network), 0, rate=rate, precision=64)
        found = verdict(network, witness, strategy, precision=precision)
        declined = isinstance(found, Declined) and found.reason == "limit"
        assert declined == (precision > 64)
        assert not declined or "precision: 64 bits" in found.sentence


def of_layers(*layers, beside=True, heads=(None,)):
    return SimpleNamespace(layers=list(layers), beside=beside, heads=list(heads))


def neurons(bias=(0, 0), *, rectified=True):
    return SimpleNamespace(bias=Matrix([list(bias)], 0), rectified=rectified)


@pytest.mark.parametrize(
    "program",
    [
        of_layers(neurons(), neurons()),
        of_layers(neurons(), beside=False),
        of_layers(beside=False),
        of_layers(neurons(), heads=()),
        of_layers(heads=()),
        of_layers(neurons((0, 1))),
        of_layers(neurons((1, 0))),
        of_layers(neurons((-1, 2))),
        of_layers(neurons(rectified=False)),
    ],
    ids=[*"abcdefghi"],
)
def test_programs_of_another_form_are_declined(program):
    """T14 and T15 are of heads, what is beside them, and one layer of ReLU without a bias."""
    claim = SimpleNamespace(strategy="split", precision=64)
    with pytest.raises(Declined, match="serves one layer with heads") as caught:
        Split(program, None, claim, [], Tally(PLENTY))
    assert caught.value.reason == "unsupported"
