"""`enumerate` on deep models: both ends, the witness, what is declined, least leads."""

from __future__ import annotations

import itertools
from fractions import Fraction
from random import Random

import flint
import numpy as np
import pytest
from support.deep_models import Part, arrays_for, parts_of, weights_of

import ballproof as bp
from ballproof.models.architectures import Weights
from ballproof.models.forward import evaluate
from ballproof.models.tasks import Task, task_named
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.least_lead import decimal, raising
from ballproof.verifier.proving.pipeline import NotApplicableError, Proven, draft, verify
from ballproof.verifier.proving.searches import run_search, search_named
from ballproof.verifier.strategies import STRATEGIES, strategy_named
from ballproof.verifier.strategies.obstacles import obstacle
from ballproof.verifier.study.leads import leads_by_pair

ENUMERATE = strategy_named("enumerate")


def _weights(parts: list[Part], seed: int = 0, size: float = 0.7) -> Weights:
    return weights_of(parts, arrays_for(parts, np.random.default_rng(seed), size))


def _problem(weights: Weights, task: str, margin: Fraction = Fraction(0)) -> Problem:
    return pose(weights, margin, task=task_named(task, weights.shape))


def _leads(weights: Weights, task: Task) -> dict[tuple[int, ...], flint.arb]:
    """Return the lead of every input with a label, at 300 bits."""
    found = {}
    for sequence in itertools.product(*task.positions):
        label = task.label(sequence)
        if label is None:
            continue
        logits = evaluate(weights, sequence, 300)
        rivals = [logits[j] for j in task.answers if j != label]
        with flint.ctx.workprec(300):
            lead = logits[label] - rivals[0]
            for rival in rivals[1:]:
                lead = lead.min(logits[label] - rival)
        found[sequence] = lead
    return found


CASES = [
    (parts_of(2), "max-of-3"),
    (parts_of(2, mask="none", position="sum"), "min-of-3"),
    (parts_of(3, norm=("layer", "1/100000"), activation="gelu"), "sum-mod-3-of-3"),
    (parts_of(1, position="mean", activation="silu", gated=True), "max-of-3"),
    (parts_of(2, activation=None), "after-3-of-3[repeats]"),
]


@pytest.mark.parametrize(("parts", "task"), CASES)
@pytest.mark.parametrize("margin", [Fraction(0), Fraction(1, 3)])
def test_the_count_is_that_of_every_lead(parts: list[Part], task: str, margin: Fraction) -> None:
    weights = _weights(parts)
    problem = _problem(weights, task, margin)
    right = sum(
        bool(lead > flint.arb(margin.numerator) / margin.denominator)
        for lead in _leads(weights, problem.task).values()
    )

    bounds = ENUMERATE.bound(problem, {"passes": []}, silent)

    assert bounds.correct_at_least == bounds.correct_at_most == right


def test_ties_stay_open_and_count_at_both_ends() -> None:
    parts = parts_of(2)
    arrays = arrays_for(parts, np.random.default_rng(1))
    arrays["unembed.W_U"][:] = arrays["unembed.W_U"][:, :1]
    arrays["unembed.b_U"][:] = 0
    problem = _problem(weights_of(parts, arrays), "max-of-3")

    bounds = ENUMERATE.bound(problem, {"passes": []}, silent)

    # Both logits are one number, and no precision tells that from a lead.
    assert (bounds.correct_at_least, bounds.correct_at_most) == (0, 27)


def test_what_doubles_leave_open_balls_decide() -> None:
    parts = parts_of(2)
    arrays = arrays_for(parts, np.random.default_rng(1))
    arrays["unembed.W_U"][:] = arrays["unembed.W_U"][:, :1]
    arrays["unembed.b_U"] = np.array([3.0, 2.0, 1.0, 0.0]) * 2.0**-60
    problem = _problem(weights_of(parts, arrays), "min-of-3[answers=0..2]")

    bounds = ENUMERATE.bound(problem, {"passes": []}, silent)

    # Token 0 leads by 2^-60 wherever it is the label, and nowhere else.
    assert bounds.correct_at_least == bounds.correct_at_most == 27 - 8


@pytest.mark.parametrize(("parts", "task"), CASES)
def test_the_witness_is_within_the_format(parts: list[Part], task: str) -> None:
    problem = _problem(_weights(parts), task)
    witness = ENUMERATE.search(problem, Goal(), silent)

    assert ENUMERATE.fits(witness)
    assert ENUMERATE.serves_precision(witness, witness["passes"][0]["width"])
    assert witness["passes"][-1]["width"] == 128


@pytest.mark.parametrize("size", [2.0**-30, 2.0**6, 2.0**20])
def test_the_witness_is_within_the_format_for_strange_weights(size: float) -> None:
    problem = _problem(_weights(parts_of(2), size=size), "max-of-3")

    assert ENUMERATE.fits(ENUMERATE.search(problem, Goal(), silent))


def test_wide_lanes_come_first_where_narrow_ones_leave_much_open() -> None:
    plain = _problem(_weights(parts_of(1, position=0)), "max-of-3")
    normed = _problem(_weights(parts_of(3, norm=("layer", "1/100000")), size=2.0), "max-of-3")

    widths = [
        [one["width"] for one in ENUMERATE.search(problem, Goal(), silent)["passes"]]
        for problem in (plain, normed)
    ]

    assert widths == [[64, 128], [128]]


@pytest.mark.parametrize(
    "passes",
    [
        [],
        [{"width": 64, "bits": 30, "fine": 32, "readout": 0}],
        [{"width": 64, "bits": 25, "fine": 38, "readout": 0}],
        [{"width": 128, "bits": 50, "fine": 63, "readout": 0}],
        [{"width": 128, "bits": 50, "fine": 64, "readout": 25}],
        [{"width": 128, "bits": 50, "fine": 64}],
        [{"width": 128, "bits": True, "fine": 64, "readout": 0}],
        [{"width": 256, "bits": 50, "fine": 64, "readout": 0}],
    ],
)
def test_other_passes_are_none(passes: object) -> None:
    assert not ENUMERATE.fits({"passes": passes})


def test_widths_do_not_fall() -> None:
    narrow = {"width": 64, "bits": 25, "fine": 28, "readout": 0}
    wide = {"width": 128, "bits": 50, "fine": 64, "readout": 0}

    assert ENUMERATE.fits({"passes": [narrow, wide]})
    assert not ENUMERATE.fits({"passes": [wide, narrow]})


def test_changes_of_a_witness_are_outside_where_they_say_so() -> None:
    problem = _problem(_weights(parts_of(2)), "max-of-3")
    witness = ENUMERATE.search(problem, Goal(), silent)

    for change in ENUMERATE.changes(problem, witness, Random(0)).outside:
        assert change.path[:3] in (
            ("proof", "witness", "passes"),
            ("proof", "witness", "note"),
        ) or (change.path[:2] == ("proof", "witness"))


def test_other_strategies_decline_with_a_sentence() -> None:
    problem = _problem(_weights(parts_of(2)), "max-of-3")
    served = {one.name for one in STRATEGIES if obstacle(one, problem) is None}

    assert served == {"enumerate"}
    for strategy in STRATEGIES:
        if strategy.name != "enumerate":
            assert "the model is embed,positions,2*(" in str(obstacle(strategy, problem))


@pytest.mark.parametrize(("parts", "task"), CASES)
def test_the_checker_verifies_what_is_proved(parts: list[Part], task: str) -> None:
    problem = _problem(_weights(parts), task)
    truth = ENUMERATE.bound(problem, {"passes": []}, silent)

    proven = verify(draft(problem, ENUMERATE, 10**11, silent))

    assert proven.note is None
    assert proven.claim.correct_at_least == truth.correct_at_least
    assert proven.claim.correct_at_most == truth.correct_at_most


def test_auto_takes_enumeration() -> None:
    problem = _problem(_weights(parts_of(2)), "max-of-3")
    auto = search_named("auto")
    assert auto is not None

    proven = run_search(problem, auto, Goal(), 10**11, silent)

    assert proven.proof.strategy == "enumerate"


@pytest.mark.parametrize(("parts", "task"), CASES)
def test_the_least_lead_is_below_that_of_every_right_input_and_near(
    parts: list[Part], task: str
) -> None:
    problem = _problem(_weights(parts), task)
    right = [lead for lead in _leads(problem.weights, problem.task).values() if bool(lead > 0)]
    if not right:
        pytest.skip("no input is right")
    raised = raising(problem, silent)
    margins = []

    def prove(one: Problem) -> Proven:
        margins.append(one.margin)
        return verify(draft(one, ENUMERATE, 10**11, silent))

    proven = raised.proven(prove)

    claimed = flint.arb(proven.claim.margin.numerator) / proven.claim.margin.denominator
    assert all(bool(lead > claimed) for lead in right)
    assert any(bool(lead < claimed + 1e-3) for lead in right)
    assert proven.claim.correct_at_least == len(right)


def test_there_is_no_least_lead_where_no_input_is_right() -> None:
    parts = parts_of(2)
    arrays = arrays_for(parts, np.random.default_rng(1), 2.0**-6)
    arrays["unembed.b_U"] = np.array([0.0, 0.0, 0.0, 50.0])

    with pytest.raises(NotApplicableError, match="No input is right"):
        raising(_problem(weights_of(parts, arrays), "max-of-3"), silent)


def test_decimals_are_written_as_such() -> None:
    assert decimal(Fraction(80950742, 10**7)) == "8.0950742"
    assert decimal(Fraction(5)) == "5"
    assert decimal(Fraction(1, 3)) == "1/3"


def test_the_interface_takes_a_least_lead() -> None:
    proof = bp.prove("add-mod-59-seed-0", strategy="enumerate", least_lead=True)

    assert proof.is_exact and proof.margin > 8


def test_leads_are_drawn_where_a_task_reads_two_positions() -> None:
    problem = _problem(_weights(parts_of(2)), "max-of-2[reads=0,1]")
    drawn = leads_by_pair(problem)

    assert drawn is not None
    wrong = ENUMERATE.bound(problem, {"passes": []}, silent)
    assert drawn["counts"][0] <= problem.total - wrong.correct_at_least
