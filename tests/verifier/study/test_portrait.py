"""The portrait of a model: its tables, its rank, and where it errs."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from support.oracle import oracle_of
from support.toy import ToyModel, random_toys, small_toys

from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights, weights_from_bytes
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.study.errors import wrong_sequences
from ballproof.verifier.study.portrait import portrait
from ballproof.verifier.study.quantise import quantised, restored

PLAIN = ("gaussian", "trained", "one hot", "dyadic", "duplicated", "zeros")


def problem_of(model):
    return pose(weights_from_bytes(model.bytes(), "toy"))


def truly_wrong(model):
    """Enumerate: wrong sequences by query, by maximum, and by gap."""
    oracle, v = oracle_of(model), model.d_vocab
    found = {name: [0] * v for name in ("by_query", "by_maximum", "by_gap")}
    for sequence in oracle.sequences():
        if not oracle.is_correct(sequence):
            m = max(sequence)
            found["by_query"][sequence[-1]] += 1
            found["by_maximum"][m] += 1
            found["by_gap"][m - max((t for t in sequence if t < m), default=m)] += 1
    return {"total": sum(found["by_query"]), **found}


def test_wrong_sequences_are_those_of_exact_enumeration():
    models = [m for m in random_toys(11, 48, 6, 4, 4, PLAIN) if m.n_ctx > 1]
    assert len(models) > 30
    for model in models:
        assert wrong_sequences(problem_of(model)) == truly_wrong(model), model.recipe


@settings(max_examples=40)
@given(small_toys())
def test_no_wrong_sequence_is_overlooked(model):
    counted = wrong_sequences(problem_of(model))
    if model.n_ctx == 1:
        assert counted is None
        return
    truth = truly_wrong(model)
    for name in ("by_query", "by_maximum", "by_gap"):
        assert all(a >= b for a, b in zip(counted[name], truth[name], strict=True))
        assert sum(counted[name]) == counted["total"]


@pytest.fixture(scope="module")
def trained():
    return pose(load_weights(zoo_path("max-of-4-seed-123")))


@pytest.fixture(scope="module")
def picture(trained):
    return portrait(trained)


def test_the_known_model_has_its_11332_wrong_sequences(picture):
    wrong = picture["wrong"]
    assert wrong["total"] == 11_332
    assert all(sum(wrong[name]) == 11_332 for name in ("by_query", "by_maximum", "by_gap"))


def test_a_portrait_of_64_tokens_is_small(picture):
    assert len(json.dumps(picture)) < 25_000


def test_tables_are_in_natural_units(trained, picture):
    tables = {name: restored(packed) for name, packed in picture["tables"].items()}
    assert {name: table.shape for name, table in tables.items()} == {
        "D": (64, 64),
        "V": (64, 64),
        "P": (4, 64),
        "S": (64, 64),
        "R": (64, 4),
    }
    head = trained.head
    direct = trained.tables.direct[5, 9] / trained.tables.one
    score = math.ldexp(head.score[5, 9], head.score_exponent) / math.sqrt(32)
    for name, exact in (("D", direct), ("S", score)):
        packed = picture["tables"][name]
        level = (packed["max"] - packed["min"]) / 255
        assert abs(tables[name][5, 9] - exact) <= level / 2 * 1.001


def test_the_scores_of_a_trained_model_are_nearly_of_rank_one(picture):
    assert picture["sigma_1"] / picture["sigma_2"] > 500


def test_a_model_too_large_to_enumerate_has_no_wrong_sequences_listed():
    assert wrong_sequences(pose(load_weights(zoo_path("max-of-5-seed-50")))) is None


def test_weights_beyond_the_floats_make_a_finite_picture():
    huge = [[2.0**1000, -(2.0**1000)], [2.0**1000, 0]]
    model = ToyModel.from_short_names(
        **{name: np.array(huge) for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")}
    )
    text = json.dumps(portrait(problem_of(model)), allow_nan=False)
    assert "Infinity" not in text


def test_a_constant_table_is_restored_exactly():
    packed = quantised(np.full((2, 3), 1.5))
    assert (restored(packed) == 1.5).all()
