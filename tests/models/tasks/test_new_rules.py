"""The rules sum, product and table: by definition, by classes, by name and by object."""

import itertools
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rules import accepted

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Task, default, positions_named, task_named, task_of_json
from ballproof.models.tasks.groups import Group, digest, of_sympy
from ballproof.models.tasks.product import Product
from ballproof.models.tasks.sum import Sum
from ballproof.models.tasks.table import Table

SHAPE = Shape(8, 3, 4, 2, 9)
GROUPS = ["C5", "D3", "S3", "A3", "D1", "C1", "A4"]


def definition(name, side, values):
    """A product of group elements, from maps on points: rotations and flips, or permutations."""
    kind, n = name[0], int(name[1:])
    if kind == "C":
        maps = [tuple((x + r) % n for x in range(n)) for r in range(n)]
    elif kind == "D":
        # Small n confuses maps: elements are pairs, and act on points as far as they can be told.
        r, s = 0, 0
        for value in values if side == "x(y)" else reversed(values):
            r, s = (r + (-1) ** s * (value % n)) % n, s ^ (value // n)
        return r + n * s
    else:
        maps = list(itertools.permutations(range(n)))
        signs = [sum(a > b for a, b in itertools.combinations(each, 2)) % 2 for each in maps]
        maps = [each for each, sign in zip(maps, signs, strict=True) if kind == "S" or not sign]
    result = maps[values[0]]
    for value in values[1:]:
        x, y = (result, maps[value]) if side == "x(y)" else (maps[value], result)
        result = tuple(x[i] for i in y)
    return maps.index(result)


@pytest.mark.parametrize("side", ["x(y)", "y(x)"])
@pytest.mark.parametrize("name", GROUPS)
def test_a_product_is_that_of_maps(name, side):
    group = Group(name)
    rule = Product(group, side)
    for values in itertools.product(range(group.order), repeat=2 if group.order > 6 else 3):
        assert rule.label(values) == definition(name, side, values)
    for x in range(group.order):
        assert group.product(x, group.inverses[x]) == group.identity


def test_the_dihedral_group_is_that_of_maps_of_points():
    group = Group("D5")
    maps = [tuple((r + (-1) ** s * x) % 5 for x in range(5)) for s in range(2) for r in range(5)]
    for x, y in itertools.product(range(10), repeat=2):
        assert maps[group.product(x, y)] == tuple(maps[x][i] for i in maps[y])


@st.composite
def tasks(draw):
    """A task of a new rule on at most 4 positions, some of which are not read."""
    k = draw(st.integers(1, 4))
    reads = draw(st.sets(st.integers(0, k - 1), min_size=1).map(sorted).map(tuple))
    kind = draw(st.sampled_from(["sum", "product", "table"]))
    group = Group(draw(st.sampled_from(GROUPS)))
    most = group.order if kind == "product" else 4
    positions = []
    for _ in range(k):
        first = draw(st.integers(0, most - 1))
        positions.append(range(first, draw(st.integers(first + 1, min(most, first + 4)))))
    positions = tuple(positions)
    if kind == "sum":
        coefficients = st.tuples(*[st.integers(-5, 5)] * len(reads))
        rule = Sum(draw(st.integers(1, 6)), draw(coefficients))
    elif kind == "product":
        rule = Product(group, draw(st.sampled_from(["x(y)", "y(x)"])))
    else:
        ranges = tuple(positions[i] for i in reads)
        number = len(list(itertools.product(*ranges)))
        labels = st.lists(st.integers(0, 5), min_size=number, max_size=number)
        rule = Table(tuple(draw(labels)), ranges)
    return Task(rule, positions, reads, range(2))


@settings(max_examples=150, deadline=None)
@given(tasks())
def test_classes_partition_the_domain_by_label(task):
    found = {sequence: class_.label for class_ in task.classes() for sequence in accepted(class_)}
    domain = list(itertools.product(*task.positions))
    assert sum(class_.size for class_ in task.classes()) == len(domain) == task.total
    assert found == {sequence: task.label(sequence) for sequence in domain}


@given(tasks())
def test_a_task_is_read_back_from_its_object(task):
    shape = Shape(12, len(task.positions), 4, 2, 9)
    value = json.loads(json.dumps(task.to_json()))
    assert task_of_json(value, shape) == task
    if not isinstance(task.rule, Table):
        assert task_named(task.name(shape), shape) == task
        assert positions_named(task.name(shape)) in (None, shape.n_ctx)


def test_automata_are_small():
    """As many states as remainders, or as elements."""
    for task, most in (
        (task_named("sum-mod-5-of-6", Shape(6, 7, 2, 2, 5)), 5),
        (task_named("product-in-s3-of-4", Shape(7, 5, 2, 2, 6)), 6),
    ):
        for class_ in task.classes():
            assert max(class_.acceptor.states) <= most


def test_usual_tasks_have_the_elements_where_they_are_read_and_one_token_elsewhere():
    task = task_named("add-mod-7", SHAPE)
    assert task == Task(Sum(7, (1, 1)), (range(7), range(7), range(7, 8)), (0, 1), range(7))
    assert task.name(SHAPE) == "add-mod-7" and task.label([5, 4, 7]) == 2
    assert task.to_json() == {
        "rule": "sum",
        "modulus": 7,
        "coefficients": [1, 1],
        "positions": [[0, 7], [0, 7], [7, 8]],
        "reads": [0, 1],
        "answers": [0, 7],
    }
    assert task_named("product-in-s3", Shape(7, 3, 4, 2, 6)).to_json() == {
        "rule": "product",
        "group": "S3",
        "order": "lexicographic",
        "side": "x(y)",
        "positions": [[0, 6], [0, 6], [6, 7]],
        "reads": [0, 1],
        "answers": [0, 6],
    }


@pytest.mark.parametrize(
    "name",
    [
        "add-mod-7",
        "sum-mod-7-of-3",
        "sum-mod-4-of-1",
        "add-mod-6[coefficients=1,-1]",
        "add-mod-6[coefficients=2,3;reads=0,2]",
        "sum-mod-5-of-3[coefficients=1,0,-4;answers=0..8]",
        "product-in-c7",
        "product-in-d3[side=y(x)]",
        "product-in-s3-of-3",
        "product-in-a3-of-1",
        "product-in-s3[side=y(x);positions=0..5,1..2,7..7;answers=0..8]",
    ],
)
def test_names_are_read_back(name):
    assert task_named(name, SHAPE).name(SHAPE) == name


def test_the_order_of_sympy_has_a_digest_in_its_name():
    shape = Shape(60, 2, 4, 2)
    task = task_named("product-in-a5[side=y(x);order=sympy]", shape)
    name = "product-in-a5[side=y(x);order=e49bb2bddc3105d0]"
    assert task.name(shape) == name and task_named(name, shape) == task
    assert task_of_json(task.to_json(), shape) == task
    # Taken from sympy 1.14, of SymmetricGroup(5) and of A5 by (0 1 2 3 4) and (1 2)(3 4).
    assert digest(of_sympy("S5")) == "37e04863d3f47e1e"
    assert of_sympy("A5")[:5] == (
        (0, 1, 2, 3, 4), (1, 2, 3, 4, 0), (2, 3, 4, 0, 1), (3, 4, 0, 1, 2), (4, 2, 1, 3, 0)
    )  # fmt: skip
    assert sorted(of_sympy("A5")) == list(Group("A5").permutations)


def test_a_table_is_read_from_a_file(tmp_path):
    shape, path = Shape(3, 2, 2, 2, 4), tmp_path / "labels.json"
    path.write_text(json.dumps([0, 1, 2, 3, 0, 1, 2, 3, 7]))
    task = task_named(f"table:{path}", shape)
    assert task.positions == (range(3), range(3)) and task.reads == (0, 1)
    assert task.answers == range(4)
    assert task.label([1, 0]) == 3 and task.label([2, 2]) == 7
    assert Counter(map(task.label, itertools.product(range(3), repeat=2)))[2] == 2
    name = task.name(shape)
    assert name.startswith("table-of-2[sha256=") and positions_named(name) == 2
    with pytest.raises(ModelError, match="whose labels are in a file"):
        task_named(name, shape)
    path.write_text(json.dumps({"labels": [4, 5], "positions": [[0, 2], [1, 2]], "reads": [0]}))
    assert task_named(f"table:{path}", shape).label([1, 1]) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[0, 1]", "lists 2 labels, where 9 are expected"),
        ("[0, 0, 0, 0, 0, 0, 0, 0, -1]", "the label -1"),
        ("[0, 0, 0, 0, 0, 0, 0, 0, true]", "holds True, where a whole number"),
        ('{"labels": [0], "rule": "max"}', "has the keys labels, rule, where"),
        ('{"positions": []}', "has the keys positions, where"),
        ('{"labels": [1], "reads": [5]}', "reads the positions [5]"),
        ("3", "holds 3, where a list"),
    ],
)
def test_tables_that_fit_no_model_are_refused(tmp_path, text, words):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ModelError) as caught:
        task_named(f"table:{path}", Shape(3, 2, 2, 2, 4))
    assert words in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("add-mod-9", "the tokens of a position 0 to 8"),
        ("add-mod-0", "the modulus 0"),
        ("add-mod-7[coefficients=1]", "has 1 coefficients, where 2 positions are read"),
        ("add-mod-7[coefficients=1,x]", "'x' is no whole number"),
        ("add-mod-7[coefficients=1,1048576]", "the coefficient 1048576"),
        ("add-mod-7[side=y(x)]", "is none of coefficients=.., positions=.., reads=.. and answers"),
        ("sum-mod-5-of-4", "about 4 positions, where the model has 3"),
        ("add-mod-7-of-2", "is no name of a task"),
        ("product-in-e8", "'E8' is no name of a group"),
        ("product-in-s7", "The group S7 is not supported"),
        ("product-in-d2049", "The group D2049 is not supported"),
        ("product-in-s3[side=xy]", "the side 'xy'"),
        ("product-in-s3[order=00]", "the order '00' is not known"),
        ("product-in-s3[order=sympy]", "known of S5 and A5, not of S3"),
        ("product-in-c9", "the tokens of a position 0 to 8"),
        ("product-in-s3[positions=0..7,0..5,6..6]", "tokens to 7 at position 0, where S3 has"),
        ("product-in-s3-of-4", "about 4 positions"),
    ],
)
def test_names_that_say_no_task_of_the_model_are_refused(name, words):
    with pytest.raises(ModelError) as caught:
        task_named(name, SHAPE)
    assert words in str(caught.value) and str(caught.value).endswith(".")


PRODUCT = default(Product(Group("S3")), Shape(6, 2, 2, 2)).to_json()
LISTED = [list(each) for each in itertools.permutations(range(3))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order": LISTED[:5]}, "does not list each of its 6 permutations once"),
        ({"order": [*LISTED[:5], LISTED[0]]}, "does not list each"),
        ({"order": [*LISTED[:5], [0, 1, 3]]}, "does not list each"),
        ({"order": "sympy"}, "holds 'sympy', where a list"),
        ({"group": "D3", "order": LISTED}, "have one order"),
        ({"group": 5}, "is no name of a group"),
        ({"side": "left"}, "the side 'left'"),
        ({"rank": 1}, "has the keys"),
    ],
)
def test_objects_that_say_no_product_are_refused(change, words):
    with pytest.raises(ModelError) as caught:
        task_of_json({**PRODUCT, **change}, Shape(6, 2, 2, 2))
    assert words in str(caught.value) and str(caught.value).endswith(".")
    listed = {**PRODUCT, "order": LISTED[::-1]}
    assert task_of_json(listed, Shape(6, 2, 2, 2)).label([5, 0]) == 0
