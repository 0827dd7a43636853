"""The rules of `exact` and `split` of several heads at their worst cases, and what they refuse."""

import copy
import json
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.networks import claim_of, one_layer
from support.splits import HAIR, witness_of
from support.table_counts import established, table

from arithmetic.lanes import Lanes
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.cells import cells_of
from counting.lead_tables import LeadTables
from counting.relaxation import SLOPE, Gaps, gaps_of, relaxed, rounded
from counting.summands import upper
from files.claims import Pins
from files.verdict import Refusal, Rejected
from kernel import check, read
from kernel import given as given_of
from tasks.acceptors import Class, acceptors

PLENTY = 10**9
number = st.integers(-(2**20), 2**20)
small = st.integers(-9, 9)


def lanes_of(lanes, vector):
    """Return the lanes of a vector."""
    data = (vector + lanes.offset).to_bytes(lanes.bytes * lanes.count, "little")
    steps = range(0, len(data), lanes.bytes)
    return [int.from_bytes(data[i : i + lanes.bytes], "little") - lanes.half for i in steps]


@settings(max_examples=200)
@given(number, st.integers(0, 2**20), st.lists(number, min_size=1, max_size=4), st.integers(1, 4))
def test_lines_lie_above_the_neuron_wherever_its_pre_activation_may_be(low, size, gaps, terms):
    """At both ends, at 0 and beside it, whatever floors have taken from what the tables say."""
    lanes, high = Lanes(len(gaps), 128), low + size
    packed = Gaps([lanes.pack([max(g, 0) for g in gaps])], [lanes.pack([min(g, 0) for g in gaps])])
    (sigma,), offset = relaxed(packed, [low], [high], terms, lanes, Tally(PLENTY))
    sigmas = lanes_of(lanes, sigma) if sigma else [0] * len(gaps)
    offsets = lanes_of(lanes, offset) if offset else [0] * len(gaps)
    for y in {low, low + 1, -1, 0, 1, high - 1, high}:
        if low <= y <= high:
            for p in (y, y - terms):
                for gap, slope, start in zip(gaps, sigmas, offsets, strict=True):
                    above = slope * p + start
                    assert above >= gap * max(y, 0) << SLOPE
                    # On or off, and nothing lost by floors: the neuron itself.
                    if p == y and (low >= 0 or high <= 0):
                        most = max(gap, 0) * terms << SLOPE
                        assert above <= (gap * max(y, 0) << SLOPE) + (most if high > 0 else 0)


@pytest.mark.parametrize("exponent", [-40, -3, 0, 5])
def test_gaps_of_weights_are_never_below_the_true_ones(exponent):
    rows = [[3, -7, 2**20 + 1], [0, 5, -1]]
    weight = rounded(Matrix(rows, exponent), Tally(PLENTY))
    lanes = Lanes(3, 128)
    for label in range(3):
        gaps = gaps_of(weight, label, lanes, Tally(PLENTY))
        for row, above, below, top in zip(
            rows, gaps.above, gaps.below, weight.largest, strict=True
        ):
            found = [
                a + b for a, b in zip(*(lanes_of(lanes, x) for x in (above, below)), strict=True)
            ]
            for j, gap in enumerate(found):
                true = (row[j] - row[label]) * 2 ** (exponent + weight.shift)
                assert true <= gap < true + 2
                assert abs(gap) <= top


def maximum(network):
    v, k = network.sizes["d_vocab"], network.sizes["n_ctx"]
    fields = {"rule": "max", "positions": [[0, v]] * k, "reads": list(range(k))}
    return fields | {"answers": [0, network.sizes["d_vocab_out"]]}


def verdict(network, witness, strategy="exact", **options):
    """Return the theorem, or the refusal, of a claim that any count would meet."""
    total = network.sizes["d_vocab"] ** network.sizes["n_ctx"]
    task = maximum(network)
    cert = claim_of(network, task, (0, total), strategy=strategy, witness=witness, **options)
    try:
        return check(network.bytes(), encoded(cert), Pins())
    except Refusal as refusal:
        return refusal


PLAIN = {"v": 3, "k": 3, "positions": False, "mask": "none", "outputs": 3}


@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_an_end_that_some_input_exceeds_is_refused(side, heads, seed):
    """The ends of the good witness are attained but for a hair."""
    network = one_layer(seed, heads=heads, **PLAIN)
    good = witness_of(network, maximum(network), seed)
    assert not isinstance(verdict(network, good), Refusal)
    step = 2 * HAIR if side == "low" else -2 * HAIR
    for head in range(heads):
        for neuron in range(network.sizes["d_mlp"]):
            witness = copy.deepcopy(good)
            for each in witness["classes"]:
                each[side][head][neuron] += step
            found = verdict(network, witness)
            assert isinstance(found, Rejected) and found.reason == "witness"
            assert "is not between its ends" in found.sentence


def test_classes_that_are_left_out_are_given_up():
    network = one_layer(2, **PLAIN)
    task = table(network, 3, 3)
    witness = witness_of(network, task, 0)
    options = {"strategy": "exact", "witness": witness}
    low, high = established(network, task, **options)
    assert low == high
    sizes = {}
    for number, label in enumerate(task["labels"]):
        sizes[number % 3, label] = sizes.get((number % 3, label), 0) + 1
    for place, each in enumerate(witness["classes"]):
        fewer = witness | {"classes": witness["classes"][:place] + witness["classes"][place + 1 :]}
        least, most = established(network, task, strategy="exact", witness=fewer)
        size = sizes[each["query"], each["label"]]
        assert low - size <= least <= low <= most <= low + size
        assert most - least == size


def test_thresholds_are_for_all_summands_but_the_last():
    for options, count in (({}, 1), ({"share": "1/2"}, 2), ({"heads": 1, "share": "1/2"}, 1)):
        network = one_layer(1, **PLAIN | options)
        witness = witness_of(network, maximum(network), 0)
        assert len(witness["classes"][0]["thresholds"]) == count
        for wrong in (count - 1, count + 1):
            classes = [x | {"thresholds": [[0] * 3] * wrong} for x in witness["classes"]]
            found = verdict(network, witness | {"classes": classes})
            assert f"thresholds: {count} lists of 3" in str(found.sentence)


@pytest.mark.parametrize("strategy", ["exact", "split"])
def test_a_budget_of_one_operation_less_is_refused(strategy):
    network = one_layer(5, v=3, k=3, m=0, outputs=3, biases=False)
    task = maximum(network)
    witness = witness_of(network, task, 0, rate=8 if strategy == "split" else 0)
    for each in witness["classes"]:
        # Thresholds so low that a rival lives in the first summand, always.
        each["thresholds"] = [[-(2 ** (61 - 4))] * 3]
    budget = verdict(network, witness, strategy).tally
    less = verdict(network, witness, strategy, operations=budget - 1)
    assert isinstance(less, Rejected) and less.reason == "budget"
    assert not isinstance(verdict(network, witness, strategy, operations=budget), Refusal)


def test_two_processes_find_and_count_the_same():
    network = one_layer(3, v=4, k=3, outputs=4)
    witness = witness_of(network, maximum(network), 1, sharp=False)
    cert = claim_of(network, maximum(network), (0, 64), strategy="exact", witness=witness)
    found = [
        check(network.bytes(), encoded(cert), Pins(), partial(Tally, processes=x))
        for x in (1, 2, 3)
    ]
    assert len({json.dumps(x._asdict(), default=str) for x in found}) == 1


def made_of(network, precision=64):
    """Return a program, its tables in few bits, and a class of several inputs."""
    cert = claim_of(network, maximum(network), (0, 0), strategy="exact", precision=precision)
    claim, model = read(network.bytes(), encoded(cert), Pins())
    program = given_of(model, claim, Tally(PLENTY))
    acceptor = max(acceptors(claim.task), key=lambda x: x.size)
    query = min(acceptor.starts)
    cells = cells_of(Class(query, acceptor.starts[query], acceptor), [])
    return program, LeadTables(program, claim, 8, Tally(PLENTY)), cells


@pytest.mark.parametrize("share", [None, "1/2"])
def test_columns_are_rounded_up_for_rivals_and_down_for_labels_and_neurons(share):
    """With eight bits; what neurons lose is less than a unit for each term."""
    for seed in range(20):
        program, tables, _ = made_of(one_layer(seed, share=share, **PLAIN))
        summands, m = tables.summands, program.neurons
        rows = [row for table in program.lookups[:-1] for row in table or ()]
        for head in program.heads:
            rows += [row for table in head.values[:-1] for row in table]
        found = [row for table in summands.tables for place in table for row in place]
        exact = rows[len(rows) - len(found) :] if share is None else None
        for row in [*summands.direct, *found]:
            assert all(b - a in (0, 1) for a, b in zip(row.answers, row.rivals, strict=True))
            assert max(map(abs, (*row.neurons, *row.answers, *row.rivals))) <= summands.top
        for row, columns in zip(exact or [], found, strict=not share):
            scaled = [Fraction(x, 2**summands.shift) for x in row]
            assert all(0 <= x - a < 1 for x, a in zip(scaled[:m], columns.neurons, strict=True))
            assert all(a <= x for x, a in zip(scaled[m:], columns.answers, strict=True))
            assert all(a >= x for x, a in zip(scaled[m:], columns.rivals, strict=True))


@given(st.data())
def test_entries_exceed_the_product_with_every_weight_of_an_interval(data):
    """Also where the entry is negative, and where the interval is wide."""
    _, _, cells = made_of(one_layer(1, **PLAIN))
    lanes, level = Lanes(2, 64), data.draw(small)
    entry = st.lists(small, min_size=2, max_size=2)
    weight = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted).map(tuple)
    rows = [[data.draw(entry) for _ in span] for span in cells.present]
    spans = [*([data.draw(weight) for _ in span] for span in cells.present), [data.draw(weight)]]
    own = data.draw(entry)
    packed = [[lanes.pack(x) for x in row] for row in rows]
    levels = lanes.pack([level, -level])
    table = upper(cells, spans, packed, lanes.pack(own), levels, lanes, Tally(PLENTY))
    pairs = zip([*rows, [own]], spans, [*table.entries, [table.own]], strict=True)
    for row, weights, entries in pairs:
        for x, ends, found in zip(row, weights, entries, strict=True):
            exact = [x[0] - level, x[1] + level]
            for lane, value in zip(lanes_of(lanes, found), exact, strict=True):
                assert lane == max(end * value for end in ends)


def test_a_neuron_that_floors_may_hide_is_not_off():
    """The largest pre-activation is 0 by the tables: the true one may be above by their terms."""
    _, tables, _ = made_of(one_layer(3, **PLAIN))
    summands, label = tables.summands, 0
    own, count = summands.direct[0].neurons, len(summands.tables)
    high = [[-x for x in own], *[[0] * len(own)] * (count - 1)]
    low = [[x - 9 for x in row] for row in high]
    sigmas, _ = tables.lines(0, label, low, high)
    gaps = tables.gaps[label]
    for sigma, above in zip(sigmas, gaps.above, strict=True):
        assert sigma or not above
    high[0] = [x - 1 - count for x in high[0]]
    assert tables.lines(0, label, low, high)[0] == [0] * len(own)
