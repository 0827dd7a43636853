"""Prover and checker, written apart, have the same tasks, and docs/add-a-task.md shows both."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rules import parameters

from ballproof.models.architectures import Shape
from ballproof.models.tasks import fold, task_of_json
from ballproof.models.tasks.reading import PARAMETERS
from tasks.acceptors import acceptors
from tasks.task import RULES, read_task

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/add-a-task.md").read_text()


@st.composite
def stated(draw):
    """A task as a certificate states it, and the sizes of its model."""
    v, k, out = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(4, 6))
    ranges = st.tuples(st.integers(0, v - 1), st.integers(0, v - 1)).map(
        lambda ends: [min(ends), max(ends) + 1]
    )
    reads = sorted(draw(st.sets(st.integers(0, k - 1), min_size=1)))
    positions = draw(st.lists(ranges, min_size=k, max_size=k) | st.just([[0, v]] * k))
    reads = draw(st.sampled_from([reads, list(range(k))]))
    first, past = positions[reads[0]]
    least = {"after": 3, "first-picks": 2 if past - first < 3 else 9}
    rule = draw(st.sampled_from([x for x in sorted(RULES) if len(reads) >= least.get(x, 1)]))
    usual = [0, len(reads)] if rule == "argmax" else [0, out]
    return {
        "rule": rule,
        **draw(parameters(rule, [positions[i] for i in reads])),
        "positions": positions,
        "reads": reads,
        "answers": draw(st.sampled_from([usual, [1, 3]])),
    }, Shape(v, k, 2, 2, out)


def walks(start, levels):
    """All sequences of a graph given as arcs (source, target, tokens) by level."""
    found = [((), start)]
    for arcs in levels:
        found = [
            ((*prefix, token), target)
            for prefix, state in found
            for source, target, tokens in arcs
            if source == state
            for token in tokens
        ]
    return sorted(prefix for prefix, _ in found)


@settings(max_examples=200, deadline=None)
@given(stated())
def test_both_sides_read_the_same_task_with_the_same_classes(made):
    value, shape = made
    theirs, ours = read_task(value), task_of_json(value, shape)
    assert theirs.name(shape.d_vocab, shape.d_vocab_out) == ours.name(shape)
    assert theirs.total == ours.total
    found = {}
    for acceptor in acceptors(theirs):
        levels = [
            [(source, *arc) for source, arcs in enumerate(level) for arc in arcs]
            for level in acceptor.levels
        ]
        for query, start in acceptor.starts.items():
            found[query, acceptor.label] = walks(start, levels)
    for class_ in ours.classes():
        levels = [[(a.source, a.target, range(a.first, a.past)) for a in x] for x in class_.arcs]
        sequences = walks(0, levels)
        assert found.pop((class_.query, class_.label)) == sequences
        size = fold(class_, 1, 0, int.__add__, lambda i, arc, rest: arc.size * rest)
        assert size == class_.size == len(sequences)
    assert found == {}


def test_both_sides_know_the_same_rules():
    assert {name: (*readers,) for name, (readers, _) in RULES.items()} == PARAMETERS


@pytest.mark.parametrize("side", ["models", "certificates/checker"])
def test_the_page_shows_the_code_as_it_is(side):
    quoted = re.search(rf"<!-- {side}/tasks/rank.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)[1]
    assert quoted in (ROOT / side / "tasks/rank.py").read_text()
