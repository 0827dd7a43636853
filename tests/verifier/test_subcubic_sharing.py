"""Flat arrays and what subcubic strategies share: the same as the plain definitions."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from support.toy import FLAVOURS, Recipe, random_toys

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies.subcubic import curves, query_scores
from ballproof.verifier.strategies.subcubic.attention import attention
from ballproof.verifier.strategies.subcubic.directions import directions, to_floats
from ballproof.verifier.strategies.subcubic.entries import entries
from ballproof.verifier.strategies.subcubic.scores import bounded_scores
from ballproof.verifier.strategies.subcubic.strategy import SUBCUBIC

SIZES = (1, 2, 3, 4, 7)


def plain_entries(v):
    """List (q, m, gap) in the flat order, each with a gap that leaves a sequence."""
    for m in range(v):
        for q in range(m + 1):
            for gap in range(1, (m - q if q < m else m) + 1):
                yield q, m, gap


@pytest.mark.parametrize("v", SIZES)
def test_entries_are_the_gaps_that_leave_a_sequence(v):
    order, plain = entries(v), list(plain_entries(v))
    assert order.of_classes(order.query).tolist() == [q for q, _, _ in plain]
    assert order.of_classes(order.maximum).tolist() == [m for _, m, _ in plain]
    assert order.of_maxima(np.arange(v)).tolist() == [m for _, m, _ in plain]
    assert order.upto.tolist() == [m - gap for _, m, gap in plain]
    table = np.arange(v * v).reshape(v, v)
    assert order.at_upto(table, order.query).tolist() == [table[q, m - g] for q, m, g in plain]


@pytest.mark.parametrize("v", SIZES)
def test_the_first_that_fits_is_the_smallest_gap(v):
    order, plain, rng = entries(v), list(plain_entries(v)), np.random.default_rng(v)
    for share in (0.0, 0.1, 0.5, 1.0):
        fits = rng.random(len(plain)) < share
        fitting = [entry for entry, fit in zip(plain, fits, strict=True) if fit]
        classes = zip(order.query, order.maximum, strict=True)
        smallest = [
            min([g for *c, g in fitting if (q, m) == tuple(c)], default=0) for q, m in classes
        ]
        assert (order.first(fits) + 1).tolist() == smallest


def problem_of(model, margin=Fraction(0)):
    return pose(weights_from_bytes(model.bytes(), "toy"), margin)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("v", [2, 3, 6])
def test_the_search_looks_at_the_attention_that_is_bounded(v, k):
    problem = problem_of(Recipe("dyadic", v, k, 3, 2, frozenset({"b_Q"}), seed=v + k).build())
    for name in ("exact", "max-diff", "mean+max-diff-subproduct"):
        scores = bounded_scores(problem, name, directions(problem, name))
        rows, order = query_scores.query_scores(scores), entries(v)
        for c in range(1, k):
            low, high = attention(scores).ends(order, c)
            for at, (q, m, gap) in enumerate(plain_entries(v)):
                ends = [float(end) for end in rows[q].attention_ends(m, gap, c)]
                assert [low[at], high[at]] == pytest.approx(ends, rel=1e-9)


def test_with_one_position_no_attention_is_looked_at():
    scores = bounded_scores(
        problem_of(Recipe("gaussian", 4, 1, 3, 2).build()), "exact", directions(None, "exact")
    )
    assert attention(scores).most == [] == attention(scores).least


def forget():
    for cached in (attention, query_scores.query_scores, curves.curves):
        cached.cache_clear()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_changes_no_certificate(seed, monkeypatch):
    def proofs(problem, fresh):
        for strategy in SUBCUBIC[seed::3]:
            if fresh:
                forget()
            witness = strategy.search(problem, Goal(), silent)
            yield witness, strategy.bound(problem, witness, silent)

    for model in random_toys(seed, len(FLAVOURS)):
        problem = problem_of(model, Fraction(seed, 3))
        forget()
        shared = list(proofs(problem, fresh=False))
        with monkeypatch.context() as patch:
            patch.setattr(query_scores, "REMEMBERED", 0)
            assert list(proofs(problem, fresh=True)) == shared


def test_scores_too_large_for_balls_certify_nothing_for_their_query():
    problem = problem_of(Recipe("one hot", 4, 3, 4, 4, seed=0).build())
    scores = bounded_scores(problem, "exact", directions(problem, "exact"))
    table = flint.arb_mat(scores.approximate)
    table[1, 2] = flint.arb("inf")
    broken = type(scores)(table, scores.error, scores.positional)
    rows = query_scores.query_scores(broken)
    assert [row is None for row in rows] == [False, True, False, False]
    assert np.isfinite(to_floats(scores.approximate)).all()
