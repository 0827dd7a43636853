"""Tasks: the classes of every rule against its definition, written here once more."""

import hashlib
import json
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rules import definition, parameters

from counting.cells import cells_of
from files.verdict import Declined
from tasks import task as tasks
from tasks.acceptors import Class, acceptors
from tasks.rule import of_tokens
from tasks.task import RULES, Task, read_task


@st.composite
def objects(draw, v=5, k=4, only=None):
    """Return a task as a certificate states it; some positions are fixed or narrowed."""
    v, k = draw(st.integers(1, v)), draw(st.integers(1, k))
    positions = []
    for _ in range(k):
        first = draw(st.integers(0, v - 1))
        whole = draw(st.booleans())
        positions.append([0, v] if whole else [first, draw(st.integers(first + 1, v))])
    chosen = draw(st.sets(st.integers(0, k - 1), min_size=1))
    reads = sorted(draw(st.sampled_from([chosen, set(range(k))])))
    first, past = positions[reads[0]]
    least = {"after": 3, "first-picks": 2 if past - first < 3 else 9}
    rules = [x for x in sorted(RULES) if len(reads) >= least.get(x, 1)]
    rule = only or draw(st.sampled_from(rules))
    fields = {"rule": rule, "positions": positions, "reads": reads, "answers": [0, v]}
    return fields | draw(parameters(rule, [positions[i] for i in reads]))


def inputs_by_class(fields):
    found = {}
    for x in product(*(range(*ends) for ends in fields["positions"])):
        label = definition(fields, [x[i] for i in fields["reads"]])
        if label is not None:
            found.setdefault((x[-1], label), []).append(x)
    return found


def classes(task: Task):
    for acceptor in acceptors(task):
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
def test_the_classes_hold_every_input_once_under_its_query_and_label(fields):
    expected, task = inputs_by_class(fields), read_task(fields)
    for inputs in classes(task):
        label = inputs.acceptor.label
        members = expected.pop((inputs.query, label))
        assert inputs.acceptor.sizes[0][inputs.start] == len(members)
        assert sorted(free_tokens(inputs)) == sorted(x[:-1] for x in members)
        for x in members:
            assert task.rule.label([x[i] for i in fields["reads"]]) == label
    assert not expected


@given(objects())
def test_inputs_are_the_sequences_with_a_label(fields):
    members = inputs_by_class(fields)
    assert read_task(fields).total == sum(map(len, members.values()))


@given(objects(v=4, only="after").filter(lambda fields: len(fields["reads"]) > 2))
def test_reading_ends_exactly_where_no_end_has_a_label(fields):
    task, reads = read_task(fields), fields["reads"]
    for x in product(*(range(*ends) for ends in fields["positions"])):
        state, tokens = task.rule.opening(), [x[i] for i in reads]
        for remaining, token in zip(reversed(range(len(reads))), tokens, strict=True):
            state = None if state is None else task.rule.reading(state, remaining, token)
        assert (state is None) == (task.rule.label(tokens) is None)


def test_labels_of_distinct_tokens_are_counted_by_their_states():
    """Five distinct tokens of twelve, then one of the first four: nobody lists 12^6 sequences."""
    fields = {"rule": "after", "distinct": True, "positions": [[0, 12]] * 6, "reads": [*range(6)]}
    task = read_task(fields | {"answers": [0, 12]})
    assert task.total == 12 * 11 * 10 * 9 * 8 * 4
    assert task.name(12, 12) == "after-6-of-12"
    repeats = read_task(fields | {"distinct": False, "answers": [0, 12]})
    assert repeats.total == sum(comb(4, n) * 11 ** (4 - n) for n in range(1, 5)) * 12 * 12
    assert repeats.name(12, 12) == "after-6-of-12[repeats]"


def test_too_many_states_of_distinct_tokens_are_declined():
    fields = {"rule": "after", "distinct": True, "positions": [[0, 64]] * 6, "reads": [*range(6)]}
    with pytest.raises(Declined, match="states and tokens"):
        read_task(fields | {"answers": [0, 64]}).total  # noqa: B018


@given(objects(), st.randoms(use_true_random=False))
def test_the_largest_sum_of_a_class_is_that_of_its_inputs(fields, random):
    k, members = len(fields["positions"]), inputs_by_class(fields)
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
def test_acceptors_are_canonical(fields):
    """No state is dead or cannot be reached, and no two of a level accept the same rest."""
    for acceptor in acceptors(read_task(fields)):
        reached = set(acceptor.starts.values())
        for level, sizes in zip(acceptor.levels, acceptor.sizes, strict=False):
            assert reached == set(range(len(level))) and min(sizes, default=1) > 0
            rests = [tuple(row) for row in level]
            assert all(rests) and len(set(rests)) == len(rests)
            reached = {target for row in level for target, _ in row}


@given(objects())
def test_queries_start_in_one_state_exactly_if_their_classes_are_equal(fields):
    members = inputs_by_class(fields)
    for acceptor in acceptors(read_task(fields)):
        for (a, start), (b, other) in product(acceptor.starts.items(), repeat=2):
            free = [[x[:-1] for x in members[q, acceptor.label]] for q in (a, b)]
            assert (start == other) == (free[0] == free[1])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_rank_needs_no_more_states_than_the_theorem_says(rank):
    fields = {"rule": "rank", "rank": rank, "positions": [[0, 9]] * 8, "reads": [*range(8)]}
    for acceptor in acceptors(read_task(fields | {"answers": [0, 9]})):
        assert max(map(len, acceptor.levels)) <= rank * (rank + 3) // 2


class Copy:
    """The label is the first token read: a rule that only this test knows."""

    def usual(self, reads, d_vocab, d_vocab_out):
        return of_tokens("copy", reads, d_vocab, range(d_vocab_out))

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
    monkeypatch.setitem(tasks.RULES, "copy", ({}, Copy))
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
        list(acceptors(task))


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
        ({"rank": 4}, "limit"),
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


SUM = {"rule": "sum", "modulus": 3, "coefficients": [1, 1], "reads": [0, 1], "answers": [0, 3]}
SUM |= {"positions": [[0, 3], [0, 3], [3, 4]]}
PRODUCT = SUM | {"rule": "product", "group": "S3", "order": "lexicographic", "side": "x(y)"}
PRODUCT = {x: y for x, y in PRODUCT.items() if x not in ("modulus", "coefficients")}
PRODUCT |= {"positions": [[0, 6]] * 2, "answers": [0, 6]}
TABLE = {"rule": "table", "labels": [0, 1, 2, 3], "positions": [[0, 2]] * 2, "reads": [0, 1]}
TABLE |= {"answers": [0, 4]}
OWN = [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1]]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (SUM, "add-mod-3"),
        (SUM | {"coefficients": [1, -1]}, "add-mod-3[coefficients=1,-1]"),
        (SUM | {"answers": [0, 4]}, "add-mod-3[answers=0..3]"),
        (
            SUM | {"positions": [[0, 3]] * 3, "reads": [0, 1, 2], "coefficients": [1, 1, 1]},
            "sum-mod-3-of-3",
        ),
        (SUM | {"reads": [1, 2], "positions": [[3, 4], [0, 3], [0, 3]]}, "add-mod-3[reads=1,2]"),
        (PRODUCT, "product-in-s3"),
        (PRODUCT | {"side": "y(x)"}, "product-in-s3[side=y(x)]"),
        (PRODUCT | {"order": OWN}, "product-in-s3[order=90d8b2ee4e3b2a6e]"),
        (TABLE, "table-of-2[sha256=8b1a]"),
    ],
)
def test_the_name_of_a_rule_with_parameters_says_what_they_are(fields, name):
    found = read_task(fields).name(4 if fields["rule"] == "sum" else 6, 6)
    stem, _, digest = name.partition("=")
    if stem.endswith(("order", "sha256")):
        parameter = fields["order"] if "order" in fields else fields["labels"]
        text = json.dumps(parameter, separators=(",", ":")).encode()
        digest = hashlib.sha256(text).hexdigest()
        digest = (
            digest[:16] if stem.endswith("order") else digest + ";positions=0..1,0..1;answers=0..3"
        )
        name = f"{stem}={digest}]"
    assert found == name


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (SUM | {"modulus": 0}, "limit"),
        (SUM | {"modulus": True}, "syntax"),
        (SUM | {"coefficients": [1]}, "syntax"),
        (SUM | {"coefficients": [1, 2**20]}, "limit"),
        (SUM | {"coefficients": "1,1"}, "syntax"),
        (PRODUCT | {"group": "S7"}, "unsupported"),
        (PRODUCT | {"group": "Q8"}, "unsupported"),
        (PRODUCT | {"group": "S03"}, "unsupported"),
        (PRODUCT | {"group": 3}, "syntax"),
        (PRODUCT | {"side": "yx"}, "unsupported"),
        (PRODUCT | {"side": ["x(y)"]}, "unsupported"),
        (PRODUCT | {"order": "sympy"}, "syntax"),
        (PRODUCT | {"order": OWN[:5]}, "unsupported"),
        (PRODUCT | {"order": [*OWN[:5], OWN[0]]}, "unsupported"),
        (PRODUCT | {"order": [*OWN[:5], [2, 0, "1"]]}, "unsupported"),
        (PRODUCT | {"order": [*OWN[:5], [2, False, True]]}, "unsupported"),
        (PRODUCT | {"group": "C6", "order": OWN}, "unsupported"),
        (PRODUCT | {"positions": [[0, 7], [0, 6]]}, "unsupported"),
        (TABLE | {"labels": [0, 1, 2]}, "syntax"),
        (TABLE | {"labels": [0, 1, 2, -1]}, "limit"),
        (TABLE | {"labels": [0, 1, 2, None]}, "syntax"),
        (TABLE | {"positions": [[0, 2**11]] * 2}, "limit"),
    ],
)
def test_parameters_outside_their_domain_are_declined(fields, reason):
    with pytest.raises(Declined) as refused:
        read_task(fields)
    assert refused.value.reason == reason
