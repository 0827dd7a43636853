"""The tally of `cells` is that of docs/certificate.md, computed here from sizes alone."""

from math import ceil, log2

import numpy as np
import pytest
from support.certify import encoded
from support.compact import dyadic, spanned
from support.networks import claim_of, one_layer, pair
from support.table_counts import table

from files.claims import Pins
from files.verdict import Rejected
from kernel import check


def tally(network, task, witness, width=64):
    counts = (0, len(task["labels"]))
    options = {"strategy": "cells", "witness": witness, "precision": width}
    return check(network.bytes(), encoded(claim_of(network, task, counts, **options)), Pins()).tally


def of_rows(m, a, count, all_rows, projected):
    """Return what the rows of the coordinates count."""
    found = 2 * m * (a + 1) + 4 * all_rows * (m + count)
    return found + projected * (count * (2 * m - 1) + m * (2 * count - 1))


def of_tables(m, a, count, all_rows, width):
    s = width // 64
    return 4 * s * all_rows * (count + a + 1) + (4 * count + 6 * a) * m * s


def of_boxes(sizes, leaf, count):
    """Return what boxes of these numbers of inputs count, and how many are not halved."""
    found, leaves = 0, 0
    for size in sizes:
        found += 2 * size * count + 64
        if size <= leaf:
            leaves += 1
            continue
        found += size * ceil(log2(size))
        more, below = of_boxes([size // 2, size - size // 2], leaf, count)
        found, leaves = found + more, leaves + below
    return found, leaves


def always_on(network, name):
    """Make all neurons of all inputs positive: the first box switches them on, and none is open."""
    network.tensors[name][:] = 2**20
    return network


def even(m, count, leaf):
    """Return a witness that tells of what all neurons share, and of what single ones have."""
    directions = np.vstack([np.ones((1, m)), np.eye(m)[: count - 1]])
    coordinates = dyadic(np.linalg.pinv(directions), -29)
    return {"leaf": leaf, "directions": dyadic(directions, 0), "coordinates": coordinates}


@pytest.mark.parametrize("leaf", [1, 2, 4, 100])
@pytest.mark.parametrize("width", [64, 192])
@pytest.mark.parametrize("count", [1, 3])
def test_a_two_token_network(leaf, width, count):
    v, m, a = 6, 5, 3
    network = always_on(pair(1, v=v, m=m, outputs=a), "b_in")
    task = table(network, 2, a, positions=[[0, 6], [1, 5]])
    rows, inputs, u = 6 + 4, 24, (width // 64) ** 2
    expected = v * m + of_rows(m, a, count, rows, rows) + of_tables(m, a, count, rows, width)
    expected += inputs * (u * (2 * 2 * (count + a + 1) + a + 1 + 2 * (count + 1) * a) + 16)
    boxes, leaves = of_boxes([6] * 4, leaf, count)
    expected += boxes + u * (leaves * (4 * count + 2) * m + 2 * (count + 1) * a * m)
    assert tally(network, task, even(m, count, leaf), width) == expected


def test_a_network_whose_neurons_are_open():
    """One box of four inputs, with neurons of either sign in it."""
    v, m, a, count = 4, 2, 3, 2
    network = pair(1, v=v, m=m, outputs=a)
    network.tensors["W_a"][:] = np.array([[3, 3], [3, -3], [-3, 3], [-3, -3]])
    network.tensors["W_b"][:], network.tensors["b_in"][:] = 0, [0, 9]
    task = table(network, 2, a, positions=[[0, 4], [0, 1]])
    # The second neuron is on; the look-up of the one token is no row of coordinates.
    expected = v * m + of_rows(m, a, count, 5, 4) + of_tables(m, a, count, 5, 64)
    expected += 4 * (2 * 2 * (count + a + 1) + a + 1 + 2 * (count + 1) * a + 16)
    expected += of_boxes([4], 4, count)[0] + (4 * count + 2) * m
    expected += 2 * (count + 1) * a + 2 * (count + a) * 4
    assert tally(network, task, spanned(0, m, count, 4)) == expected


def test_a_model_with_heads():
    """What the program counts is left to `enumerate`: the rest of the two is computed."""
    k, m, a, heads, count = 3, 4, 3, 2, 2
    network = always_on(one_layer(2, v=4, k=k, m=m, outputs=a, heads=heads), "blocks.0.mlp.b_in")
    task = table(network, k, a, positions=[[0, 3], [1, 4], [3, 4]])
    inputs, rows = 9, 1 + heads * 6
    counts = (0, inputs)
    options = {"strategy": "enumerate", "passes": 1}
    whole = check(
        network.bytes(), encoded(claim_of(network, task, counts, **options)), Pins()
    ).tally
    heads_work = 4 * heads * k
    c, terms = m + a, k * (heads + 1)
    each = heads_work + 2 * terms * c + a + m * (2 * a + 1)
    program = whole - 4 * (rows * c + m * a) - inputs * each
    expected = program + of_rows(m, a, count, rows, rows - 1) + of_tables(m, a, count, rows, 64)
    own = heads_work + 2 * terms * (count + a + 1) + a + 1 + 2 * (count + 1) * a + 16
    boxes, leaves = of_boxes([inputs], 4, count)
    expected += inputs * own + boxes + leaves * (4 * count + 2) * m + 2 * (count + 1) * a * m
    assert tally(network, task, even(m, count, 4)) == expected


@pytest.mark.parametrize("far", [0, 400, 1100, -1100])
def test_numbers_that_are_far_from_1_count_by_their_size_or_are_declined_soon(far):
    """A witness of huge or tiny numbers costs little time, and the budget covers it."""
    network = one_layer(2, v=8, k=2, m=64, outputs=8, d=8)
    task = table(network, 2, 8)
    witness = spanned(0, 64, 32, 4)
    for key in ("directions", "coordinates"):
        witness[key]["exponent"] = far or witness[key]["exponent"]
    assert tally(network, task, witness) < 10**8
    with pytest.raises(Rejected) as refusal:
        options = {"strategy": "cells", "witness": witness, "operations": 10**5}
        check(network.bytes(), encoded(claim_of(network, task, (0, 64), **options)), Pins())
    assert refusal.value.reason == "budget"
