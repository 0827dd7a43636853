"""Names and JSON objects say the same tasks, and what no model can have is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Task, default, task_named, task_of_json
from ballproof.models.tasks.argmax import Argmax
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.min import Min
from ballproof.models.tasks.rank import Rank

SHAPE = Shape(10, 4, 8, 8)
MAX = {
    "rule": "max",
    "positions": [[0, 10]] * 4,
    "reads": [0, 1, 2, 3],
    "answers": [0, 10],
}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("max-of-4", Max()),
        ("min-of-4", Min()),
        ("rank-2-of-4", Rank(2)),
        ("rank-1-of-4", Rank(1)),
        ("argmax-of-4", Argmax(1)),
        ("argmax-2-of-4", Argmax(2)),
    ],
)
def test_a_plain_name_is_the_rule_on_all_inputs(name, rule):
    task = task_named(name, SHAPE)
    assert task == default(rule, SHAPE)
    assert task.name(SHAPE) == name
    assert task.answers == (range(4) if name.startswith("argmax") else range(10))


def test_brackets_hold_what_differs():
    name = "max-of-2[positions=0..9,0..9,3..5,7..7;reads=0,1;answers=0..4]"
    task = task_named(name, SHAPE)
    assert task == Task(Max(), (range(10), range(10), range(3, 6), range(7, 8)), (0, 1), range(5))
    assert task.name(SHAPE) == name
    assert task.total == 300


def test_answers_apart_from_the_vocabulary_are_the_outputs():
    shape = Shape(10, 4, 8, 8, 12)
    assert task_named("max-of-4", shape).answers == range(12)
    assert task_named("argmax-of-4", shape).answers == range(4)
    assert task_named("argmax-of-4[answers=0..11]", shape).answers == range(12)


ranges = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda ab: range(min(ab), max(ab) + 1))


@given(
    st.tuples(*[ranges] * 4),
    st.sets(st.integers(0, 3), min_size=1),
    ranges,
    st.sampled_from([Max(), Min(), Rank(1), Argmax(1)]),
)
def test_every_task_is_read_back_from_its_name_and_its_object(positions, reads, answers, rule):
    task = Task(rule, positions, tuple(sorted(reads)), answers)
    assert task_named(task.name(SHAPE), SHAPE) == task
    assert task_of_json(task.to_json(), SHAPE) == task


def test_the_object_has_the_keys_of_the_format():
    assert default(Max(), SHAPE).to_json() == MAX
    assert list(default(Argmax(2), SHAPE).to_json().items())[:2] == [
        ("rule", "argmax"),
        ("rank", 2),
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("maximum", "is no name of a task: max-of-4, "),
        ("max-of-4;rm", "is no name of a task"),
        ("median-of-4", "'median' is no rule; the rules are max, min, rank, argmax"),
        ("max-2-of-4", "the rule max has no rank"),
        ("rank-of-4", "the rule rank has a rank, as in rank-2-of-4"),
        ("max-of-3", "is about 3 positions, where the model has 4"),
        ("max-of-3[reads=0,1]", "is about 3 positions, where 0,1 are read"),
        ("rank-5-of-4", "the rank 5, where 1 to 4 is expected"),
        ("rank-0-of-4", "the rank 0, where 1 to 4 is expected"),
        ("max-of-4[places=0]", "'places=0' is none of positions=.., reads=.. and answers=.."),
        ("max-of-1[reads=0;reads=0]", "once each"),
        ("max-of-2[reads=1,0]", "reads the positions [1, 0]"),
        ("max-of-1[reads=4]", "reads the positions [4]"),
        ("max-of-1[reads=]", "'' is no whole number"),
        ("max-of-4[answers=0..10]", "the answers 0 to 10, where at least one of 0 to 9"),
        ("max-of-4[answers=3..2]", "the answers 3 to 2"),
        ("max-of-4[answers=7]", "'7' is no range such as 0..63"),
        ("max-of-4[positions=0..9]", "has 1 positions, where the model has 4"),
        ("max-of-4[positions=0..9,0..9,0..9,0..10]", "the tokens of a position 0 to 10"),
    ],
)
def test_a_name_that_says_no_task_of_the_model_is_refused(name, words):
    with pytest.raises(ModelError) as caught:
        task_named(name, SHAPE)
    assert words in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rank": 1}, "has the keys answers, positions, rank, reads, rule, where"),
        ({"rule": "rank"}, "where rule, rank, positions, reads, answers are expected"),
        ({"rule": "rank", "rank": True}, "has a rank"),
        ({"rule": "median"}, "'median' is no rule"),
        ({"rule": ["max"]}, "is no rule"),
        ({"reads": [0, True]}, "holds True, where a whole number"),
        ({"reads": "0"}, "holds '0', where a list"),
        ({"reads": []}, "reads the positions []"),
        ({"answers": [0]}, "holds [0], where [first, past]"),
        ({"answers": [4, 4]}, "the answers 4 to 3"),
        ({"positions": [[0, 10]] * 3}, "has 3 positions"),
    ],
)
def test_an_object_that_says_no_task_of_the_model_is_refused(change, words):
    with pytest.raises(ModelError) as caught:
        task_of_json({**MAX, **change}, SHAPE)
    assert words in str(caught.value) and str(caught.value).endswith(".")
    with pytest.raises(ModelError, match="where a JSON object is expected"):
        task_of_json([], SHAPE)
