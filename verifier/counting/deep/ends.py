"""Leads of labels before their strongest rivals, and what they decide."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.counting.deep.rounding import UNIT, Floats, Uncertain, rounded_up
from ballproof.verifier.counting.fixed_point import Settled


class Leads(NamedTuple):
    """Bounds (N,) of leads, in logits; infinite or no numbers where nothing is known."""

    least: Floats
    most: Floats

    def settled(self, margin: Fraction) -> Settled:
        """Decide inputs: right exactly if the lead is above the margin."""
        low, high = _around(margin)
        return Settled(self.least > high, self.most <= low)


def leads(logits: Uncertain, own: NDArray[np.int64]) -> Leads:
    """Return the leads of the columns `own` (N,) over the others of logits (N, a), a >= 2.

    A rival's gap is off by both radii and by one rounding, of which three units are taken.
    """
    each = np.arange(len(own))
    mine = logits.middle[each, own]
    gaps = mine[:, None] - logits.middle
    off = logits.radius + logits.radius[each, own][:, None]
    sizes = np.abs(logits.middle) + np.abs(mine)[:, None]
    off = rounded_up(off + 3 * UNIT * sizes)
    least, most = gaps - off, gaps + off
    # A difference of two numbers rounds as well; the label is no rival of itself.
    least, most = least - 2 * UNIT * np.abs(least), most + 2 * UNIT * np.abs(most)
    least[each, own] = most[each, own] = np.inf
    return Leads(least.min(axis=1), most.min(axis=1))


def _around(number: Fraction) -> tuple[float, float]:
    """Return doubles that are not above and not below a number."""
    near = _nearest(number)
    if not np.isfinite(near):
        return (np.finfo(np.float64).max, near) if near > 0 else (near, np.finfo(np.float64).min)
    low = near if Fraction(near) <= number else float(np.nextafter(near, -np.inf))
    high = near if Fraction(near) >= number else float(np.nextafter(near, np.inf))
    return low, high


def _nearest(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf
