"""Tasks: the classes of every rule against its definition, written here once more."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counting.cells import cells_of
from files.verdict import Declined
from tasks import task as tasks
from tasks.acceptors import Class
from tasks.task import RULES, Task, read_task


def definition(rule, rank, tokens):
    if rule == "max":
        return max(tokens)
    if rule == "min":
        return min(tokens)
    if rule == "rank":
        return sorted(tokens)[-rank]
    places = sorted(range(len(tokens)), key=lambda place: (-tokens[place], place))
    return places[rank - 1]


@st.composite
def objects(draw, v=5, k=4):
    """Return a task as a certificate states it, and its rank; some positions fixed or narrowed."""
    v, k = draw(st.integers(1, v)), draw(st.integers(1, k))
    positions = []
    for _ in range(k):
        first = draw(st.integers(0, v - 1))
        whole = draw(st.booleans())
        positions.append([0, v] if whole else [first, draw(st.integers(first + 1, v))])
    chosen = draw(st.sets(st.integers(0, k - 1), min_size=1))
    reads = sorted(draw(st.sampled_from([chosen, set(range(k))])))
    rule, rank = draw(st.sampled_from(sorted(RULES))), draw(st.integers(1, len(reads)))
    fields = {"rule": rule, "positions": positions, "reads": reads, "answers": [0, v]}
    return fields | ({"rank": rank} if RULES[rule][0] else {}), rank


def inputs_by_class(fields, rank):
    found = {}
    for x in product(*(range(*ends) for ends in fields["positions"])):
        label = definition(fields["rule"], rank, [x[i] for i in fields["reads"]])
        found.setdefault((x[-1], label), []).append(x)
    return found


def classes(task: Task):
    for acceptor in task.acceptors():
        for query, start in acceptor.starts.items():
            yield Class(query, start, acceptor)


def free_tokens(inputs):
    """Return the free tokens of each input of a class: its paths."""
    paths = [((), inputs.start)]
    for level in inputs.acceptor.levels:
        paths = [((*x, t), to) for x, state in paths for to, span in level[state] for t in span]
    assert all(state == 0 for _, state in paths)
    return [x for x, _ in paths]


@given(objects())
def test_the_classes_hold_every_input_once_under_its_query_and_label(made):
    fields, rank = made
    expected, task = inputs_by_class(fields, rank), read_task(fields)
    for inputs in classes(task):
        label = inputs.acceptor.label
        members = expected.pop((inputs.query, label))
        assert inputs.acceptor.sizes[0][inputs.start] == len(members)
        assert sorted(free_tokens(inputs)) == sorted(x[:-1] for x in members)
        for x in members:
            assert task.rule.label([x[i] for i in fields["reads"]]) == label
    assert not expected


@given(objects(), st.randoms(use_true_random=False))
def test_the_largest_sum_of_a_class_is_that_of_its_inputs(made, random):
    fields = made[0]
    k, members = len(fields["positions"]), inputs_by_class(*made)
    table = [[random.randint(-9, 9) for _ in range(5)] for _ in range(k - 1)]
    for inputs in classes(read_task(fields)):
        cells = cells_of(inputs, [])
        tops = [
            [max(row[cells.tokens[c][0]] for c in atom) for atom in cells.atoms] for row in table
        ]
        found = members[inputs.query, inputs.acceptor.label]
        largest = max(sum(table[i][x[i]] for i in range(k - 1)) for x in found)
        assert cells.largest_sum(7, tops, max) == 7 + largest


@given(objects())
def test_acceptors_are_canonical(made):
    """No state is dead or cannot be reached, and no two of a level accept the same rest."""
    for acceptor in read_task(made[0]).acceptors():
        reached = set(acceptor.starts.values())
        for level, sizes in zip(acceptor.levels, acceptor.sizes, strict=False):
            assert reached == set(range(len(level))) and min(sizes, default=1) > 0
            rests = [tuple(row) for row in level]
            assert all(rests) and len(set(rests)) == len(rests)
            reached = {target for row in level for target, _ in row}


@given(objects())
def test_queries_start_in_one_state_exactly_if_their_classes_are_equal(made):
    members = inputs_by_class(*made)
    for acceptor in read_task(made[0]).acceptors():
        for (a, start), (b, other) in product(acceptor.starts.items(), repeat=2):
            free = [[x[:-1] for x in members[q, acceptor.label]] for q in (a, b)]
            assert (start == other) == (free[0] == free[1])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_rank_needs_no_more_states_than_the_theorem_says(rank):
    fields = {"rule": "rank", "rank": rank, "positions": [[0, 9]] * 8, "reads": [*range(8)]}
    for acceptor in read_task(fields | {"answers": [0, 9]}).acceptors():
        assert max(map(len, acceptor.levels)) <= rank * (rank + 3) // 2


class Copy:
    """The label is the first token read: a rule that only this test knows."""

    name = "copy"

    def label(self, tokens):
        return tokens[0]

    def labels(self, tokens, reads):
        return tokens

    def kinds(self, label, tokens):
        return [range(t, t + 1) for t in tokens]

    def start(self, label):
        return 0

    def step(self, label, state, index, token):
        return None if index == 0 and token != label else 0

    def accepts(self, label, state):
        return True


def test_a_rule_is_added_by_a_line_in_the_table(monkeypatch):
    monkeypatch.setitem(tasks.RULES, "copy", ((), Copy))
    fields = {"rule": "copy", "positions": [[0, 3]] * 3, "reads": [1, 2], "answers": [0, 3]}
    task = read_task(fields)
    assert task.name(3, 3) == "copy-of-2[reads=1,2]"
    assert [len(free_tokens(inputs)) for inputs in classes(task)] == [3] * 9


class Lost(Copy):
    """A rule whose automaton loses inputs."""

    def accepts(self, label, state):
        return label != 1


def test_a_class_that_an_automaton_loses_is_noticed():
    task = Task(Lost(), (range(3),) * 2, (0, 1), range(3))
    with pytest.raises(ArithmeticError, match="6 of 9"):
        list(task.acceptors())


WHOLE = {
    "rule": "rank",
    "rank": 2,
    "positions": [[0, 4]] * 3,
    "reads": [0, 1, 2],
    "answers": [0, 4],
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rule": "median"}, "unsupported"),
        ({"rule": 3}, "syntax"),
        ({"rank": 4}, "unsupported"),
        ({"rank": 0}, "limit"),
        ({"rank": "2"}, "syntax"),
        ({"reads": []}, "syntax"),
        ({"reads": [0, 0]}, "syntax"),
        ({"reads": [1, 0]}, "syntax"),
        ({"reads": [0, 3]}, "limit"),
        ({"positions": [[0, 4], [2, 2], [0, 4]]}, "limit"),
        ({"positions": [[0, 4], [3, 2], [0, 4]]}, "limit"),
        ({"positions": [[0, 4], [0, 1, 2], [0, 4]]}, "syntax"),
        ({"positions": []}, "syntax"),
        ({"answers": [4, 4]}, "limit"),
        ({"answers": None}, "syntax"),
        ({"extra": 1}, "syntax"),
    ],
)
def test_a_task_that_says_anything_else_is_declined(change, reason):
    assert read_task(WHOLE).total == 64
    with pytest.raises(Declined) as refused:
        read_task(WHOLE | change)
    assert refused.value.reason == reason


@pytest.mark.parametrize("value", [None, [], "max-of-4", {}])
def test_a_task_that_is_no_object_of_a_rule_is_declined(value):
    with pytest.raises(Declined):
        read_task(value)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "rank-2-of-3"),
        ({"positions": [[0, 4], [0, 4], [3, 4]]}, "rank-2-of-3[positions=0..3,0..3,3..3]"),
        ({"reads": [0, 1]}, "rank-2-of-2[reads=0,1]"),
        ({"answers": [1, 3]}, "rank-2-of-3[answers=1..2]"),
        ({"rule": "argmax", "answers": [0, 3]}, "argmax-2-of-3"),
        ({"rule": "argmax", "rank": 1, "answers": [0, 3]}, "argmax-of-3"),
        ({"rule": "argmax", "rank": 1}, "argmax-of-3[answers=0..3]"),
    ],
)
def test_the_name_says_what_differs_from_the_whole_model(change, name):
    assert read_task(WHOLE | change).name(4, 4) == name
