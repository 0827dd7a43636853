"""`remainder` and `one-sided`: true for every witness, as tight as their theorems, refused else."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import encoded
from support.networks import claim_of, inputs_of, one_layer, pair
from support.table_counts import established, table, truth

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.exact_program import Exact
from counting.fixed_point import FixedPoint
from explain import explanations
from files.claims import Pins
from files.verdict import Declined, Rejected
from kernel import check, read
from kernel import given as given_of
from parts.program import Layer, Program
from strategies.onesided import OneSided
from strategies.remainder import Remainder
from strategies.remainder import read as read_remainder

LARGEST = 2**31 - 1
EMPTY = {"exponent": 0, "rows": []}
models = st.builds(
    one_layer,
    st.integers(0, 2**20),
    v=st.integers(1, 3),
    k=st.integers(1, 3),
    heads=st.integers(1, 3),
    m=st.integers(1, 5),
    outputs=st.integers(1, 4),
    positions=st.booleans(),
    biases=st.booleans(),
    mask=st.sampled_from(["causal", "none"]),
    share=st.sampled_from([None, "0", "1/2", "3/2"]),
    normalised=st.booleans(),
    scale=st.sampled_from([1e-12, 0.3, 1.0, 4.0]),
    integers=st.booleans(),
)
pairs = st.builds(
    pair,
    st.integers(0, 2**20),
    v=st.integers(1, 4),
    m=st.integers(1, 6),
    outputs=st.integers(1, 4),
    inputs=st.sampled_from(["added", "sum", "concatenated"]),
    shared=st.booleans(),
    biases=st.booleans(),
    scale=st.sampled_from([1e-12, 1.0, 1e6]),
    integers=st.booleans(),
)


def dyadic(rows, exponent=-20):
    return {"exponent": exponent, "rows": [[round(x * 2.0**-exponent) for x in r] for r in rows]}


def weight_of(network):
    """Return what leads from the neurons to the outputs, in floats."""
    tensors = {name.split(".")[-1]: x.astype(float) for name, x in network.tensors.items()}
    return tensors["W_out"] @ tensors["W_U"] if "W_U" in tensors else tensors["W_out"]


def fitted(network, answers, rank):
    """Return a witness of least squares: singular vectors, and slope 1/2."""
    weight = weight_of(network)[:, answers.start : answers.stop]
    u, size, v = np.linalg.svd(weight, full_matrices=False)
    rank = min(rank, len(size))
    exponent = int(np.log2(size[0] + 1e-30)) - 28
    neurons = len(weight)
    found = {"kappa": dyadic([[0.5] * neurons]), "mu": dyadic([[0] * neurons])}
    left = dyadic((u * size)[:, :rank], exponent) if rank else EMPTY
    return found | {"u": left, "v": dyadic(v[:rank])}


def wild(rng, neurons, answers, rank):
    """Return a witness of any numbers, now and then the largest and the farthest ones."""
    far = rng.choice([3, 3, 40, 1100])

    def matrix(rows, columns):
        most = rng.choice([0, 3, LARGEST])
        drawn = [[rng.choice([-most, most, rng.randint(-most, most)]) for _ in range(columns)]]
        drawn += [[rng.randint(-most, most) for _ in range(columns)] for _ in range(rows - 1)]
        return {"exponent": rng.randint(-far, far), "rows": drawn[:rows]}

    shapes = {"kappa": (1, neurons), "mu": (1, neurons), "u": (rank and neurons, rank)}
    return {key: matrix(*shape) for key, shape in (shapes | {"v": (rank, answers)}).items()}


def narrowed(network, first):
    """Return a task with the outputs from `first` on as answers, if there are any."""
    outputs = network.sizes["d_vocab_out"]
    task = table(network, network.sizes["n_ctx"], outputs)
    return task | {"answers": [min(first, outputs - 1), outputs]}


@settings(max_examples=200)
@given(
    models | pairs,
    st.integers(0, 2**20),
    st.integers(0, 4),
    st.sampled_from(["0", "1/3"]),
    st.sampled_from([64, 128, 192]),
    st.sampled_from([0, 0, 1]),
)
def test_whatever_the_witness_of_a_remainder_the_counts_enclose_the_truth(
    network, seed, rank, margin, precision, first
):
    task = narrowed(network, first)
    right, ties = truth(network, task, Fraction(margin))
    answers, rng = range(*task["answers"]), Random(seed)
    witness = fitted(network, answers, rank)
    if rng.random() < 0.6:
        witness |= wild(rng, network.sizes["d_mlp"], len(answers), rank)
        chosen = {key: witness[key] for key in ("kappa", "mu")}
        witness = witness if rng.random() < 0.5 else fitted(network, answers, rank) | chosen
    options = {"strategy": "remainder", "margin": margin, "precision": precision}
    low, high = established(network, task, witness=witness, **options)
    assert low <= right and right + ties <= high


@settings(max_examples=150)
@given(
    models | pairs,
    st.sampled_from(["0", "1/10", "1/2", "1"]),
    st.sampled_from(["0", "1/3"]),
    st.sampled_from([64, 128]),
    st.sampled_from([0, 0, 1]),
)
def test_whatever_the_share_the_counts_enclose_the_truth(network, share, margin, width, first):
    task = narrowed(network, first)
    right, ties = truth(network, task, Fraction(margin))
    options = {"strategy": "one-sided", "margin": margin, "precision": width}
    low, high = established(network, task, witness={"share": share}, **options)
    assert low <= right and right + ties <= high
    if share != "0" and task["answers"][1] - task["answers"][0] > 1:
        assert high == sum(label in range(*task["answers"]) for label in task["labels"])


whole = st.builds(
    pair,
    st.integers(0, 2**20),
    m=st.integers(1, 6),
    inputs=st.sampled_from(["added", "sum", "concatenated"]),
    biases=st.booleans(),
    integers=st.just(True),
)


@settings(max_examples=60)
@given(whole, st.booleans())
def test_both_count_exactly_where_nothing_is_left_out(network, plain):
    """The leads are integers, and a margin between them leaves no doubt."""
    task = table(network, 2, 4)
    right, _ = truth(network, task, Fraction(1, 3))
    options = {"margin": "1/3", "strategy": "one-sided", "witness": {"share": "0"}}
    assert established(network, task, **options) == (right, right)
    neurons = network.sizes["d_mlp"]
    # U V = W exactly, so that the rest is nothing whatever kappa is.
    u = dyadic(weight_of(network), 0)
    v = dyadic(np.eye(4), 0)
    row = dyadic([[0.75] * neurons], -2)
    witness = {"kappa": row, "mu": dyadic([[0] * neurons], 0) if plain else row, "u": u, "v": v}
    options |= {"strategy": "remainder", "witness": witness}
    assert established(network, task, **options) == (right, right)


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


def test_the_range_of_a_row_counts_and_not_its_largest_entry():
    """One neuron of activation 3 votes +1 and -1: a bias of 6 is what its label needs."""
    network = pair(0, v=1, m=1, outputs=2, inputs="added")
    network.tensors["W_a"][:], network.tensors["W_b"][:], network.tensors["b_in"][:] = 1, 1, 1
    network.tensors["W_out"][:] = [[-1, 1]]
    witness = {"kappa": dyadic([[0]]), "mu": dyadic([[0]]), "u": EMPTY, "v": EMPTY}
    options = {"strategy": "remainder", "witness": witness}
    task = table(network, 2, 2) | {"labels": [0]}
    near = 2**-9
    # Above the margin for certain, not for certain, and below it for certain.
    expected = {6 + near: (1, 1), 6 - near: (0, 1), near - 6: (0, 1), -6 - near: (0, 0)}
    for bias, counts in expected.items():
        network.tensors["b_out"][:] = [bias, 0]
        right, _ = truth(network, task)
        assert (established(network, task, **options), right) == (counts, counts[0])


def biased():
    """Return a network whose neuron gives output 0 a lead of 1/2, and whose bias gives 1 to 1."""
    network = pair(0, v=1, m=1, outputs=2, inputs="added")
    values = {"W_a": 1, "W_b": 0, "b_in": 0, "W_out": [[0.5, 0]], "b_out": [0, 1]}
    return replace(
        network, tensors={x: np.full_like(t, values[x]) for x, t in network.tensors.items()}
    )


def skipped():
    """Return a network whose neuron gives output 0 a lead of 1/4, and whose residual -3/4."""
    network = one_layer(0, v=1, k=1, d=1, heads=1, m=1, outputs=2, share="0", normalised=True)
    values = {"W_E": 1, "W_in": 1, "W_out": 0.25, "W_U": [[1, 0]], "b_U": [0, 1.75]}
    return replace(
        network,
        tensors={
            name: np.full_like(t, values.get(name.split(".")[-1], 0))
            for name, t in network.tensors.items()
        },
    )


@pytest.mark.parametrize("network", [biased(), skipped()], ids=["bias", "beside"])
def test_what_does_not_pass_the_neurons_counts_one_sided_too(network):
    task = table(network, network.sizes["n_ctx"], 2) | {"labels": [0]}
    assert truth(network, task) == (0, 0)
    for share, high in (("0", 0), ("1", 1)):
        options = {"strategy": "one-sided", "witness": {"share": share}}
        assert established(network, task, **options) == (0, high)


@pytest.mark.parametrize("kappa", [0, 0.5])
@pytest.mark.parametrize("share", ["0", "1/2"])
def test_a_centre_on_the_activations_leaves_almost_nothing(kappa, share):
    """One input, and the fit of its own neurons: the lead is known to the bits of the witness."""
    options = {"v": 1, "k": 1, "m": 6, "outputs": 2, "share": share}
    network = one_layer(5, normalised=True, **options)
    # Of one position the shares add up to 1, so that it is read as a model without attention.
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


def test_only_the_neurons_that_a_share_takes_are_counted():
    network = pair(3, m=6, outputs=4)
    task = table(network, 2, 4)

    def tally(share):
        options = {"strategy": "one-sided", "witness": {"share": share}}
        return check(network.bytes(), encoded(claim_of(network, task, (0, 16), **options)), Pins())

    found = [tally(share).tally for share in ("0", "1/4", "1")]
    assert found[0] > found[1] > found[2]
    # The strongest neuron of each input remains.
    assert found[2] - found[0] <= -2 * 4


@pytest.mark.parametrize("strategy", ["remainder", "one-sided"])
def test_the_budget_is_the_count_of_the_work(strategy):
    network = one_layer(1, m=4)
    task = table(network, 2, 3)
    witness = {"remainder": fitted(network, range(3), 2), "one-sided": {"share": "1/3"}}[strategy]
    counts = (0, len(task["labels"]))

    def checked(operations):
        options = {"strategy": strategy, "witness": witness, "operations": operations}
        return check(network.bytes(), encoded(claim_of(network, task, counts, **options)), Pins())

    spent = checked(10**9).tally
    assert checked(spent).operations == spent
    with pytest.raises(Rejected) as refusal:
        checked(spent - 1)
    assert refusal.value.reason == "budget"


@pytest.mark.parametrize("strategy", ["enumerate", "remainder", "one-sided"])
def test_no_explanation_is_given_of_one_input(strategy):
    """Declined, and no error: the counts of these strategies have no parts to tell."""
    network = pair(0, outputs=3)
    witness = {"enumerate": {"passes": 1}, "remainder": GOOD, "one-sided": {"share": "0"}}[strategy]
    cert = claim_of(network, table(network, 2, 3), (0, 16), strategy=strategy, witness=witness)
    assert check(network.bytes(), encoded(cert), Pins()).total == 16
    with pytest.raises(Declined) as refusal:
        explanations(network.bytes(), encoded(cert), Pins(), [(0, 1)])
    assert refusal.value.reason == "unsupported" and strategy in refusal.value.sentence


ROW = {"exponent": 0, "rows": [[1, 1, 1]]}
COLUMN = {"exponent": 0, "rows": [[1]] * 3}
GOOD = {"kappa": ROW, "mu": ROW, "u": COLUMN, "v": ROW}
# Networks of three neurons and three outputs.
BAD_MATRICES = [
    None,
    [],
    [[1, 1, 1]],
    {"rows": [[1, 1, 1]]},
    ROW | {"note": 0},
    ROW | {"exponent": 1101},
    ROW | {"exponent": -1101},
    ROW | {"exponent": True},
    ROW | {"exponent": "0"},
    ROW | {"rows": [[1, 1]]},
    ROW | {"rows": [[1, 1, 1, 1]]},
    ROW | {"rows": [[1, 1, "1"]]},
    ROW | {"rows": [[1, 1, True]]},
    ROW | {"rows": [[1, 1, 2**31]]},
    ROW | {"rows": [[1, 1, -(2**31)]]},
    ROW | {"rows": [1, 1, 1]},
    ROW | {"rows": None},
]


@pytest.mark.parametrize("network", [one_layer(0), pair(0, outputs=3)], ids=["heads", "pair"])
def test_a_witness_outside_its_domain_is_rejected(network):
    def refused(strategy, witness, precision=64):
        task = table(network, 2, 3)
        options = {"strategy": strategy, "witness": witness, "precision": precision}
        cert = claim_of(network, task, (0, len(task["labels"])), **options)
        with pytest.raises(Rejected) as refusal:
            check(network.bytes(), encoded(cert), Pins())
        assert refusal.value.reason == "witness"

    bad = [GOOD | {key: x} for key in ("kappa", "mu", "v") for x in BAD_MATRICES]
    bad += [GOOD | {key: ROW | {"rows": [[1] * 3] * 2}} for key in ("kappa", "mu", "v")]
    bad += [GOOD | {"u": x} for x in (*BAD_MATRICES, ROW, EMPTY)]
    bad += [GOOD | {"v": EMPTY}, GOOD | {"u": EMPTY | {"rows": [[]] * 3}, "v": EMPTY}]
    bad += [GOOD | {"u": COLUMN | {"rows": [[1] * 257] * 3}, "v": ROW | {"rows": [[1] * 3] * 257}}]
    bad += [{k: x for k, x in GOOD.items() if k != key} for key in GOOD]
    for witness in (*bad, GOOD | {"note": 1}, {}):
        refused("remainder", witness)
    shares = ["-1", "-1/2", "3/2", "2", "0.5", "1/1", "2/4", "", " 1", "1/0", 1, 0, None, [], True]
    for witness in ({"share": x} for x in (*shares, "1/" + "3" * 300)):
        refused("one-sided", witness)
    for witness in ({}, {"share": "0", "note": 1}, {"passes": 1}):
        refused("one-sided", witness)
    for precision in (32, 96, 1000):
        refused("remainder", GOOD, precision)
        refused("one-sided", {"share": "0"}, precision)


@pytest.mark.parametrize(
    ("network", "layers"),
    [(pair(0, outputs=3, layers=2), 2), (one_layer(0, m=0), 0), (one_layer(0, m=0, heads=1), 0)],
    ids=["two layers", "no neurons", "one head"],
)
@pytest.mark.parametrize("strategy", ["remainder", "one-sided"])
def test_another_number_of_layers_than_one_is_declined(network, layers, strategy):
    task = table(network, 2, 3)
    witness = GOOD if strategy == "remainder" else {"share": "0"}
    cert = claim_of(network, task, (0, 9), strategy=strategy, witness=witness)
    with pytest.raises(Declined) as refusal:
        cert["claim"]["total"] = cert["claim"]["correct_at_most"] = str(len(task["labels"]))
        check(network.bytes(), encoded(cert), Pins())
    assert refusal.value.reason == "unsupported"
    assert refusal.value.sentence == f"{strategy} needs one layer of neurons, not {layers}."
