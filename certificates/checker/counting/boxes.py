"""Points cut into boxes with few points each: a tree that halves the coordinate that is widest."""

from collections.abc import Iterator, Sequence
from operator import itemgetter, mul, sub
from typing import Any, NamedTuple

from arithmetic.tally import Tally, sort_cost

# A point's coordinates come first, and what else is known of it after them.
Point = tuple[Sequence[int], Any]
# What making a box counts beside its points.
OF_A_BOX = 64


class Box(NamedTuple):
    """Points, and the smallest and the largest of each coordinate of theirs."""

    points: list[Point]
    lows: list[int]
    highs: list[int]


def boxes(points: list[Point], most: int, weights: list[int], tally: Tally) -> Iterator[Box]:
    """Yield boxes of at most `most` points that hold each point once.

    Halves at the median of the coordinate whose width, times its weight, is the largest.
    """
    tally.charge(2 * len(points) * len(weights) + OF_A_BOX)
    columns = list(zip(*(z for z, _ in points), strict=True))
    box = Box(points, list(map(min, columns)), list(map(max, columns)))
    if len(points) <= most:
        yield box
        return
    tally.charge(sort_cost(len(points)))
    widths = list(map(mul, map(sub, box.highs, box.lows), weights))
    order = itemgetter(widths.index(max(widths)))
    halves = sorted(points, key=lambda point: order(point[0]))
    middle = len(points) // 2
    yield from boxes(halves[:middle], most, weights, tally)
    yield from boxes(halves[middle:], most, weights, tally)
