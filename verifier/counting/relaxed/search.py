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
from ballproof.verifier.counting.relaxed.summands import FAINT, faint_of
from ballproof.verifier.counting.relaxed.survey import Surveyed, Units, surveyed, walked
from ballproof.verifier.counting.relaxed.thresholds import living_columns

# Thresholds and ends are in 2^-14 of the largest value.
UNIT_BITS = 14
# And at least in so many times 2^-precision of the largest column, as a power of two.
ROUNDING_BITS = 7


def units_of(relaxed: Relaxed, precision: int) -> tuple[int, Units]:
    """Return the exponent of the unit that a certificate states, and what it means.

    The checker floors columns to `precision - 4` bits of the largest, look-ups and margin included:
    an end that is finer than a few of these units is none that it can verify.
    """
    largest = float(relaxed.summands.sizes().max(initial=0))
    looked_up = float(np.abs(relaxed.summands.constant).max(initial=abs(relaxed.eps)))
    exponent = _log2(largest) - UNIT_BITS if largest > 0 else 0
    exponent = max(exponent, _log2(max(largest, looked_up)) - precision + ROUNDING_BITS)
    return exponent, Units(2.0**exponent, faint_of(precision))


def _log2(size: float) -> int:
    """Return the least e with size <= 2**e; that of the smallest float for 0."""
    return int(np.ceil(np.log2(max(size, FAINT))))


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
