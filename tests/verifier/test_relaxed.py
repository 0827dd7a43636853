"""Bounds of classes, one rule at a time, beside every input of the class (T14, T15, T6, T7)."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from support import literal_models
from support.small_models import SETTINGS, one_layer

from ballproof.models.tasks import task_of_json
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.counting.relaxed.bound import Relaxed
from ballproof.verifier.counting.relaxed.grids import at_least_zero
from ballproof.verifier.counting.relaxed.ratios import region_of
from ballproof.verifier.counting.relaxed.relaxation import (
    Intervals,
    extremes,
    leads_of,
    neuron_columns,
    verified,
)
from ballproof.verifier.counting.relaxed.summands import FAINT
from ballproof.verifier.counting.relaxed.walks import Walk

WITH_SOFTMAX = [one for one in SETTINGS if one.share]
SEEDS = range(6)


def looked_at(seed, settings, neurons=3):
    """A class of a small model, what bounds it, and its inputs by places."""
    rng = np.random.default_rng([seed, neurons])

    def draw(shape):
        return rng.normal(size=shape)

    _, weights = one_layer(rng, 2, neurons, settings, draw)
    positions = [[0, 4], [1, 4], [0, 4]] if seed % 2 else [[0, 4], [0, 4], [2, 3]]
    rule = {"rule": "max", "positions": positions, "reads": [0, 1, 2], "answers": [0, 4]}
    relaxed = Relaxed(pose(weights, Fraction(seed, 7), task=task_of_json(rule, weights.shape)))
    task = relaxed.problem.task
    class_ = max(task.classes(), key=lambda one: one.size)
    firsts = [span.start for span in task.positions]
    inputs = [
        tuple(t - first for t, first in zip(x, firsts, strict=True))
        for x in itertools.product(*task.positions)
        if x[-1] == class_.query and task.label(x) == class_.label
    ]
    assert len(inputs) == class_.size > 3
    graph = relaxed.graph(class_.acceptor)
    region = region_of(relaxed.summands, relaxed.query(class_), graph)
    return relaxed, class_, region, inputs


def ratios_of(relaxed, x, columns):
    """N/Z of every summand on an input, of these columns of the program, in mpmath."""
    program, found = relaxed.problem.program, []
    named = [t + span.start for t, span in zip(x, program.positions, strict=True)]
    for head in program.heads:
        root = mpmath.sqrt(head.d_head)
        scores = [
            literal_models.real(
                Fraction(int(head.score.mantissa[named[-1], t]))
                * Fraction(2) ** head.score.exponent
                + Fraction(int(head.positional_score.mantissa[named[-1], i]))
                * Fraction(2) ** head.positional_score.exponent
            )
            for i, t in enumerate(named)
        ]
        weights = [mpmath.exp(score / root) for score in scores]
        rows = [
            [mpmath.mpf(0)] * program.width
            if table is None
            else [literal_models.real(y) for y in literal_models.value(table)[t]]
            for table, t in zip(head.values, x, strict=True)
        ]
        total = sum(weights)
        found.append(
            [sum(w * row[c] for w, row in zip(weights, rows, strict=True)) / total for c in columns]
        )
    uniform = [(table, t) for table, t in zip(program.lookups[:-1], x, strict=False) if table]
    if uniform:
        rows = [[literal_models.real(y) for y in literal_models.value(t)[i]] for t, i in uniform]
        found.append([sum(row[c] for row in rows) for c in columns])
    return found


@pytest.mark.parametrize("settings", WITH_SOFTMAX, ids=lambda one: f"{one.share}{one.normalised}")
@pytest.mark.parametrize("seed", SEEDS)
def test_an_end_is_shown_just_where_no_input_is_beyond_it(seed, settings):
    relaxed, _, region, inputs = looked_at(seed, settings)
    m = relaxed.summands.neurons
    with mpmath.workprec(200):
        every = np.array([ratios_of(relaxed, x, range(m)) for x in inputs], dtype=np.float64)
    columns = neuron_columns(region)
    low, high = every.min(axis=0), every.max(axis=0)
    assert np.allclose(columns.ratios(), np.concatenate([high, -low], axis=-1), atol=1e-9)
    for spare, shown in ((1e-6, True), (-1e-6, False)):
        found = verified(columns, Intervals(low - spare, high + spare), FAINT)
        assert (found == shown).all()
    widest = extremes(region)
    assert (widest.high >= high - 1e-9).all() and (widest.low <= low + 1e-9).all()


@pytest.mark.parametrize("settings", WITH_SOFTMAX, ids=lambda one: f"{one.share}{one.normalised}")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_lead_between_lines_is_above_the_lead_and_not_far(seed, settings):
    relaxed, class_, region, inputs = looked_at(seed, settings)
    s, own = relaxed.summands, class_.label
    m = s.neurons
    with mpmath.workprec(200):
        every = np.array([ratios_of(relaxed, x, range(m + 4)) for x in inputs], dtype=np.float64)
    ends = Intervals(every[..., :m].min(axis=0), every[..., :m].max(axis=0))
    leads = leads_of(region, own, relaxed.eps, ends)
    sums = every.sum(axis=1) + region.constant
    logits = sums[:, m:] + np.maximum(sums[:, :m], 0) @ s.layer + s.bias
    true = logits - logits[:, [own]] + relaxed.eps
    slopes = np.array([columns_at(leads.columns, x) for x in inputs])
    above = leads.constant + slopes
    assert (above >= true - 1e-9).all()
    stable = (ends.low.sum(axis=0) + region.constant[:m] >= 0) | (
        ends.high.sum(axis=0) + region.constant[:m] <= 0
    )
    if stable.all():
        assert np.allclose(above, true, atol=1e-6)


def columns_at(columns, x):
    """The sum over summands of N/Z of each column on an input."""
    region, total = columns.region, 0
    places = [
        level.tokens.tolist().index(t) for level, t in zip(region.graph.levels, x, strict=False)
    ]
    for h, divides in enumerate(region.summands.divides):
        above = region.own[h] * columns.own[h]
        below = region.own[h]
        for f, w, t in zip(columns.free, region.free, places, strict=True):
            above = above + w[h, t] * f[h, t]
            below = below + (w[h, t] if divides else 0)
        total = total + above / below
    return total


@pytest.mark.parametrize("seed", SEEDS)
def test_walks_and_grids_count_at_least_the_inputs_with_a_sum_of_zero(seed):
    relaxed, class_, region, inputs = looked_at(seed, SETTINGS[0], 0)
    none = np.zeros((2, 0))
    columns = leads_of(region, class_.label, relaxed.eps, Intervals(none, none)).columns
    rng = np.random.default_rng(seed)
    thresholds = rng.normal(size=(2, 4))
    free, own = columns.above(thresholds)
    walk = Walk(region.graph, free, own)
    tokens = [level.tokens.tolist() for level in region.graph.levels]
    sums = np.array(
        [
            own
            + sum(f[:, t.index(x[i])] for i, (f, t) in enumerate(zip(free, tokens, strict=True)))
            for x in inputs
        ]
    )
    lives = (sums >= 0).any(axis=1)
    assert walk.counts().tolist() == lives.sum(axis=0).tolist()
    assert {tuple(x) for x in walk.inputs().tolist()} == {
        x[:-1] for x, live in zip(inputs, lives, strict=True) if live.any()
    }
    for rate in (1, 7, 10_000):
        for h in range(2):
            counted, true = at_least_zero(walk, h, rate), (sums[:, h] >= 0).sum(axis=0)
            assert (counted >= true).all() and (counted <= len(inputs)).all()
            # Ceilings raise a sum by less than one step for each position.
            step = (own[h] + sum(f[h].max(axis=0) for f in free)) / rate
            near = (sums[:, h] >= -4 * np.maximum(step, 0)).sum(axis=0)
            assert (counted < near + 0.5).all()
