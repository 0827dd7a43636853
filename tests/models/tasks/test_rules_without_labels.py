"""The rules after and balanced: by definition, by classes, by name and by object; no label."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rules import accepted

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Task, positions_named, task_named, task_of_json
from ballproof.models.tasks.after import After
from ballproof.models.tasks.balanced import Balanced

SHAPE = Shape(5, 4, 4, 2, 6)


def after(values, distinct):
    """The first place of the query with one more token of the others after it."""
    before, query = list(values[:-1]), values[-1]
    if distinct and any(before.count(x) > 1 for x in before):
        return None
    places = [i for i in range(len(values) - 2) if values[i] == query]
    return values[places[0] + 1] if places else None


def balanced(values, open_, close, labels):
    """Take matching neighbours away until nothing changes."""
    word = list(values)
    while any(pair == (open_, close) for pair in itertools.pairwise(word)):
        i = next(i for i, pair in enumerate(itertools.pairwise(word)) if pair == (open_, close))
        del word[i : i + 2]
    return labels[0 if word else 1]


@st.composite
def tasks(draw):
    """A task of one of the rules on at most 5 positions, some of which are not read."""
    k = draw(st.integers(3, 5))
    reads = draw(st.sets(st.integers(0, k - 1), min_size=3).map(sorted).map(tuple))
    positions = []
    for _ in range(k):
        first = draw(st.integers(0, 2))
        positions.append(range(first, draw(st.integers(first + 1, 5 if k < 5 else 3))))
    if draw(st.booleans()):
        rule = After(draw(st.booleans()))
    else:
        open_, close = draw(st.permutations([0, 1, 2, 3]))[:2]
        labels = draw(st.permutations([0, 1, 5]))[:2]
        rule = Balanced(open_, close, tuple(labels))
    return Task(rule, tuple(positions), reads, range(2))


def definition(rule, values):
    if isinstance(rule, After):
        return after(values, rule.distinct)
    return balanced(values, rule.open, rule.close, rule.outcomes)


@settings(max_examples=300, deadline=None)
@given(tasks())
def test_labels_are_those_of_the_definition_and_classes_partition_what_has_one(task):
    domain = list(itertools.product(*task.positions))
    read = [[sequence[i] for i in task.reads] for sequence in domain]
    labels = [definition(task.rule, values) for values in read]
    assert labels == [task.label(sequence) for sequence in domain]
    known = [-1 if label is None else label for label in labels]
    assert task.rule.labels_of(np.array(read)).tolist() == known
    found = {x: class_.label for class_ in task.classes() for x in accepted(class_)}
    expected = {x: label for x, label in zip(domain, labels, strict=True) if label is not None}
    assert found == expected
    assert sum(class_.size for class_ in task.classes()) == len(expected) == task.total
    assert task.product == len(domain)


@settings(deadline=None)
@given(tasks())
def test_what_can_have_no_label_has_none(task):
    reads = len(task.reads)
    for values in itertools.product(*(task.positions[i] for i in task.reads)):
        if task.rule.label(values) is not None:
            assert all(task.rule.may_have_label(values[:n], reads) for n in range(reads))


@given(tasks())
def test_a_task_is_read_back_from_its_object_and_its_name(task):
    shape = Shape(5, len(task.positions), 4, 2, 9)
    value = json.loads(json.dumps(task.to_json()))
    assert task_of_json(value, shape) == task
    assert task_named(task.name(shape), shape) == task
    assert positions_named(task.name(shape)) in (None, shape.n_ctx)


def test_automata_are_small():
    """A query and two bits, or a depth; where tokens differ, the sets of those before."""
    for name, most in (("after-6-of-12[repeats]", 3), ("balanced-16", 10)):
        shape = Shape(12, 6, 2, 2) if "after" in name else Shape(2, 16, 2, 2)
        for class_ in task_named(name, shape).classes():
            assert max(class_.acceptor.states) <= most
    distinct = task_named("after-6-of-12", Shape(12, 6, 2, 2))
    assert max(max(x.acceptor.states) for x in distinct.classes_of(3)) <= 330


def test_numbers_that_are_known():
    assert task_named("after-6-of-12", Shape(12, 6, 2, 2)).total == 12 * 11 * 10 * 9 * 8 * 4
    words = task_named("balanced-12", Shape(2, 12, 2, 2))
    assert (words.total, sum(x.size for x in words.classes_of(1))) == (4096, 132)


def test_usual_tasks_read_every_position():
    assert task_named("after-4-of-5", SHAPE).to_json() == {
        "rule": "after",
        "distinct": True,
        "positions": [[0, 5]] * 4,
        "reads": [0, 1, 2, 3],
        "answers": [0, 6],
    }
    assert task_named("balanced-4", SHAPE).to_json() == {
        "rule": "balanced",
        "open": 0,
        "close": 1,
        "labels": [0, 1],
        "positions": [[0, 2]] * 4,
        "reads": [0, 1, 2, 3],
        "answers": [0, 2],
    }
    assert task_named("parity-4", SHAPE) == task_named("sum-mod-2-of-4", SHAPE)


@pytest.mark.parametrize(
    "name",
    [
        "after-4-of-5",
        "after-4-of-5[repeats]",
        "after-3-of-5[repeats;positions=0..4,0..4,0..4,2..2;reads=0,1,2;answers=0..4]",
        "balanced-4",
        "balanced-4[open=4;close=2;labels=3,1]",
        "balanced-4[open=0;close=1;labels=1,0;answers=0..2]",
        "balanced-2[open=3;close=4;labels=0,1;positions=0..0,3..4,3..4,2..2;reads=1,2]",
    ],
)
def test_names_are_read_back(name):
    assert task_named(name, SHAPE).name(SHAPE) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("after-4-of-6", "is about 6 tokens, where the model has 5"),
        ("after-4-of-5[repeats=1]", "repeats has no value"),
        ("after-4-of-5[twice]", "'twice' is none of repeats"),
        ("after-2-of-5[reads=0,1]", "reads 2 positions, where 3 at least are"),
        ("after-5-of-5", "about 5 positions, where the model has 4"),
        ("balanced-4[open=1048576;positions=0..1,0..1,0..1,0..1]", "the brackets 1048576 and 1"),
        ("balanced-4[open=1]", "the brackets 1 and 1"),
        ("balanced-4[labels=1,1]", "the labels 1 and 1"),
        ("balanced-4[labels=1]", "has 1 labels, where two are"),
        ("balanced-4[labels=1,1024;answers=0..1]", "the labels 1 and 1024"),
    ],
)
def test_names_that_do_not_fit_are_refused(name, words):
    with pytest.raises(ModelError) as caught:
        task_named(name, SHAPE)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"distinct": 1}, "where true or false is"),
        ({"open": 0}, "has the keys"),
        ({"reads": [0, 1]}, "where 3 at least are"),
    ],
)
def test_objects_that_are_none_are_refused(change, words):
    value = {**task_named("after-4-of-5", SHAPE).to_json(), **change}
    with pytest.raises(ModelError) as caught:
        task_of_json(value, SHAPE)
    assert words in str(caught.value)
