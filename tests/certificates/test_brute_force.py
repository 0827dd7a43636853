"""Brute force looks at every sequence, and its coarse tables hide none that a rival may win."""

from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import class_of
from support.certify import established
from support.toy import Recipe

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.separable import Rows
from strategies import brute_force
from strategies.brute_force import BLOCKS, COARSE, count_class

BITS = 32
# Entries that the kernel forms are below 2**(2 bits + 2).
TOP = 2 ** (2 * BITS + 2) - 1


def members(query, maximum, places):
    """Return all sequences of a class, in their order."""
    fillings = product(range(maximum + 1), repeat=places)
    return [(*x, query) for x in fillings if max(*x, query, 0) == maximum]


class Drawn:
    """A class whose upper tables are given, entry by entry; what they leave open is wrong."""

    def __init__(self, query, maximum, table):
        self.query, self.maximum, self.table = query, maximum, table
        self.tables, self.label, self.tokens = None, maximum, range(maximum + 1)
        self.count, places = len(table[0][0]), len(table)
        self.lanes = Lanes(self.count, 2 * BITS + 4 + (places + 1).bit_length())
        self.rivals = self.lanes.ones ^ (1 << (self.lanes.width * maximum))
        self.packed = [[self.lanes.pack(entry) for entry in row] for row in table]

    def upper(self, attention, tally):
        return self.packed

    def lower(self, attention, tally):
        """Return tables that leave open whatever the upper ones do not rule out."""
        return [[self.lanes.pack([-TOP] * self.count)] * (self.maximum + 1)] * len(self.table)

    def counted(self):
        """Return the number of sequences counted, those looked at, and the tally."""
        tally, looked_at = Tally(10**12), []
        attention = SimpleNamespace(query=self.query, bits=BITS)
        winners = brute_force._Enumeration._winners
        inputs = class_of(self.query, self.maximum, len(self.table) - 1)

        def record(walk, table, sequence):
            looked_at.append(sequence)
            return winners(walk, table, sequence)

        def settled(tables, sequence, label, rivals, bits, tally):
            assert label == self.maximum
            assert (rivals, bits) == (self.winners(sequence), 2 * BITS)
            return True, True

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(brute_force._Enumeration, "_winners", record)
            patch.setattr(brute_force, "settled", settled)
            certain, possible = count_class(Rows(self, attention, inputs, None), tally)
        assert certain == possible
        return certain, looked_at, tally.spent

    def wrong(self):
        """Return the sequences that some rival may win, by plain sums."""
        sequences = members(self.query, self.maximum, len(self.table) - 1)
        return [x for x in sequences if self.winners(x)]

    def winners(self, sequence):
        entries = (row[t] for row, t in zip(self.table, sequence, strict=True))
        sums = [sum(column) for column in zip(*entries, strict=True)]
        return [j for j, total in enumerate(sums) if total >= 0 and j != self.maximum]

    def charge(self):
        """Return the tally as `docs/certificate.md` tells it."""
        sequences = len(members(self.query, self.maximum, len(self.table) - 1))
        if len(self.table) == 1:
            sequences = self.maximum + 1
        return (sequences + len(self.wrong())) * self.count * (len(self.table) + 1)


def require_all_wrong_found(drawn):
    wrong = drawn.wrong()
    certain, looked_at, spent = drawn.counted()
    # The sums that are formed: once for a suspect, and once more if it is wrong.
    assert certain == len(wrong)
    assert [x for i, x in enumerate(looked_at) if looked_at[:i].count(x) == 1] == wrong
    assert spent == drawn.charge()


def unit_of(places):
    """Return the number of which coarse entries are the multiples."""
    return 2 ** (Lanes(1, 2 * BITS + 4 + (places + 2).bit_length()).width - 8 * COARSE)


@st.composite
def drawn_classes(draw):
    places = draw(st.integers(0, 3))
    most = {0: 20, 1: 20, 2: 10, 3: 4}[places]
    maximum = draw(st.integers(0, most))
    query = draw(st.integers(0, maximum)) if places else maximum
    count = maximum + 1 + draw(st.integers(0, 2))
    unit, rng = unit_of(places), draw(st.randoms(use_true_random=False))
    style = draw(st.sampled_from(["tiny", "units", "ends", "mixed", "rare"]))
    bias = draw(st.sampled_from([0, 0, 1, 3]))

    def entry():
        kind = rng.choice(["tiny", "units", "ends"]) if style == "mixed" else style
        if kind == "tiny":
            return rng.randint(-3, 2) - bias
        if kind == "units":
            return rng.randint(-3, 2) * unit + rng.randint(-1, 1) - bias * unit
        if kind == "ends":
            return rng.choice([TOP, -TOP, -TOP, -TOP])
        return rng.choice([-TOP] * 60 + [TOP])

    table = [
        [[entry() for _ in range(count)] for _ in range(maximum + 1)] for _ in range(places + 1)
    ]
    return Drawn(query, maximum, table)


@settings(max_examples=300, deadline=None)
@given(drawn_classes())
def test_every_sequence_with_a_sum_of_at_least_zero_is_found(drawn):
    require_all_wrong_found(drawn)


@pytest.mark.parametrize("places", [0, 1, 2, 3])
@pytest.mark.parametrize("maximum", [BLOCKS - 1, BLOCKS, 2 * BLOCKS])
@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("every", [TOP, -TOP, 0, -1])
def test_lanes_of_equal_entries_do_not_spill(places, maximum, holds, every):
    if places == 3:
        maximum = 3
    query = maximum if holds or not places else maximum - 1
    # Rivals alternate between the largest and the smallest sums: a borrow would show.
    entry = [every if j % 2 else -TOP for j in range(maximum + 2)]
    drawn = Drawn(query, maximum, [[entry] * (maximum + 1)] * (places + 1))
    wrong = drawn.wrong()
    certain, _, spent = drawn.counted()
    assert (certain, spent) == (len(wrong), drawn.charge())


@pytest.mark.parametrize("places", [1, 2, 3])
@pytest.mark.parametrize("query", [0, 2 * BLOCKS])
def test_one_wrong_sequence_among_many_is_found_wherever_it_stands(places, query):
    """A lone rival's lone winning sequence, at each place of a block and beside its ends."""
    maximum = 2 * BLOCKS
    below = [-TOP // 8] * (maximum + 2)
    # The label itself is no rival, whatever its lane holds.
    below[maximum] = 0
    for token in range(maximum + 1):
        sequence = (*[maximum] * (places - 1), token, query)
        for turned in {sequence, (token, *[maximum] * (places - 1), query)}:
            if max(turned) != maximum:
                continue
            table = [[list(below) for _ in range(maximum + 1)] for _ in range(places + 1)]
            for place, t in enumerate(turned):
                table[place][t][-1] = 0
            drawn = Drawn(query, maximum, table)
            certain, looked_at, _ = drawn.counted()
            assert (certain, set(looked_at)) == (1, {turned})


@pytest.mark.parametrize("maximum", [1, 8, 8 * COARSE, 8 * COARSE + 1, 16 * COARSE])
def test_no_rival_is_left_out_whatever_the_maximum(maximum):
    """Each rival in turn wins alone: the mask of rivals leaves out the lane of the label only."""
    below = [-TOP // 8] * (maximum + 2)
    for rival in range(maximum + 2):
        entry = [*below[:rival], 0, *below[rival + 1 :]]
        drawn = Drawn(0, maximum, [[entry] * (maximum + 1)] * 2)
        assert drawn.counted()[0] == len(drawn.wrong()) == (rival != maximum)


@pytest.mark.parametrize("sum_of_entries", [-2, -1, 0, 1])
@pytest.mark.parametrize("places", [1, 2, 3])
def test_sums_beside_zero_have_their_true_sign(places, sum_of_entries):
    unit = unit_of(places)
    for low in (0, 1, unit - 1, unit, unit + 1, 5 * unit - 1):
        # Entries just below a coarse unit lose the most: the sum must not turn negative.
        rows = [[[low, -TOP]] * 2 for _ in range(places)]
        table = [*rows, [[sum_of_entries - places * low, -TOP]] * 2]
        require_all_wrong_found(Drawn(1, 1, table))
        require_all_wrong_found(Drawn(0, 1, table))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_model_of_more_tokens_than_a_block_counts_like_its_exact_count(k):
    model = Recipe("trained", 2 * BLOCKS + 1, k, 4, 3, seed=3).build()
    assert established(model, "brute-force") == established(model, "exact")
