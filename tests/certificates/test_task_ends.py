"""No strategy certifies a false count of any task: random tasks of toys beside enumeration."""

from fractions import Fraction
from math import prod
from random import Random

import numpy as np
import pytest
from support.certify import certificate, encoded, verdict
from support.ladders import LADDERS, wild_ladder
from support.tasks import random_task
from support.toy import ToyModel, random_toys

from ballproof.models.architectures import Shape
from ballproof.models.tasks import task_of_json

MARGINS = ("0", "0", "1/3", "5")


def widened(model, rng):
    """Return the model with other outputs: some copied, so that logits tie, some left out."""
    columns = [rng.randrange(model.d_vocab) for _ in range(rng.randint(1, model.d_vocab + 2))]
    tensors = dict(model.tensors)
    for name in ("unembed.W_U", "unembed.b_U"):
        if name in tensors:
            tensors[name] = np.ascontiguousarray(tensors[name][..., columns])
    return ToyModel(tensors)


def ends(model, strategy, margin, task, witness):
    """Return both ends of what the checker establishes, of claims of all and of none."""
    options = {"margin": margin, "task": task, "witness": witness}
    total = prod(past - first for first, past in task["positions"])
    found = verdict(model.bytes(), encoded(certificate(model, strategy, **options)))
    if found.theorem:
        return total, total
    assert found.reason == "count", found
    return found.established["correct_at_least"], found.established["correct_at_most"]


def shape_of(model):
    return Shape(model.d_vocab, model.n_ctx, model.d_model, model.d_head, model.d_vocab_out)


@pytest.mark.parametrize("strategy", ["exact", "brute-force", *LADDERS])
@pytest.mark.parametrize("seed", range(4))
def test_both_ends_enclose_the_true_count_of_any_task(strategy, seed):
    rng = Random(f"{strategy} {seed}")
    for model in random_toys(900 + seed, 12, max_vocab=4, max_ctx=3, max_width=3):
        toy = widened(model, rng) if rng.random() < 0.5 else model
        task, margin = random_task(rng, toy), rng.choice(MARGINS)
        stated, witness = task.as_json(), {}
        if strategy in LADDERS:
            witness = wild_ladder(rng, strategy, toy, task_of_json(stated, shape_of(toy)))
        low, high = ends(toy, strategy, margin, stated, witness)
        true = task.count_correct(toy, Fraction(margin))
        assert low <= true <= high, (stated, model.recipe)
        if strategy not in LADDERS:
            assert (low, high) == (true, true), (stated, model.recipe)
