"""Means, spreads and straight lines, and how they are written: bounds rounded down."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

# Below it every integer is a float of its own.
SAFE = 2**53


@dataclass(frozen=True)
class Spread:
    """Exact mean and sample standard deviation (None of one value) of `count` values."""

    mean: Fraction
    deviation: float | None
    count: int

    def __str__(self) -> str:
        """Write the mean rounded down, as befits a bound."""
        if self.deviation is None:
            return down(self.mean, 4)
        return f"{down(self.mean, 4)} ± {self.deviation:.4f}"


def spread(values: Sequence[Fraction]) -> Spread | None:
    """Return the spread of the values, or None if there are none."""
    if not values:
        return None
    mean = sum(values, Fraction(0)) / len(values)
    deviation = statistics.stdev(map(float, values)) if len(values) > 1 else None
    return Spread(mean, deviation, len(values))


def nearby(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of what a linear axis shows: what lies apart may not take half of it.

    Apart is what lies 1.5 times the middle half's width beyond the middle half (Tukey's fences).
    """
    ends = (min(values), max(values))
    if len(values) < 2:
        return ends
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    reach = 1.5 * (high - low)
    near = [value for value in values if low - reach <= value <= high + reach]
    kept = (min(near), max(near))
    return kept if kept[1] - kept[0] < (ends[1] - ends[0]) / 2 else ends


def down(value: Fraction, digits: int) -> str:
    """Write a number >= 0 with so many decimals, rounded down."""
    scaled = math.floor(value * 10**digits)
    return f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}d}"


def floored(value: Fraction, digits: int = 5) -> float:
    """Return the float next to a number rounded down to so many decimals."""
    scaled: int = math.floor(value * 10**digits)
    return scaled / 10.0**digits


def json_count(count: int | None) -> int | str | None:
    """Return a count for JSON: a number, or a string from 2^53 on, where a float rounds."""
    return count if count is None or count < SAFE else str(count)


def ranged(values: Sequence[int]) -> tuple[int, int] | None:
    """Return the least and the most of the values, or None if there are none."""
    return (min(values), max(values)) if values else None


def range_text(ends: tuple[int, int] | None) -> str:
    """Write a range, with one number where both ends are the same."""
    if ends is None:
        return "-"
    return f"{ends[0]:,}" if ends[0] == ends[1] else f"{ends[0]:,} to {ends[1]:,}"


@dataclass(frozen=True)
class Line:
    """The least-squares line y = intercept + slope x, and the share R^2 that it explains."""

    slope: float
    intercept: float
    r_squared: float


def fitted(x: Sequence[float], y: Sequence[float]) -> Line | None:
    """Return the line through at least three points that differ in x, or None."""
    if len(x) < 3 or max(x) == min(x):
        return None
    slope, intercept = statistics.linear_regression(x, y)
    middle = statistics.fmean(y)
    total = sum((b - middle) ** 2 for b in y)
    rest = sum((b - intercept - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    # Points on a horizontal line leave nothing to explain.
    return Line(slope, intercept, 1 - rest / total if total else 1.0)
