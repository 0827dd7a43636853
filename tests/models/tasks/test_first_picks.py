"""The rule first-picks: by definition, by classes, by name and by object; what it refuses."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Task, task_named, task_of_json
from ballproof.models.tasks.first_picks import FirstPicks

SHAPE = Shape(6, 4, 2, 2)


@st.composite
def tasks(draw):
    """A task of few tokens; its first position read holds one or two tokens, which pick."""
    k = draw(st.integers(2, 4))
    reads = draw(st.sets(st.integers(0, k - 1), min_size=2).map(sorted).map(tuple))
    positions = []
    for place in range(k):
        first = draw(st.integers(0, 2))
        size = draw(st.integers(1, 2 if place == reads[0] else 4))
        positions.append(range(first, first + size))
    picks = draw(st.permutations([*positions[reads[0]], 4, 5][:2]))
    return Task(FirstPicks(tuple(picks)), tuple(positions), reads, range(6))


@settings(max_examples=100, deadline=None)
@given(tasks())
def test_classes_partition_the_domain_by_the_definition(task):
    every = list(itertools.product(*task.positions))
    found = {}
    for x in every:
        first, *rest = (x[i] for i in task.reads)
        label = max(rest) if first == task.rule.picks[0] else min(rest)
        found[x[-1], label] = found.get((x[-1], label), 0) + 1
        assert task.label(x) == label
    rows = np.array(every)[:, list(task.reads)]
    assert task.rule.labels_of(rows).tolist() == [task.label(x) for x in every]
    assert {(c.query, c.label): c.size for c in task.classes()} == found
    assert task.total == len(every)


def test_its_name_says_which_tokens_pick():
    name = "first-picks-of-3[picks=4,5;positions=4..5,0..3,0..3,0..3;answers=0..3]"
    task = task_named(name, SHAPE)
    assert task.name(SHAPE) == name and task.rule == FirstPicks((4, 5))
    assert task_of_json(task.to_json(), SHAPE) == task
    states = [
        a for label in task.labels for each in task.acceptors(label).values() for a in each.states
    ]
    assert max(states) == 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("first-picks-of-3", "has 1 tokens that pick|no whole number"),
        ("first-picks-of-3[picks=4]", "has 1 tokens that pick, where two do"),
        ("first-picks-of-3[picks=4,5]", "its first position holds 0 to 5"),
        ("first-picks-of-3[picks=4,4;positions=4..4,0..3,0..3,0..3]", "by the tokens 4 and 4"),
        ("first-picks-of-4[picks=4,5]", "about 5 positions, where the model has 4"),
        ("first-picks-of-0[picks=4,5;positions=4..5,0..3,0..3,0..3;reads=0]", "reads one position"),
    ],
)
def test_what_it_cannot_read_is_refused(name, sentence):
    with pytest.raises(ModelError, match=sentence):
        task_named(name, SHAPE)
