"""The classes of a task whose inputs may be right or wrong, with their tables, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.interval.fixed import Lanes
from ballproof.models.tasks import Acceptor, Class
from ballproof.verifier.counting.attention import Attention
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.separable import ClassTables, GapTables
from ballproof.verifier.counting.transitions import Transitions


class TabledClass(NamedTuple):
    """A class with its tables and its acceptor's arcs over the tables' tokens.

    `sums` takes sequences (N, k) to bounds of their sums of T1 (N, a), closer than the tables'.
    """

    class_: Class
    tables: ClassTables
    transitions: Transitions
    sums: Callable[[NDArray[np.int64]], tuple[Lanes, Lanes]]


def tabled_classes(problem: Problem, progress: Progress) -> Iterator[TabledClass]:
    """Yield the classes whose label is an answer, by label and query, if there is a rival.

    `progress` is told how many of all classes are done.
    """
    task = problem.task
    attention = cache(lambda query: Attention(problem.head, query))
    done, every = 0, sum(len(task.acceptors(label)) for label in task.labels)
    for label in task.labels:
        classes, column = list(task.classes_of(label)), problem.column(label)
        if classes and column is not None and problem.answers > 1:
            yield from _tabled(problem, column, classes, attention)
        done += len(classes)
        progress(done, every)


def _tabled(
    problem: Problem, column: int, classes: Sequence[Class], attention: Callable[[int], Attention]
) -> Iterator[TabledClass]:
    tokens = free_tokens([class_.acceptor for class_ in classes])
    queries = range(classes[0].query, classes[-1].query + 1)
    gaps = GapTables(problem, column, tokens, queries)
    # Classes with equal acceptors share the object.
    made: dict[int, Transitions] = {}
    for class_ in classes:
        acceptor = class_.acceptor
        if id(acceptor) not in made:
            made[id(acceptor)] = Transitions.of_tokens(acceptor, tokens)
        transitions = made[id(acceptor)]
        allowed = None if transitions.allowed.all() else transitions.allowed
        tables = gaps.of_query(class_.query, attention(class_.query), allowed=allowed)
        sums = partial(gaps.of_sequences, attention=attention(class_.query))
        yield TabledClass(class_, tables, transitions, sums)


def free_tokens(acceptors: Sequence[Acceptor]) -> range:
    """Return the range from the first to the last token that any arc has."""
    arcs = [arc for acceptor in acceptors for level in acceptor.arcs for arc in level]
    if not arcs:
        return range(0)
    return range(min(arc.first for arc in arcs), max(arc.past for arc in arcs))
