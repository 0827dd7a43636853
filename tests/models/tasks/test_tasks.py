"""Classes partition the domain as the definition says, and folds are sums over their inputs."""

import itertools
from collections import Counter
from dataclasses import dataclass
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rules import accepted

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks import Rule, Task, default, fold, folded
from ballproof.models.tasks.argmax import Argmax
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.min import Min
from ballproof.models.tasks.rank import Rank


@dataclass(frozen=True)
class SumModulo(Rule):
    """A rule that is known to this test alone, by its definition."""

    name = "sum"
    modulus: int

    def label(self, values):
        return sum(values) % self.modulus

    def labels(self, tokens, reads):
        return range(self.modulus)


@dataclass(frozen=True)
class EvenMaximum(Rule):
    """A rule that gives some inputs no label."""

    name = "even-max"
    partial = True

    def label(self, values):
        return max(values) if max(values) % 2 == 0 else None


@st.composite
def tasks(draw):
    """A task of at most 5 tokens and 4 positions, with random fixed positions and reads."""
    v, k = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    positions = []
    for _ in range(k):
        first = draw(st.integers(0, v - 1))
        positions.append(range(first, draw(st.integers(first + 1, v))))
    reads = draw(st.sets(st.integers(0, k - 1), min_size=1).map(sorted).map(tuple))
    rank = st.integers(1, len(reads))
    rule = draw(
        st.sampled_from([Max(), Min(), SumModulo(3), EvenMaximum()])
        | rank.map(Rank)
        | rank.map(Argmax)
    )
    return Task(rule, tuple(positions), reads, range(v))


def inputs(task):
    return itertools.product(*task.positions)


@settings(max_examples=300, deadline=None)
@given(tasks())
def test_classes_partition_the_domain_by_query_and_label(task):
    by_class = {}
    for sequence in inputs(task):
        if task.label(sequence) is not None:
            by_class.setdefault((sequence[-1], task.label(sequence)), []).append(sequence)
    found = {(c.query, c.label): sorted(accepted(c)) for c in task.classes()}
    assert found == by_class
    assert {(c.query, c.label): c.size for c in task.classes()} == {
        key: len(found) for key, found in by_class.items()
    }
    assert task.total == sum(map(len, by_class.values()))


@settings(max_examples=200, deadline=None)
@given(tasks(), st.integers(0, 2**32 - 1))
def test_folds_are_sums_and_largest_values_over_the_inputs_of_a_class(task, seed):
    table = np.random.default_rng(seed).integers(-9, 10, (len(task.positions), 5)).tolist()
    for class_ in task.classes():
        tables = [[table[i][t] for i, t in enumerate(s[:-1])] for s in accepted(class_)]
        worst = fold(
            class_, 0, -(10**9), max, lambda i, a, rest: max(table[i][a.first : a.past]) + rest
        )
        assert worst == max(map(sum, tables))
        product = fold(class_, 1, 0, add, lambda i, a, rest: sum(table[i][a.first : a.past]) * rest)
        assert product == sum(int(np.prod(each, dtype=object)) for each in tables)


@settings(max_examples=200, deadline=None)
@given(tasks())
def test_acceptors_are_canonical(task):
    for label in task.labels:
        classes = list(task.classes_of(label))
        for one, other in itertools.combinations(classes, 2):
            same = [s[:-1] for s in accepted(one)] == [s[:-1] for s in accepted(other)]
            assert (one.acceptor is other.acceptor) == (one.acceptor == other.acceptor) == same
        for class_ in classes:
            check_shape(class_.acceptor)


def check_shape(acceptor):
    """Every state is reached, ends, and accepts rests that no other of its level accepts."""
    assert acceptor.states[0] == acceptor.states[-1] == 1
    for level, arcs in enumerate(acceptor.arcs):
        assert {arc.source for arc in arcs} == set(range(acceptor.states[level]))
        assert list(dict.fromkeys(arc.target for arc in arcs)) == [
            *range(acceptor.states[level + 1])
        ]
        rests = [
            tuple((a.target, a.first, a.past) for a in arcs if a.source == s)
            for s in range(acceptor.states[level])
        ]
        assert len(set(rests)) == len(rests)
        for rest in rests:
            ends = list(itertools.pairwise(rest))
            assert all(a[2] < b[1] or (a[2] == b[1] and a[0] != b[0]) for a, b in ends)


@settings(max_examples=200, deadline=None)
@given(tasks())
def test_tables_completions_and_kinds_agree_with_the_arcs(task):
    for class_ in task.classes():
        acceptor = class_.acceptor
        tables = [acceptor.targets(level, 5) for level in range(len(acceptor.arcs))]
        sums = folded(acceptor, 1, 0, add, lambda i, arc, rest: arc.size * rest)
        assert [list(level) for level in acceptor.completions] == sums
        columns = {t: tuple(tuple(table[:, t]) for table in tables) for t in range(5)}
        moved = {t for t, each in columns.items() if any(max(column) >= 0 for column in each)}
        assert [t for kind in acceptor.kinds for t in kind] == sorted(moved)
        for kind in acceptor.kinds:
            assert len({columns[token] for token in kind}) == 1
            assert len({acceptor.moves(token) for token in kind}) == 1
        for one, other in itertools.pairwise(acceptor.kinds):
            assert one.stop < other.start or columns[one.start] != columns[other.start]
        for token in range(5):
            assert acceptor.moves(token) == {
                (level, source, int(table[source, token]))
                for level, table in enumerate(tables)
                for source in range(len(table))
                if table[source, token] >= 0
            }


def test_a_rank_counts_copies_and_places_go_to_the_first():
    assert Rank(2).label([5, 5, 3]) == 5
    assert Argmax(1).label([3, 5, 5]) == 1
    assert Argmax(2).label([3, 5, 5]) == 2
    assert Argmax(3).label([3, 5, 5]) == 0


def test_the_classes_of_max_have_the_sizes_of_their_formula():
    task = default(Max(), Shape(6, 4, 8, 8))
    sizes = Counter({(c.query, c.label): c.size for c in task.classes()})
    for q, m in itertools.product(range(6), repeat=2):
        assert sizes[q, m] == ((m + 1) ** 3 - (q < m) * m**3 if q <= m else 0)


def test_an_argmax_remembers_the_largest_token():
    task = default(Argmax(), Shape(8, 3, 8, 8, 3))
    states = {c.label: c.acceptor.states for c in task.classes() if c.query == 7}
    assert states[0] == (1, 1, 1)
    assert {c.acceptor.states[1] for c in task.classes() if c.label == 0} == {*range(1, 9)}


def test_the_number_of_inputs_is_limited():
    assert len(str(default(Max(), Shape(63, 1000, 1, 1)).total)) == 1800
    with pytest.raises(ModelError, match=r"63\^1001 sequences are too many to be counted"):
        _ = default(Max(), Shape(63, 1001, 1, 1)).total


def test_the_domain_holds_what_its_positions_allow():
    task = Task(Max(), (range(1, 3), range(4, 5)), (0,), range(3))
    assert task.holds([2, 4])
    assert not any(task.holds(s) for s in ([0, 4], [3, 4], [1, 3], [1], [1, 4, 4]))
    assert task.label([2, 4]) == 2
