"""Where enumerate serves, what declines there, and what the audit needs of it."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from support.literal_models import frozen
from support.toy import Recipe

from ballproof.models.catalogue import zoo_path
from ballproof.models.errors import ModelError
from ballproof.models.tasks import task_of_json
from ballproof.models.weights import load_weights, weights_from_bytes
from ballproof.verifier.audit.tamper.count_mutations import reach
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving import searches
from ballproof.verifier.proving.frontier import measured_points
from ballproof.verifier.proving.pipeline import NotApplicableError, draft
from ballproof.verifier.proving.reach import require_reachable
from ballproof.verifier.strategies import STRATEGIES, settling_strategy, strategy_named
from ballproof.verifier.strategies.base import Bounds
from ballproof.verifier.strategies.changes import COMPUTED, OUTSIDE
from ballproof.verifier.strategies.obstacles import obstacle

ENUMERATE, EXACT = strategy_named("enumerate"), strategy_named("exact")
COMPACT = ["remainder", "one-sided", "cells"]
TOY = Recipe("trained", 4, 3, 3, 2, frozenset({"b_U"}), seed=4)


def two_tokens(seed=1, v=4, task=None):
    """The problem of a two-token network, which has no tables."""
    rng = np.random.default_rng(seed)
    shapes = {"W_a": (v, 3), "W_b": (v, 3), "W_out": (3, v)}
    weights = frozen({name: rng.normal(size=shape) for name, shape in shapes.items()})
    return pose(weights, task=task and task_of_json(task, weights.shape))


def test_nothing_else_settles_a_model_without_tables():
    problem = two_tokens()
    serving = [one.name for one in STRATEGIES if obstacle(one, problem) is None]
    # Even one direction saves nothing on a model of three neurons.
    assert (
        serving == ["enumerate", "remainder", "one-sided"]
        and settling_strategy(problem) is ENUMERATE
    )
    needed = "the tables of one head, or heads with one layer of neurons at most"
    sentence = f"It needs {needed}, and the model is pair(added),mlp(relu),readout."
    assert obstacle(strategy_named("exact"), problem) == sentence
    with pytest.raises(NotApplicableError, match="exact does not apply to this model"):
        draft(problem, strategy_named("exact"), 10**9, silent)


def test_what_no_length_saves_is_not_offered():
    problem = two_tokens(v=2)
    sentence = "It takes no fewer operations than `enumerate` on a model of these sizes."
    assert obstacle(strategy_named("cells"), problem) == sentence


def test_auto_tries_it_where_there_are_no_tables_and_only_there(monkeypatch):
    tried = []

    def note(problem, strategy, *_):
        tried.append(strategy.name)
        raise NotApplicableError(strategy.name)

    monkeypatch.setattr(searches, "_tried", note)
    toy = pose(weights_from_bytes(TOY.build().bytes(), "toy"))
    for problem, first in ((two_tokens(), "enumerate"), (toy, "ladder")):
        tried.clear()
        with pytest.raises(NotApplicableError):
            searches.run_search(problem, searches.SEARCHES[0], Goal(), 10**9, silent)
        assert tried[0] == first
        without = tried == ["enumerate", "split", *COMPACT]
        assert without == (first == "enumerate") != ("exact" in tried)


def test_it_counts_what_exact_counts_where_there_are_tables():
    for margin in (Fraction(0), Fraction(1, 3)):
        for semantics in ("real", "float32"):
            problem = pose(weights_from_bytes(TOY.build().bytes(), "toy"), margin, semantics)
            claims = [draft(problem, one, 10**9, silent).claim for one in (ENUMERATE, EXACT)]
            assert claims[0] == claims[1]


def test_many_inputs_are_left_to_the_tables_of_one_head():
    sentence = obstacle(ENUMERATE, pose(load_weights(zoo_path("max-of-4-seed-123"))))
    assert sentence.startswith("It evaluates every input by itself, 16777216 of them")


def test_float32_is_declined_by_name():
    weights = two_tokens().weights
    with pytest.raises(ModelError, match="no bound is known of what float32 does"):
        pose(weights, semantics="float32")


def test_the_limit_of_operations_comes_before_any_count():
    problem = two_tokens()
    with pytest.raises(NotApplicableError, match="enumerate needs at least 384 operations"):
        draft(problem, ENUMERATE, 383, silent)


def test_a_bound_above_the_truth_is_refused():
    problem = two_tokens()
    bounds = ENUMERATE.bound(problem, {"passes": 1}, silent)
    truth = bounds.correct_at_least
    require_reachable(problem, Goal(at_least=Fraction(truth, 16)))
    with pytest.raises(NotApplicableError, match=f"exactly {truth} are"):
        require_reachable(problem, Goal(at_least=Fraction(truth + 1, 16)))


def test_a_frontier_without_tables_has_no_ladders(monkeypatch):
    asked, steered = [], []

    def prove(problem, strategy, *_):
        steered.append(strategy.name)
        raise NotApplicableError(strategy.name)

    place = "ballproof.verifier.proving.frontier"
    monkeypatch.setattr(
        f"{place}.prove_many",
        lambda _, strategies, *rest: asked.append([one.name for one in strategies]) or [],
    )
    monkeypatch.setattr(f"{place}.prove", prove)
    assert list(measured_points(two_tokens(), 3, 10**9, silent)) == []
    assert "enumerate" in asked[0] and not set(COMPACT) & set(asked[0])
    # The longest, then three lengths of each.
    assert steered == [name for name in ("remainder", "one-sided") for _ in range(4)]


def test_a_single_answer_has_no_rival():
    task = {"rule": "max", "positions": [[0, 4]] * 2, "reads": [0, 1], "answers": [2, 3]}
    claim = draft(two_tokens(task=task), ENUMERATE, 10**9, silent).claim
    assert (claim.correct_at_least, claim.correct_at_most, claim.total) == (5, 5, 16)


def test_other_numbers_of_passes_are_computed_and_others_are_no_witness():
    witness = {"passes": 2}
    assert ENUMERATE.fits(witness) and ENUMERATE.fits({"passes": 4})
    for other in (
        {},
        {"passes": 0},
        {"passes": 5},
        {"passes": True},
        {"passes": 1, "x": 1},
        {"labels": []},
    ):
        assert not ENUMERATE.fits(other)
    changes = ENUMERATE.changes(two_tokens(), witness, Random(0))
    assert [change.value for change in changes.inside] == [1, 3, 4]
    assert {change.expected for change in changes.inside} == {COMPUTED | OUTSIDE}
    assert {change.expected for change in changes.outside} == {OUTSIDE}
    served = [
        bits for bits in (32, 64, 65, 128, 512, 1024) if ENUMERATE.serves_precision(witness, bits)
    ]
    assert served == [64, 128, 512]
    values = [change.value for change in changes.outside if change.path[-1] == "passes"]
    assert 0 in values and 5 in values and "2" in values and True in values


def test_no_lead_reaches_the_margin_of_the_mutants():
    problem = two_tokens()
    margin = Fraction(reach(problem))
    assert ENUMERATE.bound(pose(problem.weights, margin), {"passes": 1}, silent) == Bounds(0, 0)


@pytest.mark.parametrize("bits", [64, 256])
def test_its_quantities_hold_every_input_once_and_count_no_more_than_the_truth(bits):
    for seed in range(4):
        problem = two_tokens(seed)
        truth = ENUMERATE.bound(problem, {"passes": 1}, silent).correct_at_least
        quantities = ENUMERATE.quantities(problem, {"passes": 1})
        parts = quantities.parts()
        assert sum(part.size for part in parts) == problem.total
        counts = [
            quantities.counted(part, quantities.balls(part, quantities.items(part, bits), bits))
            for part in parts
        ]
        # Each part is one input here, so the samples are all there is.
        assert sum(count.least for count in counts) == truth
        assert sum(count.most for count in counts) == truth
