"""How inputs fall into boxes of their coordinates, and which neurons are linear on each.

Floats, for estimates of what a proof by cells takes. The checker makes its own tree in the same
way: inputs of one query, split at the median of the widest coordinate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.strategies.compact.matrices import Floats

Places = NDArray[np.int64]


class Leaves(NamedTuple):
    """Boxes of at most `size` inputs each: how many `boxes` there are, and their neurons' states.

    `switched` is how many neurons are turned on or off from one box to the next, in total, and
    `opened` how many are neither on nor off, added up over inputs.
    """

    size: int
    boxes: int
    switched: int
    opened: int


def leaves_of(
    groups: Sequence[Places], points: Floats, base: Floats, directions: Floats
) -> Iterator[Leaves]:
    """Yield the boxes of each depth, from the root of each group of inputs to single inputs.

    A group holds the places of one query's inputs in `points` (N, K); a neuron is the base (m,)
    plus the point times the directions (K, m).
    """
    boxes = [group for group in groups if len(group)]
    while boxes:
        yield _states(boxes, points, base, directions)
        if max(map(len, boxes)) == 1:
            return
        boxes = [half for box in boxes for half in _halves(box, points)]


def _halves(box: Places, points: Floats) -> list[Places]:
    if len(box) == 1:
        return [box]
    inside = points[box]
    widest = int((inside.max(axis=0) - inside.min(axis=0)).argmax())
    half = len(box) // 2
    order = np.argpartition(inside[:, widest], half)
    return [box[order[:half]], box[order[half:]]]


def _states(boxes: list[Places], points: Floats, base: Floats, directions: Floats) -> Leaves:
    sizes = np.array([len(box) for box in boxes])
    ordered, starts = points[np.concatenate(boxes)], np.concatenate([[0], sizes.cumsum()[:-1]])
    least, most = (end.reduceat(ordered, starts, axis=0) for end in (np.minimum, np.maximum))
    middle = (least + most) / 2 @ directions + base
    reach = (most - least) / 2 @ np.abs(directions)
    on = middle >= reach
    opened = ~on & (middle > -reach)
    switched = int(on[0].sum()) + int((on[1:] != on[:-1]).sum())
    return Leaves(int(sizes.max()), len(boxes), switched, int((opened.sum(axis=1) * sizes).sum()))
