"""Leads by the two tokens that a task reads: which pairs are wrong is what evaluation says."""

import base64
import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from support import literal_models
from support.literal_models import frozen
from support.toy import random_toys

from ballproof.models.tasks import task_named, task_of_json
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.study.leads import LISTED, leads_by_pair
from ballproof.verifier.study.portrait import portrait
from ballproof.verifier.study.quantise import restored


def marked(leads, name):
    """Return the pairs of a mask, as tokens."""
    rows, columns = leads["lead"]["rows"], leads["lead"]["columns"]
    bits = np.unpackbits(np.frombuffer(base64.b64decode(leads[name]), dtype=np.uint8))
    found = np.argwhere(bits[: rows * columns].reshape(rows, columns)) + leads["starts"]
    return {tuple(pair) for pair in found.tolist()}


def network(rng, v, outputs, wide=1.0):
    """A two-token network of small dyadic numbers, whose logits often tie."""
    shapes = {"W_a": (v, 3), "W_b": (v, 3), "W_out": (3, outputs)}
    arrays = {name: rng.integers(-2, 3, shape) / 4.0 for name, shape in shapes.items()}
    arrays["W_out"][:, -1] *= wide
    return arrays, frozen(arrays)


def smallest_lead(task, logits, sequence):
    label = task.label(sequence)
    return min(logits[label] - logits[j] for j in task.answers if j != label)


# A column of huge numbers keeps the first pass from seeing any lead.
@pytest.mark.parametrize("wide", [1.0, 2.0**70])
@pytest.mark.parametrize("seed", range(6))
def test_wrong_pairs_are_those_of_evaluation_ties_included(seed, wide):
    arrays, weights = network(np.random.default_rng(seed), 6, 6, wide)
    margin = Fraction(seed % 3, 16)
    task = task_named(["product-in-s3", "add-mod-6"][seed % 2], weights.shape)
    leads = leads_by_pair(pose(weights, margin, task=task))
    truth = {
        pair: smallest_lead(task, literal_models.pair(arrays, pair, "added"), pair)
        for pair in itertools.product(range(6), repeat=2)
    }
    wrong = {pair for pair, lead in truth.items() if lead <= margin}
    assert marked(leads, "wrong") == wrong != set()
    assert marked(leads, "open") == marked(leads, "unknown") == set()
    assert leads["counts"] == [len(wrong), 0, 36]
    table = restored(leads["lead"])
    level = (table.max() - table.min()) / 255
    assert all(abs(table[pair] - lead) <= 0.501 * level + 1e-9 for pair, lead in truth.items())
    listed = [(a, b) for a, b, _, _ in leads["listed"]]
    assert set(listed) == wrong
    assert all(label == task.label((a, b)) for a, b, label, _ in leads["listed"])
    shown = [lead for _, _, _, lead in leads["listed"]]
    assert shown == sorted(shown)


def test_tokens_keep_their_names_and_labels_that_are_no_answers_are_wrong():
    _, weights = network(np.random.default_rng(1), 6, 4)
    asked = {"positions": [[1, 4], [2, 6]], "reads": [0, 1], "answers": [0, 3]}
    task = task_of_json(
        {"rule": "sum", "modulus": 5, "coefficients": [1, 1], **asked}, weights.shape
    )
    leads = leads_by_pair(pose(weights, task=task))
    assert (
        leads["starts"] == [1, 2] and leads["lead"]["rows"] == 3 and leads["lead"]["columns"] == 4
    )
    without = {(a, b) for a in range(1, 4) for b in range(2, 6) if (a + b) % 5 > 2}
    assert marked(leads, "unknown") == without <= marked(leads, "wrong")
    assert all(lead is None for a, b, _, lead in leads["listed"] if (a, b) in without)


def test_of_inputs_that_share_a_pair_the_least_lead_is_drawn():
    toys = random_toys(3, 40, 4, 3, 3, ("gaussian",))
    model = next(m for m in toys if m.n_ctx == 3 and m.d_vocab > 2)
    weights = weights_from_bytes(model.bytes(), "toy")
    v = weights.shape.d_vocab
    asked = {"positions": [[0, v]] * 3, "reads": [0, 2], "answers": [0, v]}
    problem = pose(weights, task=task_of_json({"rule": "max", **asked}, weights.shape))
    leads = leads_by_pair(problem)
    found = {}
    for block in problem.enumeration.leads():
        for sequence, lead in zip(block.inputs.tolist(), block.leads.tolist(), strict=True):
            pair = sequence[0], sequence[2]
            found[pair] = min(found.get(pair, lead), lead)
    assert len(found) == v * v
    assert marked(leads, "wrong") == {pair for pair, lead in found.items() if lead < 0}
    assert leads["lead"]["min"] == pytest.approx(min(found.values()))


def test_tasks_that_do_not_read_two_positions_have_no_such_picture():
    model = next(m for m in random_toys(3, 40, 4, 3, 3, ("gaussian",)) if m.n_ctx == 3)
    assert leads_by_pair(pose(weights_from_bytes(model.bytes(), "toy"))) is None


def test_a_network_of_two_tokens_has_a_portrait_without_tables():
    _, weights = network(np.random.default_rng(2), 6, 6)
    picture = portrait(pose(weights, task=task_named("product-in-s3", weights.shape)))
    assert picture["architecture"] == "pair(added),mlp(relu),readout"
    assert picture["sizes"]["d_mlp"] == 3
    assert picture["tables"] is picture["wrong"] is picture["sigma_1"] is None
    assert len(json.dumps(picture, allow_nan=False)) < 4_000


def test_the_list_of_wrong_pairs_is_bounded_and_the_marks_are_not():
    _, weights = network(np.random.default_rng(4), 30, 30)
    leads = leads_by_pair(pose(weights, task=task_named("add-mod-30", weights.shape)))
    assert len(leads["listed"]) == LISTED < leads["counts"][0] == len(marked(leads, "wrong"))
