"""Which strategy to begin with for a model without tables of one head, by a few of its classes."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import NamedTuple

import numpy as np

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.relaxed.bound import Relaxed
from ballproof.verifier.counting.relaxed.search import left_in, units_of
from ballproof.verifier.strategies.base import EXHAUSTIVE_LIMIT
from ballproof.verifier.strategies.obstacles import bounds_take_long, has_summands, has_tables
from ballproof.verifier.strategies.split import PRECISION

# So few inputs are evaluated in seconds.
FEW_INPUTS = 2**12
# Classes that are looked at, and how many rivals may live in one, on average, for walks to pay.
LOOKED_AT, MOST_LIVING = 12, 10.0
SEED = 0


class Preference(NamedTuple):
    """The name of a strategy, and a sentence that says why it is tried first."""

    strategy: str
    why: str


@lru_cache(maxsize=8)
def preference(problem: Problem) -> Preference | None:
    """Return the strategy to begin with, None where nothing is to be chosen.

    That is where the model has the tables of one head, or no heads at all, or more than one layer.
    """
    if has_tables(problem) or not has_summands(problem):
        return None
    if problem.total > EXHAUSTIVE_LIMIT:
        return Preference("split", f"there are {problem.total} inputs, too many to be settled.")
    if problem.total <= FEW_INPUTS:
        return Preference("enumerate", f"there are {problem.total} inputs only.")
    if bounds_take_long(problem):
        return Preference("enumerate", "bounds by class take longer than evaluating every input.")
    living = living_rivals(problem)
    found = f"of {LOOKED_AT} classes looked at {living:.1f} rivals on average are not cleared"
    if living <= MOST_LIVING:
        return Preference("exact", f"{found}, few enough to walk.")
    return Preference("enumerate", f"{found}, more than {MOST_LIVING:.0f}: bounds say too little.")


def living_rivals(problem: Problem) -> float:
    """Return how many rivals no threshold clears in a class, on average of a few."""
    relaxed = Relaxed(problem.without_norm)
    if not relaxed.summands.finite or problem.answers == 1:
        return 0.0
    classes = [
        class_
        for label in problem.task.labels
        if problem.column(label) is not None
        for class_ in problem.task.classes_of(label)
    ]
    chosen = Random(SEED).choices(classes, [class_.size for class_ in classes], k=LOOKED_AT)
    _, units = units_of(relaxed, PRECISION)
    return float(np.mean([left_in(relaxed, class_, units) for class_ in chosen]))
