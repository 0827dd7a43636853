"""The search for a witness: thresholds and intervals, class by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ballproof.models.tasks import Class
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.relaxed.bound import Relaxed
from ballproof.verifier.counting.relaxed.shares import shared
from ballproof.verifier.counting.relaxed.stated import item
from ballproof.verifier.counting.relaxed.survey import Surveyed, Units, surveyed, walked
from ballproof.verifier.counting.relaxed.thresholds import living_columns

# Thresholds and ends are in 2^-14 of the largest value.
UNIT_BITS = 14


def units_of(relaxed: Relaxed, precision: int) -> tuple[int, Units]:
    """Return the exponent of the unit that a certificate states, and what it means."""
    largest = float(relaxed.summands.sizes().max(initial=0))
    exponent = int(np.ceil(np.log2(largest))) - UNIT_BITS if largest > 0 else 0
    return exponent, Units(2.0**exponent, 2.0 ** (2 - precision))


def classes_found(
    relaxed: Relaxed, precision: int, rate: int | None, progress: Progress
) -> Iterator[dict[str, Any]]:
    """Yield the classes of a witness, queries ascending, then labels."""
    problem, (_, units) = relaxed.problem, units_of(relaxed, precision)
    every = [
        class_
        for label in problem.task.labels
        for class_ in problem.task.classes_of(label)
        if problem.column(label) is not None
    ]
    every.sort(key=lambda class_: (class_.query, class_.label))
    for done, class_ in enumerate(every, start=1):
        found = _survey(relaxed, class_, units)
        thresholds = walked(found) if rate is None else shared(found, rate, problem.total)
        parts = thresholds, found.intervals, units.unit
        yield item(class_.query, class_.label, *parts)
        progress(done, len(every))


def left_in(relaxed: Relaxed, class_: Class, units: Units) -> int:
    """Return how many rivals of a class no threshold clears."""
    found = _survey(relaxed, class_, units)
    return len(living_columns(found.leads, found.thresholds, found.own, units.faint))


def _survey(relaxed: Relaxed, class_: Class, units: Units) -> Surveyed:
    query, graph = relaxed.query(class_), relaxed.graph(class_.acceptor)
    own = class_.label - relaxed.problem.task.answers.start
    return surveyed(relaxed.summands, query, own, graph, relaxed.eps, units)
