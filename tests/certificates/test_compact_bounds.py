"""The bounds of `remainder` and `one-sided` hold, and are reached, at their worst cases."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from support.certify import encoded
from support.compact import EMPTY, dyadic
from support.networks import claim_of, inputs_of, one_layer, pair
from support.table_counts import table

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.exact_program import Exact
from counting.fixed_point import FixedPoint
from files.claims import Pins
from kernel import given as given_of
from kernel import read
from parts.program import Layer, Program
from strategies.onesided import OneSided
from strategies.remainder import Remainder
from strategies.remainder import read as read_remainder


def program_of(network, task, **options):
    cert = claim_of(network, task, (0, len(task["labels"])), **options)
    claim, model = read(network.bytes(), encoded(cert), Pins())
    return claim, given_of(model, claim, Tally(10**9))


def doubles(seed, neurons, outputs):
    """Return a two-token network with weights of 52 bits."""
    network = pair(seed, v=3, m=neurons, outputs=outputs, biases=True)
    rng = np.random.default_rng(seed)
    return replace(
        network, tensors={name: rng.normal(size=x.shape) for name, x in network.tensors.items()}
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kappa", [0, 1, 0.5, -3])
@pytest.mark.parametrize("even", [False, True])
def test_the_remainder_reaches_its_bound_at_both_ends(seed, kappa, even):
    """Two outputs and no look-ups beside: all of the lead may be the remainder, on either side."""
    network = doubles(seed, 40, 2)
    tensors = network.tensors
    # Ranges of 1 are not rounded up: floors of the activations show.
    size = np.full((40, 1), 0.5) if even else np.abs(tensors["W_out"][:, :1]) + 0.1
    tensors["W_out"][:] = np.concatenate([size, -size], axis=1)
    # Pre-activations above 0 for one kappa and below it for another: rem has one sign.
    for name in ("W_a", "W_b", "b_in"):
        tensors[name][:] = np.abs(tensors[name]) * (1 if kappa != 1 else -1)
    task = table(network, 2, 2)
    rows = {"kappa": dyadic([[kappa] * 40]), "mu": dyadic([[0] * 40])}
    witness = rows | {"u": EMPTY, "v": EMPTY}
    claim, program = program_of(network, task, strategy="remainder", witness=witness)
    bounds = Remainder(program, read_remainder(claim), 64, Tally(10**9))
    unit = Fraction(2) ** -bounds.fixed.unit
    gap = 2 * Fraction(float(tensors["b_out"][0])) - 2 * Fraction(float(tensors["b_out"][1]))
    for tokens in inputs_of(task):
        found, logits = bounds.evaluate(tokens), network.logits(tokens)
        lead, error = found.values[0] - found.values[1], found.error
        off = logits[0] - logits[1] - lead * unit
        assert abs(off) <= error * unit
        assert abs(off) * (1 + Fraction(1, 2**12)) + abs(gap) / 2**12 >= error * unit


@pytest.mark.parametrize("kappa", [0, 0.5])
@pytest.mark.parametrize("share", ["0", "1/2"])
def test_a_centre_on_the_activations_leaves_almost_nothing(kappa, share):
    """One input, and the fit of its own neurons: the lead is known to the bits of the witness."""
    options = {"v": 1, "k": 1, "m": 6, "outputs": 2, "share": share}
    network = one_layer(5, normalised=True, **options)
    # The one position has the weight 1 in each head, whatever the share.
    w = {name.split(".")[-1]: x.astype(float) for name, x in network.tensors.items()}
    read_row = w["W_E"][0] + w["W_pos"][0]
    mixed = sum((read_row @ w["W_V"][h] + w["b_V"][h]) @ w["W_O"][h] for h in range(2))
    pre = (read_row + w["b_O"] + mixed) @ w["W_in"] + w["b_in"]
    mu = np.maximum(pre, 0) - kappa * pre
    witness = {"kappa": dyadic([[kappa] * 6]), "mu": dyadic([mu], -24)}
    witness |= {"u": EMPTY, "v": EMPTY}
    claim, program = program_of(
        network, table(network, 1, 2), strategy="remainder", witness=witness
    )
    assert program.scale == (2 if share == "1/2" else 1)
    bounds = Remainder(program, read_remainder(claim), 64, Tally(10**9))
    found, logits = bounds.evaluate((0,)), network.logits((0,))
    unit = Fraction(2) ** -bounds.fixed.unit
    lead = float((found.values[0] - found.values[1]) * unit) / program.scale
    assert float(found.error * unit) < 1e-4
    assert abs(float(logits[0] - logits[1]) - lead) < 1e-4


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("share", [(0, 1), (1, 20)])
@pytest.mark.parametrize("column", [0, 1])
def test_weights_are_rounded_against_the_label(seed, even, share, column):
    """Many small weights between units; a large one, of a neuron that is off, sets the unit.

    Even weights lie on units: then it is the activations' floors that the bound has to cover.
    """
    network, rng = doubles(seed, 101, 2), np.random.default_rng(seed)
    tensors = network.tensors
    for name in ("W_a", "W_b", "b_in"):
        tensors[name][:] = rng.uniform(0.9, 1, tensors[name].shape)
        tensors[name][..., 100] = -1
    tensors["W_out"][:, column] = -(1 if even else rng.uniform(0.5, 1, 101)) * 2.0**-10
    tensors["W_out"][:, 1 - column] = 0
    tensors["W_out"][100] = [1, 0]
    task = table(network, 2, 2)
    _, program = program_of(network, task, strategy="one-sided", witness={"share": "0"})
    bounds = OneSided(program, share, 64, Tally(10**9))
    unit = Fraction(2) ** -bounds.fixed.unit
    for tokens in inputs_of(task):
        logits = network.logits(tokens)
        for label in (0, 1):
            low, high = bounds.lead(tokens, label)
            lead = logits[label] - logits[1 - label]
            assert low * unit <= lead
            assert high is None if share[0] else lead <= high * unit


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("hidden", ["large", "small"])
def test_a_layer_without_relu_is_within_its_error(seed, hidden):
    """Hidden values of both signs, in the upper bits; or floored to nothing, but for the first."""
    rng, count = np.random.default_rng(seed), 1024
    first, last = rng.uniform(0.5, 1, count), rng.normal(size=(count, 2))
    first[::2] *= -1
    # Weights just below a unit for positive values and on it for negative ones: floors add up.
    last = np.floor(last * 2**20) / 2**20 + (first > 0)[:, None] * [2.0**-20 - 2.0**-32, 0]
    if hidden == "small":
        first *= 2.0**-28
        first[0], last[0] = 1, 0

    def matrix(rows):
        return Matrix([[int(x * 2.0**60) for x in row] for row in rows], -60)

    layers = [Layer(matrix([first]), Matrix([[0] * count], 0))]
    layers += [Layer(matrix(last), Matrix([[0, 0]], 0), rectified=False)]
    lookups = [[[rng.integers(2**59, 2**60).item(), 0, 0]]]
    program = Program((range(1),), lookups, -60, [], 1, layers, True, 1)
    exact = Exact(program, Tally(10**9))
    fixed = FixedPoint(program, 64, Tally(10**9))
    true, found = exact.outputs([0]), fixed.evaluate([0])
    off = (true[0] - true[1]) * Fraction(2) ** (exact.exponent + fixed.unit)
    assert abs(off - (found.values[0] - found.values[1])) <= found.error
