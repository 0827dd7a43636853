"""What a witness states of a class: thresholds and intervals, in integers of one unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ballproof.verifier.counting.relaxed.relaxation import Intervals
from ballproof.verifier.counting.relaxed.summands import Floats

Item = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Stated:
    """Thresholds (H-1, a) of all summands but the last, and intervals (H, m), as floats."""

    thresholds: Floats
    intervals: Intervals


def item(query: int, label: int, thresholds: Floats, intervals: Intervals, unit: float) -> Item:
    """Return a class of a witness; of the thresholds (H, a) the last one's are not stated."""
    low, high = intervals.low, intervals.high
    ends = ([], []) if not low.size else (_whole(low, unit), _whole(high, unit))
    stated = {"thresholds": _whole(thresholds[:-1], unit), "low": ends[0], "high": ends[1]}
    return {"query": query, "label": label, **stated}


def stated_of(found: Item, shape: tuple[int, int, int], unit: float) -> Stated:
    """Return what a class states, for so many summands, neurons and answers."""
    summands, neurons, answers = shape
    thresholds = _numbers(found["thresholds"], (summands - 1, answers), unit)
    low, high = (_numbers(found[key], (summands, neurons), unit) for key in ("low", "high"))
    return Stated(thresholds, Intervals(low, high))


def _whole(numbers: Floats, unit: float) -> list[list[int]]:
    return [[int(x) for x in row] for row in np.rint(numbers / unit).tolist()]


def _numbers(rows: list[list[int]], shape: tuple[int, int], unit: float) -> Floats:
    """Return a list of rows as floats; an empty list stands for rows or columns that are none."""
    if not rows:
        return np.zeros(shape)
    found: Floats = np.array([[float(x) for x in row] for row in rows]).reshape(shape) * unit
    return found
