"""The scan in floats: its margins are the oracle's, and what it keeps is the smallest there is."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from support.oracle import count_correct, gaps, is_correct
from support.toy import Recipe, random_toys

from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.audit.hunt import scan as scanning
from ballproof.verifier.audit.hunt.candidates import Collector, strata_of
from ballproof.verifier.audit.hunt.floats import FloatModel
from ballproof.verifier.audit.hunt.scan import scan

TAME = ("gaussian", "trained", "one hot", "dyadic", "duplicated", "near ties", "zeros")


def frozen(model):
    return weights_from_bytes(model.bytes(), "toy")


def every(model):
    return np.array(list(product(range(model.d_vocab), repeat=model.n_ctx)), np.int64)


def true_margin(model, sequence, margin=0):
    return min((float(gap.mid()) for gap in gaps(model, sequence, margin).values()), default=np.inf)


@pytest.mark.parametrize("seed", range(3))
def test_margins_are_those_of_the_forward_pass(seed):
    for model in random_toys(seed, 14, 4, 3, 4, flavours=(*TAME, "sharp", "absorbing")):
        floats, tokens = FloatModel(frozen(model), Fraction(1, 8)), every(model)
        found = floats.margins(tokens)
        for sequence, margin in zip(tokens.tolist(), found, strict=True):
            true = true_margin(model, sequence, Fraction(1, 8))
            assert margin == true or abs(margin - true) <= floats.tolerance, model.recipe


@pytest.mark.parametrize("seed", range(3))
def test_an_exhaustive_scan_tries_every_input_once_and_counts_the_wrong_ones(seed):
    for model in random_toys(seed, 14, 5, 3, 4):
        candidates = scan(frozen(model), Fraction(0), 1, 0)
        total = model.d_vocab**model.n_ctx
        assert candidates.exhaustive and candidates.tried == total
        wrong = total - count_correct(model)
        assert candidates.wrong <= wrong <= candidates.wrong + candidates.close, model.recipe


def test_the_blocks_of_a_scan_do_not_change_what_it_finds(monkeypatch):
    model = Recipe("trained", v=6, k=4, d=4, h=2, seed=3).build()
    whole = scan(frozen(model), Fraction(0), 1, 0)
    monkeypatch.setattr(scanning, "BLOCK", 1)
    pieces = scan(frozen(model), Fraction(0), 1, 0)
    assert whole.tried == pieces.tried and whole.wrong == pieces.wrong
    assert len(whole.strata) == len(pieces.strata)
    assert np.allclose(whole.stratum_margins, pieces.stratum_margins)
    assert np.allclose(np.sort(whole.near_margins), np.sort(pieces.near_margins))


def test_the_smallest_margin_of_every_kind_is_kept():
    for model in random_toys(5, 8, 5, 3, 4, flavours=("gaussian", "trained")):
        candidates, tokens = scan(frozen(model), Fraction(0), 1, 0), every(model)
        margins = FloatModel(frozen(model)).margins(tokens)
        smallest = {}
        for *kind, query, margin in zip(*strata_of(tokens), tokens[:, -1], margins, strict=True):
            if margin > 0:
                key = (query, *kind)
                smallest[key] = min(smallest.get(key, np.inf), margin)
        if model.d_vocab > 1:
            assert len(candidates.strata) == len(smallest)
            assert np.allclose(candidates.stratum_margins, np.sort(list(smallest.values())))


def test_the_nearest_to_a_tie_are_kept_on_both_sides():
    model = Recipe("trained", v=5, k=3, d=4, h=2, biases=frozenset({"b_U"}), seed=18).build()
    tokens = every(model)
    margins = FloatModel(frozen(model)).margins(tokens)
    shape = frozen(model).shape
    collector = Collector(shape, 10, 0.0)
    for query in range(5):
        own = np.flatnonzero(tokens[:, -1] == query)
        collector.start_query()
        for part in np.array_split(own, 4):
            batch = tokens[part]
            collector.add(margins[part], strata_of(batch), lambda index, batch=batch: batch[index])
    candidates = collector.candidates(exhaustive=True)
    nearest = np.sort(np.abs(margins))[:10]
    assert np.allclose(np.sort(np.abs(candidates.near_margins)), nearest)
    assert (candidates.near_margins < 0).any() and (candidates.near_margins > 0).any()


@pytest.mark.parametrize("seed", range(2))
def test_the_local_search_finds_the_wrong_inputs_of_small_models(monkeypatch, seed):
    monkeypatch.setattr(scanning, "EVERY", 0)
    found = 0
    for model in random_toys(seed, 12, 6, 4, 4, flavours=("trained", "one hot", "gaussian")):
        candidates, tokens = scan(frozen(model), Fraction(0), 10, seed), every(model)
        assert not candidates.exhaustive
        margins = FloatModel(frozen(model)).margins(tokens)
        wrong = margins.min() < 0
        assert wrong == bool((candidates.near_margins < 0).any()) or not wrong
        found += wrong
        if model.d_vocab > 1:
            best = margins[margins > 0].min(initial=np.inf)
            assert min(candidates.stratum_margins, default=np.inf) <= best * (1 + 1e-9) + 1e-12
    assert found


def test_a_scan_of_hostile_weights_ends_and_calls_what_it_cannot_tell_close():
    for model in random_toys(7, 12, 4, 3, 3, flavours=("extreme",)):
        candidates = scan(frozen(model), Fraction(0), 1, 0)
        for sequence, margin in zip(candidates.near.tolist(), candidates.near_margins, strict=True):
            if not abs(margin) <= FloatModel(frozen(model)).tolerance:
                assert is_correct(model, sequence) == (margin > 0)


@pytest.mark.parametrize(("v", "k"), [(1, 1), (1, 3), (5, 1), (3, 20), (130, 2)])
def test_any_shape_is_scanned(v, k):
    model = Recipe("trained", v=v, k=k, d=3, h=2, seed=1).build()
    candidates = scan(frozen(model), Fraction(0), 1, 0)
    assert candidates.exhaustive == (v**k <= scanning.EVERY)
    assert candidates.tried and candidates.near.shape[1] == k


def test_the_same_seed_gives_the_same_scan(monkeypatch):
    monkeypatch.setattr(scanning, "EVERY", 0)
    weights = frozen(Recipe("trained", v=9, k=5, d=3, h=2, seed=1).build())
    first, second, other = (scan(weights, Fraction(0), 1, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.near, second.near) and np.array_equal(first.strata, second.strata)
    assert not np.array_equal(first.near, other.near)
