"""remainder and one-sided claim no input that is not right, and what they charge is what is so."""

import itertools
from dataclasses import replace
from fractions import Fraction
from random import Random

import mpmath
import numpy as np
import pytest
from safetensors.numpy import save
from support import literal_models
from support.literal_models import frozen
from support.programs import BITS, Lowest, Narrow, dyadic, literal_lead, random_program

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.interval.fixed import RangeError
from ballproof.models.tasks import task_of_json
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.mixing import IntegerMixing
from ballproof.verifier.counting.one_sided import OneSided, Votes
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.counting.program import DomainHead, DomainProgram
from ballproof.verifier.counting.remainder import Linear, LinearPart, Remainder
from ballproof.verifier.proving.pipeline import draft, verify
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Bounds
from ballproof.verifier.strategies.changes import COMPUTED, OUTSIDE
from ballproof.verifier.strategies.compact.matrices import read, written
from ballproof.verifier.strategies.obstacles import obstacle

REMAINDER, ONE_SIDED = strategy_named("remainder"), strategy_named("one-sided")
COMPACT = [REMAINDER, ONE_SIDED]
TOKENS = list(itertools.product(range(3), repeat=2))
SHARES = [Fraction(0), Fraction(1, 3), Fraction(1)]


def contained(step, program, own):
    """The ends of each lead and the lead itself, in the unit of the ends; it is between them."""
    ends = step.leads(np.array(TOKENS), np.array(own))
    assert ends.proved.all()
    found = []
    for i, sequence in enumerate(TOKENS):
        lead = literal_lead(program, sequence, own[i]) * mpmath.mpf(2) ** ends.unit
        assert int(ends.least[i]) <= lead <= int(ends.most[i])
        found.append((int(ends.least[i]), lead, int(ends.most[i])))
    return found


def some_linear(rng, m):
    """Slopes and intercepts as a fit gives them, or anything else."""
    slopes = rng.integers(-(2**15), 2**16, (1, m))
    constants = rng.integers(-(2**15), 2**15, (1, m))
    return Linear(dyadic(slopes, -15), dyadic(constants, int(rng.integers(-40, -10))))


@pytest.mark.parametrize("heads", [0, 2])
@pytest.mark.parametrize("seed", range(8))
def test_no_lead_is_beyond_the_ends_of_a_remainder(heads, seed):
    rng = np.random.default_rng([seed, heads])
    program = random_program(rng, heads, 4)
    weights = program.layers[0][0]
    own = rng.integers(0, 3, len(TOKENS)).tolist()
    part = LinearPart(program, some_linear(rng, 4))
    entries = weights.exponent + 38
    coarse = DyadicMatrix.from_ints([[x >> 38 for x in row] for row in weights.tolist()], entries)
    other = dyadic(rng.integers(-9, 9, (4, 3)), entries)
    with mpmath.workprec(BITS):
        for low_rank in (weights, coarse, other, DyadicMatrix.zeros(4, 3)):
            found = contained(Remainder(part, low_rank), program, own)
            # Nothing is left of the weights: what remains is rounding.
            wide = max(most - least for least, _, most in found)
            assert low_rank is not weights or wide < 2**-9 * max(abs(x) for _, x, _ in found)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("heads", [0, 2])
@pytest.mark.parametrize("seed", range(8))
def test_no_lead_is_beyond_the_ends_of_votes(heads, seed, share):
    rng = np.random.default_rng([seed, heads])
    program = random_program(rng, heads, 4)
    own = rng.integers(0, 3, len(TOKENS)).tolist()
    with mpmath.workprec(BITS):
        found = contained(OneSided(Votes(program), share), program, own)
        wide = max(most - least for least, _, most in found)
        assert share or wide < 2**-9 * max(abs(x) for _, x, _ in found)


def one_neuron(weight):
    """Two outputs, one neuron whose value is the first token, which pushes the lead one way."""
    tables = (dyadic([[x, 0, 0] for x in (1, 2, 3)]), None)
    program = random_program(np.random.default_rng(0), 0, 1, answers=2)
    layers = ((dyadic([[weight, -weight]]), dyadic([[0, 0]])),)
    return replace(program, lookups=tables, layers=layers)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_charged_for_weights_beyond_the_rank_is_attained(sign):
    nothing = Linear(dyadic([[0]]), dyadic([[0]]))
    step = Remainder(LinearPart(one_neuron(sign), nothing), DyadicMatrix.zeros(1, 2))
    with mpmath.workprec(BITS):
        for least, lead, most in contained(step, one_neuron(sign), [0] * len(TOKENS)):
            nearest = most - lead if sign > 0 else lead - least
            assert nearest < 2**-20 * abs(lead)
            # The other end is as far again on the other side.
            assert most - least > 1.99 * abs(lead)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("own", [0, 1])
@pytest.mark.parametrize("start", [3, -3])
def test_weights_of_attention_as_low_as_they_may_be_are_charged(sign, own, start):
    # All weights of 512 equal positions are two units low, of values that all push one way.
    places, largest = 512, 2**20 + 1
    value, rest = dyadic([[sign * largest, 0, 0]]), (None,) * (places - 1)
    head = DomainHead((value,) * places, dyadic([[0]]), dyadic([[0] * places]), 1)
    layers = ((dyadic([[2**30, -(2**30)]]), dyadic([[0, 0]])),)
    lookups = (dyadic([[start * largest, 0, 0]]), *rest)
    program = DomainProgram((range(1),) * places, lookups, (head,), 1, 2, layers, 1)
    sequence, tokens = (0,) * places, np.zeros((1, places), dtype=np.int64)
    with mpmath.workprec(BITS):
        true = literal_lead(program, sequence, own)
    votes = Votes(program)
    steps = [(votes.before, OneSided(votes, Fraction(0)))]
    for slope in (0, 1, -3, 4):
        part = LinearPart(program, Linear(dyadic([[slope]]), dyadic([[0]])))
        rows = (layers[0][0], DyadicMatrix.zeros(1, 2), dyadic([[-(2**30), 2**30]]))
        steps += [(part.before, Remainder(part, row)) for row in rows]
    for before, step in steps:
        before.fixed.mixing = [Narrow(Lowest(IntegerMixing(head, before.fixed.fraction)))]
        ends = step.leads(tokens, np.array([own]))
        with mpmath.workprec(BITS):
            assert int(ends.least[0]) <= true * mpmath.mpf(2) ** ends.unit <= int(ends.most[0])
        if isinstance(step, Remainder):
            (slope,) = step.part.slopes.tolist()
            pre = (start + sign) * largest * Fraction(2) ** before.neuron_unit
            found = int(step.part.remainders(before.of(tokens).neurons)[0, 0])
            assert abs(max(pre, 0) - slope * pre - found) <= step.part.errors[0]


def test_neurons_that_are_too_weak_are_left_out_for_a_label_and_not_against_it():
    # The strengths are 4 and 1; the first token is the activation of both.
    tables = (dyadic([[x, x, 0, 0] for x in (1, 2, 3)]), None)
    program = random_program(np.random.default_rng(0), 0, 2, answers=2)
    layers = ((dyadic([[4, 0], [1, 0]]), dyadic([[0, 0]])),)
    votes = Votes(replace(program, lookups=tables, layers=layers))
    for own, expected in ((0, (4, 5, 5)), (1, (-5, -5, -5))):
        for share, part in zip((Fraction(1, 2), Fraction(1, 4), 0), expected, strict=True):
            ends = OneSided(votes, Fraction(share)).leads(np.array([[0, 0]]), np.array([own]))
            assert int(ends.least[0]) * 2.0**-ends.unit == pytest.approx(part, abs=1e-3)
            assert (int(ends.most[0]) * 2.0**-ends.unit > 100) == (share > 0)


@pytest.mark.parametrize("strategy", COMPACT)
@pytest.mark.parametrize("seed", range(16))
def test_counts_enclose_the_truth_of_two_token_networks(strategy, seed):
    # Small integers: many ties, which are wrong.
    rng = np.random.default_rng(seed)
    inputs = ("sum", "concatenated", "added")[seed % 3]
    v, d, m, outputs = 4, 3, 3 if inputs == "added" else 5, 4
    shapes = {"W_a": (v, d), "W_b": (v, d), "W_out": (m, outputs), "b_out": (outputs,)}
    if inputs != "added":
        shapes["W_in"] = (d * (2 if inputs == "concatenated" else 1), m)
    scale = [1 / 4, 2.0**-70, 2.0**50][seed % 3 - 1]
    arrays = {name: rng.integers(-1, 2, shape) * scale for name, shape in shapes.items()}
    weights = frozen(arrays)
    answers = [seed % 2, outputs - (seed % 4 == 3)]
    labels = rng.integers(0, outputs + 1, v * v).tolist()
    task = {"rule": "table", "labels": labels, "positions": [[0, v]] * 2, "reads": [0, 1]}
    task = task_of_json({**task, "answers": answers}, weights.shape)
    margin = Fraction(seed % 2, 16)
    right = 0
    for sequence in itertools.product(range(v), repeat=2):
        label, logits = task.label(sequence), literal_models.pair(arrays, sequence, inputs)
        rivals = [logits[j] for j in task.answers if j != label]
        right += label in task.answers and all(logits[label] - x > margin for x in rivals)
    problem = pose(weights, margin, task=task)
    for goal in (Goal(), Goal(at_least=Fraction(1, 4)), Goal(max_operations=1)):
        found = strategy.bound(problem, strategy.search(problem, goal, silent), silent)
        lost = sum(label not in task.answers for label in labels)
        assert found.correct_at_least <= right <= found.correct_at_most <= v * v - lost


def random_problem(seed, v=6, m=12, hidden=0):
    rng = np.random.default_rng(seed)
    shapes = {"W_a": (v, m), "W_b": (v, m), "W_out": (m, v), "b_out": (v,)}
    shapes |= {f"W_hidden.{i}": (m, m) for i in range(1, hidden + 1)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    data = save(arrays)
    return pose(replace(weights_from_bytes(data, "a file"), data=data))


def length(witness):
    return len(witness["v"]["rows"]) if "v" in witness else -Fraction(witness["share"])


@pytest.mark.parametrize("strategy", COMPACT)
def test_a_search_heeds_its_goal(strategy):
    shorter = 0
    for seed in range(6):
        problem = random_problem(seed)
        best = strategy.search(problem, Goal(), silent)
        reached = strategy.bound(problem, best, silent).correct_at_least
        truth = strategy_named("enumerate").bound(problem, {"passes": 1}, silent)
        # Of six outputs rank 5 holds everything, and the share 0 every neuron.
        assert reached == truth.correct_at_least > 0
        half = strategy.search(problem, Goal(at_least=Fraction(reached, 2 * 36)), silent)
        assert 2 * strategy.bound(problem, half, silent).correct_at_least >= reached
        assert length(half) <= length(best)
        shorter += length(half) < length(best)
        least = strategy.least_operations(problem)
        short = strategy.search(problem, Goal(max_operations=least), silent)
        assert length(short) <= length(half)
    assert shorter > 2


@pytest.mark.parametrize("strategy", COMPACT)
def test_a_witness_that_fits_no_lane_decides_nothing(strategy):
    problem = random_problem(1)
    witness = REMAINDER.search(problem, Goal(), silent)
    large = {**witness, "kappa": {"exponent": 1100, "rows": [[1] * 12]}}
    assert REMAINDER.bound(problem, large, silent) == Bounds(0, 36)
    with pytest.raises(RangeError):
        LinearPart(problem.program, Linear(read(large["kappa"], 1, 12), read(large["mu"], 1, 12)))


def test_matrices_are_rounded_to_16_bits():
    for scale in (1.0, 1e-200, 1e200):
        matrix = scale * np.array([[1.0, -0.75, 1e-9], [0.1, 0.2, 0.3]])
        value = written(matrix)
        assert max(abs(x) for row in value["rows"] for x in row) < 2**15
        back = read(value, 2, 3).to_float()
        assert np.abs(back - matrix).max() <= scale * 2.0**-14
    for nothing in (np.zeros((1, 2)), np.array([[np.inf, 1.0]]), np.array([[np.nan, 1.0]])):
        assert written(nothing) == {"exponent": 0, "rows": [[0, 0]]}
    assert written(np.ones((1, 1)), 2000)["rows"] == [[0]]


@pytest.mark.parametrize("strategy", [*COMPACT, strategy_named("cells")])
def test_the_checker_verifies_what_is_claimed(strategy):
    task = {"rule": "max", "positions": [[0, 6]] * 2, "reads": [0, 1]}
    problem = random_problem(3)
    single = task_of_json({**task, "answers": [2, 3]}, problem.shape)
    for one in (problem, pose(problem.weights, task=single), pose(problem.weights, Fraction(1, 3))):
        proven = verify(draft(one, strategy, 10**9, silent))
        assert proven.note is None
        assert proven.claim.correct_at_least > 0


@pytest.mark.parametrize("strategy", [*COMPACT, strategy_named("cells")])
def test_a_single_layer_of_neurons_is_needed(strategy):
    sentence = "It needs a program with a single layer of neurons, and the model is "
    two = obstacle(strategy, random_problem(1, hidden=1))
    assert two == f"{sentence}pair(added),mlp(relu,2-layers),readout."
    assert obstacle(strategy, random_problem(1)) is None


@pytest.mark.parametrize("strategy", COMPACT)
@pytest.mark.parametrize("bits", [64, 256])
def test_quantities_count_what_the_bound_counts(strategy, bits):
    for seed in range(3):
        problem = random_problem(seed)
        witness = strategy.search(problem, Goal(at_least=Fraction(1, 9)), silent)
        least = strategy.bound(problem, witness, silent).correct_at_least
        quantities = strategy.quantities(problem, witness)
        counts = [
            quantities.counted(part, quantities.balls(part, quantities.items(part, bits), bits))
            for part in quantities.parts()
        ]
        assert sum(count.least for count in counts) <= least <= sum(count.most for count in counts)
        # A neuron that is just strong enough may be left out in integers and not in balls.
        assert sum(count.least for count in counts) >= least - 1


@pytest.mark.parametrize("strategy", COMPACT)
def test_changes_leave_the_domain_or_stay_inside(strategy):
    problem = random_problem(2)
    witness = strategy.search(problem, Goal(), silent)
    assert strategy.fits(witness) and not strategy.fits({"passes": 1})
    changes = strategy.changes(problem, witness, Random(0))
    assert {change.expected for change in changes.outside} == {OUTSIDE}
    assert {change.expected for change in changes.inside} == {COMPUTED}
    assert strategy.serves_precision(witness, 128) and not strategy.serves_precision(witness, 96)
