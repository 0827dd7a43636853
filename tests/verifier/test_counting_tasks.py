"""exact and brute-force count what enumeration counts, for every task; the others say no."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.tasks import ToyTask, random_task, with_outputs
from support.toy import Recipe, toy_models

from ballproof.models.tasks import task_of_json
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.branch import BranchAndCount, count_wrong
from ballproof.verifier.counting.classes import tabled_classes
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.counting.separable import surviving_rivals
from ballproof.verifier.counting.transitions import Transitions
from ballproof.verifier.proving.pipeline import NotApplicableError, draft
from ballproof.verifier.strategies import STRATEGIES, strategy_named
from ballproof.verifier.strategies.base import Needs
from ballproof.verifier.strategies.obstacles import obstacle

TWO_SIDED = ("brute-force", "exact")


def posed(model, task, margin=Fraction(0), semantics="real"):
    weights = weights_from_bytes(model.bytes(), "toy")
    return pose(weights, margin, semantics, task_of_json(task.as_json(), weights.shape))


@st.composite
def asked_toys(draw):
    """A model, a third of them with other logits than tokens, and a task that it can have."""
    model = draw(toy_models(max_vocab=5, max_ctx=4, max_width=4))
    rng = draw(st.randoms(use_true_random=False))
    if draw(st.integers(0, 2)) == 0:
        model = with_outputs(rng, model, draw(st.integers(1, 5)))
    return model, random_task(rng, model)


def require_the_truth(asked, margin):
    model, task = asked
    problem = posed(model, task, margin)
    truth = task.count_correct(model, margin)
    assert problem.total == sum(1 for _ in task.inputs())
    for name in TWO_SIDED:
        bounds = strategy_named(name).bound(problem, {}, silent)
        assert (bounds.correct_at_least, bounds.correct_at_most) == (truth, truth), name


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked_toys(), st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(5)]))
def test_both_ends_are_the_truth_for_every_task(asked, margin):
    require_the_truth(asked, margin)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked_toys(), st.sampled_from([Fraction(0), Fraction(1, 7)]))
def test_both_ends_are_the_truth_for_many_tasks(asked, margin):
    require_the_truth(asked, margin)


def toy(v=4, k=3, **more):
    return Recipe("trained", v, k, 3, 2, frozenset({"b_U"}), seed=6, **more).build()


def whole(rule, model, rank=1, **changed):
    v, k = model.d_vocab, model.n_ctx
    fields = {"positions": ((0, v),) * k, "reads": tuple(range(k)), "answers": (0, v)}
    return ToyTask(rule, rank, **{**fields, **changed})


def test_inputs_whose_label_is_no_answer_are_wrong_at_both_ends():
    model = toy()
    task = whole("max", model, answers=(0, 2))
    labels = [task.label(x) for x in task.inputs()]
    for name in TWO_SIDED:
        bounds = strategy_named(name).bound(posed(model, task), {}, silent)
        assert bounds.correct_at_most <= sum(label < 2 for label in labels) < len(labels)
        assert bounds.correct_at_least == task.count_correct(model)


def test_a_single_answer_has_no_rival():
    model = toy()
    task = whole("min", model, answers=(1, 2))
    named = sum(task.label(x) == 1 for x in task.inputs())
    for name in TWO_SIDED:
        bounds = strategy_named(name).bound(posed(model, task, Fraction(9)), {}, silent)
        assert bounds.correct_at_least == bounds.correct_at_most == named > 0


def test_the_margin_of_the_float32_program_is_used_for_every_task():
    model = toy()
    task = whole("rank", model, 2)
    problem = posed(model, task, semantics="float32")
    assert problem.margin > 0
    drafted = draft(problem, strategy_named("exact"), 10**9, silent)
    assert drafted.claim.correct_at_least == task.count_correct(model, problem.margin)
    assert drafted.claim.correct_at_most == task.count_correct(model, -problem.margin)


def test_strategies_for_max_alone_say_so():
    model = toy()
    served, others = {True: set(), False: set()}, (Needs.ONE_LAYER, Needs.SUMMANDS)
    for task in (whole("min", model), whole("max", model, positions=((0, 4), (0, 4), (3, 4)))):
        problem = posed(model, task)
        for strategy in (s for s in STRATEGIES if s.needs not in others):
            reason = obstacle(strategy, problem)
            served[reason is None].add(strategy.name)
            if reason:
                assert f"max-of-3 over all inputs and tokens only, and the task is {task.rule}" in (
                    reason
                )
    assert served[True] >= set(TWO_SIDED)
    assert served[False] >= {s.name for s in STRATEGIES if "/" in s.name} | {"cubic"}
    with pytest.raises(NotApplicableError, match="cubic does not apply to this model"):
        draft(problem, strategy_named("cubic"), 10**9, silent)


@settings(max_examples=100, deadline=None)
@given(asked_toys(), st.randoms(use_true_random=False))
def test_cells_and_limits_keep_the_counts_sound(asked, rng: Random):
    """A walk over cells with the extremes of their tokens, stopped anywhere, is sound (T10)."""
    problem = posed(*asked)
    for tabled in tabled_classes(problem, silent):
        class_, tables, tokens, _ = tabled
        rivals = surviving_rivals(tables, tokens)
        exact = count_wrong(problem, tabled)
        if not rivals:
            continue
        cells = [cell for kind in class_.acceptor.kinds for cell in _divided(kind, rng)]
        columns = [
            slice(c.start - tables.tokens.start, c.stop - tables.tokens.start) for c in cells
        ]
        shape = (tokens.levels, len(cells), len(rivals))
        entries = tuple(
            _stacked([extreme(table[:, c, :][:, :, rivals], axis=1) for c in columns], shape)
            for table, extreme in ((tables.low, np.min), (tables.high, np.max))
        )
        start = tables.query_low[rivals], tables.query_high[rivals]
        transitions = Transitions.of_cells(class_.acceptor, cells)
        limit = rng.choice([float("inf"), 100, 0])
        found = BranchAndCount(transitions, entries, start, limit=limit).count()
        assert found.certain <= exact.certain <= exact.possible <= found.possible <= class_.size


def _divided(kind, rng):
    cut = rng.randint(kind.start, kind.stop)
    return [part for part in (range(kind.start, cut), range(cut, kind.stop)) if part]


def _stacked(parts, shape):
    return np.stack(parts, axis=1) if parts else np.zeros(shape, dtype=np.int64)


def test_a_cell_of_tokens_with_different_arcs_is_refused():
    acceptor = posed(toy(), whole("max", toy())).task.acceptors(2)[0]
    assert Transitions.of_cells(acceptor, [range(2), range(2, 3)]).sizes == (2, 1)
    with pytest.raises(ValueError, match="The tokens 1 to 2 are not alike"):
        Transitions.of_cells(acceptor, [range(1), range(1, 3)])
