"""Lost sequences: what the gaps of a witness give up, counted in closed form."""

import random
from collections import Counter
from itertools import product

import pytest
from support.toy import random_toys

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.subcubic.losses import lost_sequences


def enumerated(gaps, n_ctx):
    """Return lost sequences by query, maximum and gap, one sequence at a time."""
    v = len(gaps)
    found = Counter(), Counter(), Counter()
    for sequence in product(range(v), repeat=n_ctx):
        m, q = max(sequence), sequence[-1]
        below = [token for token in sequence if token < m]
        if below and m - max(below) < gaps[m][q][len(below) - 1]:
            for counter, key in zip(found, (q, m, m - max(below)), strict=True):
                counter[key] += 1
    return [tuple(counter[key] for key in range(v)) for counter in found]


@pytest.mark.parametrize("seed", range(12))
def test_losses_are_those_of_enumeration(seed):
    rng = random.Random(seed)
    v, n_ctx = rng.randint(1, 6), rng.randint(1, 4)
    gaps = [
        [[rng.randint(1, v + 1) for _ in range(n_ctx - 1)] for _ in range(m + 1)] for m in range(v)
    ]
    losses = lost_sequences(gaps, n_ctx)
    assert [losses.by_query, losses.by_maximum, losses.by_gap] == enumerated(gaps, n_ctx)
    assert losses.total == sum(losses.by_query) == sum(losses.by_gap)


def test_the_smallest_gaps_lose_nothing():
    assert lost_sequences([[[1] * 3] * (m + 1) for m in range(8)], 4).total == 0


def test_a_real_certificate_loses_what_it_does_not_certify():
    """What is not in the witness is at most the v sequences of m alone."""
    strategy = strategy_named("subcubic/max-diff-exact/mean+diff/exact")
    toys = [m for m in random_toys(5, 8, 6, 4, 4, ("trained",)) if m.d_vocab > 1 and m.n_ctx > 1]
    for model in toys:
        problem = pose(weights_from_bytes(model.bytes(), "toy"))
        witness = strategy.search(problem, Goal(), silent)
        right = strategy.bound(problem, witness, silent).correct_at_least
        elsewhere = problem.total - right - lost_sequences(witness["gaps"], model.n_ctx).total
        assert 0 <= elsewhere <= model.d_vocab


def test_counts_of_any_size_are_exact():
    v, n_ctx = 64, 20
    everything = lost_sequences([[[v + 1] * (n_ctx - 1)] * (m + 1) for m in range(v)], n_ctx)
    assert everything.total == v**n_ctx - v
