"""Ladders of any task: sound for any witness and model, and exact where they branch."""

from fractions import Fraction
from itertools import product
from random import Random

import pytest
from flint import fmpq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ladders import WildTask, equal_queries, pool
from support.oracle import oracle_of, sign_of_exponential_sum
from support.toy import MOSTLY_RIGHT, Recipe, random_toys, toy_models

from ballproof.models.tasks import Task
from ballproof.models.tasks.argmax import Argmax
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.min import Min
from ballproof.models.tasks.rank import Rank
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.ladder.bound import count_wrong

MARGINS = [Fraction(0), Fraction(1, 3), Fraction(5)]


def random_task(rng, v, k):
    """Return a task of some rule with some fixed positions, reads and answers."""
    reads = tuple(sorted(rng.sample(range(k), rng.choice([k, k, rng.randint(1, k)]))))
    rank = rng.randint(1, len(reads))
    rule = rng.choice([Max(), Min(), Rank(rank), Argmax(rank)])
    positions = tuple(some_range(rng, v) for _ in range(k))
    return Task(rule, positions, reads, some_range(rng, v))


def some_range(rng, past):
    """Return all of 0..past-1, one of them, or some that follow one another."""
    first = rng.randrange(past)
    return rng.choice(
        [
            range(past),
            range(past),
            range(first, first + 1),
            range(first, rng.randint(first, past - 1) + 1),
        ]
    )


def is_right(oracle, task, sequence, margin):
    """Say by exact signs whether the label's logit is above that of every other answer."""
    label = task.label(sequence)
    if label not in task.answers:
        return False
    return all(
        gap_sign(oracle, sequence, label, rival, margin) > 0
        for rival in task.answers
        if rival != label
    )


def gap_sign(oracle, sequence, label, rival, margin):
    direct = oracle.direct_logits[sequence[-1]]
    everywhere = direct[label] - direct[rival] - fmpq(margin.numerator, margin.denominator)
    terms = []
    for i, token in enumerate(sequence):
        added = oracle.written_logits[i, token]
        gap = everywhere + added[label] - added[rival]
        terms.append((oracle.query_key[i, token, sequence[-1]], gap))
    return sign_of_exponential_sum(terms, oracle.d_head)


def count_right(model, task, margin=Fraction(0)):
    oracle = oracle_of(model)
    return sum(is_right(oracle, task, x, margin) for x in product(*task.positions))


def posed(model, task, margin=Fraction(0)):
    return pose(weights_from_bytes(model.bytes(), "toy"), margin, "real", task)


def counted(problem, witness):
    wrong = count_wrong(problem, witness, silent)
    return problem.total - wrong.possible, problem.total - wrong.certain


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(toy_models(4, 4), st.sampled_from(MARGINS), st.integers(0, 2**32 - 1))
def test_the_bound_of_any_task_is_sound_whatever_the_witness(model, margin, seed):
    rng = Random(seed)
    task = random_task(rng, model.d_vocab, model.n_ctx)
    problem = posed(model, task, margin)
    low, high = counted(problem, WildTask(rng, model, task).witness())
    assert 0 <= low <= count_right(model, task, margin) <= high <= problem.total


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    toy_models(5, 4),
    st.sampled_from(["ladder", "moment", "grid"]),
    st.sampled_from(MARGINS),
    st.integers(0, 2**32 - 1),
)
def test_the_search_of_any_task_gives_sound_bounds(model, name, margin, seed):
    task = random_task(Random(seed), model.d_vocab, model.n_ctx)
    strategy, problem = strategy_named(name), posed(model, task, margin)
    bounds = strategy.bound(problem, strategy.search(problem, Goal(), silent), silent)
    truth = count_right(model, task, margin)
    assert bounds.correct_at_least <= truth <= bounds.correct_at_most


def test_branches_on_single_queries_and_tokens_count_exactly():
    exact = cases = 0
    for index, model in enumerate(random_toys(12, 80, 5, 4, flavours=MOSTLY_RIGHT)):
        task = random_task(Random(index), model.d_vocab, model.n_ctx)
        problem, labels = posed(model, task), []
        for label in (label for label in task.labels if label in task.answers):
            group = {"rule": "branch-two-sided", "rivals": list(task.answers)}
            queries = sorted(task.acceptors(label))
            labels.append([label, [pool(q, q, groups=[group]) for q in queries]])
        low, high = counted(problem, {"labels": labels})
        truth = count_right(model, task)
        assert low <= truth <= high
        exact += low == high
        cases += 1
    # Ties and near ties stay open.
    assert exact > 0.7 * cases


def test_a_cell_of_unequal_arcs_and_a_pool_of_unequal_classes_are_no_witness():
    model = Recipe(MOSTLY_RIGHT[0], 4, 3, 2, 2).build()
    task = Task(Max(), (range(4),) * 3, (0, 1, 2), range(4))
    problem, m = posed(model, task), 3
    for node in (pool(0, 0, cells=[[0, m]]), pool(m - 1, m)):
        with pytest.raises(ValueError, match=r"no cell of this class|unequal classes"):
            counted(problem, {"labels": [[m, [node]]]})


def test_queries_that_the_rule_does_not_read_share_a_pool():
    task = Task(Argmax(), (range(5),) * 3, (0, 1), range(2))
    assert equal_queries(task, 0) == equal_queries(task, 1) == [(0, 4)]
