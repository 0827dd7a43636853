"""cells: no lead is beyond what rows in few directions and their charges tell, for any numbers."""

import itertools
from dataclasses import replace
from fractions import Fraction
from random import Random

import mpmath
import numpy as np
import pytest
from safetensors.numpy import save
from support import literal_models
from support.programs import BITS, Lowest, Narrow, dyadic, literal_lead, random_program

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.tasks import task_of_json
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.mixing import IntegerMixing
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.counting.program import DomainHead, DomainProgram, columns_of
from ballproof.verifier.counting.projection import COORDINATE_BITS, Cells, Directions, Projection
from ballproof.verifier.proving.pipeline import draft, verify
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Bounds
from ballproof.verifier.strategies.changes import COMPUTED, OUTSIDE
from ballproof.verifier.strategies.compact.boxes import leaves_of
from ballproof.verifier.strategies.compact.fits import directions

TOKENS = list(itertools.product(range(3), repeat=2))
CELLS = strategy_named("cells")


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


def largest(program):
    """The size of the largest entry of a row of neurons, as a power of two."""
    parts = [*program.lookups, *(x for head in program.heads for x in head.values)]
    rows = [columns_of(x, range(program.neurons)) for x in parts if x is not None]
    return max(int(np.ceil(np.log2(np.abs(x.to_float()).max() + 1e-300))) for x in rows)


def some_directions(rng, m, many):
    """Numbers of any size, of 20 bits."""
    drawn = [rng.integers(-(2**20), 2**20, shape) for shape in ((many, m), (m, many))]
    return Directions(*(dyadic(rows, int(rng.integers(-40, 10))) for rows in drawn))


def whole(m):
    """Every neuron is a direction of its own: nothing is left but what coordinates are rounded."""
    return Directions(dyadic(np.eye(m)), dyadic(np.eye(m)))


@pytest.mark.parametrize("heads", [0, 2])
@pytest.mark.parametrize("seed", range(8))
def test_no_lead_is_beyond_the_ends_of_rows_in_directions(heads, seed):
    rng = np.random.default_rng([seed, heads])
    program = random_program(rng, heads, 4)
    own = rng.integers(0, 3, len(TOKENS)).tolist()
    none = Directions(DyadicMatrix.zeros(1, 4), DyadicMatrix.zeros(4, 1))
    half = Directions(dyadic(np.eye(4)[:2]), dyadic(np.eye(4)[:, :2]))
    with mpmath.workprec(BITS):
        for given in (whole(4), half, some_directions(rng, 4, 3), none):
            found = contained(Cells(Projection(program, given)), program, own)
            wide = max(most - least for least, _, most in found)
            assert given.directions.shape[0] < 4 or wide < 2**-9 * max(abs(x) for _, x, _ in found)


@pytest.mark.parametrize("heads", [0, 2])
def test_look_ups_of_a_single_token_and_direct_columns_stay_exact(heads):
    rng = np.random.default_rng(heads)
    program = random_program(rng, heads, 4)
    first = program.lookups[0]
    program = replace(
        program,
        positions=(range(1, 2), range(3)),
        lookups=(first.row(1), program.lookups[1]),
        heads=tuple(
            replace(head, values=(head.values[0].row(1), head.values[1])) for head in program.heads
        ),
    )
    made = Projection(program, some_directions(rng, 4, 1))
    assert made.program.lookups[0] is program.lookups[0]
    assert made.charges.lookups[0] is None and made.coordinates.lookups[0] is None
    direct = range(4, 7)
    pairs = [(program.lookups, made.program.lookups)]
    pairs += [(a.values, b.values) for a, b in zip(program.heads, made.program.heads, strict=True)]
    for ours, theirs in pairs:
        for a, b in zip(ours, theirs, strict=True):
            assert columns_of(a, direct) == columns_of(b, direct)


def one_neuron(weight, third):
    """Three outputs, one neuron whose value is the first token, and no look-up of the second."""
    tables = (dyadic([[x, 0, 0, 0] for x in (1, 2, 3)]), None)
    program = random_program(np.random.default_rng(0), 0, 1, answers=3)
    layers = ((dyadic([[weight, -weight, third]]), dyadic([[0, 0, 0]])),)
    return replace(program, lookups=tables, layers=layers)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("third", [0, 1, -1])
def test_what_is_charged_for_a_row_beyond_the_directions_is_attained(sign, third):
    """By either end, with a direction that says nothing; the range is that of all answers."""
    program = one_neuron(sign, third)
    none = Directions(dyadic([[0]]), dyadic([[0]]))
    with mpmath.workprec(BITS):
        step = Cells(Projection(program, none))
        own = [0] * len(TOKENS)
        unit = mpmath.mpf(2) ** step.leads(np.array(TOKENS), np.array(own)).unit
        for (first, _), (least, lead, most) in zip(
            TOKENS, contained(step, program, own), strict=True
        ):
            charge = 2 * (first + 1) * unit
            assert charge <= min(-least, most) and max(-least, most) < charge * (1 + 2**-20)
            # Of the rivals the last may be the stronger one.
            assert abs(lead) == charge or (sign > 0 and third > -1)


@pytest.mark.parametrize("shift", [-1, 1])
def test_what_coordinates_are_rounded_by_is_charged(shift):
    """A coordinate is floored to the unit of its largest; its row is off by almost as much."""
    top = 2**COORDINATE_BITS
    rows = [[2 * top], [1], [shift]]
    program = one_neuron(1, 0)
    tables = (dyadic([[row[0], 0, 0, 0] for row in rows], -1), None)
    made = Projection(replace(program, lookups=tables), Directions(dyadic([[1]]), dyadic([[1]])))
    charges, found = (x.lookups[0].to_float()[:, 0] for x in (made.charges, made.coordinates))
    left = np.array(rows)[:, 0] / 2 - found
    assert (left >= 0).all() and left[1:].all() and (charges == 2 * left).all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("own", [0, 1])
@pytest.mark.parametrize("start", [3, -3])
@pytest.mark.parametrize("projected", [False, True])
def test_weights_of_attention_as_low_as_they_may_be_are_charged(sign, own, start, projected):
    # All weights of 512 equal positions are two units low, of rows that all push one way.
    places, largest_entry = 512, 2**20 + 1
    value, rest = dyadic([[sign * largest_entry, 0, 0]] * 2), (None,) * (places - 1)
    head = DomainHead((value,) * places, dyadic([[0] * 2] * 2), dyadic([[0] * places] * 2), 1)
    layers = ((dyadic([[2**30, -(2**30)]]), dyadic([[0, 0]])),)
    lookups = (dyadic([[start * largest_entry, 0, 0]] * 2), *rest)
    program = DomainProgram((range(2),) * places, lookups, (head,), 1, 2, layers, 1)
    sequence, tokens = (0,) * places, np.zeros((1, places), dtype=np.int64)
    given = Directions(dyadic([[int(projected)]]), dyadic([[1]]))
    step = Cells(Projection(program, given))
    for fixed in (step.fixed, step.charged):
        fixed.mixing = [Narrow(Lowest(IntegerMixing(head, fixed.fraction)))]
    ends = step.leads(tokens, np.array([own]))
    # Where no neuron is active its weights have units that leave errors no room.
    assert ends.proved.all() or (projected and start < 0)
    with mpmath.workprec(BITS):
        lead = literal_lead(program, sequence, own) * mpmath.mpf(2) ** ends.unit
        assert int(ends.least[0]) <= lead <= int(ends.most[0])
        if not projected:
            # Each row is charged in full: the rows' sum, if none cancels another.
            charge = (abs(start) + 1) * largest_entry * 2.0**31 * 2.0**ends.unit
            assert int(ends.most[0]) >= charge * (1 - 2**-12)


@pytest.mark.parametrize("exponent", [-1000, 30, 1000])
def test_charges_that_are_far_larger_than_leads_decide_nothing(exponent):
    program = one_neuron(1, 0)
    far = Cells(Projection(program, Directions(dyadic([[1]], exponent), dyadic([[1]]))))
    found = far.settle(np.array(TOKENS), np.zeros(len(TOKENS), dtype=np.int64), Fraction(0))
    assert not found.right.any() and not found.wrong.any()


def test_directions_of_low_rank_leave_nothing_and_the_first_leave_the_least():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(30, 4)) @ np.diag([9, 3, 1, 0.1]) @ rng.normal(size=(4, 12))
    ranges = np.array([0.0, 1e-9, *rng.uniform(1, 2, 10)])
    made, coordinates = directions(rows, ranges, 6)
    left = [np.abs(rows - rows @ coordinates[:, :k] @ made[:k]).sum() for k in range(1, 7)]
    assert left[3] < 1e-9 and left[0] > left[1] > left[2] > left[3]
    assert directions(rows, np.zeros(12), 3)[0].shape == (3, 12)


def test_boxes_split_inputs_of_one_query_until_each_is_alone():
    rng = np.random.default_rng(4)
    points, base, rows = rng.normal(size=(40, 2)), rng.normal(size=7), rng.normal(size=(2, 7))
    groups = [np.arange(0, 23), np.arange(23, 40)]
    found = list(leaves_of(groups, points, base, rows))
    assert [each.size for each in found] == [23, 12, 6, 3, 2, 1]
    assert [each.boxes for each in found] == [2, 4, 8, 16, 32, 40]
    values = points @ rows + base
    assert found[-1].opened == 0
    # A neuron that changes its sign within a group is open on it.
    bent = [
        len(group) * int(((values[group] > 0).any(axis=0) & (values[group] < 0).any(axis=0)).sum())
        for group in groups
    ]
    assert found[0].opened >= sum(bent)
    assert all(a.opened >= b.opened for a, b in itertools.pairwise(found))
    assert list(leaves_of([], points, base, rows)) == []


def random_pair(seed, v=8, m=24, answers=8, rank=2):
    """A two-token network whose neurons lie in few directions, and its true count."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(rank, m))
    arrays = {name: rng.normal(size=(v, rank)) @ mixing for name in ("W_a", "W_b")}
    noise = {name: x + rng.normal(size=x.shape) * 1e-4 for name, x in arrays.items()}
    arrays = noise | {"W_out": rng.normal(size=(m, answers)), "b_out": rng.normal(size=answers)}
    data = save(arrays)
    return arrays, replace(weights_from_bytes(data, "a pair"), data=data)


@pytest.mark.parametrize("seed", range(12))
def test_counts_enclose_the_truth_and_a_search_heeds_its_goal(seed):
    arrays, weights = random_pair(seed)
    rng = np.random.default_rng(seed)
    answers = [seed % 2, 8 - (seed % 4 == 3)]
    inputs = list(itertools.product(range(8), repeat=2))
    logits = [literal_models.pair(arrays, sequence, "added") for sequence in inputs]
    labels = [int(np.argmax(x)) if rng.random() < 0.8 else int(rng.integers(0, 9)) for x in logits]
    task = {"rule": "table", "labels": labels, "positions": [[0, 8]] * 2, "reads": [0, 1]}
    task = task_of_json({**task, "answers": answers}, weights.shape)
    margin = Fraction(seed % 2, 16)
    right = sum(
        label in task.answers and all(x[label] - x[j] > margin for j in task.answers if j != label)
        for label, x in zip(labels, logits, strict=True)
    )
    problem = pose(weights, margin, task=task)
    lost = sum(label not in task.answers for label in labels)
    counts = {}
    for goal in (Goal(), Goal(at_least=Fraction(1, 4)), Goal(max_operations=1)):
        witness = CELLS.search(problem, goal, silent)
        found = CELLS.bound(problem, witness, silent)
        assert found.correct_at_least <= right <= found.correct_at_most <= 64 - lost
        counts[goal] = len(witness["directions"]["rows"]), found.correct_at_least
    best, quarter, shortest = counts.values()
    assert best[1] >= right - 3 and quarter[1] >= min(16, right - 3)
    assert shortest[0] <= quarter[0] <= best[0]


def test_numbers_that_fit_no_lane_decide_nothing():
    problem = pose(random_pair(1)[1])
    witness = CELLS.search(problem, Goal(), silent)
    large = {**witness, "directions": {**witness["directions"], "exponent": 1100}}
    assert CELLS.bound(problem, large, silent) == Bounds(0, 64)


@pytest.mark.parametrize("bits", [64, 256])
@pytest.mark.parametrize("seed", range(3))
def test_quantities_count_what_the_bound_counts(seed, bits):
    problem = pose(random_pair(seed)[1])
    witness = CELLS.search(problem, Goal(at_least=Fraction(1, 9)), silent)
    least = CELLS.bound(problem, witness, silent).correct_at_least
    quantities = CELLS.quantities(problem, witness)
    counts = [
        quantities.counted(part, quantities.balls(part, quantities.items(part, bits), bits))
        for part in quantities.parts()
    ]
    assert sum(count.least for count in counts) == least


def test_changes_leave_the_domain_or_stay_inside():
    problem = pose(random_pair(2)[1])
    witness = CELLS.search(problem, Goal(), silent)
    assert CELLS.fits(witness) and not CELLS.fits({"passes": 1})
    changes = CELLS.changes(problem, witness, Random(0))
    assert {change.expected for change in changes.outside} == {OUTSIDE}
    assert {change.expected for change in changes.inside} == {COMPUTED}
    assert CELLS.serves_precision(witness, 128) and not CELLS.serves_precision(witness, 96)


@pytest.mark.parametrize("margin", [Fraction(0), Fraction(1, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_checker_counts_what_the_prover_counts(seed, margin):
    problem = pose(random_pair(seed)[1], margin)
    drafted = draft(problem, CELLS, 10**9, silent)
    proven = verify(drafted)
    assert proven.note is None
    assert proven.claim == drafted.claim and proven.claim.correct_at_least > 0
