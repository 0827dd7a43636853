"""ReLU neurons above by lines, for each rival of a label at once (T15).

For a neuron whose pre-activation y lies in [lo, hi] on a box, and the gap g of its weights to rival
and label, with integers 0 <= S <= 2**SLOPE:

    lo >= 0:       g ReLU(y) = g y;          hi <= 0:  g ReLU(y) = 0;
    g > 0, else:   g ReLU(y) <= g s (y - lo),  s = S / 2**SLOPE >= hi / (hi - lo), S rounded up;
    g < 0, else:   g ReLU(y) <= g c y,         c = 1 if hi > -lo, else 0.

s is made of the same lo that stands beside it. g is rounded up at first, which ReLU(y) >= 0 allows.
The pre-activation is above p, what the tables say of it, by at most `terms` units, which raises the
lines that rise with it, and lowers the others. So each neuron adds sigma p + offset at most.
"""

from typing import NamedTuple

from arithmetic.lanes import Lanes
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally

# Bits of slopes, and of the largest weight's size; leads have so many more bits than columns.
SLOPE, WEIGHT, MOST_SHIFT = 10, 14, 24


class Weight(NamedTuple):
    """The last layer's weights times 2**shift: floors for labels, and ceilings for rivals."""

    floors: list[list[int]]
    ceilings: list[list[int]]
    shift: int

    @property
    def largest(self) -> list[int]:
        """The largest size of a gap of each neuron's weights."""
        pairs = zip(self.floors, self.ceilings, strict=True)
        return [max(up) - min(down) + 1 for down, up in pairs]


def rounded(weight: Matrix, tally: Tally) -> Weight:
    """Return the weights (neurons, answers) so that the largest has WEIGHT bits, if it can be."""
    tally.charge(4 * len(weight.rows) * len(weight.rows[0]))
    bits = max(max(map(abs, row)) for row in weight.rows).bit_length() + weight.exponent
    shift = min(max(WEIGHT - bits, 0), MOST_SHIFT)
    up = shift + weight.exponent
    if up >= 0:
        exact = [[x << up for x in row] for row in weight.rows]
        return Weight(exact, exact, shift)
    floors = [[x >> -up for x in row] for row in weight.rows]
    return Weight(floors, [[-(-x >> -up) for x in row] for row in weight.rows], shift)


class Gaps(NamedTuple):
    """For a label, each neuron's gaps of weights in lanes over the rivals: parts above and below 0.

    `above[l]` is max(g, 0) and `below[l]` is min(g, 0).
    """

    above: list[int]
    below: list[int]


def gaps_of(weight: Weight, label: int, lanes: Lanes, tally: Tally) -> Gaps:
    """Return the gaps to the column of a label."""
    tally.charge(6 * lanes.count * len(weight.floors))
    above, below = [], []
    for down, up in zip(weight.floors, weight.ceilings, strict=True):
        gap = lanes.pack(up) - down[label] * lanes.ones
        above.append(lanes.positive(gap))
        below.append(gap - above[-1])
    return Gaps(above, below)


def relaxed(
    gaps: Gaps, lows: list[int], highs: list[int], terms: int, lanes: Lanes, tally: Tally
) -> tuple[list[int], int]:
    """Return sigma of each neuron and the sum of all offsets, in lanes over the rivals.

    Each is 2**SLOPE times what the weights' gaps say. Neurons' pre-activations lie between `lows`
    and `highs`, and up to `terms` above what the tables say.
    """
    tally.charge(6 * lanes.count * len(lows))
    sigmas, offset = [], 0
    for above, below, low, high in zip(gaps.above, gaps.below, lows, highs, strict=True):
        if high <= 0:
            sigmas.append(0)
            continue
        # On: both lines are the pre-activation itself.
        rising, falling, start = 1 << SLOPE, 1 << SLOPE, 0
        if low < 0:
            rising = -(-(high << SLOPE) // (high - low))
            falling = falling if high > -low else 0
            start = low
        sigmas.append(rising * above + falling * below)
        offset += rising * (terms - start) * above
    return sigmas, offset
